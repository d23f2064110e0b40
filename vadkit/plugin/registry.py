"""The registry: finds components by kind and name.

Plugins come from entry points, including the plugins of vadkit itself. A plugin that fails is listed with its
error, and does not stop the others.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, closest
from vadkit.plugin.component import Component
from vadkit.plugin.discovery import Plugin, distribution_of, entry_points, load

DISABLE = "VADKIT_DISABLE"
"""Environment variable: plugins that are not loaded. Names of plugins or distributions, separated by commas."""


class Registry:
    """Components by kind and name. There is no global registry: pass it as an argument.

    Args:
        plugins: the plugins that `discover` found, or a list of your own in a test.
        disabled: installed plugins that `VADKIT_DISABLE` names.
        strangers: names in `VADKIT_DISABLE` that do not belong to any plugin.

    Example:
        >>> card = Component("scorer", "my_score", "my_package.scorer:MyScore", "What it does.")
        >>> registry = Registry([Plugin("mine", "my-package 1.0", (card,))])
        >>> registry.names("scorer")
        ['my_score']
        >>> registry.get("scorer", "mine:my_score").target
        'my_package.scorer:MyScore'
    """

    def __init__(self, plugins: Iterable[Plugin], disabled: Sequence[str] = (), strangers: Sequence[str] = ()) -> None:
        self.plugins = tuple(plugins)
        self.disabled = tuple(disabled)
        self.strangers = tuple(strangers)
        self._found: dict[tuple[str, str], list[tuple[str, Component]]] = {}
        for plugin in self.plugins:
            for component in plugin.components:
                self._found.setdefault((component.kind, component.name), []).append((plugin.name, component))

    @classmethod
    def discover(cls) -> Registry:
        """Load every installed plugin that `VADKIT_DISABLE` does not name."""
        unwanted = {name.strip() for name in os.environ.get(DISABLE, "").split(",")} - {""}
        plugins: list[Plugin] = []
        disabled: list[str] = []
        strangers = set(unwanted)
        for point in entry_points():
            called = {point.name, distribution_of(point).rpartition(" ")[0]} if unwanted else set[str]()
            strangers -= called
            if unwanted & called:
                disabled.append(point.name)
            else:
                plugins.append(load(point))
        return cls(plugins, disabled=disabled, strangers=sorted(strangers))

    @property
    def broken(self) -> Sequence[Plugin]:
        """Plugins that failed to load."""
        return [plugin for plugin in self.plugins if plugin.error]

    @property
    def clashes(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """(kind, name) that is announced more than once -> the full names."""
        return {
            key: [f"{plugin}:{component.name}" for plugin, component in found]
            for key, found in self._found.items()
            if len(found) > 1
        }

    def problems(self, plugin: Plugin) -> list[str]:
        """Return all problems of a plugin, including clashes with other plugins."""
        twins = Counter(other.name for other in self.plugins)[plugin.name]
        found = [plugin.error] if plugin.error else []
        if twins > 1:
            others = [other.distribution for other in self.plugins if other.name == plugin.name and other is not plugin]
            found.append(
                f"has the same name as a plugin of {' and '.join(others)}: "
                f"uninstall one of them, or name its distribution in {DISABLE}"
            )
        own = {(card.kind, card.name) for card in plugin.components}
        for (kind, name), full in self.clashes.items():
            if (kind, name) in own and len(set(full)) > 1:
                found.append(f"the {kind} {name!r} clashes: write {' or '.join(full)}")
        return [*found, *plugin.problems]

    def names(self, kind: str) -> list[str]:
        """Return the names of the components of a kind, sorted."""
        return sorted(name for found_kind, name in self._found if found_kind == kind)

    def get(self, kind: str, name: str) -> Component:
        """Return a component, by its kind and its name or full name "plugin:name".

        Raises:
            PluginError: the component is unknown, or announced more than once.
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
            full = self.clashes[kind, short] if not wanted else [card.origin or name for card in found]
            fix = f"write the full name after 'use:', or name a plugin or its distribution in {DISABLE}"
            raise PluginError(f"the {kind} {short!r} is announced more than once: {' and '.join(full)}", fix=fix)
        raise PluginError(f"unknown {kind} {name!r}", fix=self._hint(kind, name))

    def _hint(self, kind: str, name: str) -> str:
        hint = closest(name, self.names(kind))
        elsewhere = sorted(other for other, found in self._found if found == name)
        if elsewhere:
            hint = f"{name!r} is a {elsewhere[0]}; {hint}"
        if idle := [plugin.origin for plugin in self.plugins if not plugin.components and not plugin.error]:
            hint += f"; announces nothing: {', '.join(idle)} (see 'vadkit plugin list')"
        if self.broken:
            hint += f"; not loaded: {', '.join(plugin.origin for plugin in self.broken)} (see 'vadkit plugin list')"
        if self.disabled:
            hint += f"; disabled by {DISABLE}: {', '.join(self.disabled)}"
        return hint
