"""What a new run takes over from runs that are there: trained stages and scores that it would make alike."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadkit.core.errors import CheckpointError
from vadkit.core.files import LEFTOVERS, atomic_write, atomic_write_text
from vadkit.recipe.show import dump
from vadkit.store.run_folder import RunFolder, stage_digests

_OF_SCORES = ("scores", "score test", "score held out")


def donors_of(reuse: Sequence[str | Path], place: RunFolder) -> list[RunFolder]:
    """The runs that `place` takes over from.

    Raises:
        DataError: one is no run.
        CheckpointError: one is `place` itself.
    """
    donors = [RunFolder(Path(path)) for path in reuse]
    for donor in donors:
        donor.require_run()
        if donor.path.resolve() == place.path.resolve():
            fix = "go on with it (--resume), or choose another folder (--out)"
            raise CheckpointError("a run cannot take over from itself", where=str(donor.path), fix=fix)
    return donors


@dataclass(frozen=True, slots=True)
class Offer:
    """A stage that another run has made as it is wanted: `model`, `density.NAME` or `scores`."""

    donor: RunFolder
    stage: str


def offers_of(tree: Mapping[str, Any], data: Mapping[str, str], donors: Sequence[RunFolder]) -> list[Offer]:
    """The stages that earlier runs have finished and that depend on the same part of the recipe. Writes nothing.

    Args:
        tree: the new run's resolved recipe.
        data: what its videos are, as `DataModule.fingerprints` tells.
        donors: earlier runs, the preferred ones first.

    Raises:
        CheckpointError: one of them was trained on, or scored, other videos than are there now, or cannot be read.
    """
    offers: dict[str, Offer] = {}
    for donor in donors:
        manifest = donor.read_manifest()
        for stage, digest in stage_digests(tree).items():
            if stage not in offers and _has(donor, manifest, stage, digest):
                _check_data(donor, manifest, data, stage)
                _check_readable(donor, stage)
                offers[stage] = Offer(donor, stage)
    return list(offers.values())


def take_over(place: RunFolder, tree: Mapping[str, Any], offers: Sequence[Offer]) -> list[str]:
    """Copy what is offered into a folder in which no run has begun.

    A kill at any moment leaves a run that can be resumed.

    Returns:
        Stages that were taken over.
    """
    if not offers:
        return []
    atomic_write_text(place.recipe, dump(tree))  # first, for it makes the folder a run
    taken: dict[str, dict[str, Any]] = {"digests": {}, "code": {}, "seconds": {}, "parameters": {}}
    for offer in offers:
        _copy(offer.donor, place, offer.stage)
        manifest = offer.donor.read_manifest()
        for key, values in taken.items():
            mine = {offer.stage, *(_OF_SCORES if offer.stage == "scores" else ())}
            values |= {name: value for name, value in manifest.get(key, {}).items() if name in mine}
    stages = sorted(taken["digests"])
    atomic_write_text(place.manifest, json.dumps({**taken, "taken over": stages}, indent=2) + "\n")
    return stages


def _has(donor: RunFolder, manifest: Mapping[str, Any], stage: str, digest: str) -> bool:
    """Whether a run has finished this stage, as it is wanted."""
    if manifest.get("digests", {}).get(stage) != digest:
        return False
    return bool(manifest.get("finished")) if stage == "scores" else _weights(donor, stage).is_file()


def _check_data(donor: RunFolder, manifest: Mapping[str, Any], data: Mapping[str, str], stage: str) -> None:
    known = manifest.get("data", {})
    names = ("train videos", "test videos") if stage == "scores" else ("train videos",)
    other = [name for name in names if known.get(name, data[name]) != data[name]]
    if other:
        raise CheckpointError(
            f"its {stage} was made from other data than this: the {' and the '.join(other)} differ",
            where=str(donor.path),
            fix="give the --data-root that it began with, or leave this run out of --reuse",
        )


def _weights(folder: RunFolder, stage: str) -> Path:
    return folder.checkpoints / f"{stage}.safetensors"


def _files(donor: RunFolder, stage: str) -> list[Path]:
    """What a stage has left, below the run's folder."""
    if stage != "scores":
        return [_weights(donor, stage)]
    below = [path for folder in (donor.scores, donor.held_out, donor.synthetic) for path in sorted(folder.rglob("*"))]
    left = [path for path in below if not path.is_dir() and not path.match(LEFTOVERS)]
    return [*left, donor.position_stats] if donor.position_stats.is_file() else left


def _check_readable(donor: RunFolder, stage: str) -> None:
    for path in _files(donor, stage):
        if not os.access(path, os.R_OK):
            raise CheckpointError("cannot be read", where=str(path), fix="leave this run out of --reuse")


def _copy(donor: RunFolder, place: RunFolder, stage: str) -> None:
    for path in _files(donor, stage):
        with atomic_write(place.path / path.relative_to(donor.path)) as aside:
            shutil.copyfile(path, aside)  # without its mode: an archived run may be read-only
