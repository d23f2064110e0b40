"""Evaluates a finished run again, and has its reporters write. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.values import RunResult
from vadkit.data.frame_reader import open_frame_reader
from vadkit.evaluation.build import evaluation_of
from vadkit.evaluation.events import write_events
from vadkit.evaluation.run_scores import evaluate_run, evaluate_under_all_protocols, open_run
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.loading import DEFAULT_REPORT
from vadkit.recipe.model import Recipe
from vadkit.store.run_folder import RunFolder, digest_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def evaluate(
    folder: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    allow_test_tuning: bool = False,
) -> RunResult:
    """Evaluate a run from its score files alone. Writes nothing.

    Raises:
        RecipeError: an override changes something that the score files depend on.
    """
    registry = registry or Registry.discover()
    run, recipe = open_run(folder, overrides, registry, allow_test_tuning=allow_test_tuning)
    return evaluate_run(run, recipe, evaluation_of(recipe, registry)).result


def evaluate_all_protocols(
    folder: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    allow_test_tuning: bool = False,
) -> dict[str, RunResult | VadkitError]:
    """Evaluate a run under every preset: preset -> result, or the reason why there is none. Writes nothing."""
    registry = registry or Registry.discover()
    run, recipe = open_run(folder, overrides, registry, allow_test_tuning=allow_test_tuning)

    def evaluate_one(changed: Recipe) -> RunResult:
        return evaluate_run(run, changed, replace(evaluation_of(changed, registry), rounds=0)).result

    return evaluate_under_all_protocols(recipe, registry, evaluate_one)


def report(
    folder: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    out: str | Path | None = None,
    digits: int | None = None,
    allow_test_tuning: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """`evaluate`, then the files of events and every reporter of the recipe.

    Reporters write into the run folder; with overrides, into a folder under `evals/` there. With `out` they write
    into that folder, and the run, which may be read-only, is not changed. Reporters that show frames read the
    videos under `$VADKIT_DATA`; if the videos are not there, `progress` receives a warning. `digits` after the point
    are printed instead of those of the recipe.
    """
    registry, progress = registry or Registry.discover(), progress or NoProgress()
    run, recipe = open_run(folder, overrides, registry, allow_test_tuning=allow_test_tuning)
    config, target = evaluation_of(recipe, registry), Path(out) if out is not None else None
    frames = open_frame_reader(recipe.data, None)
    if target:
        refuse_run(target)
    with nullcontext() if target else run.locked():
        result = replace(evaluate_run(run, recipe, config, target=target).result, read_frames=frames)
        if overrides and target is None:
            settings = digest_of(list(result.summary.metric_settings), recipe.evaluate.anomaly_maps)[:6]
            result = replace(result, folder=run.path / "evals" / f"{result.protocol['digest']}-{settings}")
        save_events(result, result.folder)
        reporters = recipe.report if digits is None else [_with_digits(chosen, digits) for chosen in recipe.report]
        write_reports(result, reporters, result.folder, unseen=progress.message)
    return result


def _with_digits(chosen: ComponentConfig, digits: int) -> ComponentConfig:
    """The reporter `console` with this number of digits; any other one unchanged."""
    is_console = chosen.component.name == "console"
    return replace(chosen, keys={**chosen.keys, "digits": digits}) if is_console else chosen


def draw(
    folder: str | Path,
    figures: Sequence[str],
    *,
    data_root: str | Path | None = None,
    registry: Registry | None = None,
) -> Path:
    """Draw figures of a finished run, under its own protocol, into its folder `figures/`, which is returned.

    Args:
        folder: of the run.
        figures: reporters, by name; none for those of the recipe that draw.
        data_root: as of `vadkit.run`, for figures that show frames.
        registry: default, all installed plugins.

    Raises:
        VadkitError: a figure does not exist, or the data that it shows is missing.
    """
    run, reporters, result = _drawn(folder, figures, data_root, registry or Registry.discover())
    with run.locked():
        write_reports(result, reporters, run.path)
    return run.path / "figures"


def figures_of(
    folder: str | Path,
    figures: Sequence[str],
    *,
    data_root: str | Path | None = None,
    registry: Registry | None = None,
) -> dict[str, Figure]:
    """The figures that `draw` writes, as matplotlib figures: file name -> figure. The arguments are those of `draw`.

    Raises:
        VadkitError: a reporter does not exist or does not draw, or the data that it shows is missing.
    """
    _, reporters, result = _drawn(folder, figures, data_root, registry or Registry.discover())
    found: dict[str, Figure] = {}
    for chosen in reporters:
        drawn = dict(build(chosen).figures(result))
        if not drawn:
            what, fix = f"the reporter {chosen.component.name!r} draws no figure of this run", "name another reporter"
            raise VadkitError(what, where="figures", fix=fix)
        found |= drawn
    return found


def _drawn(
    folder: str | Path, figures: Sequence[str], data_root: str | Path | None, registry: Registry
) -> tuple[RunFolder, list[ComponentConfig], RunResult]:
    """The run, the reporters that draw, and the result that they read."""
    run, recipe = open_run(folder, (), registry, allow_test_tuning=True)  # it was allowed when it was run
    written = {chosen.component.name: chosen for chosen in recipe.report}
    names = figures or [name for name in written if name not in DEFAULT_REPORT] or ["figures"]
    reporters = [written.get(name) or ComponentConfig(registry.get("reporter", name), {}, "--figure") for name in names]
    result = evaluate_run(run, recipe, replace(evaluation_of(recipe, registry), rounds=0)).result
    return run, reporters, replace(result, read_frames=open_frame_reader(recipe.data, data_root))


def refuse_run(out: str | Path) -> None:
    """Raise a VadkitError if a folder for results already holds a run."""
    if RunFolder(Path(out)).is_run:
        fix = "choose another folder with --out"
        raise VadkitError("is a run; its results would be overwritten", where=str(out), fix=fix)


def save_events(result: RunResult, folder: Path) -> None:
    """Write the events of a run; without an alarm threshold, delete those of an earlier evaluation.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    if result.events is not None:
        write_events(folder, result.events)
        return
    for name in ("events.csv", "events.jsonl"):
        (folder / name).unlink(missing_ok=True)


def write_reports(
    result: RunResult,
    report: Sequence[ComponentConfig],
    target: Path,
    *,
    unseen: Callable[[str], None] | None = None,
) -> None:
    """Call every reporter. With `unseen`, it receives a warning for each one without data, and the others continue.

    Raises:
        VadkitError: a reporter failed.
    """
    for chosen in report:
        try:
            build(chosen).report(result, target)
        except DataError as error:
            if unseen is None:
                raise
            unseen(f"warning: {chosen.component.name} is left out: {error}")


def shows_maps(report: Sequence[ComponentConfig]) -> bool:
    """Whether a reporter reads anomaly maps."""
    return any(getattr(chosen.component.load(), "needs_anomaly_maps", False) for chosen in report)


def shows_previews(report: Sequence[ComponentConfig]) -> bool:
    """Whether a reporter shows previews."""
    return any(getattr(chosen.component.load(), "shows_previews", False) for chosen in report)
