"""Copies finished stages of other runs into a new run, where the new recipe would produce the same result."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from vadkit.core.errors import CheckpointError, DataError, join_names
from vadkit.core.files import LEFTOVERS, atomic_write, atomic_write_text
from vadkit.core.values import Split
from vadkit.recipe.model import Recipe
from vadkit.store.manifest import HELD_OUT, MODEL, SCORES, SYNTHETIC, Manifest, Stage
from vadkit.store.run_folder import RunFolder


def open_sources(reuse: Sequence[str | Path], target: RunFolder) -> list[RunFolder]:
    """The runs from which `target` may copy stages.

    Raises:
        DataError: one of them is not a run.
        CheckpointError: one of them is `target` itself.
    """
    sources = [RunFolder(Path(path)) for path in reuse]
    for source in sources:
        source.require_run()
        if source.path.resolve() == target.path.resolve():
            fix = "continue it with --resume, or choose another folder with --out"
            raise CheckpointError("a run cannot reuse its own stages", where=str(source.path), fix=fix)
    return sources


def warm_start(source: str | Path, recipe: Recipe, tell: Callable[[str], None]) -> list[str]:
    """The changes of a recipe, in the form of `--set`, with which its stages start from the weights of a run.

    `tell` receives a message if the run has no weights of some stages.

    Raises:
        DataError: `source` is not a run, or has no weights of a stage that the recipe trains by gradients.
    """
    folder = RunFolder(Path(source))
    folder.require_run()
    fits = {"model": (MODEL, recipe.model and recipe.model.fit)}
    fits |= {f"densities.{name}": (f"density.{name}", density.fit) for name, density in recipe.densities.items()}
    files = {key: _weights(folder, stage).absolute() for key, (stage, fit) in fits.items() if fit is not None}
    found = {key: path for key, path in files.items() if path.is_file()}
    if not found:
        what = f"has no weights of {join_names(list(files))}" if files else "this recipe trains nothing by gradients"
        raise DataError(what, where=f"--warm-start {source}", fix="start from a run with the same stages")
    if cold := sorted(files.keys() - found.keys()):
        tell(f"{source} has no weights of {join_names(cold)}: training starts from random weights there")
    return [f"{key}.fit.init={json.dumps(str(path))}" for key, path in found.items()]


class ReusableStage(NamedTuple):
    """A finished stage of another run: `model`, `density.NAME` or `scores`."""

    source: RunFolder
    stage: str


def reusable_stages(
    digests: Mapping[str, str], fingerprints: Mapping[Split, str], sources: Sequence[RunFolder]
) -> list[ReusableStage]:
    """Finished stages of other runs that depend on the same part of the recipe. Writes nothing.

    `digests` and `fingerprints` are those of the new recipe, by stage and by split. The first source that has a stage
    provides it.

    Raises:
        CheckpointError: a stage was made from other videos, or its files cannot be read.
    """
    found: dict[str, ReusableStage] = {}
    for source in sources:
        manifest = source.read_manifest()
        for stage, digest in digests.items():
            if stage not in found and _is_finished(source, manifest, stage, digest):
                _check_data(source, manifest, fingerprints, stage)
                for path in _files(source, stage):
                    if not os.access(path, os.R_OK):
                        raise CheckpointError("cannot be read", where=str(path), fix="remove this run from --reuse")
                found[stage] = ReusableStage(source, stage)
    return list(found.values())


def copy_stages(target: RunFolder, recipe: str, stages: Sequence[ReusableStage]) -> list[str]:
    """Copy stages into a folder in which no run has begun; return their names.

    A run killed at any moment can be resumed. `recipe` is the new recipe as text, as the run folder keeps it.
    """
    if not stages:
        return []
    atomic_write_text(target.recipe, recipe)  # first: this file makes the folder a run
    records: dict[str, Stage] = {}
    for source, stage in stages:
        _copy(source, target, stage)
        names = (SCORES, HELD_OUT, SYNTHETIC) if stage == SCORES else (stage,)
        known = source.read_manifest().stages
        records |= {name: known[name] for name in names if name in known}
    copied = tuple(sorted(stage for _, stage in stages))
    target.update_manifest(lambda manifest: replace(manifest, stages=records, copied=copied))
    return list(copied)


def _is_finished(source: RunFolder, manifest: Manifest, stage: str, digest: str) -> bool:
    if manifest.stage(stage).digest != digest:
        return False
    return manifest.finished is not None if stage == SCORES else _weights(source, stage).is_file()


def _check_data(source: RunFolder, manifest: Manifest, fingerprints: Mapping[Split, str], stage: str) -> None:
    splits: tuple[Split, ...] = ("train", "test") if stage == SCORES else ("train",)
    known = manifest.data.fingerprints
    other = [f"{split} videos" for split in splits if known.get(split, fingerprints[split]) != fingerprints[split]]
    if other:
        what = f"its stage '{stage}' was made from other data: the {' and the '.join(other)} differ"
        fix = "use the --data-root that it was run with, or remove this run from --reuse"
        raise CheckpointError(what, where=str(source.path), fix=fix)


def _weights(folder: RunFolder, stage: str) -> Path:
    return folder.checkpoints / f"{stage}.safetensors"


def _files(source: RunFolder, stage: str) -> list[Path]:
    if stage != SCORES:
        return [_weights(source, stage)]
    folders = (source.scores, source.held_out, source.synthetic)
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if not path.is_dir()]
    finished = [path for path in paths if not path.match(LEFTOVERS)]
    return [*finished, source.position_stats] if source.position_stats.is_file() else finished


def _copy(source: RunFolder, target: RunFolder, stage: str) -> None:
    for path in _files(source, stage):
        with atomic_write(target.path / path.relative_to(source.path)) as aside:
            shutil.copyfile(path, aside)  # without its mode: an archived run may be read-only
