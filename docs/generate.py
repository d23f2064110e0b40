"""Generates the cog blocks of the docs from the code."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import subprocess
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, cast

from pydantic import NonNegativeInt, PositiveInt

import vadkit
from vadkit import api
from vadkit.cli.commands.protocol import said
from vadkit.cli.scaffold import Names, plugin_files
from vadkit.core.contracts import KINDS
from vadkit.core.errors import RecipeError
from vadkit.core.protocol import FILLED_IN, Protocol, differences
from vadkit.core.values import Probability, Share, WeightsFile
from vadkit.plugin.registry import Registry
from vadkit.recipe import describe, docstring, loads
from vadkit.recipe.grammar import (
    FiniteFloat,
    Kind,
    PositiveFloat,
    Section,
    Shorthand,
    Written,
    own_keys,
)
from vadkit.recipe.model import Recipe
from vadkit.recipe.presets import PRESETS, SOURCES
from vadkit.testing import Toy, checks_of

OURS = (
    "backbone",
    "baselines",
    "datasets",
    "densities",
    "flows",
    "itae",
    "motion",
    "sinks",
    "slowfast",
    "standard",
)  # the first-party plugins
_SECTIONS = {
    "Data": "data",
    "ClipForm": "data.clip",
    "AugmentForm": "data.augment",
    "Mask": "data.mask",
    "Boxes": "data.boxes",
    "Model": "model",
    "WeightedLoss": "model.losses",
    "Fit": "fit",
    "Density": "densities",
    "Fused": "fuse",
    "Evaluate": "evaluate",
    "ProtocolForm": "evaluate.protocol",
    "Engine": "engine",
}
"""Grammar -> the heading under which docs/reference/recipes.md explains it."""
_PLAIN = (
    (PositiveFloat, "float > 0"),
    (FiniteFloat, "float"),
    (PositiveInt, "int > 0"),
    (NonNegativeInt, "int >= 0"),
    (Share, "float from 0 to below 1"),
    (Probability, "float from 0 to 1"),
    (bool, "true, false"),
    (str, "string"),
    (Any, "any value"),
    (Path, "file name"),
    (WeightsFile, "file name"),
    (NoneType, "null"),
)


def fenced(text: str, language: str = "text") -> str:
    """A code block, without the trailing spaces that editors remove."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join((f"```{language}", *lines, "```", ""))


def registry() -> Registry:
    """The first-party plugins alone."""
    return Registry(plugin for plugin in Registry.discover().plugins if plugin.name in OURS)


def components(kind: str) -> str:
    """Every first-party component of a kind, with its keys."""
    found = registry()
    return "\n".join(part for name in found.names(kind) for part in _component(found, kind, name))


def _component(found: Registry, kind: str, name: str) -> Iterator[str]:
    signature = describe(found.get(kind, name))
    yield f"#### {kind} {name}\n\n{signature.summary}\n"
    rows = [
        (f"`{key.name}`", f"`{key.type}`", "required" if key.required else f"`{key.default_text}`", key.help)
        for key in signature.parameters.values()
    ]
    yield _table(("key", "type", "default", "meaning"), rows) if rows else "It has no keys.\n"


def section(form: type[Section]) -> str:
    """The keys of a section, from its dataclass."""
    rows: list[tuple[str, ...]] = []
    if form is Recipe:
        rows += [
            ("`vadkit`", "1", "required", "Version of the recipe grammar."),
            (
                "`extends`",
                "file name or recipe",
                "none",
                "A recipe to start from: a path relative to this file, or a name.",
            ),
            (
                "`variants`",
                "name -> changes",
                "none",
                "Recipes of this file, each the rest of it with [changes](#variants).",
            ),
            ("`paper`", "`source`, `rows`", "none", "What a paper prints for the [variants](#variants)."),
        ]
    if kind := form.component_field:
        rows.append(("`use`", kind, "required", f"Name of the {kind}. Write its own keys in the same mapping."))
    fields = {field.name: field for field in dataclasses.fields(cast("Any", form))}
    for name, key in own_keys(form).items():
        rows.append((f"`{name}`", shown(key.annotation), _default(fields[name]), key.help))
    return _table(("key", "takes", "default", "meaning"), rows)


