"""Writes the files of a new plugin from templates: all of them or none.

Distribution, plugin and component have the same name. In Python identifiers, '-' becomes '_'.
"""

from __future__ import annotations

import ast
import importlib.util
import keyword
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from string import Template
from uuid import uuid4

from vadkit.cli.scaffold.recipe import slots
from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, VadkitError, closest
from vadkit.core.version import __version__
from vadkit.plugin.hookspecs import API_VERSION
from vadkit.plugin.registry import Registry
from vadkit.recipe import docstring

_FIX = "choose another folder with --out"
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


def write_plugin(kind: str, name: str, folder: Path, registry: Registry) -> Path:
    """Write the package of a new plugin into a new or empty folder.

    Raises:
        PluginError: the kind is unknown, or the name is malformed or taken.
        VadkitError: the folder is not empty or cannot be written; then nothing is written.
    """
    texts = plugin_files(_checked(kind, name, registry))
    _refuse_taken(folder)
    aside = folder.absolute().with_name(f".{folder.absolute().name}.{uuid4().hex[:8]}.part")
    try:
        for file, text in texts.items():
            path = aside / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        aside.replace(folder)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise VadkitError(what, where=str(folder), fix=_FIX) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def plugin_files(names: Names) -> Mapping[str, str]:
    """Relative path -> text, for every file of a new plugin."""
    values = {
        "name": names.name,
        "module": names.module,
        "class_name": names.class_name,
        "kind": names.kind,
        "article": "An" if names.kind[0] in "aeiou" else "A",
        "api": str(API_VERSION),
        **slots(names.kind, names.name),
    }
    component = _filled(f"{names.kind}.py", values)
    libraries = [name for name in ("torch", "numpy") if re.search(rf"(?m)^(import|from) {name}\b", component)]
    values["dependencies"] = ", ".join(f'"{need}"' for need in (f"vadkit>={__version__}", *libraries))
    values["summary"] = _summary(component, names.class_name)
    package = f"src/{names.module}"
    return {
        "pyproject.toml": _filled("pyproject.toml", values),
        "README.md": _filled("README.md", values),
        ".gitignore": _filled("gitignore", values),
        "recipe.yaml": _filled("recipe.yaml", values),
        f"{package}/__init__.py": _filled("init.py", values),
        f"{package}/{names.kind}.py": component,
        f"{package}/py.typed": "",
        f"tests/test_{names.module}.py": _filled("test.py", values),
    }


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = files("vadkit.cli.scaffold").joinpath("templates", f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _summary(source: str, name: str) -> str:
    nodes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)
    return docstring.summary(ast.get_docstring(next(nodes)))


def _refuse_taken(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise VadkitError("exists and is not a folder", where=str(folder), fix=_FIX)
    try:
        taken = folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise VadkitError(f"cannot be read: {error.strerror or error}", where=str(folder), fix=_FIX) from error
    if taken:
        raise VadkitError("exists and is not empty", where=str(folder), fix=_FIX)


def _checked(kind: str, name: str, registry: Registry) -> Names:
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
