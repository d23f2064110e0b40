"""`vadkit recipes`, `check`, `show` and `schema`: commands that read recipes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
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


def check(
    recipe: options.Recipe,
    variant: options.Variant = None,
    set_: options.Set = None,
    build: Annotated[
        bool, typer.Option("--build/--no-build", help="Build it and pass the shapes of a clip through, with torch.")
    ] = True,
    clip: Annotated[
        bool, typer.Option("--clip", help="Pass an empty clip through instead of shapes, as 'vadkit run' does.")
    ] = False,
) -> None:
    """Find all mistakes of a recipe at once, with file, line and column; then parts that do not fit.

    If the file has variants, each one is checked.
    """
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.recipe.variants import family_of

    if clip and not build:
        raise VadkitError("--clip needs the components built", where="--no-build", fix="leave one of them out")
    chosen, overrides, registry = options.variant_of(recipe, variant), set_ or (), Registry.discover()
    each = [chosen / name for name in family_of(chosen).variants] or [chosen]
    for one in each:
        load(one, overrides=overrides, registry=registry)
    for one in each:
        if build and not _build(one, overrides, clip=clip):
            continue  # a new process has checked it, and printed everything
        typer.echo(f"{one}: no problems found")
        if len(each) == 1:
            _plan(one, overrides, timed=build)


def _plan(recipe: Path, overrides: Sequence[str], *, timed: bool) -> None:
    """Print how much work the recipe is, if its data is there; refuse metrics that its labels do not suffice for."""
    from vadkit.core.errors import DataError
    from vadkit.data.boxes import check_boxes
    from vadkit.data.opening import open_data
    from vadkit.data.plan import plan_of
    from vadkit.data.regions import check_regions, reads_regions
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.store.external.boxes import box_reader
    from vadkit.video.cache import FrameCache, default_cache

    registry = Registry.discover()
    checked = load(recipe, overrides=overrides, registry=registry)
    try:
        dataset = open_data(checked.data, None)
        plan = plan_of(checked, dataset, FrameCache(default_cache()))
        needed = reads_regions(checked.evaluate.metrics)  # reading all labels may take long
        labels = {video.name: truth for video, truth in dataset.ground_truth()} if needed else {}
    except DataError:
        return  # 'vadkit data check' explains it
    check_regions(checked.evaluate.metrics, labels)
    check_boxes(checked.data, dataset, box_reader(checked.data.boxes))
    for line in plan.lines(checked):
        typer.echo(line)
    if timed:
        from vadkit.core.progress import NoProgress
        from vadkit.engine.bench.durations import time_needed
        from vadkit.engine.session import precision_for

        changes = precision_for(checked, "", NoProgress())
        for line in time_needed(load(recipe, overrides=[*overrides, *changes], registry=registry), plan):
            typer.echo(line)


def _build(recipe: Path, overrides: Sequence[str], *, clip: bool) -> bool:
    """Print the parameters of each stage. If shapes are not enough, check values in a new process: False."""
    import subprocess

    from vadkit.engine.dry_run import dry_run
    from vadkit.engine.sanity_check import NeedsValuesError

    try:
        stages = dry_run(recipe, overrides=overrides, values=clip)
    except NeedsValuesError:
        again = [sys.executable, "-c", "from vadkit.cli import main; main()", "check", "--clip", str(recipe)]
        done = subprocess.run([*again, *(f"--set={change}" for change in overrides)], check=False)
        if done.returncode:
            raise typer.Exit(done.returncode) from None
        return False
    for stage, size in stages.items():
        typer.echo(f"{stage}: {size}")
    return True


def show(recipe: options.Recipe, variant: options.Variant = None, set_: options.Set = None) -> None:
    """Print a recipe with its parents merged in, and the source of each value."""
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.recipe.merge import resolve
    from vadkit.recipe.show import render

    chosen, overrides = options.variant_of(recipe, variant), set_ or ()
    typer.echo(render(resolve(chosen, overrides)))
    load(chosen, overrides=overrides, registry=Registry.discover())


def schema() -> None:
    """Print a JSON Schema of recipes, for completion in editors."""
    import json

    from vadkit.plugin.registry import Registry
    from vadkit.recipe.schema import json_schema

    typer.echo(json.dumps(json_schema(Registry.discover()), indent=2))
