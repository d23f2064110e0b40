"""Finds components in plugins, by kind and name.

Plugins come from entry points, first-party ones like any other. Each is loaded under a
guard: one that fails is listed with its error and never stops the rest. Hooks serve
discovery only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from vadkit import hookspecs
from vadkit.component import Component
from vadkit.contracts import KINDS
from vadkit.errors import PluginError, closest
from vadkit.hookspecs import ENTRY_POINT_GROUP

DISABLE = "VADKIT_DISABLE"
"""Environment variable: names of plugins not to load, separated by commas."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin, or one that failed to load.

    Attributes:
        name: the entry point's name.
        distribution: the installed package and version that it came with.
        components: what it announced.
        error: why it is unusable; empty if it is not.
    """

    name: str
    distribution: str
    components: tuple[Component, ...] = ()
    error: str = ""


class Registry:
    """Components by kind and name. Pass it on; there is no global one.

    Args:
        plugins: what `discover` found, or made by hand in tests.
        disabled: names of plugins that are installed, but named in `VADKIT_DISABLE`.
    """

    def __init__(self, plugins: Iterable[Plugin], disabled: Sequence[str] = ()) -> None:
        self.plugins = tuple(plugins)
        self.disabled = tuple(disabled)
        self._found: dict[tuple[str, str], list[tuple[str, Component]]] = {}
        for plugin in self.plugins:
            for component in plugin.components:
                self._found.setdefault((component.kind, component.name), []).append((plugin.name, component))

    @classmethod
    def discover(cls) -> Registry:
        """Load every plugin that is installed and not named in `VADKIT_DISABLE`."""
        disabled = {name.strip() for name in os.environ.get(DISABLE, "").split(",")}
        points = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
        unwanted = tuple(point.name for point in points if point.name in disabled)
        return cls((_load(point) for point in points if point.name not in disabled), disabled=unwanted)

    @property
    def broken(self) -> Sequence[Plugin]:
        """Plugins that failed to load."""
        return [plugin for plugin in self.plugins if plugin.error]

    @property
    def clashes(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """(kind, name) announced more than once -> the full names to choose from."""
        return {
            key: [f"{plugin}:{component.name}" for plugin, component in found]
            for key, found in self._found.items()
            if len(found) > 1
        }

    def names(self, kind: str) -> list[str]:
        """Names that a recipe can use for this kind, in order."""
        return sorted(name for found_kind, name in self._found if found_kind == kind)

    def get(self, kind: str, name: str) -> Component:
        """Look up `name`, or the full name `plugin:name`.

        Raises:
            PluginError: unknown, or announced by several plugins.
        """
        if kind not in KINDS:
            raise PluginError(f"unknown kind {kind!r}", fix=closest(kind, KINDS))
        wanted, _, short = name.rpartition(":")
        found = [
            component for plugin, component in self._found.get((kind, short), []) if not wanted or plugin == wanted
        ]
        if len(found) == 1:
            return found[0]
        if found:
            full = " and ".join(self.clashes[kind, short]) if not wanted else f"{name}, twice"
            raise PluginError(
                f"the {kind} {short!r} is announced more than once: {full}",
                fix="write the full name after 'use:', or name a plugin in VADKIT_DISABLE",
            )
        raise PluginError(f"unknown {kind} {name!r}", fix=self._hint(kind, name))

    def _hint(self, kind: str, name: str) -> str:
        hint = closest(name, self.names(kind))
        elsewhere = sorted(other for other, found in self._found if found == name)
        if elsewhere:
            hint = f"{name!r} is a {elsewhere[0]}; {hint}"
        if self.broken:
            hint += f"; not loaded: {', '.join(plugin.name for plugin in self.broken)} (see 'vadkit list')"
        if self.disabled:
            hint += f"; disabled by {DISABLE}: {', '.join(self.disabled)}"
        return hint


def _load(point: EntryPoint) -> Plugin:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
    try:
        manager = pluggy.PluginManager("vadkit")
        manager.add_hookspecs(hookspecs)
        manager.register(point.load(), name=point.name)
        manager.check_pending()
        announced: list[Any] = [component for group in manager.hook.vadkit_components() for component in group]
        strangers = [component for component in announced if not isinstance(component, Component)]
        if strangers:
            return Plugin(point.name, distribution, error=f"announced {strangers[0]!r}, which is not a Component")
        return Plugin(point.name, distribution, tuple(announced))
    except (Exception, SystemExit) as error:
        return Plugin(point.name, distribution, error=f"{type(error).__name__}: {error}")
