"""The contracts: what each kind of component takes and gives.

**Constructor rule.** Positional parameters are what vadkit supplies; keyword-only
parameters are the recipe's keys; `**kwargs` is refused. The signature is the schema:
names, types, defaults, and, from the docstring's `Args`, the help text.

Components with weights also derive from `torch.nn.Module`, the contract first:
`class ITAE(Encoder, nn.Module)`. This file does not import torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from vadkit.core.values import (
    BottleneckOutput,
    ClipOutputs,
    FeatureSpec,
    Labels,
    LatentSpec,
    RunResult,
    Scope,
    ScoredVideo,
    Split,
    VideoRef,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.optim import Optimizer as TorchOptimizer


class Dataset(ABC):
    """Videos and their labels. `(root: Path | None, *, ...)`; must not import torch.

    Attributes:
        needs_root: whether it reads files; where it does not, `root` is None.
        default_root: folder looked for in the one that the user names (`--data-root`, `$VADKIT_DATA`);
            empty: `root` is the one that the user names.
        layout: what a user must have on disk and where it comes from, for messages.
    """

    needs_root: ClassVar[bool] = True
    default_root: ClassVar[str] = ""
    layout: ClassVar[str] = ""

    @abstractmethod
    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split, in a stable order.

        Raises:
            DataError: nothing is found under the root.
        """

    @abstractmethod
    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video, None if it has none."""

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """Every labelled test video, whether or not it is there itself: what others' scores are judged against.

        Override it where label files alone tell names and lengths. A video that is not there has
        an empty tuple for a source.
        """
        found = [(video, self.labels(video)) for video in self.videos("test")]
        return [(video, labels) for video, labels in found if labels is not None]

    def expected(self) -> Mapping[str, int]:
        """Totals of the data set as published, for `vadkit data check`.

        Keys are among "train videos", "train frames", "test videos", "test frames" and "abnormal frames";
        what is not known is left out. They are totals of what the keys of the recipe choose.
        """
        return {}


class Encoder(ABC):
    """Clips to named latents. `(clip: ClipSpec, *, ...)`.

    Attributes:
        latents: name -> shape of each latent, known once constructed.
    """

    latents: Mapping[str, LatentSpec]

    @abstractmethod
    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> {name: (B, C', T', H', W')}."""


class Bottleneck(ABC):
    """Between encoder and decoder; memories and densities that are trained with them live here.

    `(latents: Mapping[str, LatentSpec], *, ...)`.

    Attributes:
        latents: name -> shape of each latent that it hands on; None if they are those that it is given.
        stateful: why scores depend on the order of a video's frames, such as "test-time memory
            updates"; empty if they do not. What it keeps from clip to clip is then no part of the
            weights: vadkit calls `reset` before each video, passes windows in order, one at a time,
            and calls `update` after each.
    """

    latents: Mapping[str, LatentSpec] | None = None
    stateful: str = ""

    @abstractmethod
    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """{name: (B, C', T', H', W')} -> latents as declared, losses, scores."""

    def reset(self) -> None:  # noqa: B027
        """Forget what `update` was told: a video begins."""

    def update(self, out: ClipOutputs) -> None:  # noqa: B027
        """See the outputs of one scored clip, B = 1; what it changes counts from the next clip on."""


