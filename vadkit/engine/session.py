"""The legs of a run: what the manifest says of each, and what a resume may go on with."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.core.errors import CheckpointError
from vadkit.core.files import atomic_write_text
from vadkit.data.datamodule import DataModule
from vadkit.evaluation.build import protocol_of
from vadkit.recipe.model import Recipe
from vadkit.recipe.show import dump
from vadkit.store import environment as facts
from vadkit.store.provenance import changes, code_of, plugins_of
from vadkit.store.run_folder import RunFolder, stage_digests, tested_on
from vadkit.store.scores import write_labels, write_regions
from vadkit.video.decode import decode

if TYPE_CHECKING:
    from vadkit.engine.experiment import Experiment


def begin(folder: RunFolder, recipe: Recipe, experiment: Experiment) -> None:
    """Write recipe and manifest of a leg that begins or goes on; tell of stages whose code has changed since.

    Raises:
        CheckpointError: what is there was made by another recipe, or of other data.
    """
    data = experiment.datamodule.fingerprints()
    _check_same(folder, recipe, data)
    if folder.is_run and folder.recipe.read_text(encoding="utf-8") != dump(recipe.tree):
        (folder.path / "metrics.json").unlink(missing_ok=True)  # of another recipe than the one beside it
    atomic_write_text(folder.recipe, dump(recipe.tree))
    leg = {
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": facts.commit(),
        "versions": facts.versions(),
        "host": {**facts.host(), "device": str(experiment.fabric.device)},
    }
    before = folder.read_manifest()
    now, made = code_of(recipe), before.get("code", {})
    begun = _begun(folder, list(now))
    made = {stage: packages for stage, packages in made.items() if stage in now and stage in begun}
    for told in changes(made, now):
        experiment.progress.message(f"{told}: --overwrite makes all of it again")
    folder.update_manifest(
        code={stage: made.get(stage, packages) for stage, packages in now.items()},
        plugins=plugins_of(recipe),
        name=recipe.name,
        seed=recipe.seed,
        precision=recipe.engine.precision,
        dimensions=experiment.dimensions(),
        digests=experiment.digests,
        protocol=protocol_of(recipe).as_dict(),
        data={**data, "tested on": tested_on(recipe.tree)},
        stateful=experiment.stateful,
        finished=None,
        # What a number stands beside is where its run began; each resume adds a leg.
        legs=[*before.get("legs", []), leg],
        **{key: before.get(key, value) for key, value in leg.items()},
    )


def _check_same(folder: RunFolder, recipe: Recipe, data: Mapping[str, str]) -> None:
    """Refuse to go on with a changed recipe or other data; drop results that only `scores:` made stale."""
    manifest = folder.read_manifest()
    before = manifest.get("data", {})
    other = [key for key, value in data.items() if before.get(key, value) != value]
    if before.get("tested on") != tested_on(recipe.tree) and "test videos" in other:
        other.remove("test videos")  # the recipe itself says so, and the scores are made anew
    if other:
        raise CheckpointError(
            f"was begun on other data than this: the {' and the '.join(other)} differ",
            where=str(folder.path),
            fix="resume with the --data-root that it began with, choose --out, or replace it: --overwrite",
        )
    old = manifest.get("digests", {})
    new = stage_digests(recipe.tree)
    begun = folder.checkpoints.is_dir() and any(folder.checkpoints.iterdir())
    changed = [stage for stage in new if stage != "scores" and stage in old and old[stage] != new[stage]]
    if begun and changed:
        raise CheckpointError(
            f"its {', '.join(changed)} was made by another recipe than this one",
            where=str(folder.path),
            fix="resume with the recipe that began it (recipe.yaml in there), choose --out, or replace it: --overwrite",
        )
    if old.get("scores") != new["scores"]:
        for path in _stale(folder):
            path.unlink()


def _begun(folder: RunFolder, stages: Sequence[str]) -> list[str]:
    """Those stages, of all in order, of which there is something that a leg would go on with."""
    trained = [stage for stage in stages if stage != "scores"]
    begun = [stage for stage in trained if (folder.checkpoints / f"{stage}.safetensors").is_file()]
    if (folder.checkpoints / "state.pt").is_file():  # of the first that is not finished
        begun += [stage for stage in trained if stage not in begun][:1]
    scored = any(folder.scores.glob("*.npz")) or any(folder.held_out.glob("*.npz"))
    return [*begun, *(["scores"] if scored else [])]


def _stale(folder: RunFolder) -> list[Path]:
    """What was scored: of test videos, of held-out ones, and maps with what they are compared with."""
    scored = [path for place in (folder.scores, folder.held_out, folder.synthetic) for path in place.glob("*.npz")]
    anomaly_maps = [
        *folder.scores.glob("anomaly_maps/*/*.npy"),
        *folder.regions.glob("*.npz"),
    ]
    return [*scored, *anomaly_maps, *folder.checkpoints.glob(folder.calibration.name)]


def record_data(folder: RunFolder, data: DataModule, *, regions: bool) -> None:
    """Write what later stages need to know about the videos: test labels, counts of frames, damage.

    Args:
        folder: of the run.
        data: the recipe's videos.
        regions: write the masks and tracks of the test videos too, for metrics that read anomaly maps.
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
    for split in ("train", "test"):
        frames = [len(data.frames(video)) for video in data.videos(split)]
        folder.update_manifest(data={split: {"videos": len(frames), "frames": sum(frames)}})
    if data.damaged or "damaged" in folder.read_manifest().get("data", {}):  # of other test videos, before
        folder.update_manifest(data={"damaged": data.damaged})


def end(folder: RunFolder, began: float) -> None:
    """Say that the run is finished; `began`: by the monotonic clock, seconds."""
    folder.update_manifest(
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds={"last run": round(time.monotonic() - began, 2)},
    )