def shown(hint: Any) -> str:
    """A type in the words of the recipe reference."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if plain := next((text for known, text in _PLAIN if known == hint), None):
        return plain
    match inner[-1:]:
        case (Kind(kind),):
            return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        case (Written(form),):
            return shown(form)
        case (Shorthand(form),):
            return f"{shown(inner[0])}, or {shown(form)}"
    if isinstance(hint, type) and hint.__name__ in _SECTIONS:
        title = _SECTIONS[hint.__name__]
        return f"[{title}](#{title.replace('.', '')})"
    if origin in (typing.Union, UnionType):
        return " or ".join(map(shown, inner))
    if origin is Mapping:
        return f"name -> {shown(inner[1])}"
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is tuple and Ellipsis not in inner:
        return f"[{', '.join(map(shown, inner))}]"
    return f"list of: {shown(inner[0])}"


def protocol() -> str:
    """Fields of the protocol, their choices and what `itae` has."""
    hints, helps = typing.get_type_hints(Protocol), docstring.parameters(Protocol.__doc__)
    rows = [
        (f"`{field.name}`", _choices(hints[field.name]), _said(PRESETS["itae"], field.name), helps.get(field.name, ""))
        for field in dataclasses.fields(Protocol)
    ]
    return _table(("field", "choices", "in `itae`", "meaning"), rows)


def presets() -> str:
    """Every preset with its source and its differences from `itae`."""
    rows = []
    for name, preset in PRESETS.items():
        differ = [f"{key}: {said(theirs)}" for key, (_, theirs) in differences(PRESETS["itae"], preset).items()]
        rows.append((f"`{name}`", "; ".join(differ) or "-", SOURCES[name]))
    return _table(("preset", "differs from `itae` in", "source and notes"), rows)


def _choices(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(hint))
    return {bool: "true, false", float: "float > 0"}.get(hint, "transforms" if "Mapping" in str(hint) else "")


def _said(preset: Protocol, name: str) -> str:
    return "filled in" if name in ("name", *FILLED_IN) else said(getattr(preset, name))


def contract(*classes: str) -> str:
    """Source code of contracts."""
    known = {kind.__name__: kind for kind in (*KINDS.values(), api.FeatureSource, api.FitContext)}
    source = "\n\n\n".join(inspect.getsource(known[name]).rstrip() for name in classes)
    named = sorted({word for word in re.findall(r"\w+", source) if word in api.__all__ and is_value(word)})
    links = ", ".join(f"[{name}](../values.md#{name.lower()})" for name in named)
    return fenced(source, "python") + (f"\nThe fields of its values: {links}.\n" if links else "")


def example(kind: str) -> str:
    """The component and the recipe that `vadkit plugin new KIND my-KIND` writes."""
    name = f"my-{kind}"
    files = plugin_files(Names(kind, name))
    module = next(path for path in files if path.endswith(f"/{kind}.py"))
    code = fenced(f"# {module}\n{files[module]}", "python")
    recipe = fenced(files["recipe.yaml"], "yaml")
    command = f"`vadkit plugin new {kind} {name}`"
    return f"{command} writes this component:\n\n{code}\nIt also writes a recipe that runs it:\n\n{recipe}"


def kinds() -> str:
    """Every kind with its summary and a link to its page."""
    rows = [(f"[{kind}]({kind}.md)", docstring.summary(contract.__doc__)) for kind, contract in KINDS.items()]
    return _table(("kind", "summary"), rows)


def public_names() -> str:
    """Everything that `vadkit.api` offers, with the first line of its docstring."""
    rows = [
        (f"[{name}](values.md#{name.lower()})" if is_value(name) else f"`{name}`", _first_line(getattr(api, name)))
        for name in sorted(api.__all__, key=str.lower)
    ]
    return _table(("name", "summary"), rows)


def values() -> str:
    """Every value that vadkit and components exchange: its fields and derived properties."""
    return "\n".join(_value(getattr(api, name)) for name in sorted(api.__all__, key=str.lower) if is_value(name))


def is_value(name: str) -> bool:
    """Whether `vadkit.api` offers a dataclass by this name."""
    return inspect.isclass(getattr(api, name)) and dataclasses.is_dataclass(getattr(api, name))


def _value(form: Any) -> str:
    helps = docstring.parameters(form.__doc__)
    rows = [
        (f"`{field.name}`", f"`{field.type}`".replace("]]]", "]] ]"), _default(field), helps.get(field.name, ""))
        for field in dataclasses.fields(form)
    ]
    for name, value in vars(form).items():
        if isinstance(value, property):
            gives = (value.fget.__annotations__ if value.fget else {}).get("return", "")
            rows.append((f"`{name}`", f"`{gives}`", "derived", docstring.summary(value.__doc__)))
    table = _table(("name", "type", "default", "meaning"), rows)
    return f"## {form.__name__}\n\n{docstring.summary(form.__doc__)}\n\n{table}"


def _first_line(value: Any) -> str:
    described = {
        "API_VERSION": "The version in the name of the entry-point group.",
        "KINDS": "Kind -> contract.",
        "SourceState": "The type of `SourceStatus.state`.",
        "Scope": 'The type of `"video"`, `"scene"` and `"dataset"`.',
        "Split": 'The type of `"train"` and `"test"`.',
        "WeightsFile": "The type of a key that names a file, such as pretrained weights.",
        "hookimpl": "Decorator for the hook of a plugin.",
    }
    name = next(name for name in api.__all__ if getattr(api, name) is value)
    return described.get(name) or docstring.summary(value.__doc__)


def toy() -> str:
    """The keys under `toy` in the conformance kit."""
    rows = [
        (f"`{name}`", shown(key.annotation).replace("](#", "](../reference/recipes.md#"), key.help)
        for name, key in own_keys(Toy).items()
    ]
    return _table(("under `toy`", "takes", "meaning"), rows)


def checks() -> str:
    """Every check of the conformance kit, with the kinds that it tests."""
    kinds: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for kind in KINDS:
        for check in checks_of(kind):
            kinds.setdefault(check.name, []).append(kind)
            texts[check.name] = " ".join((inspect.getdoc(check.function) or "").split())
    rows = [
        (f"`{name}`", "all" if len(found) == len(KINDS) else ", ".join(found), texts[name])
        for name, found in kinds.items()
    ]
    return _table(("check", "kinds", "requirement"), rows)


def function(name: str) -> str:
    """Signature and docstring of `vadkit.NAME`."""
    found = getattr(vadkit, name)
    head = inspect.getsource(found).split('"""')[0].rstrip()
    indented = [f"    {line}".rstrip() for line in (inspect.getdoc(found) or "").splitlines()]
    body = "\n".join(indented).strip()
    return fenced(f'{head}\n    """{body}\n    """', "python")