class Decoder(ABC):
    """Named latents to frames. `(latents: Mapping[str, LatentSpec], clip: ClipSpec, *, ...)`.

    Raises ShapeError when constructed if it cannot decode such latents to such a clip.
    """

    @abstractmethod
    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{name: (B, C', T', H', W')} -> (B, C, T_out, H, W)."""


class Loss(ABC):
    """What the autoencoder is trained on. `(clip: ClipSpec, *, ...)`.

    A loss may own parameters, such as a discriminator's; then `critic` gives their own
    loss. In each step it is minimised first, by its own optimiser (the recipe's `model.critic`);
    then `forward` is called with the new parameters, which it does not move.
    """

    @abstractmethod
    def forward(self, out: ClipOutputs) -> Tensor:
        """-> (), to be minimised."""

    def critic(self, out: ClipOutputs) -> Tensor | None:
        """-> (), the loss of the parameters owned here, whose inputs are cut off from the model; None if none."""
        del out
        return None


class Feature(ABC):
    """What a density sees of a clip. `(clip: ClipSpec, latents: Mapping[str, LatentSpec], *, ...)`.

    Attributes:
        spec: shape of one sample and samples per clip, known once constructed.
    """

    spec: FeatureSpec

    @abstractmethod
    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """(B, C, T, H, W) and latents -> (B, T', *spec.shape)."""


class FeatureSource(ABC):
    """The training features, computed by a frozen, evaluating encoder as they are read.

    Attributes:
        spec: what one sample is.
        samples: N, samples in one pass.
    """

    spec: FeatureSpec
    samples: int

    @abstractmethod
    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        """One pass in an order fixed by seed and epoch: tensors (N, *spec.shape).

        `start` leaves out that many batches: where an interrupted pass goes on.
        """


class FitContext(ABC):
    """What a density may ask of vadkit while it is fitted.

    Attributes:
        seed: for whatever is random.
    """

    seed: int

    @abstractmethod
    def fit(self, density: nn.Module, features: FeatureSource) -> None:
        """Minimise the mean of `density(features)` by gradients, as the recipe's `fit` says.

        Checkpoints, resume, precision and progress are taken care of.
        """


class DensityModel(ABC):
    """A density of features. `(feature: FeatureSpec, *, ...)`. State lives in buffers and parameters.

    Attributes:
        needs_fit: whether it calls `FitContext.fit`, so that the recipe must give it a `fit:`.
    """

    needs_fit: ClassVar[bool] = False

    @abstractmethod
    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Learn from normal features."""

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood, nats."""

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        """Of an invertible map to a standard normal prior: (N, *shape) -> (N, D) and log |det| (N,), in eval mode.

        None for other densities. The conformance kit compares it with autograd.
        """
        del features
        return None


class Scorer(ABC):
    """Model outputs to scores. `(*, ...)`; called like a function, no parameters of its own.

    Attributes:
        uses_output: whether it needs the autoencoder's output.
        nats: whether its scores are the sum of the negative log-likelihoods that it reads, so that they
            can be shown in bits per dimension.
    """

    uses_output: ClassVar[bool] = True
    nats: ClassVar[bool] = False

    def densities(self) -> Sequence[str]:
        """Names of the densities that it reads."""
        return ()

    @abstractmethod
    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T): one score for each frame of the clip, NaN where it has none to give."""

    def anomaly_maps(self, out: ClipOutputs) -> Tensor | None:
        """-> (B, T, H, W): where in the frame, for figures and localisation; None if nowhere."""
        del out
        return None


class ScoreTransform(ABC):
    """Rescales or smooths scores. `(*, ...)`; numpy only.

    Attributes:
        needs_future: whether a frame's value depends on later frames of its video, or on other
            test videos. `deployable` protocols refuse it then.
        needs_normal: whether `fit` must see scores of normal videos; some are held out for it then.
        scope: how much one call sees: a video, or all test videos of a scene or of the data set,
            one after another.
    """

    needs_future: bool
    needs_normal: bool = False
    scope: Scope = "video"

    @abstractmethod
    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """See scores of normal videos only, each (F,)."""

    @abstractmethod
    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) of one scope -> (F,)."""


class Metric(ABC):
    """Scores and labels to numbers. `(*, ...)`; numpy only.

    Attributes:
        needs_anomaly_maps: whether it reads `ScoredVideo.anomaly_maps`; such maps are kept when scoring. It is
            taken of the fused score alone then.
        needs_threshold: whether it reads `ScoredVideo.threshold`; normal video must be held out.
        needs_fps: whether every video's frame rate must be known.
        in_units: whether one of its keys is in the units of the fused score: it is not taken of
            components alone then, nor of a random scorer.
        by_group: whether it is also worth knowing of each video and each scene alone.
        chance_draws: random scorers that its value by chance is averaged over.
        lower_is_better: names of its values of which less is better.
        units: unit of each value that is no share of 1, "" for a plain number.
    """

    needs_anomaly_maps: ClassVar[bool] = False
    needs_threshold: bool = False
    needs_fps: bool = False
    in_units: bool = False
    by_group: ClassVar[bool] = False
    chance_draws: ClassVar[int] = 20
    lower_is_better: ClassVar[frozenset[str]] = frozenset()
    units: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> {name: value}.

        Raises:
            DataError: it is not defined for these videos, such as an AUC of one class.
        """

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """For the bootstrap: a function from how often each video is drawn, (V,), to {name: value}.

        It equals `compute` of the videos repeated so, which is what this default does; a
        metric that sorts its scores overrides it to sort them once.
        """

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            return self.compute([video for video, n in zip(videos, times, strict=True) for _ in range(n)])

        return measure


class Reporter(ABC):
    """Tells a person, or a file, what a run came to. `(*, ...)`.

    Attributes:
        needs_anomaly_maps: whether it reads `VideoResult.anomaly_maps`; such maps are kept when scoring.
    """

    needs_anomaly_maps: ClassVar[bool] = False

    @abstractmethod
    def report(self, result: RunResult, folder: Path) -> None:
        """Print, or write into the run folder (aside, then renamed).

        Raises:
            DataError: what it shows is not there, such as frames or labels. A run goes on with the
                other reporters then, and tells it.
        """


class Optimizer(ABC):
    """Builds a torch optimiser. `(*, ...)`."""

    @abstractmethod
    def build(self, parameters: Iterable[Any]) -> TorchOptimizer:
        """Parameters -> optimiser, at its base learning rate."""


class LRScheduler(ABC):
    """Learning rate over time. `(*, ...)`."""

    @abstractmethod
    def factor(self, progress: float) -> float:
        """Share of training done, in [0, 1) -> factor on the base learning rate."""


KINDS: Mapping[str, type[ABC]] = {
    "dataset": Dataset,
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
    "optimizer": Optimizer,
    "lr_scheduler": LRScheduler,
}
"""Kind, as `vadkit list` and recipes name it -> the contract that it must meet."""

SUPPLIED: Mapping[str, tuple[str, ...]] = {
    "dataset": ("root",),
    "encoder": ("clip",),
    "bottleneck": ("latents",),
    "decoder": ("latents", "clip"),
    "loss": ("clip",),
    "feature": ("clip", "latents"),
    "density": ("feature",),
}
"""Kind -> what vadkit gives its constructor by position; the other kinds are given nothing."""
