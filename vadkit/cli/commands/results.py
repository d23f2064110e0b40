"""`vadkit eval`, `compare` and `figures`: commands that read scores."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible
from vadkit.core.errors import VadkitError

_NO_ENDS, _HIGH = "0:0", "abnormal"


def evaluate(
    target: Annotated[
        Path, typer.Argument(metavar="RUN|SCORES", help="A run folder, or scores of any method: a file or a folder.")
    ],
    set_: options.Set = None,
    protocol: Annotated[str | None, typer.Option(help="A preset: ffp. 'vadkit protocol show' lists all.")] = None,
    all_protocols: Annotated[bool, typer.Option("--all-protocols", help="Print a table of all presets.")] = False,
    data: Annotated[
        str | None, typer.Option(help="SCORES: data set of the labels: avenue, or '{use: avenue, labels: masks}'.")
    ] = None,
    data_root: options.DataRoot = None,
    labels: Annotated[Path | None, typer.Option(help="SCORES: a label file or folder, instead of --data.")] = None,
    normal: Annotated[
        Path | None, typer.Option(help="SCORES: scores of held-out normal videos, for thresholds and scales.")
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(help="SCORES: anomaly maps or boxes of the same method, for pixel_auc and rbdc_tbdc.")
    ] = None,
    videos: Annotated[
        str | None, typer.Option(metavar="NAMES", help="SCORES: only these test videos: '01,03' or '01_*'.")
    ] = None,
    dropped: Annotated[
        str, typer.Option(metavar="A:B", help="SCORES: the first A and the last B frames of each video have no score.")
    ] = _NO_ENDS,
    drop: Annotated[
        str, typer.Option(metavar="A:B", help="SCORES: leave out the first A and the last B scores of each video.")
    ] = _NO_ENDS,
    high: Annotated[
        str,
        typer.Option(
            help="SCORES: meaning of a high score, abnormal or normal (PSNR); or of each component: img=normal."
        ),
    ] = _HIGH,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="SCORES: accept many frames without a score.")
    ] = False,
    digits: Annotated[int | None, typer.Option(help="Digits after the point in the table.", min=0, max=12)] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write metrics.json, report.html and figures into this folder; a RUN does not change."),
    ] = None,
    allow_test_tuning: options.TestTuning = False,
) -> None:
    """Evaluate a run again, or scores of any method: other protocol, weights, transforms or metrics, in seconds."""
    changes = options.overrides(protocol, set_)
    with interruptible("no file is half-written: run it again"):
        if all_protocols and any(change.startswith("evaluate.protocol") for change in changes):
            what, fix = "all presets are evaluated unchanged", "leave out --protocol, or --set evaluate.protocol"
            raise VadkitError(what, where="--all-protocols", fix=fix)
        if all_protocols and out:
            raise VadkitError("--all-protocols prints a table and writes no file", where="--out", fix="leave it out")
        given: dict[str, Any] = {
            "data": data,
            "data_root": data_root,
            "labels": labels,
            "normal": normal,
            "maps": maps,
            "videos": videos,
            "dropped": dropped if dropped != _NO_ENDS else None,
            "drop": drop if drop != _NO_ENDS else None,
            "high": high if high != _HIGH else None,
            "allow_gaps": allow_gaps or None,
        }
        if (target / "recipe.yaml").is_file():
            _run(target, changes, out, given, digits, all_protocols=all_protocols, allow_test_tuning=allow_test_tuning)
            return
        from vadkit.cli.render.compare import print_all
        from vadkit.evaluation.external_scores import ExternalScores, evaluate_external_all_protocols, evaluate_scores
        from vadkit.store.external.reading import Reading

        if data is None and labels is None and target.is_file() and _curve(target, 2 if digits is None else digits):
            return
        if data is None and labels is None and target.is_dir():
            what = "is not a run folder: it has no recipe.yaml"
            fix = "give the path of a run; to evaluate scores of another method, give their labels: --data or --labels"
            raise VadkitError(what, where=str(target), fix=fix)
        names = [name.strip() for name in videos.split(",")] if videos else []
        given |= {"data": _data(data), "videos": names, "allow_gaps": allow_gaps}
        ends = {"dropped": _pair(dropped, "--dropped"), "drop": _pair(drop, "--drop"), "high": _meanings(high)}
        if all_protocols:
            scores = ExternalScores(
                target, **{key: given[key] for key in given if key not in ends}, reading=Reading(**ends)
            )
            print_all(evaluate_external_all_protocols(scores, overrides=changes))
            return
        given |= ends
        console = "console" if digits is None else {"use": "console", "digits": digits}
        report = (console, *(("json", "html", "figures") if out else ()))
        evaluate_scores(target, **given, overrides=changes, report=report, out=out, allow_test_tuning=allow_test_tuning)


def _run(
    run: Path,
    changes: list[str],
    out: Path | None,
    given: Mapping[str, object],
    digits: int | None,
    *,
    all_protocols: bool,
    allow_test_tuning: bool,
) -> None:
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.compare import print_all
    from vadkit.evaluation.reporting import evaluate_all_protocols, report

    if useless := [name for name, value in given.items() if value is not None]:
        what, option = f"{run} is a run, with its own labels and scores", f"--{useless[0].replace('_', '-')}"
        raise VadkitError(what, where=option, fix="leave it out; it is for scores of other methods")
    if all_protocols:
        print_all(evaluate_all_protocols(run, changes, allow_test_tuning=allow_test_tuning))
        return
    with terminal_progress() as progress:
        result = report(run, changes, out=out, digits=digits, allow_test_tuning=allow_test_tuning, progress=progress)
    if result.folder.exists():
        typer.echo(f"results: {result.folder}")


def _curve(path: Path, digits: int) -> bool:
    """Print what a published ROC curve says; False if the file does not hold one."""
    from vadkit.evaluation.curve import evaluate_curve

    curve = evaluate_curve(path)
    if curve is None:
        return False
    typer.echo(f"micro AUC {100 * curve.micro_auc:.{digits}f} %, EER {100 * curve.eer:.{digits}f} %")
    typer.echo(f"from {curve.points:,} points of a published ROC curve; intervals and other metrics need the scores")
    if curve.abnormal and curve.normal:
        typer.echo(
            f"the rates fit {curve.abnormal:,} abnormal and {curve.normal:,} normal frames, or a multiple of each"
        )
    return True


def _pair(ends: str, option: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6}):(\d{1,6})", ends)
    if not found:
        raise VadkitError(f"{ends!r} is not 'A:B'", where=option, fix=f"for example {option} 4:0")
    return int(found[1]), int(found[2])


def _meanings(high: str) -> str | dict[str, str]:
    """`normal`, or `img=normal,fea=abnormal` as component -> meaning."""
    if "=" not in high:
        return high
    pairs = [part.strip().rpartition("=") for part in high.split(",")]
    return {name: meaning for name, _, meaning in pairs}


def _data(text: str | None) -> str | Mapping[str, Any] | None:
    if text is None or not text.lstrip().startswith("{"):
        return text
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        fix = "for example --data '{use: avenue, labels: masks}'"
        raise VadkitError(f"cannot be read: {error}", where="--data", fix=fix) from error


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
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=TEXT", help="Show the run or recipe NAME as TEXT. Repeatable."),
    ] = None,
    by_system: Annotated[
        bool,
        typer.Option(
            "--by-system",
            help="One row for all seeds of a recipe, with mean and deviation; one group of columns for each data set.",
        ),
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Show only these columns: metrics, parameters, GFLOPs, frames/s."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="console, csv, markdown, latex or booktabs.", metavar="FORMAT")
    ] = "console",
    out: options.OutFile = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page that opens offline: intervals, ROCs.")] = None,
    allow_test_tuning: options.TestTuning = False,
) -> None:
    """Compare runs: metrics with intervals, differences beyond chance, size and speed."""
    from vadkit.cli.render.compare import renderer
    from vadkit.cli.render.tables import put
    from vadkit.evaluation.build import COMPARED
    from vadkit.evaluation.compare import Comparison, compare
    from vadkit.evaluation.systems import compare_systems

    render = renderer(form)
    for option, value in (("--html", html), ("--any-protocol", any_protocol)):
        if by_system and value:
            what, fix = "shows single runs, but --by-system combines them", f"leave out {option} or --by-system"
            raise VadkitError(what, where=option, fix=fix)
    given: dict[str, Any] = {
        "metrics": metric or COMPARED,
        "overrides": options.overrides(protocol, set_),
        "labels": _labels(label or ()),
        "allow_test_tuning": allow_test_tuning,
    }
    with interruptible("nothing was written"):
        found = compare_systems(runs, **given) if by_system else compare(runs, any_protocol=any_protocol, **given)
        found = found.with_columns([name.strip() for name in columns.split(",")]) if columns else found
    put(render(found), out)
    if html is not None and isinstance(found, Comparison):
        from vadkit.cli.render.compare_page import compare_page
        from vadkit.report.render import write_page

        write_page(compare_page(found, html), html)
        typer.echo(f"written: {html}")


def _labels(texts: Sequence[str]) -> dict[str, str]:
    """`NAME=TEXT` of each `--label` -> name -> text."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, shown = text.rpartition("=")
        if not (name and shown):
            raise VadkitError(f"{text!r} is not 'NAME=TEXT'", where="--label", fix="for example --label itae_nf=ITAE")
        found[name] = shown
    return found


def figures(
    run: options.RunFolder,
    figure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A reporter that draws: figures, histograms, weight_curve, error_maps, worst_frames, ... Repeatable. "
            "Default: those of the run's recipe.",
        ),
    ] = None,
    data_root: options.DataRoot = None,
) -> None:
    """Draw figures of a finished run. Only figures that show frames need the videos."""
    from vadkit.evaluation.reporting import draw

    with interruptible("no file is half-written: run it again"):
        folder = draw(run, figure or (), data_root=data_root)
    typer.echo(f"figures: {folder}")
