"""The plain values that cross module borders, and the glossary of shape letters.

B clips of a batch, C channels, T frames of a clip, H W pixels, N samples, F frames of a
video. Primed letters (T', H', W') are a latent's own sizes. Clips are float32 in [-1, 1].
Scores: higher = more anomalous. Negative log-likelihoods are in nats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Le, Lt

from vadkit.core.errors import ShapeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Split = Literal["train", "test"]
Color = Literal["gray", "rgb"]
Scope = Literal["video", "scene", "dataset"]
Resize = Literal["stretch", "letterbox"]
Sampling = Literal["random", "sequential", "scene"]
Short = Literal["error", "repeat"]
OnCorrupt = Literal["warn", "error"]

Share = Annotated[float, Ge(0), Lt(1)]
Probability = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """Which frames make a clip, which of them go in, and which must come out.

    Attributes:
        frames: T, frames of a clip.
        height: H, pixels.
        width: W, pixels.
        color: "gray" (C = 1) or "rgb" (C = 3).
        input: half-open range of the frames that the encoder sees; (0, 0) when made: all.
        target: half-open range of the frames that the decoder must give; (0, 0) when made: all.
        step: distance of neighbouring frames of a clip, in frames of the video.
        resize: how a picture of other proportions comes to the clip's size.
    """

    frames: int
    height: int
    width: int
    color: Color = "rgb"
    input: tuple[int, int] = (0, 0)
    target: tuple[int, int] = (0, 0)
    step: int = 1
    resize: Resize = "stretch"

    def __post_init__(self) -> None:
        for name in ("frames", "height", "width", "step"):
            if getattr(self, name) < 1:
                raise ShapeError(f"a clip's {name} must be at least 1", where="data.clip")
        for name in ("input", "target"):
            start, stop = getattr(self, name)
            if (start, stop) == (0, 0):
                object.__setattr__(self, name, (0, self.frames))
            elif not 0 <= start < stop <= self.frames:
                raise ShapeError(
                    f"{name} {start}:{stop} does not lie within the clip's {self.frames} frames",
                    where="data.clip",
                    fix=f"choose a range inside 0:{self.frames}",
                )

    @property
    def channels(self) -> int:
        """C, 1 for gray and 3 for RGB."""
        return 1 if self.color == "gray" else 3

    @property
    def span(self) -> int:
        """Frames of the video that one clip reaches over."""
        return (self.frames - 1) * self.step + 1

    @property
    def input_frames(self) -> int:
        """Frames that go in."""
        return self.input[1] - self.input[0]

    @property
    def target_frames(self) -> int:
        """Frames that must come out."""
        return self.target[1] - self.target[0]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(C, T, H, W) of the whole clip."""
        return (self.channels, self.frames, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Augment:
    """`data.augment:` changes of training clips that leave normal what is normal; none unless asked for.

    They are drawn anew in every pass, from `seed`, the pass and the clip alone.

    Attributes:
        flip: probability that a clip is mirrored, left for right.
        brightness: a clip's intensities are multiplied by a factor drawn from 1 minus this to 1 plus this.
    """

    flip: Probability = 0.0
    brightness: Share = 0.0


@dataclass(frozen=True, slots=True)
class LatentSpec:
    """Shape (C', T', H', W') of one named latent, batch left out.

    Attributes:
        channels: C'.
        frames: T', steps in time.
        height: H'.
        width: W'.
    """

    channels: int
    frames: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(C', T', H', W')."""
        return (self.channels, self.frames, self.height, self.width)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What a density model sees.

    Attributes:
        shape: one sample's shape: (C, H, W) for a map, (C,) for a vector.
        samples: T', samples that one clip gives. Sample t' covers the clip's input frames
            t' * T / T' to (t' + 1) * T / T' - 1.
        quantum: per channel, the step between neighbouring values of a discrete channel
            (2/255 for 8-bit intensity in [-1, 1]), 0 for a continuous one; empty if all
            are continuous. A density dequantises with noise of this width.
    """

    shape: tuple[int, ...]
    samples: int
    quantum: tuple[float, ...] = ()

    @property
    def dimensions(self) -> int:
        """Numbers in one sample, by which bits per dimension are computed."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class VideoRef:
    """One video of a data set, not yet read.

    Attributes:
        name: unique within its split; also the name of its score file.
        source: a video file, or the image files of its frames in order, or a function
            `(start, stop) -> (F, H, W, C) uint8` for video that is drawn rather than read.
        frames: F if the data set knows it; None if only decoding can tell.
        scene: camera or scene identifier; empty if there is one scene.
        fps: frames per second; None if unknown.
        fingerprint: identifies drawn video in the frame cache; files need none.
    """

    name: str
    source: Path | tuple[Path, ...] | Callable[[int, int], NDArray[np.uint8]]
    frames: int | None = None
    scene: str = ""
    fps: float | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One anomalous object: frame index -> box (x0, y0, x1, y1), half-open, in pixels.

    Attributes:
        identity: tells the objects of a video apart.
        boxes: frame index from 0 -> (x0, y0, x1, y1) in pixels of the source, x1 and y1 outside.
    """

    identity: str
    boxes: Mapping[int, tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Labels:
    """Ground truth of one test video.

    Attributes:
        frames: (F,) bool, True where abnormal.
        masks: gives (F, H, W) bool at the source's size, or None if there are no masks.
        tracks: the anomalous objects, or None if there are no tracks.
        source: which label set this is; part of the protocol.
        size: H and W of the source, for tracks without masks; None if the masks tell it, or nobody does.
    """

    frames: NDArray[np.bool_]
    masks: Callable[[], NDArray[np.bool_]] | None = None
    tracks: tuple[Track, ...] | None = None
    source: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class BottleneckOutput:
    """What a bottleneck gives: latents for the decoder, extra losses, extra scores.

    Attributes:
        latents: name -> (B, C', T', H', W').
        losses: name -> (), already weighted, added to the model's loss.
        scores: name -> (B, T'), higher = more anomalous, offered to scorers; each sample covers as
            many frames of the clip's input or target, as the method says.
    """

    latents: dict[str, Tensor]
    losses: dict[str, Tensor] = field(default_factory=dict)
    scores: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClipOutputs:
    """Everything known about a batch of clips once the model has run.

    Attributes:
        spec: the clip's geometry.
        clips: (B, C, T, H, W), the whole clip.
        target: (B, C, T_out, H, W), what should come out.
        output: (B, C, T_out, H, W), what came out; None without a model.
        latents: name -> (B, C', T', H', W'), before any bottleneck.
        nll: density name -> (B, T'), nats; empty while the model trains.
        scores: extra scores of the bottleneck, name -> (B, T').
    """

    spec: ClipSpec
    clips: Tensor
    target: Tensor
    output: Tensor | None = None
    latents: Mapping[str, Tensor] = field(default_factory=dict)
    nll: Mapping[str, Tensor] = field(default_factory=dict)
    scores: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredVideo:
    """One test video on its way to a number.

    Attributes:
        name: the video's name.
        scores: (F,), higher = more anomalous.
        labels: (F,) bool.
        scene: camera or scene identifier.
        fps: frames per second; None if unknown.
        threshold: of an alarm, in units of `scores`, from held-out normal video; None where
            nothing was held out.
        anomaly_maps: gives (F, h, w), where in the frame, higher = more anomalous; h x w may be coarser
            than the masks. None if the scores come without.
        masks: gives (F, H, W) bool at the source's size, or None if there are none.
        tracks: the anomalous objects, in pixels of the source, or None if there are none.
        size: H and W of the source where there are tracks without masks; None if unknown.
    """

    name: str
    scores: NDArray[np.float64]
    labels: NDArray[np.bool_]
    scene: str = ""
    fps: float | None = None
    threshold: float | None = None
    anomaly_maps: Callable[[], NDArray[np.floating[Any]]] | None = None
    masks: Callable[[], NDArray[np.bool_]] | None = None
    tracks: tuple[Track, ...] | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What the reporters see of one video: every component and the fused score.

    Attributes:
        name: the video's name.
        fused: (F,), the final score.
        components: name -> (F,), after its transforms, before its weight.
        labels: (F,) bool, or None where there are none.
        raw: name -> (F,), every stored score before any transform, those that are not fused among them.
        numbers: (F,), which frames of the video these are, from 0; None if they are all of them.
        anomaly_maps: gives (F, h, w), where in the frame, higher = more anomalous; None if no maps are kept.
    """

    name: str
    fused: NDArray[np.float64]
    components: Mapping[str, NDArray[np.float64]]
    labels: NDArray[np.bool_] | None
    raw: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    numbers: NDArray[np.int64] | None = None
    anomaly_maps: Callable[[], NDArray[np.floating[Any]]] | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        name: the recipe's name.
        folder: the run folder.
        metrics: metric -> value of the fused score, in [0, 1] unless the metric says so.
        components: component -> metric -> value of that component alone.
        protocol: every field of the protocol, with its hash.
        videos: scores and labels, video by video.
        facts: counts worth printing: frames, abnormal frames, coverage, constant scores, and under
            "chance" what a random scorer gets.
        intervals: metric -> 95 % interval of the fused score's value, by the bootstrap over videos.
        groups: "video" and "scene" -> its name -> metric -> value of the fused score there.
        units: metric -> unit, of those that are no share of 1.
        read_frames: gives frames of a test video, by its name and their numbers, each (H, W, C) uint8 as the
            model sees them; None for scores that came without a data set. Raises DataError where the
            videos are not there.
    """

    name: str
    folder: Path
    metrics: Mapping[str, float]
    components: Mapping[str, Mapping[str, float]]
    protocol: Mapping[str, Any]
    videos: Sequence[VideoResult]
    facts: Mapping[str, Any] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    read_frames: Callable[[str, Sequence[int]], Sequence[NDArray[np.uint8]]] | None = None


_NUMBERS = re.compile(r"(\d+)")


def natural_key(name: str) -> list[str | int]:
    """Sort key under which 2.jpg comes before 10.jpg."""
    return [int(part) if part.isdecimal() else part for part in _NUMBERS.split(name)]
