"""`vadkit plugin check`: a plugin's components against their contracts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.interrupt import interruptible

if TYPE_CHECKING:
    from vadkit.testing import Outcome

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim", "expected": "yellow"}


def check(
    name: Annotated[str, typer.Argument(help="A plugin, by its name in 'vadkit list'.", show_default=False)],
    component: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND/NAME", help="Check this component alone: density/kde, or kde. Repeatable."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KIND/NAME.KEY=VALUE",
            help="A key that has no default, or a smaller size: density/kde.bandwidth=0.3. What lies around a"
            " component is set under 'toy': decoder/mine.toy.encoder=itae. Repeatable.",
        ),
    ] = None,
    failures: Annotated[bool, typer.Option("--failures", help="Leave out what passed or was skipped.")] = False,
) -> None:
    """Check that a plugin's components keep their contracts: shapes, gradients, state, devices, causality and more."""
    from vadkit.testing import ConformityError, run_checks, subjects

    with interruptible("nothing was written"):
        found = subjects(name, _settings(set_ or ()), only=component or ())
        outcomes = _watched(run_checks(found))
    print_outcomes(outcomes, failures=failures)
    if any(outcome.state == "failed" for outcome in outcomes):
        raise typer.Exit(ConformityError.exit_code)


def _settings(overrides: Sequence[str]) -> Mapping[str, Any]:
    """What `--set` says, by component."""
    from vadkit.recipe.merge import VERSION, resolve_plain

    tree = resolve_plain({"vadkit": VERSION}, overrides)
    assert isinstance(tree.value, Mapping)
    return {name: node for name, node in tree.value.items() if name != "vadkit"}


def _watched(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """All of them, with a line that says how far it is."""
    from rich.console import Console

    console = Console(stderr=True)
    found: list[Outcome] = []
    with console.status("") as status:
        for outcome in outcomes:
            found.append(outcome)
            status.update(f"{len(found)} checks, {outcome.component}")
    return found


def print_outcomes(outcomes: Sequence[Outcome], *, failures: bool = False) -> None:
    """One row a check, or for what one cause kept from being asked; then how many of each."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("component", "check", ""):
        table.add_column(column, no_wrap=True)
    table.add_column("why", overflow="fold")
    for (component, state, reason), alike in groupby(outcomes, lambda each: (each.component, each.state, each.reason)):
        if failures and state != "failed":
            continue
        checks = [outcome.check for outcome in alike]
        # What one cause keeps from being asked is told once.
        rows = [f"{checks[0]} and {len(checks) - 1} more"] if state == "skipped" and len(checks) > 1 else checks
        for row in rows:
            table.add_row(Text(component), Text(row), Text(state, style=_STYLES[state]), Text(reason))
    if table.row_count:
        console.print(table)
    counts = Counter(outcome.state for outcome in outcomes)
    components = len({outcome.component for outcome in outcomes})
    told = ", ".join(f"{counts[state]} {state}" for state in _STYLES if counts[state])
    console.print(Text(f"{components} component{'s' * (components != 1)}: {told}", style="bold"))
