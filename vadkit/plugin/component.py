"""A component's card in the registry: enough to list it, too little to import it."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field

from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, closest
from vadkit.plugin.sandbox import describe_error

_NAME = re.compile(r"[a-z][a-z0-9_]*(-[a-z0-9_]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Component:
    """Announces a class without importing it.

    Attributes:
        kind: one of `vadkit.core.contracts.KINDS`.
        name: what recipes write after `use:`; lower case.
        target: `package.module:Class`, imported only when a recipe needs it.
        summary: one line for `vadkit list`.
        origin: the plugin and its distribution, for messages; filled in when it is discovered.

    Raises:
        PluginError: the kind is unknown, or the name or target malformed.
    """

    kind: str
    name: str
    target: str
    summary: str
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        where = f"component {self.name!r}"
        for name in ("kind", "name", "target", "summary"):
            if not isinstance(getattr(self, name), str):
                raise PluginError(f"its {name} is {getattr(self, name)!r}, not a text", where=where)
        if self.kind not in KINDS:
            raise PluginError(f"unknown kind {self.kind!r}", where=where, fix=closest(self.kind, KINDS))
        if not _NAME.fullmatch(self.name):
            raise PluginError("a name is lower-case letters, digits, '_' and '-'", where=where)
        if not _TARGET.fullmatch(self.target):
            raise PluginError(f"target {self.target!r} is not 'package.module:Class'", where=where)

    @property
    def where(self) -> str:
        """Kind, name and origin, as messages give them."""
        return f"{self.kind} {self.name!r}" + (f" of {self.origin}" if self.origin else "")

    def load(self) -> type:
        """Import the class.

        Raises:
            PluginError: the module cannot be imported, or the class does not meet its kind.
        """
        module, _, attribute = self.target.partition(":")
        try:
            loaded = getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{self.target} cannot be imported: {describe_error(error)}",
                where=self.where,
                fix="mend or reinstall the package that provides it",
            ) from error
        contract = KINDS[self.kind]
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise PluginError(
                f"{self.target} is not a {contract.__name__}", where=self.where, fix="its author should mend it"
            )
        return loaded
