"""The manifest of a run: what was run, on which data, with which code, where, and how long it took.

This module alone knows the keys of `manifest.json`. Everything else reads and changes a `Manifest`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from vadkit.core.errors import CheckpointError
from vadkit.core.files import atomic_write_text
from vadkit.core.values import Split

FORMAT = 1
"""Version of the manifest's layout."""

MODEL, SCORES = "model", "scores"
"""Names of stages; a density's stage is `density.NAME`."""

HELD_OUT, SYNTHETIC = "scores.held_out", "scores.synthetic"
"""Names of the parts of the stage `scores` that are timed separately."""


@dataclass(frozen=True, slots=True)
class Session:
    """One process that worked on the run. A resumed run has several."""

    begun: str  # when it started, ISO 8601 with time zone
    commit: str | None  # of vadkit's source; None if it is not in git
    versions: Mapping[str, str]  # package -> version
    host: Mapping[str, Any]  # system, processor, cores and device
    seconds: float | None = None  # None if it did not finish the run


@dataclass(frozen=True, slots=True)
class Stage:
    """What is known about one stage."""

    digest: str = ""  # of the part of the recipe that the stage's result depends on
    # package -> digest of the source that the stage was made with
    code: Mapping[str, str] = field(default_factory=dict)
    parameters: int | None = None  # number of weights; None if it is not known, or the stage has none
    seconds: float | None = None  # None if the stage was not measured in one piece
    threads: int | None = None  # CPU threads that a measurement chose; None if none was needed


@dataclass(frozen=True, slots=True)
class InputFileRecord:
    """A file that the recipe names, such as pretrained weights. The run folder has a copy of it.

    Attributes:
        path: absolute path of the file.
        sha256: SHA-256 of its content, hexadecimal.
        bytes: its size.
    """

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Count:
    """Numbers of videos and frames of a split."""

    videos: int
    frames: int


@dataclass(frozen=True, slots=True)
class DataRecord:
    """The videos of a run."""

    # split -> digest of the names and sizes of its videos
    fingerprints: Mapping[Split, str] = field(default_factory=dict)
    counts: Mapping[Split, Count] = field(default_factory=dict)
    tested_on: Any = None  # the data set of the test videos, if it differs from the one of the training videos
    held_out: tuple[str, ...] = ()  # names of the normal videos that were kept from training
    # split -> video -> what is wrong with it
    damaged: Mapping[Split, Mapping[str, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `manifest.json`.

    Example:
        >>> manifest = Manifest(name="walk").with_stage("model", digest="0a1b", parameters=12)
        >>> manifest.stages["model"].parameters
        12
        >>> manifest.stage("scores").seconds is None
        True
    """

    name: str = ""  # name of the recipe
    seed: int = 0
    precision: str = ""  # "fp32" or "bf16"
    finished: str | None = None  # when the run was finished; None if it is not
    stateful: str = ""  # why scores depend on the order of frames; empty if they do not
    # the protocol of the run's metrics, with labels and weights filled in
    protocol: Mapping[str, Any] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()  # plugins that the recipe uses, with distribution and version
    # score -> number of dimensions of its likelihoods, for bits per dimension
    dimensions: Mapping[str, int] = field(default_factory=dict)
    flops: Mapping[str, int] | None = None  # part of the pipeline -> floating-point operations for one clip
    stages: Mapping[str, Stage] = field(default_factory=dict)
    copied: tuple[str, ...] = ()  # stages that were copied from other runs
    # folder of the run that has these weights, if `vadkit calibrate` made this folder; else empty
    calibrated_from: str = ""
    # key of the recipe, such as `model.encoder.weights` -> the file that it names
    files: Mapping[str, InputFileRecord] = field(default_factory=dict)
    data: DataRecord = DataRecord()
    sessions: tuple[Session, ...] = ()  # the processes that worked on the run, the first one first
    format: int = FORMAT  # version of this layout

    def stage(self, name: str) -> Stage:
        """What is known about a stage; an empty record if nothing is."""
        return self.stages.get(name, Stage())

    def with_stage(self, name: str, **changes: Any) -> Manifest:
        """A copy in which fields of one stage are changed."""
        return replace(self, stages={**self.stages, name: replace(self.stage(name), **changes)})

    def with_data(self, **changes: Any) -> Manifest:
        """A copy in which fields of the data record are changed."""
        return replace(self, data=replace(self.data, **changes))

    @property
    def parameters(self) -> int | None:
        """Number of weights of all stages; None if it is not known."""
        known = [stage.parameters for stage in self.stages.values() if stage.parameters is not None]
        return sum(known) if known else None

    @property
    def code(self) -> dict[str, Mapping[str, str]]:
        """Stage -> package -> digest of the source, for stages where it is known."""
        return {name: stage.code for name, stage in self.stages.items() if stage.code}

    @property
    def began_with(self) -> Session | None:
        """The first session: the machine and versions that the run's numbers are shown with."""
        return self.sessions[0] if self.sessions else None


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; an empty one if the file does not exist.

    Raises:
        CheckpointError: it is damaged, or it has another format.
    """
    if not path.exists():
        return Manifest()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values.get("format")
        if version != FORMAT:
            has = "has no format number" if version is None else f"has format {version}"
            what = f"{has}, but this version of vadkit reads format {FORMAT}"
            fix = "use the version of vadkit that wrote it, or run the recipe again with --overwrite"
            raise CheckpointError(what, where=str(path), fix=fix)
        return _adapter().validate_python(values)
    except (OSError, ValueError, AttributeError) as error:
        what = f"is damaged: {str(error).splitlines()[0]}"
        raise CheckpointError(what, where=str(path), fix="start again with --overwrite") from error


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest atomically."""
    atomic_write_text(path, json.dumps(_adapter().dump_python(manifest, mode="json"), indent=2) + "\n")


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Manifest)
