"""Exports a trained run: its model for another runtime, and a description of how to use it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.errors import DataError, RunFolderError, VadkitError
from vadkit.core.files import explain
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.values import VideoRef
from vadkit.data.opening import open_data
from vadkit.engine.export.clip_scorer import FUSED, random_frames, scores_name
from vadkit.engine.export.comparison import TOLERANCE, Difference, Normal, compare
from vadkit.engine.export.formats import Form, form_of
from vadkit.engine.export.graph import Graph, capture
from vadkit.live.export_description import FORMAT, MASK, describe
from vadkit.live.export_fusion import calibrations_of, fusion_of
from vadkit.live.stream import recorded
from vadkit.live.watch import Watch
from vadkit.plugin.registry import Registry
from vadkit.store.scores import read_scores
from vadkit.video.clips import too_short
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.resize import resize

DESCRIPTION = "model.json"
_CLIPS = 4  # real clips that are compared
_RANDOM, _REAL = "random clips", "real clips"
Clips = NDArray[np.uint8]  # (N, T, H, W, C)


@dataclass(frozen=True, slots=True)
class Exported:
    """The outcome of `export_run`."""

    path: Path  # of the model's file
    differences: Mapping[str, Difference | None]  # "random clips" and "real clips" -> largest difference from PyTorch


def export_run(
    run: str | Path,
    to: str,
    out: str | Path,
    *,
    maps: bool = True,
    check_video: Path | None = None,
    data_root: Path | None = None,
    threshold: float | None = None,
    false_alarms_per_hour: float | None = None,
    overrides: Sequence[str] = (),
    overwrite: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Exported:
    """Write a folder with a run's model for another runtime, and with `model.json`, which describes it.

    The model maps clips to the fused score, and to the scores and anomaly maps of each scorer. The function runs the
    written file and compares it with PyTorch, on random and on real clips.

    Args:
        run: the run folder.
        to: "onnx", "openvino" or "torch".
        out: the new folder.
        maps: whether the model gives anomaly maps.
        check_video: a video for the comparison. Default: the first training video, if it is there.
        data_root: folder of the data set of the run, for the same purpose.
        threshold: as of `Watch`.
        false_alarms_per_hour: as of `Watch`.
        overrides: as of `Watch`.
        overwrite: replace an earlier export.
        progress: receives messages.
        registry: default: all installed plugins.

    Raises:
        VadkitError: a component cannot be exported, a package is missing, or the file gives other scores.
        RunFolderError: `out` exists, or cannot be written.
    """
    form, registry, progress = form_of(to), registry or Registry.discover(), progress or NoProgress()
    target = Path(out)
    _check_free(target, overwrite)
    watch = Watch(
        run,
        overrides=overrides,
        threshold=threshold,
        false_alarms_per_hour=false_alarms_per_hour,
        progress=progress,
        registry=registry,
    )
    real = _real_clips(watch, check_video, data_root, progress)
    if watch.recipe.engine.precision == "bf16":
        progress.message("the model is exported in float32; the run uses bfloat16, so that scores differ a little")
    with _new_folder(target) as folder:  # before the long work, because it may be impossible to write
        progress.message("capturing the model; this takes minutes for a large one")
        calibrations = calibrations_of(watch)
        graph = capture(watch.experiment, maps=maps, fusion=fusion_of(calibrations))
        if FUSED not in graph.outputs:
            progress.message("the model has no fused score: the transforms are not linear, or scorers differ in frames")
        progress.message(f"writing {form.file}")
        form.write(graph, folder / form.file)
        progress.message("comparing it with PyTorch")
        differences = _compare(watch, graph, form, folder, real)
        text = json.dumps(describe(watch, calibrations, graph, to, form, differences), indent=2, allow_nan=False)
        (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        if (mask := graph.module.pipeline.mask) is not None:
            Image.fromarray(mask.numpy().astype(np.uint8) * 255).save(folder / MASK)
    return Exported(target / form.file, differences)


def _compare(
    watch: Watch, graph: Graph, form: Form, folder: Path, real: NDArray[np.uint8] | None
) -> dict[str, Difference | None]:
    """Compare the written file with PyTorch.

    Raises:
        VadkitError: they differ by more than the tolerance.
    """
    runtime = form.open(folder / form.file, 1)
    drawn = compare(graph.module, runtime, random_frames(graph.clip, 3, seed=1))
    found: dict[str, Difference | None] = {_RANDOM: drawn, _REAL: None}
    if real is not None:
        found[_REAL] = compare(graph.module, runtime, real, _normal(watch))
    for kind, difference in found.items():
        if difference is not None and not difference.relative <= TOLERANCE:
            what = f"on {kind}, {difference.output} differs from PyTorch by {difference.relative:.2g} of its scale"
            fix = f"at most {TOLERANCE:g} is allowed; choose another --to, and report this with the recipe of the run"
            raise VadkitError(what, where=form.file, fix=fix)
    return found


def _normal(watch: Watch) -> dict[str, Normal]:
    """Output -> mean and standard deviation of a score on the held-out normal videos."""
    normal, fusion = read_scores(watch.folder.held_out), watch.fusion
    raw = {scores_name(name): [video.components[name] for video in normal] for name in watch.recipe.scores}
    raw[FUSED] = fusion.total(fusion.normal, fusion.scaled_normal)
    joined = {name: np.concatenate(videos) for name, videos in raw.items()}
    return {name: Normal(float(np.nanmean(each)), float(np.nanstd(each))) for name, each in joined.items()}


def _real_clips(watch: Watch, video: Path | None, data_root: Path | None, progress: Progress) -> Clips | None:
    """Clips from the start of a video, (N, T, H, W, C); None if there is no video.

    Raises:
        DataError: the given video cannot be read, or is shorter than a clip.
    """
    if video is not None:
        if not video.exists():
            raise DataError("does not exist", where=str(video), fix="give a video file or a folder of images")
        return _first_clips(watch, recorded(video))
    try:
        return _first_clips(watch, open_data(watch.recipe.data, data_root).videos("train")[0])
    except (DataError, IndexError) as error:
        if data_root is not None and isinstance(error, DataError):
            raise
    progress.message("the run's videos are not there: only random clips are compared; --check-video adds real ones")
    return None


def _first_clips(watch: Watch, video: VideoRef) -> Clips:
    clip = watch.recipe.data.clip
    decoded = decode(video, color=clip.color, damages=Damages())
    with contextlib.closing(decoded):
        frames = [resize(frame, clip) for frame in itertools.islice(decoded, _CLIPS * clip.span)]
    if len(frames) < clip.span:
        raise too_short(len(frames), clip, where=video.where, fix="give a longer video")
    starts = range(0, len(frames) - clip.span + 1, clip.span)
    return np.stack([np.stack(frames[at : at + clip.span : clip.step]) for at in starts])


def _check_free(out: Path, overwrite: bool) -> None:
    """Refuse a folder with other content than an earlier export.

    Raises:
        RunFolderError: it has such content, or an export that must not be replaced.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not is_export(out):
        what = "is not empty, and is not an exported model" if out.is_dir() else "is a file, not a folder"
        raise RunFolderError(what, where=str(out), fix="choose another folder with --out")
    if not overwrite:
        fix = "replace it (--overwrite) or choose another folder (--out)"
        raise RunFolderError("already contains an exported model", where=str(out), fix=fix)


def is_export(folder: Path) -> bool:
    """Whether a folder has an exported model."""
    try:
        found = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("format") == FORMAT


@contextlib.contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` at the end, if there is no error. It replaces an earlier export.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
            new = Path(aside) / "new"
            new.mkdir()
            yield new
            if out.exists():
                os.replace(out, Path(aside) / "old")  # noqa: PTH105
            os.replace(new, out)  # noqa: PTH105
    except OSError as error:
        raise explain(error, out) from error
