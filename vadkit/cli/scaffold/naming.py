"""Checks the name of a new plugin.

Distribution, plugin and component have the same name. In Python identifiers, '-' becomes '_'.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, closest
from vadkit.plugin.registry import Registry

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST = 50  # characters


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a new plugin.

    Attributes:
        kind: kind of its component.
        name: name of distribution, plugin and component.
    """

    kind: str
    name: str

    @property
    def module(self) -> str:
        """Name of the Python package: `my-kde` becomes `my_kde`."""
        return self.name.replace("-", "_")

    @property
    def class_name(self) -> str:
        """Name of the component's class: `my-kde` becomes `MyKde`."""
        return "".join(part.capitalize() for part in self.module.split("_"))


def checked(kind: str, name: str, registry: Registry) -> Names:
    """The names of a new plugin, if they are valid and unused.

    Raises:
        PluginError: the kind is unknown, or the name is malformed or taken.
    """
    if kind not in KINDS:
        swapped = f"the kind comes first: vadkit plugin new {name} {kind}" if name in KINDS else ""
        raise PluginError(f"unknown kind {kind!r}", fix=swapped or closest(kind, KINDS))
    names, fix = Names(kind, name), "choose another name"
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        what = "is not a valid plugin name"
        fix = f"use at most {_LONGEST} lower-case letters and digits, with single '-' or '_' between, such as my-{kind}"
    elif keyword.iskeyword(names.module):
        what, fix = "is a Python keyword", f"choose another name, such as my-{name}"
    elif holder := next((plugin for plugin in registry.plugins if plugin.name == name), None):
        what = f"is taken by {holder.origin}"
    elif name in registry.disabled:
        what = "is taken by a plugin that VADKIT_DISABLE disables"
    elif name in registry.names(kind):
        card = registry.get(kind, registry.clashes.get((kind, name), [name])[0])
        what = f"is taken by the {card.where}"
    elif taken := _installed(name):
        what, fix = f"is taken by the distribution {taken}", "choose another name, or uninstall that distribution"
    elif importlib.util.find_spec(names.module) is not None:
        what = f"would hide the existing module {names.module!r}"
    else:
        return names
    raise PluginError(what, where=f"the name {name!r}", fix=fix)


def _installed(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""
