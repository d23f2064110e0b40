"""Finds the installed plugins by their entry points, and asks each one for its components.

Each plugin runs in a sandbox. A plugin that raises, hangs, prints or announces something invalid is listed
with its distribution and the reason. It never stops the other plugins.
"""

from __future__ import annotations

import difflib
import functools
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, distribution, distributions
from itertools import islice
from typing import Any

import pluggy

from vadkit.core.errors import PluginError, VadkitError, closest
from vadkit.plugin import hookspecs
from vadkit.plugin.component import Component
from vadkit.plugin.hookspecs import API_VERSION, ENTRY_POINT_GROUP
from vadkit.plugin.sandbox import guarded

TIMEOUT = "VADKIT_PLUGIN_TIMEOUT"
"""Environment variable: time limit in seconds to load a plugin. 0 means no limit."""

DEFAULT_TIMEOUT = 10.0  # seconds
SLOW = 2.0  # seconds; a plugin that takes longer to load is reported
_MAX_COMPONENTS = 10_000  # an endless generator must not fill the memory
_VERSIONED = re.compile(r"vadkit\.v\d+")
_MISWRITTEN = re.compile(r"vadkit([._-]?(v?\d*|plugins?|components?))?", re.IGNORECASE)  # `vadkit`, `vadkit.plugins`


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin, whether it was loaded or not.

    Attributes:
        name: name of the entry point.
        distribution: name and version of the installed package.
        components: the announced components.
        error: the reason why the plugin cannot be used. Empty if it can.
        problems: problems of a plugin that can be used.
        group: group of the entry point.
        module: value of the entry point.
    """

    name: str
    distribution: str
    components: tuple[Component, ...] = ()
    error: str = ""
    problems: tuple[str, ...] = ()
    group: str = ENTRY_POINT_GROUP
    module: str = ""

    @property
    def origin(self) -> str:
        """Name and distribution, for messages."""
        return f"plugin {self.name} ({self.distribution})"


def entry_points() -> list[EntryPoint]:
    """Return the entry points of all plugins by name, those for other versions of the plugin API last.

    A plugin that supports this version and others is in the list once. Damaged metadata has no entry points.
    """
    points = [point for point in _all_entry_points() if _MISWRITTEN.fullmatch(point.group)]
    ours = {(point.name, point.dist) for point in points if point.group == ENTRY_POINT_GROUP}
    chosen = [point for point in points if point.group == ENTRY_POINT_GROUP or (point.name, point.dist) not in ours]
    return sorted(chosen, key=lambda point: (point.group != ENTRY_POINT_GROUP, point.name))


def load(point: EntryPoint) -> Plugin:
    """Import a plugin and call its hook. A failure becomes the `error` of the returned plugin.

    Raises:
        VadkitError: `VADKIT_PLUGIN_TIMEOUT` is not a number of seconds.
    """
    plugin = Plugin(point.name, distribution_of(point), group=point.group, module=point.value)
    if not _VERSIONED.fullmatch(point.group):
        error = f"has the entry-point group {point.group!r}: its author should write {ENTRY_POINT_GROUP!r}"
        return replace(plugin, error=error)
    if point.group != ENTRY_POINT_GROUP:
        version = point.group.removeprefix("vadkit.v")
        error = f"made for plugin API {version}, but vadkit has API {API_VERSION}: install a matching version"
        return replace(plugin, error=error)
    torch_before = "torch" in sys.modules
    outcome = guarded(lambda: _call_hook(point), time_limit())
    problems: list[str] = []
    if outcome.printed.strip():
        first = outcome.printed.strip().splitlines()[0][:80]
        problems.append(f"prints when it is listed: {first!r}")
    if "torch" in sys.modules and not torch_before:
        problems.append("imports torch when it is listed, which makes every command slow")
    elif outcome.seconds > SLOW and not outcome.error:
        problems.append(f"took {outcome.seconds:.1f} seconds to be listed")
    if outcome.error:
        return replace(plugin, error=outcome.error, problems=tuple(problems))
    components = tuple(replace(card, origin=plugin.origin) for card in outcome.value)
    counted = Counter((card.kind, card.name) for card in components)
    problems += [
        f"announces the {kind} {name!r} {n} times: its author should give each another name"
        for (kind, name), n in counted.items()
        if n > 1
    ]
    if not components:
        problems.append("announces no component: its hook vadkit_components returns none")
    return replace(plugin, components=components, problems=tuple(problems))


def time_limit() -> float:
    """Return the time limit in seconds to load a plugin; a VadkitError if `VADKIT_PLUGIN_TIMEOUT` is malformed."""
    text = os.environ.get(TIMEOUT, "").strip()
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        fix = f"set for example {TIMEOUT}=30, or 0 for no limit"
        raise VadkitError(f"{text!r} is not a number of seconds", where=TIMEOUT, fix=fix)
    return seconds


def distribution_of(point: EntryPoint) -> str:
    """Return name and version of the package that contains an entry point."""
    return _name_and_version(point.dist)


@functools.cache  # the metadata is parsed at each access
def _name_and_version(distribution: Distribution | None) -> str:
    try:
        metadata = distribution.metadata if distribution else None
        return f"{metadata['Name']} {metadata['Version']}" if metadata else "unknown distribution"
    except Exception:  # damaged metadata
        return "unknown distribution"


def _all_entry_points() -> Iterator[EntryPoint]:
    seen: set[str] = set()
    for found in distributions():
        try:
            # Only these distributions have their metadata parsed, which takes most of the time.
            if "[vadkit" not in (found.read_text("entry_points.txt") or "").lower():
                continue
            name = re.sub(r"[-_.]+", "-", found.name).lower()
            # Python imports the first one on the path.
            points = [] if name in seen else list(distribution(name).entry_points)
        except Exception:  # noqa: S112 (damaged metadata, of any package)
            continue
        seen.add(name)
        yield from points


def _call_hook(point: EntryPoint) -> Sequence[Component]:
    manager = pluggy.PluginManager("vadkit")
    manager.add_hookspecs(hookspecs)
    plugin = point.load()
    manager.register(plugin, name=point.name)
    _refuse_unmarked(plugin, manager)
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec() and not all(found.optionalhook for found in caller.get_hookimpls()):
            known = (name for name, hook in vars(manager.hook).items() if hook.has_spec())
            raise PluginError(
                f"implements the hook {caller.name!r}, which does not exist: {closest(caller.name, known)}"
            )
    announced: list[Component] = []
    for group in manager.hook.vadkit_components():
        if isinstance(group, (str, bytes)):
            raise PluginError(f"vadkit_components returns the string {group!r}, not a list of Components")
        if not isinstance(group, Iterable):
            raise PluginError(f"vadkit_components returns {group!r}, not a list of Components")
        for card in islice(group, _MAX_COMPONENTS):
            announced.append(_checked(card))
        if len(announced) >= _MAX_COMPONENTS:
            raise PluginError(f"announces {_MAX_COMPONENTS} components or more")
    return announced


def _refuse_unmarked(plugin: Any, manager: pluggy.PluginManager) -> None:
    """Refuse a module without a hook; pluggy accepts it silently."""
    if manager.get_hookcallers(plugin):
        return
    (hook,) = (name for name in vars(hookspecs) if name.startswith("vadkit_"))
    where = f"module {getattr(plugin, '__name__', plugin)!r}"
    if callable(getattr(plugin, hook, None)):
        raise PluginError(f"{hook} is not marked as a hook", where=where, fix="write @hookimpl of vadkit.api above it")
    near = difflib.get_close_matches(hook, vars(plugin))
    meant = f"it has {near[0]!r}: rename it, and " if near else ""
    what, fix = f"defines no hook {hook}", f"{meant}write @hookimpl of vadkit.api above {hook}"
    raise PluginError(what, where=where, fix=fix)


def _checked(card: Any) -> Component:
    if not isinstance(card, Component):
        raise PluginError(f"announces {card!r}, which is not a Component")
    return Component(card.kind, card.name, card.target, card.summary, card.checked_with)
