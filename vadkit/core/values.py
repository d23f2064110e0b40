"""The values that components and vadkit exchange, and the letters that describe shapes.

B: clips in a batch. C: channels. T: frames in a clip. H, W: pixels. N: samples. F: frames in a video.
V: videos. Primed letters (C', T', H', W') are the sizes of a latent. Clips are float32 in [-1, 1].
A higher score means more anomalous. Negative log-likelihoods are in nats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from math import inf, prod
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
MixedRates = Literal["warn", "error"]

_SMALLEST_WITH_FLOW = 12  # side of a frame, pixels; OpenCV stops with an error below

BOXES = "boxes"
"""The latent with the boxes of a clip, (B, 4, 1, 1, K): x0, y0, x1, y1 in pixels of the clip, NaN without a box."""

Share = Annotated[float, Ge(0), Lt(1)]
Probability = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True)
class InputFile:
    """Says that a key names a file with an influence on the component, as in `WeightsFile`."""


WeightsFile = Annotated[Path, InputFile()]
"""The type of a key that names a file, such as pretrained weights. The constructor gets an absolute path."""


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """Geometry of a clip: its size, the frames that the encoder sees, and the frames that the decoder gives.

    Attributes:
        frames: T, number of frames.
        height: H, pixels.
        width: W, pixels.
        color: "gray" (C = 1) or "rgb" (C = 3).
        input: half-open range of the frames that the encoder sees. The default means all frames.
        target: half-open range of the frames that the decoder must give. The default means all frames.
        step: distance between neighbouring frames of a clip, in frames of the video.
        resize: how a frame with another aspect ratio is resized: "stretch" changes its aspect ratio,
            "letterbox" keeps it and adds black bars.
        flow: the motion, in pixels between neighbouring frames of a clip, that is 1 in the two channels of optical
            flow, which follow the colours. 0 for clips without these channels.

    Raises:
        ShapeError: a size below 1, a range outside the clip, or fewer than two input frames with `flow`.

    Example:
        The encoder sees four frames, and the decoder predicts the fifth:

        >>> from vadkit.api import ClipSpec
        >>> spec = ClipSpec(frames=5, height=240, width=360, color="gray", input=(0, 4), target=(4, 5))
        >>> spec.shape
        (1, 5, 240, 360)
        >>> spec.input_frames, spec.target_frames
        (4, 1)
    """

    frames: int
    height: int
    width: int
    color: Color = "rgb"
    input: tuple[int, int] = (0, 0)
    target: tuple[int, int] = (0, 0)
    step: int = 1
    resize: Resize = "stretch"
    flow: float = 0.0

    def __post_init__(self) -> None:
        for name in ("frames", "height", "width", "step"):
            if getattr(self, name) < 1:
                raise ShapeError(f"{name} is {getattr(self, name)}, but must be at least 1", where="data.clip")
        for name in ("input", "target"):
            start, stop = getattr(self, name)
            if (start, stop) == (0, 0):
                object.__setattr__(self, name, (0, self.frames))
            elif not 0 <= start < stop <= self.frames:
                raise ShapeError(
                    f"the range {name} {start}:{stop} is not within the {self.frames} frames of the clip",
                    where="data.clip",
                    fix=f"choose a range inside 0:{self.frames}",
                )
        if not 0 <= self.flow < inf:
            raise ShapeError(f"flow is {self.flow}, but must be a number of pixels, or 0", where="data.clip")
        if self.flow and min(self.height, self.width) < _SMALLEST_WITH_FLOW:
            what = f"{self.height} x {self.width} pixels are too few for optical flow"
            fix = f"choose at least {_SMALLEST_WITH_FLOW} x {_SMALLEST_WITH_FLOW} pixels, or leave flow out"
            raise ShapeError(what, where="data.clip", fix=fix)
        if self.flow and self.input[1] < 2:
            # The first frame has the flow of the second one, which would then show a frame outside the input.
            fix = "set frames: 2 or more and input: 0:2 or more, or leave flow out"
            raise ShapeError("flow needs the first two frames of a clip in its input", where="data.clip", fix=fix)

    @property
    def colors(self) -> int:
        """Number of channels of a picture: 1 for gray, 3 for RGB."""
        return 1 if self.color == "gray" else 3

    @property
    def channels(self) -> int:
        """C: the colours, and two channels of optical flow if `flow` is set."""
        return self.colors + (2 if self.flow else 0)

    @property
    def span(self) -> int:
        """Number of video frames from the first to the last frame of a clip."""
        return (self.frames - 1) * self.step + 1

    @property
    def input_frames(self) -> int:
        """Number of frames that the encoder sees."""
        return self.input[1] - self.input[0]

    @property
    def target_frames(self) -> int:
        """T_out, number of frames that the decoder gives."""
        return self.target[1] - self.target[0]

    @property
    def middle(self) -> int:
        """The frame in the middle of the input, the later one of two. Boxes of objects belong to it."""
        return self.input[0] + self.input_frames // 2

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of a clip, (C, T, H, W)."""
        return (self.channels, self.frames, self.height, self.width)


