"""`vadkit protocol`: presets, and what differs between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vadkit.core.errors import VadkitError, closest
from vadkit.core.protocol import Protocol, differences
from vadkit.recipe.presets import PRESETS, SOURCES

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="How scores become numbers: presets, and what differs."
)

Name = Annotated[str, typer.Argument(help="A preset, a recipe, or a run folder.", show_default=False)]


@app.command()
def show(
    name: Annotated[
        str | None,
        typer.Argument(help="A preset, a recipe, or a run folder. Default: lists the presets.", show_default=False),
    ] = None,
) -> None:
    """Print a protocol, field by field; without a name, list the presets."""
    console = Console(highlight=False)
    if name is None:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("preset")
        table.add_column("whose, and what to know")
        for preset, source in SOURCES.items():
            table.add_row(Text(preset, style="bold"), Text(source))
        console.print(table)
        return
    protocol = find(name)
    console.print(Text(f"{protocol.name}  #{protocol.digest()}", style="bold"))
    if protocol == PRESETS.get(name):
        console.print(Text(SOURCES[name]))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("field")
    table.add_column("value")
    for key in fields(Protocol):
        if key.name not in ("name", "components"):
            table.add_row(key.name, Text(said(getattr(protocol, key.name))))
    for component, part in protocol.components.items():
        table.add_row(component, Text(said({component: part})))
    console.print(table)


@app.command()
def diff(one: Name, other: Name) -> None:
    """Print the fields in which two protocols differ."""
    first, second = find(one), find(other)
    console, differ = Console(highlight=False), differences(first, second)
    if not differ:
        console.print("no difference")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("field", one, other):
        table.add_column(Text(head))
    for name, pair in differ.items():
        table.add_row(name, *(Text(said(value)) for value in pair))
    console.print(table)


def find(name: str) -> Protocol:
    """The protocol of a preset, a recipe file or a run folder.

    Raises:
        VadkitError: it is none of these.
    """
    from vadkit.evaluation.build import build_evaluation, protocol_of
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.store.run_folder import RunFolder

    if name in PRESETS:
        return PRESETS[name]
    path = Path(name)
    if (path / "recipe.yaml").is_file():
        kept = RunFolder(path).read_manifest().get("protocol")
        return _revived(kept) if kept else protocol_of(load(path / "recipe.yaml", registry=Registry.discover()))
    if path.is_file():
        registry = Registry.discover()
        recipe = load(path, registry=registry)
        plan = build_evaluation(recipe, protocol_of(recipe), registry, recipe.seed)
        return replace(plan.protocol, components={key: part.as_dict() for key, part in plan.parts.items()})
    raise VadkitError(f"there is no preset, recipe or run {name!r}", fix=closest(name, PRESETS))


def _revived(kept: Mapping[str, Any]) -> Protocol:
    """A protocol from its plain values, as a manifest keeps it."""
    known = {key.name for key in fields(Protocol)}
    values: dict[str, Any] = {name: value for name, value in kept.items() if name in known}
    values |= {name: tuple(values[name]) for name in ("transform", "smoothing") if values.get(name) is not None}
    return Protocol(**values)


def said(value: Any) -> str:
    """A field's value on one line."""
    if value is None:
        return "as 'fuse' says"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts: Mapping[str, Any] = value
        return (
            "; ".join(f"{name} x {part['weight']:g}, {said(part['transform'])}" for name, part in parts.items()) or "-"
        )
    if isinstance(value, (tuple, list)):
        return ", then ".join(_transform(one) for one in value) or "none"
    return str(value) or "as the data set says"


def _transform(keys: Mapping[str, Any]) -> str:
    rest = " ".join(f"{name} {value}" for name, value in keys.items() if name != "use")
    return f"{keys['use']} ({rest})" if rest else str(keys["use"])
