"""`vadkit compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    metric: Annotated[
        list[str] | None, typer.Option(help="A metric by name. Repeatable. Default: AUCs, EER, AP.")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="Evaluate all runs under this preset.")] = None,
    set_: options.Set = None,
    any_protocol: Annotated[
        bool, typer.Option("--any-protocol", help="Show different protocols together, unranked.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", help="console, csv, markdown or latex.", metavar="FORMAT")
    ] = "console",
    out: options.OutFile = None,
    allow_test_tuning: options.TestTuning = False,
) -> None:
    """Compare runs: metrics with intervals, differences beyond chance, size and speed."""
    from vadkit.cli.render.compare import renderer
    from vadkit.cli.render.tables import put
    from vadkit.evaluation.build import COMPARED
    from vadkit.evaluation.compare import compare

    render = renderer(form)
    with interruptible("nothing was written"):
        found = compare(
            runs,
            metrics=metric or COMPARED,
            overrides=options.overrides(protocol, set_),
            any_protocol=any_protocol,
            allow_test_tuning=allow_test_tuning,
        )
    put(render(found), out)