@dataclass(frozen=True, slots=True)
class LatentSpec:
    """Shape (C', T', H', W') of one latent, without the batch.

    Attributes:
        channels: C'.
        frames: T', number of steps in time.
        height: H'.
        width: W'.

    Example:
        >>> from vadkit.api import LatentSpec
        >>> LatentSpec(channels=64, frames=2, height=30, width=45).shape
        (64, 2, 30, 45)
    """

    channels: int
    frames: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the latent, (C', T', H', W')."""
        return (self.channels, self.frames, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Grid:
    """The places of a frame that the samples of a feature describe: windows at equal distances.

    The first window begins in the top left corner of the frame.

    Attributes:
        rows: number of windows from top to bottom.
        columns: number of windows from left to right.
        window: height and width that one sample sees, pixels of the clip.
        stride: vertical and horizontal distance between neighbouring windows, pixels of the clip.

    Example:
        Windows of 24 x 24 pixels, at distances of 6 pixels, in a frame of 240 x 360 pixels:

        >>> from vadkit.api import Grid
        >>> grid = Grid(rows=37, columns=57, window=(24, 24), stride=(6, 6))
        >>> grid.places
        2109
    """

    rows: int
    columns: int
    window: tuple[float, float]
    stride: tuple[float, float]

    @property
    def places(self) -> int:
        """Number of windows in a frame."""
        return self.rows * self.columns

    @classmethod
    def even(cls, rows: int, columns: int, height: int, width: int) -> Grid:
        """Return the grid of a map that covers a frame of `height` x `width` pixels without overlap."""
        cell = (height / rows, width / columns)
        return cls(rows, columns, cell, cell)

    def to_pixels(self, values: Tensor, height: int, width: int) -> Tensor:
        """Interpolate values at places to the pixels of a frame, (..., rows, columns) -> (..., height, width).

        A value belongs to the centre of its window. Between centres, the interpolation is bilinear.
        """
        down = values.new_tensor(_interpolation(height, self.rows, self.window[0], self.stride[0]))
        across = values.new_tensor(_interpolation(width, self.columns, self.window[1], self.stride[1]))
        return down @ values @ across.T


@cache
def _interpolation(pixels: int, places: int, window: float, stride: float) -> list[list[float]]:
    """(pixels, places) the weight of each place at each pixel of one axis."""
    rows: list[list[float]] = []
    for pixel in range(pixels):
        at = min(max((pixel + 0.5 - window / 2) / stride, 0.0), places - 1.0)  # in places; the centre of the first is 0
        rows.append([max(1 - abs(at - place), 0.0) for place in range(places)])
    return rows


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Shape and number of the samples that a density model gets from one clip.

    Attributes:
        shape: shape of one sample: (C, H, W) for a map, (C,) for a vector.
        samples: T', number of time steps per clip. Without a grid, it is the number of samples. With a grid,
            each step has a sample at every place.
        quantum: for each channel, the distance between neighbouring values of a discrete channel
            (2/255 for 8-bit intensity in [-1, 1]), or 0 for a continuous channel. Empty if all
            channels are continuous. A density dequantises with uniform noise of this width.
        grid: the places of the samples in the frame. None if a sample describes the complete frame.
        frames: for each step, the half-open range of input frames that it describes. None if step t'
            describes the input frames t' * T / T' to (t' + 1) * T / T' - 1.
        position: True if the last two values of a sample are the row and the column of its place.
        objects: True if the places are the boxes of the clip, in the order of the latent `boxes`. The grid then has
            one row with a column for each of them.

    Example:
        Two maps per clip, with two continuous channels and one of 8-bit intensity:

        >>> from vadkit.api import FeatureSpec
        >>> spec = FeatureSpec(shape=(3, 30, 45), samples=2, quantum=(0.0, 0.0, 2 / 255))
        >>> spec.dimensions
        4050

        One number for each of 4 x 6 places, from the first three frames of a clip:

        >>> from vadkit.api import Grid
        >>> spec = FeatureSpec((1,), samples=1, grid=Grid(4, 6, (8, 8), (8, 8)), frames=((0, 3),))
        >>> spec.samples * spec.places
        24
    """

    shape: tuple[int, ...]
    samples: int
    quantum: tuple[float, ...] = ()
    grid: Grid | None = None
    frames: tuple[tuple[int, int], ...] | None = None
    position: bool = False
    objects: bool = False

    @property
    def dimensions(self) -> int:
        """Number of values in one sample, the divisor for bits per dimension."""
        return prod(self.shape)

    @property
    def places(self) -> int:
        """Number of samples in one time step: the places of the grid, or 1."""
        return self.grid.places if self.grid is not None else 1

    @property
    def axes(self) -> tuple[int, ...]:
        """(T',), or (T', rows, columns) with a grid: the axes of the samples of one clip."""
        return (self.samples,) if self.grid is None else (self.samples, self.grid.rows, self.grid.columns)


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of a feature that does not have a sample at every place.

    Attributes:
        values: (B, T', rows, columns, *shape). The values of a place without a sample are ignored.
        present: (B, T', rows, columns) bool, True where there is a sample.

    Example:
        A feature that describes moving places only:

        >>> import torch
        >>> from vadkit.api import Samples
        >>> speed = torch.tensor([[0.0, 3.0]]).reshape(1, 1, 1, 2, 1)
        >>> samples = Samples(speed, present=speed[..., 0] > 0.5)
        >>> samples.present.sum().item()
        1
    """

    values: Tensor
    present: Tensor


@dataclass(frozen=True, slots=True)
class VideoRef:
    """One video of a data set: its name, and where its frames are.

    Attributes:
        name: unique within its split. Also the name of the score file.
        source: a video file, or the image files of the frames in order, or a function
            `(start, stop) -> (F, H, W, C) uint8` that draws the frames.
        frames: F. None if it is not known before decoding.
        scene: name of the scene or camera. Empty if the data set has one scene.
        fps: frames per second. None if unknown.
        fingerprint: identifies a drawn video in the frame cache. Change it when the drawing changes. Files do
            not need it.
        time_stamps: whether the time stamps of a video file give the times of its frames. False if `fps` does.

    Example:
        >>> from pathlib import Path
        >>> from vadkit.api import VideoRef
        >>> VideoRef("01", Path("training_videos/01.avi"), fps=25.0).name
        '01'
        >>> frames = tuple(Path("Test001") / f"{number:03d}.tif" for number in range(1, 201))
        >>> len(VideoRef("Test001", frames, frames=200).source)
        200
    """

    name: str
    source: Path | tuple[Path, ...] | Callable[[int, int], NDArray[np.uint8]]
    frames: int | None = None
    scene: str = ""
    fps: float | None = None
    fingerprint: str = ""
    time_stamps: bool = True

    @property
    def where(self) -> str:
        """The video in messages: its file or folder, or its name if it is drawn."""
        if isinstance(self.source, Path):
            return str(self.source)
        return str(self.source[0].parent) if isinstance(self.source, tuple) and self.source else f"video {self.name}"


@dataclass(frozen=True, slots=True)
class Track:
    """The boxes of one anomalous object in a video.

    Attributes:
        identity: name of the object, unique in its video.
        boxes: frame index from 0 -> half-open box (x0, y0, x1, y1), in pixels of the source video. The
            column x1 and the row y1 are outside the box.

    Example:
        A bicycle in two frames, 10 pixels wide and 20 high:

        >>> from vadkit.api import Track
        >>> track = Track("bicycle", {120: (40, 60, 50, 80), 121: (42, 60, 52, 80)})
        >>> sorted(track.boxes)
        [120, 121]
    """

    identity: str
    boxes: Mapping[int, tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Detections:
    """The boxes that a method detects in one video, each with a score.

    Attributes:
        frames: (N,) int, the frame of each box, from 0.
        boxes: (N, 4) float, half-open boxes (x0, y0, x1, y1), in pixels of the source video.
        scores: (N,), higher = more anomalous.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import Detections
        >>> found = Detections(np.array([7]), np.array([[40.0, 60.0, 50.0, 80.0]]), scores=np.array([0.9]))
        >>> found.scores.tolist()
        [0.9]
    """

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labels:
    """Ground truth of one test video.

    Attributes:
        frames: (F,) bool, True for abnormal frames.
        masks: a function that returns (F, H, W) bool at the size of the source video, or None if
            there are no masks.
        tracks: the anomalous objects, or None if there are no tracks.
        source: name of the label set. It is part of the protocol.
        size: H and W of the source video, needed for tracks without masks. None if unknown.

    Example:
        The last 50 of 200 frames are abnormal:

        >>> import numpy as np
        >>> from vadkit.api import Labels
        >>> labels = Labels(np.arange(200) >= 150, source="my labels")
        >>> int(labels.frames.sum())
        50
    """

    frames: NDArray[np.bool_]
    masks: Callable[[], NDArray[np.bool_]] | None = None
    tracks: tuple[Track, ...] | None = None
    source: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """One training clip and its place in its video. Augmentations read it and return it.

    Attributes:
        frames: the frames of the clip, (T, H, W, C) uint8.
        read: a function `(start, stop, step) -> (N, H, W, C) uint8` that reads frames of the video.
        start: number of the first frame of the clip in the video, from 0.
        length: F, number of frames of the video.
        tags: name of a tag -> its value. Losses read the tags.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import TrainingClip
        >>> video = np.zeros((50, 32, 48, 1), np.uint8)
        >>> clip = TrainingClip(video[10:18], lambda start, stop, step: video[start:stop:step], start=10, length=50)
        >>> clip.read(10, 25, 2).shape
        (8, 32, 48, 1)
    """

    frames: NDArray[np.uint8]
    read: Callable[[int, int, int], NDArray[np.uint8]]
    start: int
    length: int
    tags: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BottleneckOutput:
    """The result of a bottleneck: latents for the decoder, and optional losses and scores.

    Attributes:
        latents: name -> (B, C', T', H', W').
        losses: name -> (), already weighted. vadkit adds them to the loss of the model.
        scores: name -> (B, T'), higher = more anomalous. Scorers read them. Each of the T'
            values stands for an equal part of the input frames, or of the target frames.

    Example:
        >>> import torch
        >>> from vadkit.api import BottleneckOutput
        >>> out = BottleneckOutput({"code": torch.zeros(2, 64, 2, 30, 45)}, scores={"distance": torch.ones(2, 2)})
        >>> out.losses
        {}
    """

    latents: dict[str, Tensor]
    losses: dict[str, Tensor] = field(default_factory=dict)
    scores: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClipOutputs:
    """A batch of clips with all outputs of the model. Losses and scorers read it.

    Attributes:
        spec: geometry of a clip.
        clips: all frames of the clips, (B, C, T, H, W).
        target: the frames that the decoder should give, (B, C, T_out, H, W).
        output: the frames that the decoder gave, (B, C, T_out, H, W). None if the decoder does not run.
        latents: the encoder's latents, name -> (B, C', T', H', W'). Empty without an encoder.
        nll: negative log-likelihoods in nats, density name -> (B, T'), or (B, T', rows, columns) for samples at
            places. A place without a sample has the density's quiet value, the 1 % quantile of the
            likelihoods of training samples. Empty while the model trains.
        scores: scores of the bottleneck, name -> (B, T').
        nll_maps: density name -> (B, T', H', W'), the negative log-likelihood of a map by place. Only for densities
            that give it, and only if a scorer needs it.
        present: density name -> (B, T', rows, columns) bool, True where there is a sample. Only for features
            that leave out places.
        features: density name -> what its feature declares.
        tags: tags of augmented training clips, name -> (B,) float, 0 for a clip without the tag. Empty in scoring.

    Example:
        >>> import torch
        >>> from vadkit.api import ClipOutputs, ClipSpec
        >>> spec = ClipSpec(frames=5, height=32, width=48, input=(0, 4), target=(4, 5))
        >>> clips = torch.zeros(2, *spec.shape)
        >>> out = ClipOutputs(spec, clips, target=clips[:, :, 4:], nll={"flow": torch.ones(2, 4)})
        >>> out.target.shape, out.nll["flow"].shape
        (torch.Size([2, 3, 1, 32, 48]), torch.Size([2, 4]))
    """

    spec: ClipSpec
    clips: Tensor
    target: Tensor
    output: Tensor | None = None
    latents: Mapping[str, Tensor] = field(default_factory=dict)
    nll: Mapping[str, Tensor] = field(default_factory=dict)
    scores: Mapping[str, Tensor] = field(default_factory=dict)
    nll_maps: Mapping[str, Tensor] = field(default_factory=dict)
    present: Mapping[str, Tensor] = field(default_factory=dict)
    features: Mapping[str, FeatureSpec] = field(default_factory=dict)
    tags: Mapping[str, Tensor] = field(default_factory=dict)

    def select(self, chosen: Tensor) -> ClipOutputs:
        """Return the outputs of some clips of the batch; `chosen` (B,) bool."""
        names = ("latents", "nll", "scores", "nll_maps", "present", "tags")
        mappings = {name: {key: each[chosen] for key, each in getattr(self, name).items()} for name in names}
        output = self.output[chosen] if self.output is not None else None
        return replace(self, clips=self.clips[chosen], target=self.target[chosen], output=output, **mappings)


@dataclass(frozen=True, slots=True)
class ScoredVideo:
    """Scores and labels of one test video. Metrics read it.

    Attributes:
        name: name of the video.
        scores: (F,), higher = more anomalous.
        labels: (F,) bool, True for abnormal frames.
        scene: name of the scene or camera. Empty if the data set has one scene.
        fps: frames per second. None if unknown.
        threshold: alarm threshold in units of `scores`, computed from held-out normal videos. None if no
            videos are held out.
        anomaly_maps: a function that returns a score for each cell of each frame, (F, h, w). The h x w cells can
            be coarser than the masks. None if there are no maps.
        masks: a function that returns (F, H, W) bool at the size of the source video, or None if
            there are no masks.
        tracks: the anomalous objects, in pixels of the source video, or None if there are no tracks.
        size: H and W of the source video, for tracks without masks. None if unknown.
        can_alarm: (F,) bool, True for frames that enough windows show to raise an alarm. None if all can.
        detections: the boxes of a method that gives boxes instead of maps. None if it gives none.
        times: seconds of each frame, (F,), if the frame rate varies. None if `fps` gives them.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import ScoredVideo
        >>> video = ScoredVideo("01", scores=np.array([0.1, 0.9]), labels=np.array([False, True]), fps=25.0)
        >>> video.scores[video.labels].tolist()
        [0.9]
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
    can_alarm: NDArray[np.bool_] | None = None
    detections: Detections | None = None
    times: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A small video about a test video: for each pictured frame, several pictures side by side.

    Attributes:
        video: the content of an MP4 file (H.264).
        numbers: the numbers of the pictured frames in the test video, (K,), from 0, in order.
        fps: frames per second of `video`.
        parts: what the pictures show, from left to right: "frame", "decoder output", "anomaly map". All have the
            same width. Where the decoder gives no frame, its picture is black.
        heat: the values of an anomaly map that are drawn without colour and with the brightest one. None without maps.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import Preview
        >>> preview = Preview(b"", np.arange(0, 200, 4), fps=6.25, parts=("frame", "anomaly map"), heat=(0.1, 2.5))
        >>> preview.numbers.size
        50
    """

    video: bytes
    numbers: NDArray[np.int64]
    fps: float
    parts: tuple[str, ...]
    heat: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class VideoResult:
    """All scores of one test video. Reporters read it.

    Attributes:
        name: name of the video.
        fused: the final score, (F,).
        components: name -> (F,), after the score transforms and before the weight.
        labels: (F,) bool, or None if there are no labels.
        raw: name -> (F,), every stored score before the score transforms, including scores that are not fused.
        numbers: the numbers of these frames in the video, (F,), from 0. None if they are all frames.
        anomaly_maps: a function that returns a score for each cell of each frame, (F, h, w). None if the run
            keeps no maps.
        fps: frames per second. None if unknown.
        preview: a function that reads the preview of the video. None if the run keeps none.
        times: seconds of these frames since the start of the video, (F,). None if unknown.
        began: clock time of the first frame of the video. None if unknown.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import VideoResult
        >>> error = np.array([0.2, 0.8])
        >>> video = VideoResult("01", fused=0.5 * error, components={"error": error}, labels=None)
        >>> video.fused.tolist()
        [0.1, 0.4]
    """

    name: str
    fused: NDArray[np.float64]
    components: Mapping[str, NDArray[np.float64]]
    labels: NDArray[np.bool_] | None
    raw: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    numbers: NDArray[np.int64] | None = None
    anomaly_maps: Callable[[], NDArray[np.floating[Any]]] | None = None
    fps: float | None = None
    preview: Callable[[], Preview] | None = None
    times: NDArray[np.float64] | None = None
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """How the scores of a run were computed: seed, versions, machine and data.

    Attributes:
        seed: seed of the recipe.
        precision: "fp32" or "bf16".
        commit: commit of vadkit's source. None if unknown.
        host: system, processor, cores and device of the machine.
        versions: package -> version.
        dimensions: score -> number of dimensions of its likelihoods, for bits per dimension.
        stateful: the reason why a score depends on earlier clips. Empty if it does not.
        tested_on: the data set of the test videos, if it is not the one that the model was trained on.
        damaged: split -> video -> descriptions of its damages.

    Example:
        >>> from vadkit.api import RunOrigin
        >>> RunOrigin(seed=3, precision="fp32", versions={"torch": "2.8.0"}).versions["torch"]
        '2.8.0'
    """

    seed: int = 0
    precision: str = ""
    commit: str | None = None
    host: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    dimensions: Mapping[str, int] = field(default_factory=dict)
    stateful: str = ""
    tested_on: Any = None
    damaged: Mapping[Split, Mapping[str, Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultSummary:
    """Counts and conditions of an evaluation. Reporters show them with the metrics.

    Attributes:
        videos: number of test videos.
        frames: number of evaluated test frames.
        labelled_frames: number of these frames that have a label.
        abnormal_frames: number of labelled frames that are abnormal.
        coverage_min: smallest number of windows that scored a frame.
        coverage_mean: mean number of windows that scored a frame.
        frames_without_score: number of frames that no window scored.
        uneven_ends: videos in which more frames at the start or end lack a score than in the others, as
            "VIDEO (first N and last M frames)".
        frames_dropped: number of the frames without a score that are left out of the metrics.
        single_class_videos: labelled videos in which all frames have the same label.
        unlabelled_videos: videos without labels.
        constant: components that had the same score in every frame of a video, as "COMPONENT in VIDEO".
        needs_future: whether a score transform uses later frames or other test videos.
        alarm_threshold: alarm threshold, computed from held-out normal videos. None if no videos are held out.
        normal_videos: names of the held-out normal videos.
        normal_hours: length of these videos in hours. None without such videos, 0 if a frame rate is unknown.
        chance: metric -> value of a random scorer.
        chance_draws: number of random scorers. `chance` is their mean.
        bootstrap: rounds, seed and number of videos of the bootstrap.
        basis: metric -> on how much data its value rests, in words.
        metric_settings: the metrics with their keys.
        scores_input: for external scores, how they were read.
        vadkit: version of vadkit.
        run: how the scores were computed. None for external scores.

    Example:
        >>> from vadkit.api import ResultSummary
        >>> summary = ResultSummary(videos=12, frames=2010, labelled_frames=2010, abnormal_frames=1648)
        >>> f"{summary.abnormal_frames / summary.labelled_frames:.0%} abnormal"
        '82% abnormal'
    """

    videos: int = 0
    frames: int = 0
    labelled_frames: int = 0
    abnormal_frames: int = 0
    coverage_min: int = 0
    coverage_mean: float = 0.0
    frames_without_score: int = 0
    uneven_ends: tuple[str, ...] = ()
    frames_dropped: int = 0
    single_class_videos: tuple[str, ...] = ()
    unlabelled_videos: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    needs_future: bool = False
    alarm_threshold: float | None = None
    normal_videos: tuple[str, ...] = ()
    normal_hours: float | None = None
    chance: Mapping[str, float] = field(default_factory=dict)
    chance_draws: int = 0
    bootstrap: Mapping[str, Any] = field(default_factory=dict)
    basis: Mapping[str, str] = field(default_factory=dict)
    metric_settings: tuple[Mapping[str, Any], ...] = ()
    scores_input: Mapping[str, Any] = field(default_factory=dict)
    vadkit: str = ""
    run: RunOrigin | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An interval of a video in which the score reaches the alarm threshold. Gaps below one second do not end it.

    Attributes:
        video: name of the video.
        start_frame: number of the first frame at or above the threshold, in the video, from 0.
        end_frame: number of the last frame at or above the threshold. It belongs to the event.
        peak_frame: number of the frame with the highest score.
        start_seconds: time of the first frame. None if the frame rate is unknown, as for the other times.
        end_seconds: time of the last frame.
        peak_seconds: time of the frame with the highest score.
        peak_score: highest score.
        threshold: alarm threshold.
        box: where the anomaly map of the peak is high: (x0, y0, x1, y1) in pixels of the video, without x1 and y1.
            None without anomaly maps.
        recorded: clock time at which the video starts, in ISO 8601. None if it is unknown.

    Example:
        >>> from vadkit.api import Event
        >>> event = Event("door", 50, 74, 60, 2.0, 2.96, 2.4, peak_score=3.5, threshold=2.5)
        >>> event.over_threshold
        1.0
    """

    video: str
    start_frame: int
    end_frame: int
    peak_frame: int
    start_seconds: float | None
    end_seconds: float | None
    peak_seconds: float | None
    peak_score: float
    threshold: float
    box: tuple[int, int, int, int] | None = None
    recorded: str | None = None

    @property
    def over_threshold(self) -> float:
        """The highest score minus the threshold."""
        return self.peak_score - self.threshold


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run: metrics, protocol, and the scores of each video. Reporters read it.

    Attributes:
        name: name of the recipe.
        folder: the run folder.
        metrics: metric -> value of the fused score, in [0, 1] if `units` does not name the metric.
        components: component -> metric -> value of that component alone.
        protocol: every field of the protocol, and its hash under "digest".
        videos: scores and labels of each video.
        summary: counts and conditions, such as the number of frames, the coverage, the value of a random
            scorer, and the origin of the run.
        intervals: metric -> 95 % interval of the fused score's value, by the bootstrap over videos.
        groups: "video" or "scene" -> name -> metric -> value of the fused score for that video or scene.
        units: metric -> unit, for values that are not numbers from 0 to 1.
        read_frames: a function that returns frames of a test video as the model sees them, each (H, W, C)
            uint8. Its arguments are the name of the video and the numbers of the frames. It raises
            DataError if the video is not on disk. None for scores without a data set.
        events: events of all test videos, labelled or not. None without an alarm threshold.
        recipe: the resolved recipe, as YAML. Empty for external scores.

    Example:
        >>> from pathlib import Path
        >>> from vadkit.api import RunResult
        >>> protocol = {"name": "itae", "digest": "0123456789ab"}
        >>> result = RunResult("demo", Path("runs/demo"), {"micro_auc": 0.875}, {}, protocol, videos=[])
        >>> result.metrics["micro_auc"]
        0.875
    """

    name: str
    folder: Path
    metrics: Mapping[str, float]
    components: Mapping[str, Mapping[str, float]]
    protocol: Mapping[str, Any]
    videos: Sequence[VideoResult]
    summary: ResultSummary = field(default_factory=ResultSummary)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    read_frames: Callable[[str, Sequence[int]], Sequence[NDArray[np.uint8]]] | None = None
    events: Sequence[Event] | None = None
    recipe: str = ""


_NUMBERS = re.compile(r"(\d+)")


def natural_key(name: str) -> list[str | int]:
    """Return a sort key that puts 2.jpg before 10.jpg.

    Example:
        >>> from vadkit.api import natural_key
        >>> sorted(["10.jpg", "2.jpg"], key=natural_key)
        ['2.jpg', '10.jpg']
    """
    return [int(part) if part.isdecimal() else part for part in _NUMBERS.split(name)]
