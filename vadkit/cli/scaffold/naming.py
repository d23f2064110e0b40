"""The one name of a new plugin, and what it must not be.

The name is the distribution's, the plugin's and the component's; where Python needs an
identifier, '-' becomes '_'.
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
_OTHER = "choose another name"


@dataclass(frozen=True, slots=True)
class Names:
    """What a plugin is called.

    Attributes:
        kind: of its component.
        name: of distribution, plugin and component.
    """

    kind: str
    name: str

    @property
    def module(self) -> str:
        """Of the package: `my-kde` is `my_kde`."""
        return self.name.replace("-", "_")

    @property
    def class_name(self) -> str:
        """Of the component: `my-kde` is `MyKde`."""
        return "".join(part.capitalize() for part in self.module.split("_"))


def checked(kind: str, name: str, registry: Registry) -> Names:
    """The names, if there can be such a plugin beside those that are installed.

    Raises:
        PluginError: an unknown kind, or a name that is malformed or taken.
    """
    if kind not in KINDS:
        swapped = f"the kind comes first: vadkit plugin new {name} {kind}" if name in KINDS else ""
        raise PluginError(f"unknown kind {kind!r}", fix=swapped or closest(kind, KINDS))
    where = f"the name {name!r}"
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        what = f"is not lower-case letters and digits, with single '-' or '_' between, of at most {_LONGEST} characters"
        raise PluginError(what, where=where, fix=f"for example my-{kind}")
    names = Names(kind, name)
    if keyword.iskeyword(names.module):
        raise PluginError("is a word of the Python language", where=where, fix=f"for example my-{name}")
    if holder := next((plugin for plugin in registry.plugins if plugin.name == name), None):
        raise PluginError(f"is taken by {holder.origin}", where=where, fix=_OTHER)
    if name in registry.disabled:
        raise PluginError("is taken by a plugin that VADKIT_DISABLE leaves out", where=where, fix=_OTHER)
    if name in registry.names(kind):
        card = registry.get(kind, registry.clashes.get((kind, name), [name])[0])
        raise PluginError(f"is taken by the {card.where}", where=where, fix=_OTHER)
    if taken := _installed(name):
        raise PluginError(f"is taken by the distribution {taken}", where=where, fix=f"{_OTHER}, or uninstall that one")
    if importlib.util.find_spec(names.module) is not None:
        what = f"would hide the module {names.module!r}, which Python can import already"
        raise PluginError(what, where=where, fix=_OTHER)
    return names


def _installed(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""
