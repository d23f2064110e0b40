"""Correct toy components without weights, and variants with one fault each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vadkit.api import (
    AlarmEvent,
    Augmentation,
    ClipOutputs,
    ClipSpec,
    DataError,
    Dataset,
    FrameScore,
    Labels,
    LRScheduler,
    Metric,
    Optimizer,
    Reporter,
    RunResult,
    ScoredVideo,
    Scorer,
    ScoreTransform,
    Sink,
    Split,
    TrainingClip,
    VideoRef,
    WatchedSource,
    WatchSummary,
    atomic_write,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LENGTHS: Mapping[str, Mapping[str, int]] = {"train": {"a": 5, "b": 7}, "test": {"c": 6, "d": 4}}


def drawn(start: int, stop: int) -> NDArray[np.uint8]:
    return np.zeros((stop - start, 8, 8, 1), np.uint8)


class HonestDataset(Dataset):
    """Black frames."""

    needs_root: ClassVar[bool] = False

    def __init__(self, root: Path | None) -> None:
        del root

    def videos(self, split: Split) -> Sequence[VideoRef]:
        return [VideoRef(name, drawn, frames=n, fingerprint=name) for name, n in LENGTHS[split].items()]

    def labels(self, video: VideoRef) -> Labels | None:
        if video.name not in LENGTHS["test"]:
            return None
        return Labels(np.arange(video.frames or 0) > 2, source="toy")


class ShortLabels(HonestDataset):
    """One label too few."""

    def labels(self, video: VideoRef) -> Labels | None:
        labels = super().labels(video)
        return labels and Labels(labels.frames[1:], source="toy")


class DoubledNames(HonestDataset):
    """Two videos with the same name."""

    def videos(self, split: Split) -> Sequence[VideoRef]:
        return [*super().videos(split), super().videos(split)[0]]


class Shuffled(HonestDataset):
    """Another order each time."""

    turn = 0

    def videos(self, split: Split) -> Sequence[VideoRef]:
        self.turn += 1
        return super().videos(split)[:: 1 if self.turn % 2 else -1]


class OtherTruth(HonestDataset):
    """Two sets of labels."""

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        return [(video, Labels(~labels.frames, source="other")) for video, labels in super().ground_truth()]


class Crashing(HonestDataset):
    """Reads a file that may not exist."""

    needs_root: ClassVar[bool] = True
    layout: ClassVar[str] = "list.txt"

    def __init__(self, root: Path | None) -> None:
        assert root is not None
        self.root = root

    def videos(self, split: Split) -> Sequence[VideoRef]:
        (self.root / "list.txt").read_text(encoding="utf-8")
        return super().videos(split)


class HonestAugmentation(Augmentation):
    """Half of the clips are played backwards, and marked."""

    tags: Sequence[str] = ("backwards",)

    def __init__(self, clip: ClipSpec) -> None:
        self.clip = clip

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        if random.random() < 0.5:
            return clip
        return replace(clip, frames=clip.frames[::-1], tags={**clip.tags, "backwards": 1.0})


class Floating(HonestAugmentation):
    """Returns floating-point frames."""

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        return replace(clip, frames=clip.frames * 0.5)


class PastTheEnd(HonestAugmentation):
    """Reads as many frames after the clip as it likes."""

    reads_video = True

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        return replace(clip, frames=clip.read(clip.start + 1, clip.start + 1 + self.clip.span, self.clip.step))


class Alternating(HonestAugmentation):
    """Mirrors every second clip."""

    calls = 0

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        self.calls += 1
        return replace(clip, frames=clip.frames[:, :, ::-1]) if self.calls % 3 == 1 else clip


class Scribbling(HonestAugmentation):
    """Writes into the frames that it gets."""

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        clip.frames[:, 0] = 0
        return clip


class SecretTag(HonestAugmentation):
    """A tag that it does not declare."""

    tags: Sequence[str] = ()


class Rereading(HonestAugmentation):
    """Reads the clip again."""

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        return replace(clip, frames=clip.read(clip.start, clip.start + self.clip.span, self.clip.step))


class HonestScorer(Scorer):
    """Mean error of the output frames."""

    def __call__(self, out: ClipOutputs) -> Tensor:
        assert out.output is not None
        error = (out.output - out.target).square().mean((1, 3, 4))
        full = error.new_full((len(error), out.spec.frames), float("nan"))
        full[:, out.spec.target[0] : out.spec.target[1]] = error
        return full


class OfTheBottleneck(Scorer):
    """A score of the bottleneck for the input frames."""

    uses_output = True

    def __call__(self, out: ClipOutputs) -> Tensor:
        if "novelty" not in out.scores or out.scores.get("novelty") is None:
            raise DataError("the bottleneck gives no novelty", where="scorer")
        return out.scores["novelty"].repeat_interleave(out.spec.frames // out.scores["novelty"].shape[1], dim=1)


class UpsideDown(HonestScorer):
    """PSNR, which is high for normal frames."""

    def __call__(self, out: ClipOutputs) -> Tensor:
        return -super().__call__(out).log()


class Moody(HonestScorer):
    """NaN for some frames, depending on their content."""

    def __call__(self, out: ClipOutputs) -> Tensor:
        score = super().__call__(out)
        return score.where(score > score.nanmedian(), float("nan"))


class Relative(HonestScorer):
    """Subtracts the batch's mean."""

    def __call__(self, out: ClipOutputs) -> Tensor:
        score = super().__call__(out)
        return score - score.nanmean()


class Undeclared(HonestScorer):
    """Reads a density that it does not declare."""

    def __call__(self, out: ClipOutputs) -> Tensor:
        return super().__call__(out) + out.nll["static"].mean()


