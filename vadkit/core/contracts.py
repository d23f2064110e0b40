"""The contracts: one abstract class for each kind of component.

A plugin author derives from one of these classes and implements its abstract methods.

**Constructor rule.** vadkit passes the positional parameters. The keyword-only parameters are the
recipe's keys. `**kwargs` is refused. The signature therefore is the schema of the recipe: it gives
the names, types and defaults, and the docstring's `Args` section gives the help texts.

A component with weights also derives from `torch.nn.Module`. The contract comes first:
`class ITAE(Encoder, nn.Module)`. This file does not import torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.optim import Optimizer as TorchOptimizer

    from vadkit.core.source_status import SourceStatus
    from vadkit.core.values import (
        BottleneckOutput,
        ClipOutputs,
        FeatureSpec,
        Labels,
        LatentSpec,
        RunResult,
        Samples,
        Scope,
        ScoredVideo,
        Split,
        TrainingClip,
        VideoRef,
    )
    from vadkit.core.watching import AlarmEvent, FrameScore, WatchedSource, WatchSummary


class Dataset(ABC):
    """The videos of a data set and their labels.

    Constructor: `(root: Path | None, *, ...)`. The module of a data set must not import torch.

    Attributes:
        needs_root: True if the data set reads files. If it is False, `root` is None.
        default_root: name of the data set's folder. If the folder that the user names (`--data-root` or
            `$VADKIT_DATA`) contains a folder of this name, `root` is that inner folder. Otherwise,
            and if the name is empty, `root` is the folder that the user names.
        layout: which files must be on disk, where they must be, and who publishes them. vadkit
            prints this text if the data is missing.

    Example:
        Two videos that are drawn in code. A data set on disk gives paths instead of `draw`:

        >>> import numpy as np
        >>> from vadkit.api import Dataset, Labels, VideoRef
        >>> def draw(start, stop):
        ...     return np.zeros((stop - start, 48, 64, 1), np.uint8)  # (F, H, W, C)
        >>> class TwoVideos(Dataset):
        ...     needs_root = False
        ...     def __init__(self, root, *, frames: int = 30):
        ...         self.frames = frames
        ...     def videos(self, split):
        ...         return [VideoRef(f"{split}_1", draw, frames=self.frames, fps=25.0)]
        ...     def labels(self, video):
        ...         return Labels(np.arange(self.frames) >= 20) if video.name == "test_1" else None
        >>> dataset = TwoVideos(None)
        >>> [video.name for split in ("train", "test") for video in dataset.videos(split)]
        ['train_1', 'test_1']
        >>> [(video.name, int(labels.frames.sum())) for video, labels in dataset.ground_truth()]
        [('test_1', 10)]
    """

    needs_root: ClassVar[bool] = True
    default_root: ClassVar[str] = ""
    layout: ClassVar[str] = ""

    @abstractmethod
    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Return the videos of a split, always in the same order.

        Raises:
            DataError: the folder contains no videos.
        """

    @abstractmethod
    def labels(self, video: VideoRef) -> Labels | None:
        """Return the ground truth of a test video, or None if it has no labels."""

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """Return every labelled test video with its labels. External scores are evaluated against them.

        Override this method if the label files alone give the names and lengths of the videos. It can
        then list videos that are not on disk. Give such a video an empty tuple as its source.
        """
        found = [(video, self.labels(video)) for video in self.videos("test")]
        return [(video, labels) for video, labels in found if labels is not None]

    def expected(self) -> Mapping[str, int]:
        """Return the published totals of the data set, for `vadkit data check`.

        The keys are "train videos", "train frames", "test videos", "test frames" and "abnormal frames".
        Leave out a total that is not known. If recipe keys choose a part of the data set, the totals
        describe that part.
        """
        return {}

    def ignored(self, split: Split) -> Sequence[Path]:
        """Return the files and folders of a split that belong to no video. vadkit lists them.

        A file may be here because its suffix is unknown, a folder because another folder has the videos of the split.
        Leave out files that are known not to be videos, such as labels.
        """
        del split
        return ()


