"""`vadkit protocol`: print presets and protocols, and the differences between two."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.core.errors import VadkitError, closest

if TYPE_CHECKING:
    from vadkit.core.protocol import Protocol

app = typer.Typer(
    name="protocol", no_args_is_help=True, rich_markup_mode="rich", help="Print evaluation protocols, or compare two."
)

Name = Annotated[str, typer.Argument(help="A preset, a recipe, or a run folder.")]


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(help="A preset, a recipe, or a run folder. Without a name, the presets are listed.")
    ] = None,
) -> None:
    """Print a protocol, field by field, or list the presets."""
    from vadkit.recipe.presets import PRESETS, SOURCES

    if name is None:
        rows = {preset: (source,) for preset, source in SOURCES.items()}
        _print_table(("preset", "source and notes"), rows, style="bold")
        return
    protocol = find(name)
    typer.secho(f"{protocol.name}  #{protocol.digest()}", bold=True)
    if protocol == PRESETS.get(name):
        typer.echo(SOURCES[name])
    keys = [key.name for key in fields(protocol) if key.name not in ("name", "components")]
    rows = {key: (said(getattr(protocol, key)),) for key in keys}
    rows |= {component: (said({component: part}),) for component, part in protocol.components.items()}
    _print_table(("field", "value"), rows)


@app.command()
def diff(one: Name, other: Name) -> None:
    """Print the fields in which two protocols differ."""
    from vadkit.core.protocol import differences

    if differ := differences(find(one), find(other)):
        rows = {name: [said(value) for value in pair] for name, pair in differ.items()}
        _print_table(("field", one, other), rows)
    else:
        typer.echo("no difference")


def _print_table(heads: Sequence[str], rows: Mapping[str, Sequence[str]], style: str = "") -> None:
    from rich.console import Console
    from rich.table import Column
    from rich.text import Text

    from vadkit.cli.render.tables import listing

    table = listing(*(Column(Text(head)) for head in heads))
    for name, cells in rows.items():
        table.add_row(Text(name, style=style), *map(Text, cells))
    Console(highlight=False).print(table)


def find(name: str) -> "Protocol":
    """The protocol of a preset, a recipe or a run folder.

    Raises:
        VadkitError: the name is none of these.
    """
    from vadkit.evaluation.build import evaluation_of, protocol_of
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.recipe.library import find as find_recipe
    from vadkit.recipe.presets import PRESETS
    from vadkit.store.run_folder import RunFolder

    if name in PRESETS:
        return PRESETS[name]
    registry, file = Registry.discover(), Path(name, "recipe.yaml")
    if file.is_file():
        kept = RunFolder(file.parent).read_manifest().protocol
        return _restored(kept) if kept else protocol_of(load(file, registry=registry))
    if find_recipe(name):
        recipe = load(name, registry=registry)
        config = evaluation_of(recipe, registry)
        return replace(config.protocol, components={key: part.as_dict() for key, part in config.components.items()})
    raise VadkitError(f"no preset, recipe or run is named {name!r}", fix=closest(name, PRESETS))


def _restored(kept: Mapping[str, Any]) -> "Protocol":
    """A protocol from its plain values in a manifest."""
    from vadkit.core.protocol import Protocol

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
        parts = [f"{name} x {part['weight']:g}, {said(part['transform'])}" for name, part in value.items()]
        return "; ".join(parts) or "-"
    if isinstance(value, (tuple, list)):
        return ", then ".join(_transform(one) for one in value) or "none"
    return str(value) or "as the data set says"


def _transform(keys: Mapping[str, Any]) -> str:
    rest = " ".join(f"{name} {value}" for name, value in keys.items() if name != "use")
    return f"{keys['use']} ({rest})" if rest else str(keys["use"])
