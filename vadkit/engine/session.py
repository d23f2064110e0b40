"""Sessions of a run: what a resume may continue, and what the manifest records about each session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.core.errors import CheckpointError
from vadkit.core.files import atomic_write_text
from vadkit.core.progress import Progress
from vadkit.core.protocol import Protocol
from vadkit.core.values import Split
from vadkit.data.datamodule import DataModule
from vadkit.model.training.precision import choose_precision
from vadkit.recipe.model import Recipe
from vadkit.store import environment
from vadkit.store.input_files import copy_files, run_recipe
from vadkit.store.manifest import HELD_OUT, SCORES, SYNTHETIC, Count, InputFileRecord, Manifest, Session
from vadkit.store.provenance import changes, code_of, plugins_of
from vadkit.store.run_folder import RunFolder, tested_on
from vadkit.store.scores import write_labels, write_regions
from vadkit.video.decode import decode

if TYPE_CHECKING:
    from vadkit.engine.experiment import Experiment


def kept_precision(recipe: Recipe, runs: Sequence[RunFolder]) -> str:
    """The precision that a recipe with `precision: auto` takes from earlier runs, to continue or reuse their stages.

    Empty if there is none.
    """
    if recipe.engine.precision != "auto":
        return ""
    return next((known for run in runs if run.is_run and (known := run.read_manifest().precision)), "")


def precision_for(recipe: Recipe, known: str, progress: Progress) -> list[str]:
    """The change of a recipe with `precision: auto`, in the form of `--set`; none for another recipe.

    It takes the `known` precision of an earlier run, if there is one. A recipe in which gradients train nothing
    computes in float32.
    """
    if recipe.engine.precision != "auto":
        return []
    parts = (recipe.model, *recipe.densities.values())
    if not known and all(part is None or part.fit is None for part in parts):
        known = "fp32"
    if not known:
        choice = choose_precision(recipe.engine)
        progress.message(f"precision: {choice.precision}, because {choice.reason}")
        known = choice.precision
    return [f"engine.precision={known}"]


def begin(folder: RunFolder, experiment: Experiment, protocol: Protocol) -> None:
    """Start a session: check that it may continue what the folder holds, then write recipe and manifest.

    Warns about a stage if its code has changed since it was started.

    Raises:
        CheckpointError: the folder holds the work of another recipe, or of other data.
    """
    recipe = experiment.recipe
    fingerprints = experiment.datamodule.fingerprints()
    before = folder.read_manifest()
    _check_same(folder, before, experiment, fingerprints)
    text = run_recipe(recipe, experiment.files)
    if folder.is_run and folder.recipe.read_text(encoding="utf-8") != text:
        (folder.path / "metrics.json").unlink(missing_ok=True)  # it belongs to the earlier recipe
    atomic_write_text(folder.recipe, text)
    copy_files(folder, recipe, experiment.files)
    code = code_of(recipe)
    started = _started(folder, list(code))
    made_with = {stage: packages for stage, packages in before.code.items() if stage in started}
    for warning in changes(made_with, code):
        experiment.progress.message(f"{warning}; --overwrite makes all stages again")
    stages = {
        stage: replace(before.stage(stage), digest=experiment.digests[stage], code=made_with.get(stage, packages))
        for stage, packages in code.items()
    }
    parts = {name: before.stages[name] for name in (HELD_OUT, SYNTHETIC) if name in before.stages}
    folder.update_manifest(
        lambda manifest: replace(
            manifest,
            name=recipe.name,
            seed=recipe.seed,
            precision=recipe.engine.precision,
            finished=None,
            stateful=experiment.stateful,
            protocol=protocol.as_dict(),
            plugins=tuple(plugins_of(recipe)),
            dimensions=experiment.dimensions(),
            files={key: _first_known(before.files.get(key), file) for key, file in experiment.files.items()},
            stages=stages | parts,
            data=replace(manifest.data, fingerprints=fingerprints, tested_on=tested_on(recipe.tree)),
            sessions=(*manifest.sessions, _session(experiment)),
        )
    )


def _first_known(before: InputFileRecord | None, now: InputFileRecord) -> InputFileRecord:
    """The same content may now be read from the copy in the run folder: keep the path of the original."""
    return before if before is not None and before.sha256 == now.sha256 else now


def _session(experiment: Experiment) -> Session:
    return Session(
        begun=_now(),
        commit=environment.commit(),
        versions=environment.versions(),
        host={**environment.host(), "device": str(experiment.compute.device), "processes": experiment.processes.count},
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check_same(folder: RunFolder, before: Manifest, experiment: Experiment, fingerprints: Mapping[Split, str]) -> None:
    """Refuse to continue with a changed recipe or other data; delete scores that a changed recipe makes invalid."""
    if before.calibrated_from:
        raise CheckpointError(
            f"was made by 'vadkit calibrate' from {before.calibrated_from}, for score and watch only",
            where=str(folder.path),
            fix="run the recipe into another folder, with --out",
        )
    digests, known = experiment.digests, before.data.fingerprints
    other = [split for split, value in fingerprints.items() if known.get(split, value) != value]
    if before.data.tested_on != tested_on(experiment.recipe.tree) and "test" in other:
        other.remove("test")  # the recipe names another data set for the test: the scores are made again
    if other:
        raise CheckpointError(
            f"was started on other data: the {' and the '.join(f'{split} videos' for split in other)} differ",
            where=str(folder.path),
            fix="resume with the --data-root that it was started with, choose another folder with --out, "
            "or replace it with --overwrite",
        )
    old = {name: stage.digest for name, stage in before.stages.items() if stage.digest}
    started = any(path != folder.files for path in folder.checkpoints.glob("*"))
    changed = [name for name in digests if name != SCORES and name in old and old[name] != digests[name]]
    for key, file in experiment.files.items():
        if started and changed and key in before.files and before.files[key].sha256 != file.sha256:
            raise CheckpointError(
                f"its {', '.join(changed)} was made with another file: the content of '{key}', {file.path}, differs",
                where=str(folder.path),
                fix="restore the file, choose another folder with --out, or make the run again with --overwrite",
            )
    if started and changed:
        raise CheckpointError(
            f"its {', '.join(changed)} was made with another recipe",
            where=str(folder.path),
            fix="resume with the recipe that started it (recipe.yaml in the folder), choose another folder with "
            "--out, or replace it with --overwrite",
        )
    if old.get(SCORES) != digests[SCORES]:
        for path in _scored(folder):
            path.unlink()


def _started(folder: RunFolder, stages: Sequence[str]) -> list[str]:
    """The stages, among all in order, of which the folder holds results or a state to continue from."""
    trained = [stage for stage in stages if stage != SCORES]
    started = [stage for stage in trained if (folder.checkpoints / f"{stage}.safetensors").is_file()]
    if (folder.checkpoints / "state.pt").is_file():  # belongs to the first stage that is not finished
        started += [stage for stage in trained if stage not in started][:1]
    scored = any(folder.scores.glob("*.npz")) or any(folder.held_out.glob("*.npz"))
    return [*started, *([SCORES] if scored else [])]


def _scored(folder: RunFolder) -> list[Path]:
    """All files that scoring wrote: scores of test and held-out videos, anomaly maps, regions, calibration."""
    scores = [path for place in (folder.scores, folder.held_out, folder.synthetic) for path in place.glob("*.npz")]
    anomaly_maps = [*folder.scores.glob("anomaly_maps/*/*.npy"), *folder.regions.glob("*.npz")]
    return [*scores, *anomaly_maps, *folder.checkpoints.glob(folder.calibration.name)]


def record_data(folder: RunFolder, data: DataModule, *, regions: bool) -> None:
    """Write what later stages need to know about the videos: test labels, counts of frames, damage.

    Args:
        folder: of the run.
        data: the recipe's videos.
        regions: write also the masks and tracks of the test videos, for metrics that read anomaly maps.
    """
    labels = data.labels()
    write_labels(folder.labels, labels)
    if regions:
        sources = {video.name: video for video in data.videos("test")}
        for name, label in labels.items():
            if label.tracks and label.masks is None and label.size is None:
                first = next(iter(decode(sources[name], color=data.clip.color)))
                label = replace(label, size=(first.shape[0], first.shape[1]))
            write_regions(folder.regions, name, label)
    counts: dict[Split, Count] = {}
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        frames = [len(data.file_frames(video)) for video in data.videos(split)]
        counts[split] = Count(len(frames), sum(frames))
    damaged = dict(data.damaged)
    folder.update_manifest(lambda manifest: manifest.with_data(counts=counts, damaged=damaged))


def end(folder: RunFolder, seconds: float) -> None:
    """Record that all videos are scored; `seconds`: how long the session took."""

    def finish(manifest: Manifest) -> Manifest:
        *earlier, session = manifest.sessions
        session = replace(session, seconds=round(seconds, 2))
        return replace(manifest, finished=_now(), sessions=(*earlier, session))

    folder.update_manifest(finish)