class Augmentation(ABC):
    """Changes training clips at random, and can mark them with tags.

    Constructor: `(clip: ClipSpec, *, ...)`.

    Attributes:
        tags: names of the tags that it can set. The losses get a value for every clip of a batch.
        normal: False if the changed clips are not normal. vadkit does not apply such an augmentation to the
            clips that densities are fitted to.
        reads_video: True if it reads frames of the video that are not in the clip. vadkit applies such
            augmentations before the others, because they can replace all frames of the clip.
        video_frames: number of frames that a video needs for every effect of the augmentation. vadkit refuses
            a recipe if all training videos are shorter.

    Example:
        Half of the clips are played backwards, and the losses know which:

        >>> from dataclasses import replace
        >>> import numpy as np
        >>> from vadkit.api import Augmentation, ClipSpec, TrainingClip
        >>> class Backwards(Augmentation):
        ...     tags = ("backwards",)
        ...     normal = False
        ...     def __init__(self, clip):
        ...         pass
        ...     def __call__(self, clip, random):
        ...         if random.random() < 0.5:
        ...             return clip
        ...         return replace(clip, frames=clip.frames[::-1], tags={**clip.tags, "backwards": 1.0})
        >>> video = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
        >>> clip = TrainingClip(video[:4], lambda start, stop, step: video[start:stop:step], start=0, length=20)
        >>> changed = Backwards(ClipSpec(4, 1, 1, "gray"))(clip, np.random.default_rng(0))
        >>> changed.frames.ravel().tolist(), changed.tags
        ([3, 2, 1, 0], {'backwards': 1.0})
    """

    tags: Sequence[str] = ()
    normal: bool = True
    reads_video: bool = False
    video_frames: int = 0

    @abstractmethod
    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        """Return the clip, changed or unchanged. Use `dataclasses.replace`, and do not write into its arrays.

        The result must depend only on the two arguments, because a resumed run asks again.

        Args:
            clip: the clip, (T, H, W, C) uint8, with access to its video and the tags of earlier augmentations.
            random: the source of all random numbers. The augmentations of a clip share it.
        """


class Encoder(ABC):
    """Turns clips into named latents.

    Constructor: `(clip: ClipSpec, *, ...)`. Also derive from `torch.nn.Module`.

    Attributes:
        latents: name -> shape of each latent. Set it in the constructor.

    Example:
        One latent, the mean over blocks of 4 x 4 pixels:

        >>> import torch
        >>> from torch import nn
        >>> from vadkit.api import ClipSpec, Encoder, LatentSpec
        >>> class Blocks(Encoder, nn.Module):
        ...     def __init__(self, clip, *, side: int = 4):
        ...         super().__init__()
        ...         self.pool = nn.AvgPool3d((1, side, side))
        ...         size = clip.height // side, clip.width // side
        ...         self.latents = {"blocks": LatentSpec(clip.channels, clip.input_frames, *size)}
        ...     def forward(self, clips):
        ...         return {"blocks": self.pool(clips)}
        >>> encoder = Blocks(ClipSpec(frames=8, height=32, width=48))
        >>> encoder(torch.zeros(2, 3, 8, 32, 48))["blocks"].shape
        torch.Size([2, 3, 8, 8, 12])
    """

    latents: Mapping[str, LatentSpec]

    @abstractmethod
    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Encode the input frames of clips.

        Args:
            clips: (B, C, T, H, W) in [-1, 1]. T is `clip.input_frames`.

        Returns:
            Name -> latent (B, C', T', H', W'), with the names and shapes of `latents`.
        """


class Bottleneck(ABC):
    """Works on the latents between encoder and decoder, for example with a memory.

    Constructor: `(latents: Mapping[str, LatentSpec], *, ...)`. Also derive from `torch.nn.Module`.

    A memory or a density that is trained together with the autoencoder is a bottleneck.

    Attributes:
        latents: name -> shape of each latent that the decoder gets. None if they are the encoder's latents.
        stateful: the reason why a score depends on earlier clips, such as "test-time memory updates".
            Leave it empty if scores do not depend on earlier clips. The state of a stateful bottleneck
            must not be part of its weights. vadkit calls `reset` before each video, scores the windows
            in order and one at a time, and calls `update` after each window.

    Example:
        A bottleneck that adds noise in training, and scores a clip by the size of its latents:

        >>> import torch
        >>> from torch import nn
        >>> from vadkit.api import Bottleneck, BottleneckOutput, LatentSpec
        >>> class Noise(Bottleneck, nn.Module):
        ...     def __init__(self, latents, *, rate: float = 0.1):
        ...         super().__init__()
        ...         self.dropout = nn.Dropout(rate)
        ...     def forward(self, latents):
        ...         noisy = {name: self.dropout(latent) for name, latent in latents.items()}
        ...         sizes = {name: latent.square().mean((1, 3, 4)) for name, latent in latents.items()}
        ...         return BottleneckOutput(noisy, scores=sizes)
        >>> noise = Noise({"code": LatentSpec(4, 2, 8, 12)}).eval()
        >>> noise({"code": torch.ones(1, 4, 2, 8, 12)}).scores["code"]
        tensor([[1., 1.]])
    """

    latents: Mapping[str, LatentSpec] | None = None
    stateful: str = ""

    @abstractmethod
    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """Return the decoder's latents, and optional losses and scores.

        Args:
            latents: the encoder's latents, name -> (B, C', T', H', W').
        """

    def reset(self) -> None:  # noqa: B027
        """Clear the state. vadkit calls this before each video."""

    def update(self, out: ClipOutputs) -> None:  # noqa: B027
        """Update the state with the outputs of one scored clip (B = 1). It affects later clips only."""


class Decoder(ABC):
    """Turns named latents into frames.

    Constructor: `(latents: Mapping[str, LatentSpec], clip: ClipSpec, *, ...)`. Also derive from
    `torch.nn.Module`. Raise ShapeError in the constructor if these latents cannot become such a clip.

    Example:
        A decoder for the latent of the example of `Encoder`:

        >>> import torch
        >>> from torch import nn
        >>> from vadkit.api import ClipSpec, Decoder, LatentSpec, ShapeError
        >>> class Enlarge(Decoder, nn.Module):
        ...     def __init__(self, latents, clip):
        ...         super().__init__()
        ...         if latents["blocks"].frames != clip.target_frames:
        ...             raise ShapeError("the latent needs one step for each target frame")
        ...         self.layer = nn.Upsample((clip.target_frames, clip.height, clip.width))
        ...     def forward(self, latents):
        ...         return self.layer(latents["blocks"])
        >>> decoder = Enlarge({"blocks": LatentSpec(3, 8, 8, 12)}, ClipSpec(frames=8, height=32, width=48))
        >>> decoder({"blocks": torch.zeros(2, 3, 8, 8, 12)}).shape
        torch.Size([2, 3, 8, 32, 48])
    """

    @abstractmethod
    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Decode latents, name -> (B, C', T', H', W'), to the target frames (B, C, T_out, H, W)."""


