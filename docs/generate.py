"""What the cog blocks of these pages print: the parts of the docs that the code already says."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import subprocess
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

import vadkit
from vadkit import api
from vadkit.cli.commands.protocol import said
from vadkit.cli.scaffold import Names, plugin_files
from vadkit.core.contracts import KINDS
from vadkit.core.errors import RecipeError
from vadkit.core.protocol import FILLED_IN, Protocol, differences
from vadkit.core.values import Probability, Share
from vadkit.plugin.registry import Registry
from vadkit.recipe import annotations as annotation
from vadkit.recipe import describe, docstring, loads
from vadkit.recipe.markers import Beside, FiniteFloat, PositiveFloat
from vadkit.recipe.model import Recipe
from vadkit.recipe.presets import PRESETS, SOURCES
from vadkit.testing import Toy, checks_of

OURS = (
    "baselines",
    "datasets",
    "densities",
    "flows",
    "itae",
    "slowfast",
    "standard",
)  # first-party plugins; others may be installed beside them
_SECTIONS = {
    "Data": "data",
    "ClipForm": "data.clip",
    "Augment": "data.augment",
    "Model": "model",
    "WeightedLoss": "model.losses",
    "Fit": "fit",
    "Density": "densities",
    "Fused": "fuse",
    "Evaluate": "evaluate",
    "ProtocolForm": "evaluate.protocol",
    "Engine": "engine",
}
"""Grammar -> the heading under which docs/recipes.md explains it."""
_PLAIN = (
    (annotation.adapter(PositiveFloat).json_schema(), "float > 0"),
    (annotation.adapter(FiniteFloat).json_schema(), "float"),
    ({"exclusiveMinimum": 0, "type": "integer"}, "int > 0"),
    ({"minimum": 0, "type": "integer"}, "int >= 0"),
    (annotation.adapter(Share).json_schema(), "float from 0 to below 1"),
    (annotation.adapter(Probability).json_schema(), "float from 0 to 1"),
    ({"type": "boolean"}, "true, false"),
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


def section(form: type) -> str:
    """The structural keys of a section, from the dataclass that is its grammar."""
    helps = docstring.parameters(form.__doc__)
    hints = typing.get_type_hints(form, include_extras=True)
    rows: list[tuple[str, ...]] = []
    if form is Recipe:
        rows += [
            ("`vadkit`", "1", "required", "Version of the recipe grammar."),
            ("`extends`", "file name", "none", "A recipe to start from, relative to this file."),
        ]
    for field in dataclasses.fields(form):
        if field.name == "tree":
            continue
        hint = hints[field.name]
        if any(isinstance(mark, Beside) for mark in getattr(hint, "__metadata__", ())):
            kind = annotation.kind_of(hint)
            rows.insert(0, ("`use`", f"{kind}", "required", f"The {kind}; its own keys stand beside these."))
        else:
            rows.append((f"`{field.name}`", shown(hint), _default(field), helps.get(field.name, "")))
    return _table(("key", "takes", "default", "meaning"), rows)


def shown(hint: Any) -> str:
    """A type as a reader of recipes sees it."""
    if kind := annotation.kind_of(hint):
        return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if form := annotation.section_of(hint):
        title = _SECTIONS[form.__name__]
        return f"[{title}](#{title.replace('.', '')})"
    arms = annotation.arms(hint)
    if len(arms) > 1:
        return " or ".join(shown(arm) for arm in arms)
    if hint is NoneType:
        return "null"
    if (inner := annotation.entry_of(hint)) is not None:
        return f"list of: {shown(inner)}"
    if (inner := annotation.value_of(hint)) is not None:
        return f"name -> {shown(inner)}"
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"[{', '.join(shown(inner) for inner in typing.get_args(hint))}]"
    schema = annotation.adapter(hint).json_schema() if hint is not Any else {}
    plain = next((text for known, text in _PLAIN if known == schema), None)
    return plain or {str: "string", Any: "any value", Path: "file name"}.get(hint, str(hint))


def protocol() -> str:
    """Fields of the protocol, their choices and what `itae` has."""
    hints, helps = typing.get_type_hints(Protocol), docstring.parameters(Protocol.__doc__)
    rows = [
        (f"`{field.name}`", _choices(hints[field.name]), _said(PRESETS["itae"], field.name), helps.get(field.name, ""))
        for field in dataclasses.fields(Protocol)
    ]
    return _table(("field", "choices", "in `itae`", "meaning"), rows)


def presets() -> str:
    """Every preset: whose it is, and how it differs from `itae`."""
    rows = []
    for name, preset in PRESETS.items():
        differ = [f"{key}: {said(theirs)}" for key, (_, theirs) in differences(PRESETS["itae"], preset).items()]
        rows.append((f"`{name}`", "; ".join(differ) or "-", SOURCES[name]))
    return _table(("preset", "differs from `itae` in", "whose, and what to know"), rows)


def _choices(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(hint))
    return {bool: "true, false", float: "float > 0"}.get(hint, "transforms" if "Mapping" in str(hint) else "")


def _said(preset: Protocol, name: str) -> str:
    return "filled in" if name in ("name", *FILLED_IN) else said(getattr(preset, name))


def contract(*classes: str) -> str:
    """Contracts as they stand in `vadkit/core/contracts.py`."""
    known = {kind.__name__: kind for kind in (*KINDS.values(), api.FeatureSource, api.FitContext)}
    source = "\n\n\n".join(inspect.getsource(known[name]).rstrip() for name in classes)
    named = sorted({word for word in re.findall(r"\w+", source) if word in api.__all__ and is_value(word)})
    links = ", ".join(f"[{name}](../values.md#{name.lower()})" for name in named)
    return fenced(source, "python") + (f"\nFields of the values that it names: {links}.\n" if links else "")


def example(kind: str) -> str:
    """The component that `vadkit plugin new KIND my-KIND` writes, with its recipe."""
    name = f"my-{kind}"
    files = plugin_files(Names(kind, name))
    module = next(path for path in files if path.endswith(f"/{kind}.py"))
    code = fenced(f"# {module}\n{files[module]}", "python")
    recipe = fenced(files["recipe.yaml"], "yaml")
    return f"`vadkit plugin new {kind} {name}` writes this component,\n\n{code}\nand a recipe that runs it:\n\n{recipe}"


def kinds() -> str:
    """Every kind: what it is and where its page is."""
    rows = [(f"[{kind}](kinds/{kind}.md)", docstring.summary(contract.__doc__)) for kind, contract in KINDS.items()]
    return _table(("kind", "what"), rows)


def public_names() -> str:
    """Everything that `vadkit.api` offers, with the first line of its docstring."""
    rows = [
        (f"[{name}](values.md#{name.lower()})" if is_value(name) else f"`{name}`", _first_line(getattr(api, name)))
        for name in sorted(api.__all__, key=str.lower)
    ]
    return _table(("name", "what"), rows)


def values() -> str:
    """Every plain value that components are given or give: fields and what is derived from them."""
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
    table = _table(("name", "type", "default", "what"), rows)
    return f"## {form.__name__}\n\n{docstring.summary(form.__doc__)}\n\n{table}"


def _first_line(value: Any) -> str:
    described = {
        "API_VERSION": "The version in the entry-point group's name.",
        "KINDS": "Kind -> contract.",
        "Scope": 'The type of `"video"`, `"scene"` and `"dataset"`.',
        "Split": 'The type of `"train"` and `"test"`.',
        "hookimpl": "Marks the plugin's hook.",
    }
    name = next(name for name in api.__all__ if getattr(api, name) is value)
    return described.get(name) or docstring.summary(value.__doc__)


def toy() -> str:
    """What lies around a component in the conformance kit."""
    helps, hints = docstring.parameters(Toy.__doc__), typing.get_type_hints(Toy, include_extras=True)
    rows = [
        (f"`{field.name}`", shown(hints[field.name]).replace("](#", "](recipes.md#"), helps[field.name])
        for field in dataclasses.fields(Toy)
    ]
    return _table(("under `toy`", "takes", "meaning"), rows)


def checks() -> str:
    """Every check of the conformance kit, with the kinds that go through it."""
    kinds: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for kind in KINDS:
        for check in checks_of(kind):
            kinds.setdefault(check.name, []).append(kind)
            told[check.name] = " ".join((inspect.getdoc(check.function) or "").split())
    rows = [
        (f"`{name}`", "all" if len(found) == len(KINDS) else ", ".join(found), told[name])
        for name, found in kinds.items()
    ]
    return _table(("check", "of", "what it asks"), rows)


def function(name: str) -> str:
    """Signature and docstring of `vadkit.NAME`."""
    found = getattr(vadkit, name)
    head = inspect.getsource(found).split('"""')[0].rstrip()
    indented = [f"    {line}".rstrip() for line in (inspect.getdoc(found) or "").splitlines()]
    body = "\n".join(indented).strip()
    return fenced(f'{head}\n    """{body}\n    """', "python")


def problems(text: str) -> str:
    """What `vadkit check` says to a recipe with mistakes in it."""
    try:
        loads(text, registry=registry())
    except RecipeError as error:
        return fenced("error: " + str(error))
    raise SystemExit("docs: the recipe that shows how errors look has none")


def command(*arguments: str) -> str:
    """A command's help, at a fixed width and without a terminal's colours."""
    program = Path(sys.executable).with_name("vadkit")
    # A bare environment: variables of a CI or a terminal change how Typer prints.
    environment = {"PATH": os.defpath, "HOME": os.devnull, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    environment["PYTHONIOENCODING"] = "utf-8"
    if path := os.environ.get("PYTHONPATH"):  # a work tree beside the one that is installed
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
