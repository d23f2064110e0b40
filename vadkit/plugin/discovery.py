"""Plugins as they are installed: entry points, each loaded under a guard and asked what it announces.

One that raises, hangs, prints or announces rubbish is described, with its distribution, and
never stops the rest.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, distributions
from itertools import islice
from typing import Any

import pluggy

from vadkit.core.errors import PluginError, VadkitError, closest
from vadkit.plugin import hookspecs
from vadkit.plugin.component import Component
from vadkit.plugin.hookspecs import API_VERSION, ENTRY_POINT_GROUP
from vadkit.plugin.sandbox import guarded

TIMEOUT = "VADKIT_PLUGIN_TIMEOUT"
"""Environment variable: seconds that a plugin may take to be listed; 0 for any time."""

DEFAULT_TIMEOUT = 10.0  # seconds
SLOW = 2.0  # seconds to be listed that are worth a word
_MOST_COMPONENTS = 10_000  # a generator without an end must not fill the memory
_VERSIONED = re.compile(r"vadkit\.v(\d+)")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin, or one that failed to load.

    Attributes:
        name: the entry point's name.
        distribution: the installed package and version that it came with.
        components: what it announced.
        error: why it is unusable; empty if it is not.
        problems: what is wrong with it although it is usable.
        group: the entry point's group.
        module: the entry point's value.
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
        """Name and distribution, as messages give them."""
        return f"plugin {self.name} ({self.distribution})"


def entry_points(group: str) -> list[EntryPoint]:
    """Entry points of a group. A distribution whose list of them is damaged has none."""
    return [point for point in _every_point() if point.group == group]


def of_other_versions() -> list[Plugin]:
    """Plugins that were made for another version of the extension surface alone."""
    points = list(_every_point())
    ours = {(point.name, distribution_of(point)) for point in points if point.group == ENTRY_POINT_GROUP}
    found: list[Plugin] = []
    for point in points:
        version = _VERSIONED.fullmatch(point.group)
        distribution = distribution_of(point)
        if version and int(version[1]) != API_VERSION and (point.name, distribution) not in ours:
            error = f"made for API {version[1]}, this is API {API_VERSION}: install a matching version"
            found.append(Plugin(point.name, distribution, error=error, group=point.group, module=point.value))
    return found


def load(point: EntryPoint) -> Plugin:
    """Import a plugin and take down what it announces.

    Raises:
        VadkitError: `VADKIT_PLUGIN_TIMEOUT` is no number of seconds.
    """
    plugin = Plugin(point.name, distribution_of(point), group=point.group, module=point.value)
    torch_before = "torch" in sys.modules
    outcome = guarded(lambda: _announced(point), time_limit())
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
    problems += [f"announces the {kind} {name!r} {n} times" for (kind, name), n in counted.items() if n > 1]
    if not components:
        problems.append("announces no component: it has no vadkit_components marked @hookimpl, or that gives none")
    return replace(plugin, components=components, problems=tuple(problems))


def time_limit() -> float:
    """Seconds that a plugin may take to be listed.

    Raises:
        VadkitError: `VADKIT_PLUGIN_TIMEOUT` is no number of seconds.
    """
    text = os.environ.get(TIMEOUT, "").strip()
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        fix = f"for example {TIMEOUT}=30; 0 for any time"
        raise VadkitError(f"{text!r} is no number of seconds", where=TIMEOUT, fix=fix)
    return seconds


def distribution_of(point: EntryPoint) -> str:
    """Name and version of the package that an entry point came with."""
    try:
        return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
    except Exception:  # its metadata is damaged
        return "unknown distribution"


def _every_point() -> Iterator[EntryPoint]:
    seen: set[str] = set()
    for distribution in distributions():
        try:
            name = re.sub(r"[-_.]+", "-", distribution.name).lower()
            points = [] if name in seen else list(distribution.entry_points)
        except Exception:  # damaged metadata of a stranger
            continue
        seen.add(name)  # the first one on the path is the one that is imported
        yield from points


def _announced(point: EntryPoint) -> Sequence[Component]:
    manager = pluggy.PluginManager("vadkit")
    manager.add_hookspecs(hookspecs)
    plugin = point.load()
    manager.register(plugin, name=point.name)
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec() and not all(found.optionalhook for found in caller.get_hookimpls()):
            known = (name for name, hook in vars(manager.hook).items() if hook.has_spec())
            raise PluginError(f"implements the hook {caller.name!r}, which there is not: {closest(caller.name, known)}")
    announced: list[Component] = []
    for group in manager.hook.vadkit_components():
        if isinstance(group, (str, bytes)):
            raise PluginError(f"vadkit_components gives the text {group!r}, not a list of Components")
        if not isinstance(group, Iterable):
            raise PluginError(f"vadkit_components gives {group!r}, not a list of Components")
        for card in islice(group, _MOST_COMPONENTS):
            announced.append(_checked(card))
        if len(announced) >= _MOST_COMPONENTS:
            raise PluginError(f"announces {_MOST_COMPONENTS} components or more")
    return announced


def _checked(card: Any) -> Component:
    if not isinstance(card, Component):
        raise PluginError(f"announced {card!r}, which is not a Component")
    return Component(card.kind, card.name, card.target, card.summary)