class Loss(ABC):
    """One term of the autoencoder's training loss.

    Constructor: `(clip: ClipSpec, *, ...)`. Also derive from `torch.nn.Module`.

    A loss can have its own parameters, for example a discriminator. It then implements `critic`. Each
    training step first minimises the critic's loss with its own optimiser (the recipe's
    `model.critic`). It then calls `forward` with the new parameters, and does not change them there.

    Attributes:
        tags: names of the tags that the loss reads from `out.tags`. vadkit refuses a recipe without an
            augmentation that sets them.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from vadkit.api import ClipOutputs, ClipSpec, Loss
        >>> class MeanAbsolute(Loss, nn.Module):
        ...     def __init__(self, clip):
        ...         super().__init__()
        ...     def forward(self, out):
        ...         return (out.output - out.target).abs().mean()
        >>> spec = ClipSpec(frames=8, height=32, width=48)
        >>> clips = torch.zeros(2, *spec.shape)
        >>> MeanAbsolute(spec)(ClipOutputs(spec, clips, target=clips, output=clips + 0.5))
        tensor(0.5000)
    """

    tags: Sequence[str] = ()

    @abstractmethod
    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss (), to be minimised. vadkit multiplies it by the weight of the recipe."""

    def critic(self, out: ClipOutputs) -> Tensor | None:
        """Return the loss () of the parameters that this loss owns, or None if it owns none.

        vadkit detaches the tensors of `out` from the model.
        """
        del out
        return None


class Feature(ABC):
    """Computes what a density model sees of a clip.

    Constructor: `(clip: ClipSpec, latents: Mapping[str, LatentSpec], *, ...)`. Also derive from
    `torch.nn.Module`.

    Attributes:
        spec: shape of one sample, and number of samples per clip. Set it in the constructor.

    Example:
        The mean intensity of each frame:

        >>> import torch
        >>> from torch import nn
        >>> from vadkit.api import ClipSpec, Feature, FeatureSpec
        >>> class Intensity(Feature, nn.Module):
        ...     def __init__(self, clip, latents):
        ...         super().__init__()
        ...         self.spec = FeatureSpec(shape=(1,), samples=clip.input_frames)
        ...     def forward(self, clips, latents):
        ...         return clips.mean((1, 3, 4)).unsqueeze(-1)
        >>> feature = Intensity(ClipSpec(frames=8, height=32, width=48), {})
        >>> feature(torch.zeros(2, 3, 8, 32, 48), {}).shape
        torch.Size([2, 8, 1])
    """

    spec: FeatureSpec

    @abstractmethod
    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor | Samples:
        """Return the samples of each clip, (B, T', *spec.shape), or (B, T', rows, columns, *spec.shape) with a grid.

        If some places do not have a sample, return `Samples`, which also contains a mask.

        Args:
            clips: the input frames of the clips, (B, C, T, H, W).
            latents: the encoder's latents, name -> (B, C', T', H', W'). Empty if there is no model.
        """


class FeatureSource(ABC):
    """Gives a density model the features of the training clips. vadkit implements it.

    A frozen encoder in eval mode computes the features while they are read.

    Attributes:
        spec: shape of one sample.
        samples: N, number of samples in one pass. Places without a sample do not count.

    Example:
        A source of random vectors, for a test:

        >>> import torch
        >>> from vadkit.api import FeatureSource, FeatureSpec
        >>> class RandomVectors(FeatureSource):
        ...     spec = FeatureSpec(shape=(3,), samples=1)
        ...     samples = 100
        ...     def batches(self, batch_size, *, epoch=0, start=0):
        ...         generator = torch.Generator().manual_seed(epoch)
        ...         data = torch.randn(self.samples, 3, generator=generator)
        ...         yield from data.split(batch_size)[start:]
        >>> [len(batch) for batch in RandomVectors().batches(40)]
        [40, 40, 20]
    """

    spec: FeatureSpec
    samples: int

    @abstractmethod
    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        """Yield the batches of one pass, each (N, *spec.shape).

        The seed and the epoch fix the order.

        Args:
            batch_size: number of samples in a batch.
            epoch: number of the pass.
            start: number of batches to skip. An interrupted pass continues there.
        """


class FitContext(ABC):
    """The services that a density model can use while it is fitted. vadkit implements it.

    Attributes:
        seed: seed for everything random.

    Example:
        A context for the test of a density that does not train by gradients:

        >>> from vadkit.api import FitContext
        >>> class NoTraining(FitContext):
        ...     seed = 0
        ...     def fit(self, density, features):
        ...         raise NotImplementedError
        >>> NoTraining().seed
        0
    """

    seed: int

    @abstractmethod
    def fit(self, density: nn.Module, features: FeatureSource) -> None:
        """Minimise the mean of `density(features)` by gradient descent, with the settings of the recipe's `fit`.

        vadkit handles checkpoints, resume, precision and progress.
        """


class DensityModel(ABC):
    """Estimates the density of normal features. A low likelihood means an anomaly.

    Constructor: `(feature: FeatureSpec, *, ...)`. Also derive from `torch.nn.Module`, and keep all
    state in parameters and buffers.

    Attributes:
        needs_fit: True if the model calls `FitContext.fit`. The recipe must then have a `fit:` for it.

    Example:
        A normal distribution with unit variance:

        >>> import torch
        >>> from torch import nn
        >>> from vadkit.api import DensityModel, FeatureSpec
        >>> class UnitNormal(DensityModel, nn.Module):
        ...     def __init__(self, feature):
        ...         super().__init__()
        ...         self.register_buffer("mean", torch.zeros(feature.shape))
        ...     def fit(self, features, context):
        ...         self.mean.copy_(torch.cat(list(features.batches(256))).mean(0))
        ...     def forward(self, features):
        ...         distance = (features - self.mean).flatten(1)
        ...         constant = distance.shape[1] * torch.log(torch.tensor(2 * torch.pi))
        ...         return 0.5 * (distance.square().sum(1) + constant)
        >>> density = UnitNormal(FeatureSpec(shape=(2,), samples=8))
        >>> density(torch.zeros(3, 2))
        tensor([1.8379, 1.8379, 1.8379])
    """

    needs_fit: ClassVar[bool] = False

    @abstractmethod
    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Fit the model to the features of normal clips. vadkit calls this once, after it trained the autoencoder."""

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Return the negative log-likelihood of each feature, (N, *shape) -> (N,), in nats."""

    def nll_map(self, features: Tensor) -> Tensor | None:
        """Return the negative log-likelihood by place, (N, C, H', W') -> (N, H', W'), in nats.

        The sum of a map is the negative log-likelihood of its sample. None for densities of vectors, and for
        densities that cannot divide their likelihood among places.
        """
        del features
        return None

    def for_scoring(self) -> DensityModel:
        """Return a module with the same likelihoods that computes them faster. Default: this one.

        vadkit calls this before each scoring, and sometimes before the fit. The module may share weights with this
        one, and must not change it.
        """
        return self

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        """Map features to a standard normal prior, in eval mode. For normalizing flows only.

        The conformance kit compares the log-determinants with autograd.

        Args:
            features: (N, *shape).

        Returns:
            The latents (N, D) and log |det| of the map (N,). None for models that are not invertible.
        """
        del features
        return None


class Scorer(ABC):
    """Turns the outputs of the model into one anomaly score per frame.

    Constructor: `(*, ...)`. A scorer has no trained parameters.

    Attributes:
        uses_output: True if the scorer needs the output of the autoencoder. The decoder runs only then.
        nats: True if a score is the sum of the negative log-likelihoods that the scorer reads. vadkit can
            then show it in bits per dimension.
        needs_nll_maps: True if the scorer reads `out.nll_maps` of its densities. Anomaly maps can read
            them without this attribute.

    Example:
        >>> import torch
        >>> from vadkit.api import ClipOutputs, ClipSpec, Scorer
        >>> class SquaredError(Scorer):
        ...     def __call__(self, out):
        ...         return (out.output - out.target).square().mean((1, 3, 4))
        >>> spec = ClipSpec(frames=4, height=32, width=48)
        >>> clips = torch.zeros(1, *spec.shape)
        >>> SquaredError()(ClipOutputs(spec, clips, target=clips, output=clips + 0.5))
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    uses_output: ClassVar[bool] = True
    nats: bool = False
    needs_nll_maps: bool = False

    def densities(self) -> Sequence[str]:
        """Return the names of the densities that the scorer reads from `out.nll`."""
        return ()

    @abstractmethod
    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return one score for each frame of each clip, (B, T). Higher = more anomalous.

        Give NaN for a frame that the scorer cannot score.
        """

    def anomaly_maps(self, out: ClipOutputs) -> Tensor | None:
        """Return a score for each pixel, (B, T, H, W), for figures and localisation.

        None if the scorer does not locate anomalies.
        """
        del out
        return None


class ScoreTransform(ABC):
    """Rescales or smooths the scores of a video.

    Constructor: `(*, ...)`. The module of a score transform must not import torch.

    Attributes:
        needs_future: True if the value of a frame depends on later frames of its video, or on other test
            videos. A protocol with `deployable: true` refuses such a transform.
        needs_normal: True if `fit` needs scores of normal videos. The recipe must then hold out some
            training videos.
        scope: the scores that one call gets: those of one video, or those of all test videos of a scene
            or of the data set, one after another.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import ScoreTransform
        >>> class Standardize(ScoreTransform):
        ...     needs_future = False
        ...     needs_normal = True
        ...     def fit(self, normal):
        ...         scores = np.concatenate(normal)
        ...         self.mean, self.std = scores.mean(), scores.std()
        ...     def __call__(self, scores):
        ...         return (scores - self.mean) / self.std
        >>> transform = Standardize()
        >>> transform.fit([np.array([1.0, 3.0])])
        >>> transform(np.array([2.0, 6.0])).tolist()
        [0.0, 4.0]
    """

    needs_future: bool
    needs_normal: bool = False
    scope: Scope = "video"

    @abstractmethod
    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Learn from the scores of normal videos, each (F,). vadkit calls this once, before it transforms scores.

        The list is empty if the recipe holds out no videos, which is possible only without `needs_normal`.
        """

    @abstractmethod
    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform the scores of one scope, (F,) -> (F,)."""


class Metric(ABC):
    """Computes named numbers, such as an AUC, from scores and labels.

    Constructor: `(*, ...)`. The module of a metric must not import torch.

    Attributes:
        needs_anomaly_maps: True if the metric reads `ScoredVideo.anomaly_maps`. The run then keeps such maps. The
            metric is computed for the fused score only.
        regions: for a metric that reads anomaly maps, the kinds of labels ("masks", "tracks") of which each video with
            abnormal frames must have one. vadkit checks this before training.
        needs_threshold: True if the metric reads `ScoredVideo.threshold`. The recipe must then hold out
            normal videos.
        needs_fps: True if the frame rate of every video must be known.
        in_units: True if a recipe key of the metric is in the units of the fused score. The metric is then
            not computed for single components, nor for a random scorer.
        by_group: True if the metric is also computed for each video and each scene.
        chance_draws: number of random scorers that give the chance level, which is their mean value.
        lower_is_better: names of the values for which lower is better.
        units: unit of each value that is not a number from 0 to 1. "" means a number without a unit.

    Example:
        The share of frames for which a score above 0.5 agrees with the label:

        >>> import numpy as np
        >>> from vadkit.api import Metric, ScoredVideo
        >>> class Accuracy(Metric):
        ...     def compute(self, videos):
        ...         agree = np.concatenate([(video.scores > 0.5) == video.labels for video in videos])
        ...         return {"accuracy": float(agree.mean())}
        >>> video = ScoredVideo("01", scores=np.array([0.1, 0.7, 0.9]), labels=np.array([False, False, True]))
        >>> round(Accuracy().compute([video])["accuracy"], 3)
        0.667
    """

    needs_anomaly_maps: ClassVar[bool] = False
    regions: ClassVar[frozenset[str]] = frozenset({"masks", "tracks"})
    needs_threshold: bool = False
    needs_fps: bool = False
    in_units: bool = False
    by_group: ClassVar[bool] = False
    chance_draws: ClassVar[int] = 20
    lower_is_better: ClassVar[frozenset[str]] = frozenset()
    units: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """Return name -> value, for all videos together.

        Raises:
            DataError: the metric is not defined for these videos, such as an AUC of one class.
        """

    def basis(self, videos: Sequence[ScoredVideo]) -> Mapping[str, str]:
        """Return name -> on how much data a value rests, such as "from 15 s of normal video". Reporters show it."""
        del videos
        return {}

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Return a function that computes the metric for a bootstrap sample of the videos.

        The function gets how often the sample contains each video, (V,) int. It returns what `compute`
        returns for such a list of videos. This default calls `compute`. A metric that sorts the scores
        should override it, and sort them only once.
        """

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            return self.compute([video for video, n in zip(videos, times, strict=True) for _ in range(n)])

        return measure


