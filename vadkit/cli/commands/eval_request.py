"""`vadkit eval`: of a run, or of scores that anybody made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import yaml

from vadkit.cli.render.protocol import print_all
from vadkit.core.errors import VadkitError

if TYPE_CHECKING:
    from vadkit.evaluation.external_scores import ExternalScores


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; beyond `changes` and `out`, all is about scores that no run of ours made."""

    target: Path
    changes: Sequence[str]
    data: str | None
    data_root: Path | None
    labels: Path | None
    normal: Path | None
    dropped: str
    high: str
    out: Path | None

    @property
    def is_run(self) -> bool:
        """Whether a run folder is judged."""
        return (self.target / "recipe.yaml").is_file()

    def submission(self) -> ExternalScores:
        """The scores of somebody else that are judged.

        Raises:
            VadkitError: an option is malformed.
        """
        from vadkit.evaluation.external_scores import ExternalScores

        dropped = re.fullmatch(r"(\d{1,6}):(\d{1,6})", self.dropped)
        if not dropped:
            raise VadkitError(f"{self.dropped!r} is not 'A:B'", where="--dropped", fix="for example --dropped 4:0")
        pair = int(dropped[1]), int(dropped[2])
        high: Any = self.high
        return ExternalScores(self.target, _data(self.data), self.data_root, self.labels, self.normal, pair, high)


def evaluate(request: Request, *, all_protocols: bool, allow_test_tuning: bool) -> None:
    """Judge and print."""
    if all_protocols and any(change.startswith("evaluate.protocol") for change in request.changes):
        raise VadkitError(
            "all presets are shown as they are", where="--all-protocols", fix="leave --protocol and its --set out"
        )
    if all_protocols and request.out:
        raise VadkitError("--all-protocols prints a table and writes no file", where="--out", fix="leave it out")
    if request.is_run:
        _run(request, all_protocols=all_protocols, allow_test_tuning=allow_test_tuning)
        return
    from vadkit.evaluation.external_scores import evaluate_external_scores, under_all

    if request.data is None and request.labels is None and request.target.is_dir():
        raise VadkitError(
            "is not a run folder: there is no recipe.yaml",
            where=str(request.target),
            fix="give the path of a run; to judge scores of another method, say whose labels count: --data or --labels",
        )
    if all_protocols:
        print_all(under_all(request.submission(), overrides=request.changes))
        return
    report = ("console", "json", "figures") if request.out else ("console",)
    evaluate_external_scores(
        request.submission(),
        overrides=request.changes,
        report=report,
        out=request.out,
        allow_test_tuning=allow_test_tuning,
    )


def _run(request: Request, *, all_protocols: bool, allow_test_tuning: bool) -> None:
    from vadkit.cli.progress import terminal_progress
    from vadkit.engine import run as stages

    given = {
        "--data": request.data,
        "--data-root": request.data_root,
        "--labels": request.labels,
        "--normal": request.normal,
        "--dropped": None if request.dropped == "0:0" else request.dropped,
        "--high": None if request.high == "abnormal" else request.high,
    }
    if useless := [name for name, value in given.items() if value is not None]:
        raise VadkitError(
            f"{request.target} is a run, which has its own labels and scores",
            where=useless[0],
            fix="leave it out; it is for scores of other methods",
        )
    if all_protocols:
        print_all(stages.under_all(request.target, request.changes, allow_test_tuning=allow_test_tuning))
        return
    with terminal_progress() as progress:
        result = stages.report(
            request.target, request.changes, out=request.out, allow_test_tuning=allow_test_tuning, progress=progress
        )
    if result.folder.exists():
        typer.echo(f"results: {result.folder}")


def _data(text: str | None) -> str | Mapping[str, Any] | None:
    if text is None or not text.lstrip().startswith("{"):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise VadkitError(
            f"cannot be read: {error}", where="--data", fix="for example --data '{use: avenue, labels: masks}'"
        ) from error
