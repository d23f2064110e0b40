"""The run folder: its paths, its lock, its manifest, and the digests of its stages."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vadkit.core.errors import DataError, RunFolderError
from vadkit.core.files import LEFTOVERS, explain
from vadkit.recipe.input_files import replaced
from vadkit.store.manifest import InputFileRecord, Manifest, read_manifest, write_manifest

RESULTS = ("checkpoints", "scores", "regions", "figures", "evals", "thumbnails", "frame_scores", "annotated")
FILES = (
    *("recipe.yaml", "manifest.json", "metrics.json", "labels.npz", "log.jsonl"),
    *("events.csv", "events.jsonl", "report.html"),
)


class RunFolder:
    """Paths and manifest of one run. The folder need not exist yet."""

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
        self.files = path / "checkpoints" / "files"  # copies of files that the recipe names
        self.regions = path / "regions"
        self.labels = path / "labels.npz"
        self.log = path / "log.jsonl"

    @property
    def is_run(self) -> bool:
        """Whether the folder holds a run."""
        return self.recipe.is_file()

    @property
    def has_results(self) -> bool:
        """Whether a run computed something here. A run that failed at its start leaves only its recipe and settings."""
        return any(path != self.files for path in self.checkpoints.glob("*")) or any(self.scores.glob("*"))

    @property
    def is_free(self) -> bool:
        """Whether a run may start here: the folder is missing, empty, or holds only leftovers of a killed run."""
        if not self.path.is_dir():
            return not self.path.exists()
        return all(path.name in (".lock", ".writer") or path.match(LEFTOVERS) for path in self.path.iterdir())

    def runs_within(self) -> list[Path]:
        """Run folders inside this one, such as the runs of a sweep, in order; none if it is a run itself."""
        return [] if self.is_run else sorted(path.parent for path in self.path.glob("*/recipe.yaml"))

    def require_run(self) -> None:
        """Refuse a folder that is not a run.

        Raises:
            DataError: it is not a run; the message names runs inside it, such as those of a sweep.
        """
        if self.is_run:
            return
        if not self.path.is_dir():
            what = "is a file, not a run folder" if self.path.exists() else "does not exist"
            raise DataError(what, where=str(self.path), fix="give the path of a run")
        fix = f"it contains runs: give one of {self.path}/*/" if self.runs_within() else "give the path of a run"
        raise DataError("is not a run folder: there is no recipe.yaml", where=str(self.path), fix=fix)

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse a folder that must not be overwritten. Changes nothing.

        Raises:
            RunFolderError: it contains other files, or a run with results and not exactly one of `resume` and
                `overwrite` is set.
        """
        if resume and overwrite:
            raise RunFolderError("--resume and --overwrite contradict each other", fix="use one of them")
        where = str(self.path)
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError("is a file, not a folder", where=where, fix="choose another folder with --out")
        if self.is_run and self.has_results and not (resume or overwrite):
            fix = "continue it (--resume), replace it (--overwrite) or choose another folder (--out)"
            raise RunFolderError("already contains a run", where=where, fix=fix)
        if not self.is_run and not self.is_free:
            raise RunFolderError("is not empty, and is not a run", where=where, fix="choose another folder with --out")

    def prepare(self, *, resume: bool, overwrite: bool) -> None:
        """Prepare the locked folder: delete leftovers of killed processes and, without `resume`, the earlier run.

        Raises:
            RunFolderError: as `check`, or the folder cannot be written.
        """
        self.check(resume=resume, overwrite=overwrite)
        try:
            within = (path for name in RESULTS for path in (self.path / name).rglob(LEFTOVERS))
            for path in [*self.path.glob(LEFTOVERS), *within]:
                path.unlink()
            if resume or not self.is_run:
                return
            results = [self.path / name for name in RESULTS if self.path / name != self.checkpoints]
            for path in [*results, *self.checkpoints.glob("*"), *(self.path / name for name in FILES)]:
                if path == self.files:  # the new run may read its files from here; it deletes the others
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise explain(error, self.path) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes.

        Raises:
            RunFolderError: another process holds the lock, or the folder cannot be written. The message names the
                process.
        """
        lock, writer = FileLock(self.path / ".lock", blocking=False), self.path / ".writer"
        named = ""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            with contextlib.suppress(OSError):  # the other process may have ended by now
                named = f": {writer.read_text(encoding='utf-8')[:200]}"
            what = f"another vadkit is writing here{named}"
            raise RunFolderError(what, where=str(self.path), fix="wait for it, or choose --out") from error
        except OSError as error:
            raise explain(error, self.path) from error
        try:
            with contextlib.suppress(OSError):  # it only serves the message of another process
                writer.write_text(_this_process(), encoding="utf-8")
            yield
        finally:
            with contextlib.suppress(OSError):
                writer.unlink(missing_ok=True)
            lock.release()

    def read_manifest(self) -> Manifest:
        """The manifest; an empty one if there is none.

        Raises:
            CheckpointError: it is damaged, or it has another format.
        """
        return read_manifest(self.manifest)

    def update_manifest(self, change: Callable[[Manifest], Manifest]) -> None:
        """Change the manifest: read, apply `change`, write."""
        write_manifest(self.manifest, change(self.read_manifest()))


def _this_process() -> str:
    return f"process {os.getpid()} on {platform.node()}, since {datetime.now(UTC).isoformat(timespec='seconds')}"


def digest_of(*parts: Any) -> str:
    """Digest of plain values: 12 hexadecimal digits."""
    canonical = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def stage_digests(tree: Mapping[str, Any], files: Mapping[str, InputFileRecord] | None = None) -> dict[str, str]:
    """Stage -> digest of the part of a resolved recipe that its result depends on.

    The stages are `model`, `density.NAME` for each density, and `scores`.

    Args:
        tree: the recipe as plain values.
        files: key -> the file that it names. The digest depends on the content of a file and not on its path.
    """
    tree = replaced(tree, {key: {"sha256": record.sha256} for key, record in (files or {}).items()})
    engine = tree.get("engine") or {}
    data = {key: value for key, value in (tree.get("data") or {}).items() if key != "test_on"}
    base = (tree.get("seed", 0), data, engine.get("precision", "fp32"))
    model = digest_of(*base, tree.get("model"))
    densities = tree.get("densities") or {}
    stages = {"model": model} if tree.get("model") else {}
    stages |= {f"density.{name}": digest_of(model, density) for name, density in densities.items()}
    elsewhere = tested_on(tree)
    windows = (engine.get("score_stride", 1), *([elsewhere] if elsewhere else []))
    of = tuple(stages.values()) or base  # scorers may need neither model nor density
    return stages | {"scores": digest_of(*of, tree.get("scores"), *windows)}


def tested_on(tree: Mapping[str, Any]) -> Any:
    """The data set of the test videos, if it is not the one of the training videos; else None."""
    return (tree.get("data") or {}).get("test_on")