class Reporter(ABC):
    """Prints the result of a run, or writes it to files. A reporter that draws can also give its figures.

    Constructor: `(*, ...)`.

    Attributes:
        needs_anomaly_maps: True if the reporter reads `VideoResult.anomaly_maps`. The run then keeps such maps.
        shows_previews: True if the reporter reads `VideoResult.preview`. The run then keeps previews of its test
            videos.

    Example:
        >>> from pathlib import Path
        >>> from vadkit.api import Reporter, RunResult
        >>> class OneLine(Reporter):
        ...     def report(self, result, folder):
        ...         print(result.name, *(f"{name} {value:.3f}" for name, value in result.metrics.items()))
        >>> result = RunResult("demo", Path("runs/demo"), {"micro_auc": 0.875}, {}, protocol={}, videos=[])
        >>> OneLine().report(result, result.folder)
        demo micro_auc 0.875
    """

    needs_anomaly_maps: ClassVar[bool] = False
    shows_previews: ClassVar[bool] = False

    @abstractmethod
    def report(self, result: RunResult, folder: Path) -> None:
        """Print the result, or write files into `folder`. Write files with `atomic_write`.

        Raises:
            DataError: something that the report shows is missing, such as frames or labels. The run
                then prints a warning and continues with the next reporter.
        """

    def figures(self, result: RunResult) -> Iterable[tuple[str, Figure]]:
        """Return the matplotlib figures that it draws, each with a name, for notebooks. The default is none.

        Raises:
            DataError: something that a figure shows is missing.
        """
        del result
        return ()


