"""A component as its plugin announces it. vadkit can list it without importing the class."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, closest
from vadkit.plugin.sandbox import describe_error

_NAME = re.compile(r"[a-z][a-z0-9_]*(-[a-z0-9_]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Component:
    """Announces one class of a plugin, without importing it.

    Attributes:
        kind: one of the keys of `vadkit.api.KINDS`, such as "scorer".
        name: the name that recipes write after `use:`. It starts with a lower-case letter and contains
            lower-case letters, digits, "_" and "-".
        target: the class, as "package.module:Class". vadkit imports it only when a recipe uses it.
        summary: one line for `vadkit list`.
        checked_with: keys with which `vadkit.testing` also checks the component, as in a recipe: one mapping for each
            additional run of the checks, such as `({"bandwidth": 0.3}, {"samples": 8})`.
        origin: the plugin and its distribution, for messages. vadkit fills it in.

    Raises:
        PluginError: the kind is unknown, or the name or the target is malformed.

    Example:
        >>> from vadkit.api import Component, hookimpl
        >>> @hookimpl
        ... def vadkit_components():
        ...     return [Component("scorer", "my_score", "my_package.scorer:MyScore", "What it does.")]
        >>> [component.name for component in vadkit_components()]
        ['my_score']
    """

    kind: str
    name: str
    target: str
    summary: str
    checked_with: Sequence[Mapping[str, Any]] = field(default=(), compare=False)
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        where = f"component {self.name!r}"
        for name in ("kind", "name", "target", "summary"):
            if not isinstance(getattr(self, name), str):
                raise PluginError(f"its {name} is {getattr(self, name)!r}, not a string", where=where)
        if isinstance(self.checked_with, str) or not all(isinstance(keys, Mapping) for keys in self.checked_with):
            what, fix = "its checked_with is not a list of mappings", "write it as [{'bandwidth': 0.3}]"
            raise PluginError(what, where=where, fix=fix)
        if self.kind not in KINDS:
            raise PluginError(f"unknown kind {self.kind!r}", where=where, fix=closest(self.kind, KINDS))
        if not _NAME.fullmatch(self.name):
            what = "the name is malformed"
            raise PluginError(what, where=where, fix="use lower-case letters, digits, '_' and '-', such as my_score")
        if not _TARGET.fullmatch(self.target):
            raise PluginError(
                f"the target {self.target!r} is malformed", where=where, fix="write it as 'package.module:Class'"
            )

    @property
    def where(self) -> str:
        """Kind, name and origin, for messages."""
        return f"{self.kind} {self.name!r}" + (f" of {self.origin}" if self.origin else "")

    def load(self) -> type:
        """Import the class.

        Raises:
            PluginError: the module cannot be imported, or the class does not derive from the contract of its kind.
        """
        module, _, attribute = self.target.partition(":")
        try:
            found = importlib.import_module(module)
            loaded = getattr(found, attribute, None)
        except (Exception, SystemExit) as error:
            what = f"{self.target} cannot be imported: {describe_error(error)}"
            missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
            fix = "correct the target, or " if missing else ""
            fix += "repair or reinstall the package that provides it"
            raise PluginError(what, where=self.where, fix=fix) from error
        contract = KINDS[self.kind]
        if loaded is None:
            classes = [name for name, value in vars(found).items() if getattr(value, "__module__", "") == module]
            what = f"the module {module!r} has no class {attribute!r}"
            raise PluginError(what, where=self.where, fix=f"correct the target; {closest(attribute, classes)}")
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise PluginError(
                f"{self.target} is not a subclass of {contract.__name__}", where=self.where, fix=self._fix_kind(loaded)
            )
        return loaded

    def _fix_kind(self, loaded: object) -> str:
        """How to correct a class that does not fit its kind."""
        own = [kind for kind, contract in KINDS.items() if isinstance(loaded, type) and issubclass(loaded, contract)]
        if own:
            return f"it is a {KINDS[own[0]].__name__}: its author should announce it as the kind {own[0]!r}"
        return f"its author should derive it from vadkit.api.{KINDS[self.kind].__name__}"