def problems(text: str) -> str:
    """The output of `vadkit check` for a recipe with mistakes."""
    try:
        loads(text, registry=registry())
    except RecipeError as error:
        return fenced("error: " + str(error))
    raise SystemExit("docs: the recipe that shows errors has no errors")


def command(*arguments: str) -> str:
    """A command's help, at a fixed width and without a terminal's colours."""
    program = Path(sys.executable).with_name("vadkit")
    # A bare environment: variables of a CI or a terminal change how Typer prints.
    environment = {"PATH": os.defpath, "HOME": os.devnull, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    environment["PYTHONIOENCODING"] = "utf-8"
    if path := os.environ.get("PYTHONPATH"):  # another work tree than the installed one
        environment["PYTHONPATH"] = path
    done = subprocess.run(
        [str(program), *arguments, "--help"],
        capture_output=True, text=True, encoding="utf-8", env=environment, check=True,
    )  # fmt: skip
    return fenced(done.stdout)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        if dataclasses.is_dataclass(field.default):
            return "its defaults"
        return {None: "null", (): "none", "": "none"}.get(field.default, f"`{field.default}`")
    if field.default_factory is dataclasses.MISSING:
        return "required"
    made = field.default_factory()
    return f"`{made.name}`" if isinstance(made, Protocol) else "none"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join((f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {line} |" for line in lines), ""))