class Sink(ABC):
    """Receives the alarms of `vadkit watch`. It can also receive every score and the state of the source.

    Constructor: `(*, ...)`. It checks its keys, but does not write or connect yet. The module of a sink must not
    import torch.

    vadkit calls the methods of a sink one after another, in a thread that belongs to the sink. A slow sink therefore
    does not delay the scores. If a method raises an error, vadkit reports it and continues with the next call. If a
    live source is faster than the sink, vadkit leaves out frames, but not alarms.

    Attributes:
        needs_frames: True if the sink implements `frame`.
        needs_pictures: True if it reads `FrameScore.picture`.
        needs_anomaly_maps: True if it reads `FrameScore.anomaly_map` or `AlarmEvent.box`. Both fit a picture, so the
            sink gets pictures too.

    Example:
        >>> from datetime import UTC, datetime
        >>> from vadkit.api import Alarm, AlarmEvent, Sink, WatchedSource
        >>> class Bell(Sink):
        ...     def __init__(self, *, text: str = "ding"):
        ...         self.text = text
        ...     def alarm(self, event):
        ...         if event.begins:
        ...             print(self.text, event.alarm.peak)
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> Bell().alarm(AlarmEvent(1, source, Alarm(50, 2.0, 3.5, 50, 2.0)))
        ding 3.5
    """

    needs_frames: bool = False
    needs_pictures: bool = False
    needs_anomaly_maps: bool = False

    def open(self, source: WatchedSource) -> None:
        """Start. vadkit calls this before the first frame.

        Raises:
            VadkitError: the sink cannot work, for example because a file cannot be written. vadkit then does not
                start. A connection that may come later is not a reason.
        """
        del source

    @abstractmethod
    def alarm(self, event: AlarmEvent) -> None:
        """Receive the begin or the end of an alarm. Each alarm that begins also ends, if the process is not killed.

        Raises:
            VadkitError: the event is lost, for example because a server does not answer.
        """

    def frame(self, score: FrameScore) -> None:
        """Receive the score of a frame, if `needs_frames` is set."""
        del score

    def status(self, status: SourceStatus) -> None:
        """Receive a change of the state of a live source, such as a lost connection."""
        del status

    def close(self, summary: WatchSummary) -> None:
        """Finish. vadkit calls this once, also after an error of the source."""
        del summary

    def tell(self, text: str) -> None:
        """Report a problem while a method still tries again. `vadkit watch` replaces this method to print the text."""
        del text


