"""Calibrates a trained run for another camera: scales and threshold from normal videos of that camera."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, RunFolderError
from vadkit.core.files import explain
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.values import ClipSpec, Split, VideoRef
from vadkit.data.datamodule import DataModule
from vadkit.engine.experiment import without_videos
from vadkit.engine.scoring import Scoring
from vadkit.evaluation.build import evaluation_of
from vadkit.evaluation.calibration import Calibration
from vadkit.evaluation.run_scores import write_calibration
from vadkit.live.rate import rate_of_run, report_rate
from vadkit.live.stream import Source, open_source
from vadkit.live.videos import Video
from vadkit.live.watch import open_deployable
from vadkit.plugin.registry import Registry
from vadkit.recipe.model import Recipe, with_threads
from vadkit.store.run_folder import RunFolder
from vadkit.store.scores import read_scores
from vadkit.video.cache import FrameCache, Frames
from vadkit.video.clips import too_short
from vadkit.video.frame_array import StoredFrames, open_stored, write
from vadkit.video.times import rate_varies


def calibrate_run(
    run: str | Path,
    videos: Sequence[Video],
    out: str | Path,
    *,
    fps: float | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Calibration:
    """Write a run folder with the weights of a run, and with scales and threshold from other normal videos.

    Nothing is trained. `vadkit score` and `vadkit watch` read the new folder as they read the run.

    Args:
        run: the run folder.
        videos: normal videos of the camera. They should show everything that is usual there.
        out: the new run folder.
        fps: frames per second to use; default: the rate of the videos that the run was trained on.
        overwrite: replace an earlier run folder.
        threads: CPU threads; default: those of the recipe, or measured.
        progress: receives progress and messages.
        registry: default: all installed plugins.

    Returns:
        The calibration, as the new folder stores it.

    Raises:
        DataError: a video cannot be read, or is shorter than a clip.
        RunFolderError: `out` exists, or cannot be written.
    """
    registry, progress = registry or Registry.discover(), progress or NoProgress()
    folder, recipe = open_deployable(run, (), registry)
    target = RunFolder(Path(out))
    if target.path.resolve() == folder.path.resolve():
        fix = "choose another folder with --out"
        raise RunFolderError("a run cannot be replaced by its own calibration", where=str(out), fix=fix)
    target.check(resume=False, overwrite=overwrite)
    target.path.parent.mkdir(parents=True, exist_ok=True)
    has_scores = folder.held_out.is_dir() and any(folder.held_out.glob("*.npz"))
    rate = fps or rate_of_run(recipe.data, read_scores(folder.held_out) if has_scores else ())
    with tempfile.TemporaryDirectory(prefix=f".{target.path.name}-", dir=target.path.parent) as aside:
        new = RunFolder(Path(aside) / "run")
        _copy_weights(folder, new)
        found = _decode(videos, recipe.data.clip, rate, Path(aside), progress)
        experiment = without_videos(with_threads(recipe, threads), new)
        experiment.load_weights()
        experiment.progress = progress
        experiment.datamodule = _CameraVideos(recipe, found, progress)
        evaluation = evaluation_of(recipe, registry)
        Scoring(experiment).held_out(synthetic=evaluation.needs.synthetic)
        calibration = write_calibration(new, evaluation)
        assert calibration is not None, "a deployable protocol has a threshold"
        new.update_manifest(lambda it: replace(it, calibrated_from=str(folder.path.resolve())))
        with target.locked():
            target.prepare(resume=False, overwrite=overwrite)
            _move(new, target)
    return calibration


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A video of the camera, and its frames at the clip's size."""

    video: VideoRef
    frames: StoredFrames
    times: NDArray[np.float64] | None  # seconds of each frame, (F,), if the frame rate varies


class _Camera(Dataset):
    """The normal videos of a camera as training videos."""

    def __init__(self, found: Sequence[VideoRef]) -> None:
        self._found = found

    def videos(self, split: Split) -> Sequence[VideoRef]:
        return self._found if split == "train" else ()

    def labels(self, video: VideoRef) -> None:
        del video


class _CameraVideos(DataModule):
    """Decoded normal videos, all of them held out. Their clips also give the statistics of positions in a window."""

    def __init__(self, recipe: Recipe, found: Sequence[_Decoded], progress: Progress) -> None:
        dataset = _Camera([decoded.video for decoded in found])
        super().__init__(recipe.data, recipe.seed, dataset, FrameCache(None), progress)
        self._decoded = {decoded.video.name: decoded for decoded in found}

    @cached_property
    def _split(self) -> tuple[Sequence[VideoRef], Sequence[VideoRef]]:
        return self.videos("train"), self.videos("train")

    def frames(self, video: VideoRef) -> Frames:
        return self._decoded[video.name].frames

    def sampling(self, video: VideoRef) -> None:
        del video  # they are decoded at the rate of the model

    def times(self, video: VideoRef) -> NDArray[np.float64] | None:
        return self._decoded[video.name].times


def _copy_weights(source: RunFolder, new: RunFolder) -> None:
    """Copy recipe, manifest, weights and the files that the recipe names."""
    new.checkpoints.mkdir(parents=True)
    try:
        for path in (source.recipe, source.manifest):
            shutil.copyfile(path, new.path / path.name)
        for path in source.checkpoints.glob("*.safetensors"):
            shutil.copyfile(path, new.checkpoints / path.name)
        if source.files.is_dir():
            shutil.copytree(source.files, new.files)
    except OSError as error:
        raise explain(error, new.path) from error


def _decode(
    videos: Sequence[Video], clip: ClipSpec, fps: float | None, aside: Path, progress: Progress
) -> list[_Decoded]:
    """Decode videos at a frame rate and at the clip's size, into files."""
    found: list[_Decoded] = []
    progress.begin("decode", len(videos), unit="videos")
    for number, video in enumerate(videos, 1):
        source = open_source(str(video.path), clip, fps=fps, tell=progress.message)
        report_rate(source.name, source.fps, fps, progress.message)
        path, shape = aside / f"{number}.npy", (clip.height, clip.width, clip.colors)
        seconds: list[float] = []
        write(path, _frames_of(source, seconds), shape, lambda _: None)
        frames = open_stored(path, shape, _gone)
        if frames is None or len(frames) < clip.span:
            count, fix = len(frames) if frames else 0, "leave it out, or give a longer video"
            raise too_short(count, clip, where=str(video.path), fix=fix)
        times = np.array(seconds)
        reference = VideoRef(str(video.name), video.path, fps=source.used_fps)
        found.append(_Decoded(reference, frames, times if rate_varies(times) else None))
        progress.advance(number, amount=1)
    progress.end()
    return found


def _frames_of(source: Source, seconds: list[float]) -> Iterator[NDArray[np.uint8]]:
    """The frames (1, H, W, C) of a recording; their times are appended to `seconds`."""
    for each in source.frames():
        if each:
            seconds.append(each.seconds)
            yield each.frame[None]


def _gone() -> None:
    raise DataError("the decoded frames were deleted", where="vadkit calibrate", fix="give the command again")


def _move(new: RunFolder, target: RunFolder) -> None:
    """Move the complete run into its folder. The recipe, which makes the folder a run, comes last."""
    try:
        target.checkpoints.mkdir(exist_ok=True)
        if target.files.is_dir():
            shutil.rmtree(target.files)
        paths = [*new.checkpoints.iterdir(), new.manifest, new.recipe]
        for path in paths:
            os.replace(path, target.path / path.relative_to(new.path))  # noqa: PTH105
    except OSError as error:
        raise explain(error, target.path) from error
