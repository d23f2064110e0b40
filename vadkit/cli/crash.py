"""Finds the plugin that raised an unexpected error."""

from __future__ import annotations

import traceback
from types import FrameType

from vadkit.plugin.component import Component
from vadkit.plugin.discovery import Plugin
from vadkit.plugin.registry import Registry
from vadkit.plugin.sandbox import describe_error


def plugin_message(error: BaseException, registry: Registry) -> str:
    """A message that names the plugin, and if possible the component, that raised an error; empty if none did."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = [(frame, _owner(str(frame.f_globals.get("__name__", "")), registry)) for frame in reversed(frames)]
    plugin = next((owner for _, owner in found if owner is not None), None)
    if not isinstance(plugin, Plugin):
        return ""
    cards = {card.target: card for card in plugin.components}
    card = next(filter(None, (_running(frame, cards) for frame, owner in found if owner is plugin)), None)
    where = f"the {card.where}" if card else plugin.origin
    fix = "this is a fault of the plugin or of its input: send the lines above to its author"
    return f"raised in {where}: {describe_error(error)}\n  -> {fix}"


def _owner(module: str, registry: Registry) -> Plugin | str | None:
    """The owner of a module: a plugin, "vadkit", or None for other libraries.

    A plugin owns the modules of its components and the package of its entry point.
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
    """The component that owns the method of a frame."""
    classes = type(frame.f_locals.get("self")).__mro__
    return next((cards[target] for one in classes if (target := f"{one.__module__}:{one.__qualname__}") in cards), None)
