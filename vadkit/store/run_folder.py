"""The run folder: who may write there, its manifest, and what its parts depend on."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vadkit.core.errors import CheckpointError, DataError, RunFolderError
from vadkit.core.files import LEFTOVERS, atomic_write_text, explain

RESULTS = ("checkpoints", "scores", "regions", "figures", "evals")
FILES = ("recipe.yaml", "manifest.json", "metrics.json", "labels.npz", "log.jsonl")


class RunFolder:
    """Paths and manifest of one run.

    Args:
        path: the folder; need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.yaml"
        self.manifest = path / "manifest.json"
        self.checkpoints = path / "checkpoints"
        self.scores = path / "scores"
        self.held_out = path / "checkpoints" / "held_out"  # scores of normal video stay with the model
        self.position_stats = path / "checkpoints" / "position_stats.npz"
        self.calibration = path / "checkpoints" / "calibration.json"
        self.synthetic = path / "checkpoints" / "synthetic"
        self.regions = path / "regions"
        self.labels = path / "labels.npz"
        self.log = path / "log.jsonl"

    @property
    def is_run(self) -> bool:
        """Whether a run has begun here."""
        return self.recipe.is_file()

    @property
    def is_free(self) -> bool:
        """Whether a run may begin here: there is nothing, or what a run leaves that was stopped as it began."""
        return not self.path.exists() or (self.path.is_dir() and all(_ours(path) for path in self.path.iterdir()))

    def runs_within(self) -> list[Path]:
        """Run folders that lie within, as in a sweep's folder, in order; none in a run itself."""
        return [] if self.is_run else sorted(path.parent for path in self.path.glob("*/recipe.yaml"))

    def require_run(self) -> None:
        """Refuse a folder that is no run.

        Raises:
            DataError: it is none; names the runs that lie within, as in a sweep's folder.
        """
        if self.is_run:
            return
        if not self.path.is_dir():
            what = "is a file, not a run folder" if self.path.exists() else "there is no such folder"
            raise DataError(what, where=str(self.path), fix="give the path of a run")
        fix = f"it holds runs: give one of {self.path}/*/" if self.runs_within() else "give the path of a run"
        raise DataError("is not a run folder: there is no recipe.yaml", where=str(self.path), fix=fix)

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse what must not be written over; touches nothing.

        Raises:
            RunFolderError: it holds something else, or a run and not exactly one of
                `resume` and `overwrite` is given.
        """
        if resume and overwrite:
            raise RunFolderError("--resume and --overwrite contradict each other", fix="give one of them")
        where = str(self.path)
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError("is a file, not a folder", where=where, fix="choose another folder with --out")
        if self.is_run and not (resume or overwrite):
            raise RunFolderError(
                "holds a run already",
                where=where,
                fix="go on with it (--resume), replace it (--overwrite) or choose another folder (--out)",
            )
        if not self.is_run and not self.is_free:
            raise RunFolderError("is not empty and not a run", where=where, fix="choose another folder with --out")

    def prepare(self, *, resume: bool, overwrite: bool) -> None:
        """Make the locked folder ready: what killed writers left goes, and with `overwrite` the earlier run.

        Raises:
            RunFolderError: as `check`, or it cannot be written.
        """
        self.check(resume=resume, overwrite=overwrite)
        try:
            for folder in (self.path, self.checkpoints, self.scores, self.held_out, self.synthetic):
                for path in folder.glob(LEFTOVERS):
                    path.unlink()
            if not (self.is_run and overwrite):
                return
            for name in RESULTS:
                if (self.path / name).is_dir():
                    shutil.rmtree(self.path / name)
            for name in FILES:
                (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise explain(error, self.path) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder while this one writes.

        Raises:
            RunFolderError: another process has it, or it cannot be written.
        """
        lock = self.path / ".lock"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = lock.open("w")
        except OSError as error:
            raise explain(error, self.path) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunFolderError(
                    "another vadkit is writing here", where=str(self.path), fix="wait for it, or choose --out"
                ) from error
            yield

    def read_manifest(self) -> dict[str, Any]:
        """What the manifest holds, {} if there is none.

        Raises:
            CheckpointError: it is damaged.
        """
        if not self.manifest.exists():
            return {}
        try:
            return json.loads(self.manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"is damaged: {error}", where=str(self.manifest), fix="begin anew with --overwrite"
            ) from error

    def update_manifest(self, **values: Any) -> None:
        """Set some of the manifest's fields; mappings merge."""
        manifest = self.read_manifest()
        for name, value in values.items():
            old = manifest.get(name)
            manifest[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        atomic_write_text(self.manifest, json.dumps(manifest, indent=2) + "\n")


def _ours(path: Path) -> bool:
    """The lock, or a file that a killed writer left."""
    return path.name == ".lock" or path.match(LEFTOVERS)


def digest_of(*parts: Any) -> str:
    """Twelve hexadecimal digits of plain values."""
    canonical = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def stage_digests(tree: Mapping[str, Any]) -> dict[str, str]:
    """What each stage's result depends on, from the resolved recipe: stage -> digest.

    `model`, `density.NAME` for each density, and `scores`.
    """
    engine = tree.get("engine") or {}
    data = {key: value for key, value in (tree.get("data") or {}).items() if key != "test_on"}
    base = (tree.get("seed", 0), data, engine.get("precision", "fp32"))
    model = digest_of(*base, tree.get("model"))
    densities = tree.get("densities") or {}
    stages = {"model": model} if tree.get("model") else {}
    stages |= {f"density.{name}": digest_of(model, density) for name, density in densities.items()}
    overlap = (engine["score_overlap"],) if engine.get("score_overlap", "mean") != "mean" else ()
    elsewhere = tested_on(tree)
    windows = (engine.get("score_stride", 1), *overlap, *([elsewhere] if elsewhere else []))
    of = tuple(stages.values()) or base  # scorers may need neither model nor density
    return stages | {"scores": digest_of(*of, tree.get("scores"), *windows)}


def tested_on(tree: Mapping[str, Any]) -> Any:
    """The data set that a resolved recipe is tested on, if it is not trained on it; None if it is."""
    return (tree.get("data") or {}).get("test_on")
