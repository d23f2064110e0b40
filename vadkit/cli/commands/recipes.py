"""`vadkit recipes`: list the recipes that vadkit ships, and copy one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.core.errors import VadkitError

app = typer.Typer(name="recipes", rich_markup_mode="rich", help="List the recipes that vadkit ships, or copy one.")


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    variants: Annotated[bool, typer.Option("--variants", help="Also list the variants of each recipe.")] = False,
) -> None:
    """List the recipes that vadkit ships, one in a line. 'vadkit recipes copy' writes one into a file."""
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
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from 'vadkit recipes'.")],
    file: Annotated[Path | None, typer.Argument(help="File to write. Default: the name and .yaml.")] = None,
) -> None:
    """Copy a recipe that vadkit ships into a new file, for you to edit. An existing file is not overwritten.

    The copy still extends the parents that vadkit ships. In the copy of a variant, the parents are merged in.
    """
    from vadkit.recipe.library import nearest, shipped
    from vadkit.recipe.merge import resolve
    from vadkit.recipe.node import plain
    from vadkit.recipe.show import dump

    parent, _, short = name.rpartition("/")
    if name in shipped():
        text = shipped()[name].read_text(encoding="utf-8")
    elif parent in shipped():
        text = f"# {name} of vadkit, with its parents merged in.\n{dump(plain(resolve(name)))}"
    else:
        raise VadkitError("vadkit ships no recipe of this name", where=name, fix=nearest(name))
    target = file or Path(f"{short}.yaml")
    target = target / f"{short}.yaml" if target.is_dir() else target
    try:
        with target.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        fix = f"give the copy another name: vadkit recipes copy {name} FILE"
        raise VadkitError("the file exists; vadkit does not overwrite it", where=str(target), fix=fix) from error
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise VadkitError(what, where=str(target), fix="choose another file") from error
    typer.echo(f"written: {target}")
