"""`vadkit recipes`: the recipes that vadkit ships, and a copy of one to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.core.errors import VadkitError

app = typer.Typer(rich_markup_mode="rich", help="The recipes that vadkit ships: list them, copy one to edit.")


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    variants: Annotated[bool, typer.Option("--variants", help="List the variants of each as well.")] = False,
) -> None:
    """The recipes that vadkit ships, one line each; 'vadkit recipes copy' writes one to edit."""
    if context.invoked_subcommand is not None:
        return
    from vadkit.recipe.library import description, shipped
    from vadkit.recipe.variants import family_of

    lines: list[tuple[str, str]] = []
    for name, path in sorted(shipped().items(), key=lambda entry: ("/" in entry[0], entry[0])):
        lines.append((name, description(path)))
        lines += [(f"{name}/{variant}", "") for variant in (family_of(path).variants if variants else ())]
    width = max((len(name) for name, _ in lines), default=0)
    for name, text in lines:
        typer.echo(f"{name:<{width}}  {text}".rstrip())


@app.command()
def copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As 'vadkit recipes' lists it.", show_default=False)],
    file: Annotated[
        Path | None, typer.Argument(help="Where to write. Default: the name's last part, with .yaml.")
    ] = None,
) -> None:
    """Write a recipe that vadkit ships into a file of your own, to edit; an existing file is not overwritten.

    What the recipe extends stays in vadkit: the copy names it. A variant is written with its parents merged in.
    """
    from vadkit.recipe.library import nearest, shipped

    if name not in shipped() and name.rpartition("/")[0] not in shipped():
        raise VadkitError("vadkit ships no recipe of this name", where=name, fix=nearest(name))
    target = file or Path(f"{name.rpartition('/')[2]}.yaml")
    target = target / f"{name.rpartition('/')[2]}.yaml" if target.is_dir() else target
    text = _text(name)
    try:
        with target.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        fix = f"give the copy another name: vadkit recipes copy {name} FILE"
        raise VadkitError("this file exists, and is not overwritten", where=str(target), fix=fix) from error
    except OSError as error:
        raise VadkitError(
            f"cannot be written: {error.strerror}", where=str(target), fix="choose another file"
        ) from error
    typer.echo(f"written: {target}")


def _text(name: str) -> str:
    from vadkit.recipe.library import shipped
    from vadkit.recipe.merge import resolve
    from vadkit.recipe.node import plain
    from vadkit.recipe.show import dump

    if name in shipped():
        return shipped()[name].read_text(encoding="utf-8")
    return f"# {name} of vadkit, with its parents merged in.\n{dump(plain(resolve(name)))}"
