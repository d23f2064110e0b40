"""Errors that are no messages: which component they were raised in."""

from __future__ import annotations

import traceback
from types import FrameType

from vadkit.plugin.component import Component
from vadkit.plugin.discovery import Plugin
from vadkit.plugin.registry import Registry
from vadkit.plugin.sandbox import describe_error


def blamed(error: BaseException, registry: Registry) -> str:
    """The plugin in whose code it was raised, and the component if that can be told; empty if it was no plugin's."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = [(frame, _owner(str(frame.f_globals.get("__name__", "")), registry)) for frame in reversed(frames)]
    plugin = next((owner for _, owner in found if owner is not None), None)
    if not isinstance(plugin, Plugin):
        return ""
    cards = {card.target: card for card in plugin.components}
    card = next(filter(None, (_running(frame, cards) for frame, owner in found if owner is plugin)), None)
    what = f"raised in the {card.where}" if card else f"raised in {plugin.origin}"
    fix = "a fault of that code, or of what it was given: show its author the lines above"
    return f"{what}: {describe_error(error)}\n  -> {fix}"


def _owner(module: str, registry: Registry) -> Plugin | str | None:
    """Whose a module is: a plugin's, "vadkit" itself, or None for any other library's.

    A plugin's are the modules of its components, and all in the package of its entry point.
    """
    if module.partition(".")[0] == "vadkit":
        return "vadkit"
    for plugin in registry.plugins:
        if module in {card.target.partition(":")[0] for card in plugin.components}:
            return plugin
    roots = {plugin.module.partition(":")[0]: plugin for plugin in registry.plugins if plugin.module}
    within = [root for root in roots if f"{module}.".startswith(f"{root}.")]
    return roots[max(within, key=len)] if within else None


def _running(frame: FrameType, cards: dict[str, Component]) -> Component | None:
    """The component whose method a frame is."""
    classes = type(frame.f_locals.get("self")).__mro__
    return next((cards[target] for one in classes if (target := f"{one.__module__}:{one.__qualname__}") in cards), None)
