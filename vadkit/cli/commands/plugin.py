"""`vadkit plugin`: list plugins, check one, or write a new one; and `vadkit list`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.interrupt import interruptible
from vadkit.cli.watchdog import Watchdog

if TYPE_CHECKING:
    from vadkit.testing import Outcome, Subject

GRACE = 5.0  # seconds after the time limit, until a check that cannot be interrupted ends the process

app = typer.Typer(
    name="plugin", no_args_is_help=True, rich_markup_mode="rich", help="List plugins, check one, or write a new one."
)


@app.command("list")
def list_() -> None:
    """List plugins with distribution, version, origin, components and problems."""
    from vadkit.cli.render.plugin import print_plugins
    from vadkit.plugin.registry import Registry

    print_plugins(Registry.discover())


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A plugin, by its name in 'vadkit plugin list'.")],
    component: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND/NAME", help="Check only this component: density/kde or kde. Repeatable."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KIND/NAME.KEY=VALUE",
            help="Set a key without default, or a smaller size: density/kde.bandwidth=0.3. Keys under 'toy' set"
            " the surroundings of a component: decoder/mine.toy.encoder=itae. Repeatable.",
        ),
    ] = None,
    failures: Annotated[bool, typer.Option("--failures", help="Show only failed checks.")] = False,
    timeout: Annotated[float, typer.Option(help="Time limit of each check in seconds. 0: no limit.", min=0)] = 120,
) -> None:
    """Check the contracts of a plugin's components: shapes, gradients, state, devices, causality and more."""
    from vadkit.cli.render.plugin import print_outcomes
    from vadkit.testing import ConformityError, subjects

    with interruptible("nothing was written"):
        found = subjects(name, _settings(set_ or ()), only=component or ())
        outcomes = _watched(found, timeout)
    print_outcomes(outcomes, failures=failures)
    if any(outcome.state == "failed" for outcome in outcomes):
        raise typer.Exit(ConformityError.exit_code)


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="Kind of the component: density, scorer, encoder, ...")],
    name: Annotated[str, typer.Argument(help="Name of package, plugin and component, such as my-kde.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write. Default: ./NAME.")] = None,
) -> None:
    """Write the package of a new plugin: a working component, a recipe that runs it and a test."""
    from vadkit.cli.scaffold import write_plugin
    from vadkit.plugin.registry import Registry

    with interruptible("nothing was written"):
        folder = write_plugin(kind, name, out or Path(name), Registry.discover())
    typer.echo(f"written: {folder}")
    typer.echo(f"next:    cd {folder} && pip install -e '.[test]' && pytest && vadkit run recipe.yaml")


def _settings(overrides: Sequence[str]) -> Mapping[str, Any]:
    from vadkit.recipe.merge import VERSION, resolve_plain
    from vadkit.recipe.node import entries_of

    entries = entries_of(resolve_plain({"vadkit": VERSION}, overrides))
    return {name: node for name, node in entries.items() if name != "vadkit"}


def _watched(tested: Sequence["Subject"], timeout: float) -> list["Outcome"]:
    """All outcomes; meanwhile a status line names the check.

    A check that hangs inside a C library cannot be interrupted: it is named, and the process ends.
    """
    from rich.console import Console

    from vadkit.testing import run_checks

    found: list[Outcome] = []
    console = Console(stderr=True)
    with console.status("") as status, Watchdog(timeout and timeout + GRACE) as watchdog:

        def begin(component: str, check: str) -> None:
            status.update(f"{len(found)} checks, now {component} {check}")
            watchdog.start(f"{component} {check}")

        for outcome in run_checks(tested, timeout=timeout, begin=begin):
            found.append(outcome)
    return found


def list_components(
    name: Annotated[
        str | None,
        typer.Argument(help="A kind (encoder), a component (glow) or both (encoder/itae). Default: everything."),
    ] = None,
) -> None:
    """List kinds and components with their plugins, and plugins that failed to load."""
    from vadkit.cli.render.plugin import print_listing
    from vadkit.plugin.registry import Registry

    print_listing(Registry.discover(), name)