class Optimizer(ABC):
    """Builds a torch optimiser.

    Constructor: `(*, ...)`.

    Example:
        >>> import torch
        >>> from vadkit.api import Optimizer
        >>> class SGD(Optimizer):
        ...     def __init__(self, *, lr: float = 0.01):
        ...         self.lr = lr
        ...     def build(self, parameters):
        ...         return torch.optim.SGD(parameters, lr=self.lr)
        >>> SGD().build(torch.nn.Linear(2, 1).parameters()).param_groups[0]["lr"]
        0.01
    """

    @abstractmethod
    def build(self, parameters: Iterable[Any]) -> TorchOptimizer:
        """Return an optimiser of the parameters. Its learning rate is the base learning rate."""


class LRScheduler(ABC):
    """Changes the learning rate during training.

    Constructor: `(*, ...)`.

    Example:
        >>> from vadkit.api import LRScheduler
        >>> class Linear(LRScheduler):
        ...     def factor(self, progress):
        ...         return 1 - progress
        >>> Linear().factor(0.25)
        0.75
    """

    @abstractmethod
    def factor(self, progress: float) -> float:
        """Return the factor on the base learning rate. vadkit calls this before each training step after the warm-up.

        The result must depend on `progress` only, because a resumed run asks again.

        Args:
            progress: completed share of these steps, in [0, 1).
        """


KINDS: Mapping[str, type[ABC]] = {
    "dataset": Dataset,
    "augmentation": Augmentation,
    "encoder": Encoder,
    "bottleneck": Bottleneck,
    "decoder": Decoder,
    "loss": Loss,
    "feature": Feature,
    "density": DensityModel,
    "scorer": Scorer,
    "score_transform": ScoreTransform,
    "metric": Metric,
    "reporter": Reporter,
    "sink": Sink,
    "optimizer": Optimizer,
    "lr_scheduler": LRScheduler,
}
"""Kind, as in recipes and in `vadkit list` -> its contract."""

SUPPLIED: Mapping[str, tuple[str, ...]] = {
    "dataset": ("root",),
    "augmentation": ("clip",),
    "encoder": ("clip",),
    "bottleneck": ("latents",),
    "decoder": ("latents", "clip"),
    "loss": ("clip",),
    "feature": ("clip", "latents"),
    "density": ("feature",),
}
"""Kind -> the positional parameters that vadkit passes to its constructor. The other kinds get none."""
