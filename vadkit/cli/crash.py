"""Errors that are no messages: which component they were raised in."""

from __future__ import annotations

import traceback
from types import FrameType

from vadkit.component import Component
from vadkit.guard import said
from vadkit.registry import Registry


def blamed(error: BaseException, registry: Registry) -> str:
    """The plugin whose code raised it, and the component if that can be told; empty if no plugin's did."""
    packages = {
        card.target.partition(":")[0].partition(".")[0]: plugin
        for plugin in registry.plugins
        for card in plugin.components
    }
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    named = [(frame, str(frame.f_globals.get("__name__", "")).partition(".")[0]) for frame in reversed(frames)]
    package = next((name for _, name in named if name in packages), "")
    if not package:
        return ""
    plugin = packages[package]
    cards = {card.target: card for card in plugin.components}
    card = next(filter(None, (_running(frame, cards) for frame, name in named if name == package)), None)
    what = f"raised in the {card.where}" if card else f"raised in {plugin.origin}"
    fix = "a fault of that code, or of what it was given: show its author the lines above"
    return f"{what}: {said(error)}\n  -> {fix}"


def _running(frame: FrameType, cards: dict[str, Component]) -> Component | None:
    """The component whose method a frame is."""
    classes = type(frame.f_locals.get("self")).__mro__
    return next((cards[target] for one in classes if (target := f"{one.__module__}:{one.__qualname__}") in cards), None)