class HonestScoreTransform(ScoreTransform):
    """Running mean of two."""

    needs_future = False

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Do nothing."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return (scores + np.concatenate([scores[:1], scores[:-1]])) / 2


class Clairvoyant(HonestScoreTransform):
    """Uses future frames, but needs_future is False."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores / max(scores.max(), 1e-9)


class Shortening(HonestScoreTransform):
    """Loses the first frame."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores[1:]


class Dividing(HonestScoreTransform):
    """Divides by the standard deviation so far."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):
            so_far = np.maximum.accumulate(scores)
            return scores / (so_far - np.minimum.accumulate(scores) + 0 * so_far)


class Remembering(HonestScoreTransform):
    """Scales by the largest score of all videos so far."""

    largest = 1.0

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        found = scores / self.largest
        self.largest = max(self.largest, float(scores[0]))
        return found


class SecretlyFitted(HonestScoreTransform):
    """Fits to normal videos, but needs_normal is False."""

    mean = 0.0

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        self.mean = float(np.concatenate(normal).mean()) if normal else 0.0

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores - self.mean


class InPlace(HonestScoreTransform):
    """Changes its input."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        scores += 1
        return scores.copy()


class Inverted(HonestScoreTransform):
    """Inverts scores."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return -scores


class HonestMetric(Metric):
    """Share of abnormal frames with scores above all normal ones."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        scores = np.concatenate([video.scores for video in videos])
        labels = np.concatenate([video.labels for video in videos])
        if labels.all() or not labels.any():
            raise DataError("one class only", where="metric")
        return {"found": float((scores[labels] > scores[~labels].max()).mean())}


class Percent(HonestMetric):
    """Percent, without a unit."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        return {"found": 100 * super().compute(videos)["found"]}


class Backward(HonestMetric):
    """Less is better, but lower_is_better is empty."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        return {"missed": 1 - super().compute(videos)["found"]}


class FirstVideo(HonestMetric):
    """The first video counts twice."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        weights = np.array([2.0, *[1.0] * (len(videos) - 1)])
        return {"mean": float(np.average([min(video.scores.mean() / 9, 1) for video in videos], weights=weights))}

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        return super().resampled(videos)


class Careless(HonestMetric):
    """Uses every video once, even if it is drawn several times."""

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        return lambda times: self.compute([video for video, n in zip(videos, times, strict=True) if n > -1])


class NotANumber(HonestMetric):
    """Returns NaN for one class."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        try:
            return super().compute(videos)
        except DataError:
            return {"found": float("nan")}


class HonestReporter(Reporter):
    """Writes one text file."""

    def report(self, result: RunResult, folder: Path) -> None:
        with atomic_write(folder / "metrics.txt") as aside:
            aside.write_text(str(dict(result.metrics)))


class Direct(HonestReporter):
    """Overwrites the old file in place."""

    def report(self, result: RunResult, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.txt").write_text(str(dict(result.metrics)))


class Astray(HonestReporter):
    """Uses video names as file names."""

    def report(self, result: RunResult, folder: Path) -> None:
        for video in result.videos:
            with atomic_write(folder / f"{video.name}.txt") as aside:
                aside.write_text(str(video.fused.mean()))


class Expecting(HonestReporter):
    """Fails without an AUC."""

    def report(self, result: RunResult, folder: Path) -> None:
        with atomic_write(folder / "metrics.txt") as aside:
            aside.write_text(f"{result.metrics['micro_auc']}")


class HonestOptimizer(Optimizer):
    """SGD.

    Args:
        lr: learning rate.
    """

    def __init__(self, *, lr: float = 0.1) -> None:
        self.lr = lr

    def build(self, parameters: Iterable[Any]) -> Any:
        import torch

        return torch.optim.SGD(parameters, lr=self.lr)


class Climbing(HonestOptimizer):
    def build(self, parameters: Iterable[Any]) -> Any:
        """Step along the gradient."""
        import torch

        return torch.optim.SGD(parameters, lr=self.lr, maximize=True)


class HonestLrScheduler(LRScheduler):
    """Linear decay."""

    def factor(self, progress: float) -> float:
        return 1 - progress


class Counting(HonestLrScheduler):
    """Depends on the number of calls."""

    asked = 0

    def factor(self, progress: float) -> float:
        self.asked += 1
        return 1 / self.asked


class Negative(HonestLrScheduler):
    """Becomes negative."""

    def factor(self, progress: float) -> float:
        return 0.5 - progress


class HonestSink(Sink):
    """Writes the times of alarms to a file."""

    needs_frames: bool = True

    def open(self, source: WatchedSource) -> None:
        self.lines: list[str] = []
        self.scores: list[float] = []

    def frame(self, score: FrameScore) -> None:
        self.scores.append(score.score)

    def alarm(self, event: AlarmEvent) -> None:
        self.lines.append(f"{event.seconds}\n")

    def close(self, summary: WatchSummary) -> None:
        Path("alarms.txt").write_text("".join(self.lines), encoding="utf-8")


class Hasty(HonestSink):
    """Writes before the watch starts."""

    def __init__(self) -> None:
        Path("alarms.txt").touch()


class Blind(HonestSink):
    """Expects a picture of every alarm."""

    def alarm(self, event: AlarmEvent) -> None:
        event.peak.picture.mean()  # pyright: ignore


class Impatient(HonestSink):
    """Expects a frame."""

    def close(self, summary: WatchSummary) -> None:
        super().close(summary)
        self.scores[-1]


class Deaf(HonestSink):
    """Implements `frame` without saying so."""

    needs_frames: bool = False


class Painting(HonestSink):
    """Draws into the picture."""

    def alarm(self, event: AlarmEvent) -> None:
        if event.peak is not None and event.peak.picture is not None:
            event.peak.picture[:2] = 0
