"""What a trained run makes of a video, as NumPy arrays: clips, reconstructions, latents, likelihoods, anomaly maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, closest
from vadkit.core.progress import NoProgress
from vadkit.core.values import VideoRef
from vadkit.data.datamodule import DataModule
from vadkit.data.opening import open_data
from vadkit.recipe.model import Recipe
from vadkit.store.external.boxes import box_reader
from vadkit.video.cache import open_cache
from vadkit.video.clips import read_window, window_frames, window_starts

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VideoOutputs:
    """What a run makes of N windows of a video. A window has T frames.

    Attributes:
        video: name of the video.
        windows: (N, T) int, the numbers of the frames of each window, from 0.
        clips: (N, C, T, H, W), in [-1, 1].
        output: (N, C, T_out, H, W), the frames that the decoder gave. None without a decoder.
        latents: the encoder's latents, name -> (N, C', T', H', W').
        nll: negative log-likelihoods in nats, density -> (N, T'), or (N, T', rows, columns) for samples at places.
        scores: component -> (N, T), NaN for frames without a score.
        anomaly_maps: component -> (N, T, H, W), for the components that give maps.
    """

    video: str
    windows: NDArray[np.int64]
    clips: Array
    output: Array | None
    latents: Mapping[str, Array]
    nll: Mapping[str, Array]
    scores: Mapping[str, Array]
    anomaly_maps: Mapping[str, Array]

    def frame_scores(self, component: str) -> dict[int, float]:
        """Number of a frame -> its score: the mean over the windows that score it, as in the score files."""
        found: dict[int, list[float]] = {}
        for window, values in zip(self.windows, self.scores[component], strict=True):
            for frame, value in dict(zip(window.tolist()[::-1], values.tolist()[::-1], strict=True)).items():
                if not np.isnan(value):
                    found.setdefault(frame, []).append(value)
        return {frame: float(np.mean(values)) for frame, values in sorted(found.items())}


def read_clips(
    recipe: Recipe,
    video: str | NDArray[np.uint8],
    *,
    frames: tuple[int, int] | None = None,
    stride: int | None = None,
    data_root: str | Path | None = None,
) -> tuple[NDArray[np.int64], Array]:
    """Read the windows of a video: the numbers of their frames (N, T), and the clips (N, C, T, H, W) in [-1, 1].

    Args:
        recipe: gives the data set, and the geometry of a clip.
        video: the name of a test, held-out or training video; or frames (F, H, W, C) uint8 of the clip's size.
        frames: only windows within this range of frames, such as (0, 100); default, the complete video.
        stride: frames between the starts of neighbouring windows; default, that of the recipe.
        data_root: the folder of the data set, or the folder that contains it; default `$VADKIT_DATA`.

    Raises:
        DataError: no video has this name, its frames have another size, or the range is shorter than a clip.
    """
    return _read(recipe, video, frames, stride, data_root)[:2]


def _read(
    recipe: Recipe,
    video: str | NDArray[np.uint8],
    frames: tuple[int, int] | None,
    stride: int | None,
    data_root: str | Path | None,
) -> tuple[NDArray[np.int64], Array, Array | None]:
    """The windows of a video, as `read_clips`, and the boxes of their objects."""
    from vadkit.video.clips import to_clips

    spec, stride = recipe.data.clip, stride or recipe.engine.score_stride
    with open_cache() as cache:
        if isinstance(video, str):
            opened, reader = open_data(recipe.data, data_root), box_reader(recipe.data.boxes)
            module = DataModule(recipe.data, recipe.seed, opened, cache, NoProgress(), reader)
            found = _find(module, video)
            everything, name, boxes = module.frames(found), video, module.boxes(found)
        else:
            everything, name, boxes = np.asarray(video), "frames", None
            if recipe.data.boxes is not None:
                raise DataError("have no boxes", where="frames", fix="give the name of a video of the recipe")
            wanted = (spec.height, spec.width, spec.colors)
            if everything.ndim != 4 or everything.shape[1:] != wanted or everything.dtype != np.uint8:
                what = f"is {everything.dtype} {everything.shape}, not uint8 (F, {', '.join(map(str, wanted))})"
                raise DataError(what, where="frames", fix="resize the frames to the clip of the recipe")
        first, stop = frames or (0, len(everything))
        if not 0 <= first < stop <= len(everything):
            what = f"has {len(everything)} frames, so {first}:{stop} is not a range of them"
            raise DataError(what, where=f"video {name!r}", fix=f"choose frames within (0, {len(everything)})")
        starts = first + window_starts(stop - first, spec, stride, video=name, short=recipe.data.short)
        windows = [read_window(everything, spec, int(start)) for start in starts]
        numbers = np.stack([window_frames(len(everything), spec, int(start)) for start in starts])
    of_windows = None if boxes is None else boxes.of(numbers[:, spec.middle].tolist())
    return numbers, to_clips(windows, spec).numpy(), of_windows


def video_outputs(
    folder: Path,
    recipe: Recipe,
    video: str | NDArray[np.uint8],
    *,
    frames: tuple[int, int] | None = None,
    stride: int | None = None,
    data_root: str | Path | None = None,
) -> VideoOutputs:
    """Run a trained recipe on the windows of a video. The arguments are those of `read_clips`.

    A model with a state, such as a memory of the video, starts without one at the first window.

    Raises:
        CheckpointError: a checkpoint is missing, damaged or belongs to another recipe.
        DataError: as `read_clips`, or an output is not finite.
    """
    import torch

    from vadkit.engine.experiment import load_experiment
    from vadkit.model.inference.sliding_window import run_pipeline, score_outputs, update_state

    windows, clips, boxes = _read(recipe, video, frames, stride, data_root)
    experiment = load_experiment(folder, recipe)
    pipeline = experiment.pipeline(anomaly_maps=tuple(experiment.scorers), folded=True)
    batch = 1 if pipeline.stateful else recipe.engine.score_batch
    found: dict[str, dict[str, list[Array]]] = {part: {} for part in ("output", "latents", "nll", "scores", "maps")}
    pipeline.reset()
    for first in range(0, len(clips), batch):
        given = torch.from_numpy(clips[first : first + batch])
        of_batch = None if boxes is None else torch.from_numpy(boxes[first : first + batch])
        out = run_pipeline(given, pipeline, experiment.compute, where=f"window {first}", boxes=of_batch)
        with torch.inference_mode():
            maps = {name: scorer.anomaly_maps(out) for name, scorer in experiment.scorers.items()}
        tensors = {"output": {"": out.output}, "latents": out.latents, "nll": out.nll, "maps": maps}
        for part, named in tensors.items():
            for name, tensor in named.items():
                if tensor is not None:
                    found[part].setdefault(name, []).append(tensor.float().cpu().numpy())
        for name, values in score_outputs(out, experiment.scorers).items():
            found["scores"].setdefault(name, []).append(values.astype(np.float32))
        update_state(out, pipeline)
    joined = {part: {name: np.concatenate(pieces) for name, pieces in named.items()} for part, named in found.items()}
    name = video if isinstance(video, str) else "frames"
    output = joined["output"].get("")
    return VideoOutputs(
        name, windows, clips, output, joined["latents"], joined["nll"], joined["scores"], joined["maps"]
    )


def _find(module: DataModule, name: str) -> VideoRef:
    """A video of the recipe's data set; the test videos come first."""
    videos = {video.name: video for video in [*module.videos("train"), *module.videos("test")]}
    if name not in videos:
        raise DataError(f"the data set has no video {name!r}", fix=closest(name, videos))
    return videos[name]
