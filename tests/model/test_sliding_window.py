"""Each frame's score is the mean over all windows that it appears in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vadkit.core.contracts import Scorer
from vadkit.core.errors import DataError
from vadkit.core.progress import NoProgress
from vadkit.core.values import ClipOutputs, ClipSpec, VideoRef
from vadkit.model.compute import compute_of
from vadkit.model.inference.sliding_window import SlidingWindowMean, measure_position_stats, score_video
from vadkit.model.pipeline import Pipeline
from vadkit.recipe.model import Engine
from vadkit.video.clips import Clips, window_starts

VIDEO = VideoRef("v", Path("v.avi"), fps=5.0)


def test_overlapping_windows_are_averaged_and_counted() -> None:
    mean = SlidingWindowMean(4, ("r",))
    for first, scores in ((0, [1.0, 2.0, 3.0]), (1, [4.0, np.nan, 6.0])):
        where = first + np.arange(3)
        mean.count_window(where)
        mean.add("r", where, np.array(scores))
    assert mean.means()["r"].tolist() == [1.0, (2 + 4) / 2, 3.0, 6.0]
    assert mean.coverage.tolist() == [1, 2, 2, 1]


def test_windows_reach_the_last_frame_whatever_the_stride() -> None:
    assert window_starts(10, ClipSpec(4, 8, 8), 4, video="v").tolist() == [0, 4, 6]
    assert window_starts(4, ClipSpec(4, 8, 8), 4, video="v").tolist() == [0]


def test_clips_are_read_in_an_order_fixed_by_seed_and_epoch() -> None:
    frames = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1).repeat(8, 1).repeat(8, 2)
    clips = Clips([("v", frames)], ClipSpec(4, 8, 8, "gray"))
    whole = [batch.clips for batch in clips.batches(2, seed=1, epoch=3)]
    rest = [batch.clips for batch in clips.batches(2, seed=1, epoch=3, start=2)]
    assert all(bool((a == b).all()) for a, b in zip(whole[2:], rest, strict=True))
    assert clips.order(1, 3).tolist() != clips.order(1, 4).tolist()
    assert clips.read([5])[0, 0, :, 0, 0].tolist() == pytest.approx([n / 127.5 - 1 for n in (5, 6, 7, 8)])


class FromPixels(Scorer):
    """The frame's number as its pixels say it, plus an error that depends on the place in the window alone."""

    uses_output = False

    def __init__(self, bias: Sequence[float]) -> None:
        self.bias = torch.tensor(bias)

    def __call__(self, out: ClipOutputs) -> Tensor:
        return (out.clips[:, 0, :, 0, 0] + 1) * 127.5 + self.bias


def numbered(frames: int) -> NDArray[np.uint8]:
    return np.arange(frames, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(8, 1).repeat(8, 2)


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_every_frame_gets_the_mean_of_its_own_windows(batch: int) -> None:
    spec, bias = ClipSpec(3, 8, 8, "gray", step=2), [0.0, 10.0, 100.0]
    frames, compute = numbered(12), compute_of(Engine(accelerator="cpu"))
    pipeline = Pipeline(spec, None, {}, decode=False)
    scores = score_video(
        VIDEO,
        frames,
        pipeline,
        {"n": FromPixels(bias)},
        compute,
        batch=batch,
        stride=3,
        progress=NoProgress(),
    )
    seen: dict[int, list[float]] = {}
    for first in (0, 3, 6, 7):  # the last is flush with the end: 7 + 2 * 2 = 11
        for place in range(3):
            frame = first + 2 * place
            seen.setdefault(frame, []).append(frame + bias[place])
    for frame in range(12):
        expected = np.mean(seen[frame]) if frame in seen else np.nan
        np.testing.assert_allclose(scores.components["n"][frame], expected, rtol=1e-5)
        assert scores.coverage[frame] == len(seen.get(frame, []))


def test_a_place_of_the_window_with_equal_scores_has_a_deviation_of_one() -> None:
    spec, compute = ClipSpec(3, 8, 8, "gray"), compute_of(Engine(accelerator="cpu"))
    clips = Clips([("train", np.full((9, 8, 8, 1), 7, np.uint8))], spec)
    pipeline, scorers = Pipeline(spec, None, {}, decode=False), {"n": FromPixels([0.0, 5.0, 0.0])}
    stats = measure_position_stats(clips, pipeline, scorers, compute, batch=4, progress=NoProgress())["n"]
    np.testing.assert_allclose(stats.mean, [7, 12, 7], rtol=1e-5)
    assert stats.std.tolist() == [1.0, 1.0, 1.0]


def test_calibration_takes_out_what_depends_on_the_place_in_a_window_alone() -> None:
    spec, compute = ClipSpec(4, 8, 8, "gray"), compute_of(Engine(accelerator="cpu"))
    pipeline, scorers = Pipeline(spec, None, {}, decode=False), {"n": FromPixels([50.0, 0.0, 0.0, 90.0])}
    clips = Clips([("train", numbered(40))], spec)
    stats = measure_position_stats(clips, pipeline, scorers, compute, batch=7, progress=NoProgress())
    # Window s shows frame s + k at place k, s = 0..36.
    np.testing.assert_allclose(stats["n"].mean, [18 + 50, 19, 20, 21 + 90], rtol=1e-5)
    np.testing.assert_allclose(stats["n"].std, np.full(4, np.arange(37).std()), rtol=1e-5)
    scores = score_video(
        VIDEO,
        numbered(10),
        pipeline,
        scorers,
        compute,
        batch=4,
        stride=1,
        progress=NoProgress(),
        position_stats=stats,
    )
    calibrated = scores.combined("calibrated").components["n"]
    assert np.ptp(np.diff(calibrated)) < 0.2  # a ramp; uncalibrated, its ends are off by 50 and 90
    assert np.ptp(np.diff(scores.combined("mean").components["n"])) > 10


def test_a_place_that_is_never_scored_stays_without_a_score() -> None:
    spec, compute = ClipSpec(3, 8, 8, "gray"), compute_of(Engine(accelerator="cpu"))
    pipeline, scorers = Pipeline(spec, None, {}, decode=False), {"n": FromPixels([float("nan"), 0.0, 0.0])}
    stats = measure_position_stats(
        Clips([("t", numbered(9))], spec), pipeline, scorers, compute, batch=4, progress=NoProgress()
    )
    scores = score_video(
        VIDEO,
        numbered(5),
        pipeline,
        scorers,
        compute,
        batch=4,
        stride=1,
        progress=NoProgress(),
        position_stats=stats,
    )
    for overlap in ("mean", "calibrated"):
        assert np.isnan(scores.combined(overlap).components["n"]).tolist() == [True, False, False, False, False]


def test_a_single_scored_position_is_not_calibrated() -> None:
    spec, compute = ClipSpec(3, 8, 8, "gray"), compute_of(Engine(accelerator="cpu"))
    pipeline, scorers = Pipeline(spec, None, {}, decode=False), {"n": FromPixels([float("nan"), 7.0, float("nan")])}
    clips, progress = Clips([("t", numbered(9))], spec), NoProgress()
    stats = measure_position_stats(clips, pipeline, scorers, compute, batch=4, progress=progress)
    assert stats == {}
    scores = score_video(
        VIDEO, numbered(5), pipeline, scorers, compute, batch=4, stride=1, progress=progress, position_stats=stats
    )
    np.testing.assert_array_equal(scores.combined("calibrated").components["n"], scores.components["n"])


class Brightness(FromPixels):
    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        return out.clips[:, 0]


def test_maps_are_means_over_windows_in_cells_of_four_pixels() -> None:
    spec, compute = ClipSpec(3, 8, 8, "gray"), compute_of(Engine(accelerator="cpu"))
    frames = numbered(5)
    frames[:, :4, 4:] += 100  # one cell of four
    scores = score_video(
        VIDEO, frames, Pipeline(spec, None, {}, decode=False), {"n": Brightness([0.0] * 3)}, compute,
        batch=2, stride=1, progress=NoProgress(), anomaly_maps="n",
    )  # fmt: skip
    assert scores.anomaly_maps is not None
    anomaly_maps = (scores.anomaly_maps() + 1) * 127.5
    expected = np.arange(5.0)[:, None, None] + [[0, 100], [0, 0]]
    np.testing.assert_allclose(anomaly_maps, expected, atol=1e-3)
    assert scores.fps == 5.0


def test_a_scorer_without_maps_is_named() -> None:
    spec, compute = ClipSpec(3, 8, 8, "gray"), compute_of(Engine(accelerator="cpu"))
    with pytest.raises(DataError, match=r"scores\.n: has no anomaly maps"):
        score_video(
            VIDEO, numbered(5), Pipeline(spec, None, {}, decode=False), {"n": FromPixels([0.0] * 3)}, compute,
            batch=2, stride=1, progress=NoProgress(), anomaly_maps="n",
        )  # fmt: skip


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_a_short_video_has_a_score_for_each_frame_that_it_has(frames: int) -> None:
    spec, compute = ClipSpec(6, 8, 8, "gray"), compute_of(Engine(accelerator="cpu"))
    pipeline, scorers = Pipeline(spec, None, {}, decode=False), {"n": Brightness([0.0] * 6)}
    scores = score_video(
        VIDEO, numbered(frames), pipeline, scorers, compute,
        batch=2, stride=1, progress=NoProgress(), anomaly_maps="n", short="repeat",
    )  # fmt: skip
    assert scores.coverage.tolist() == [1] * frames
    np.testing.assert_allclose(scores.components["n"], np.arange(frames), atol=1e-3)
    assert scores.anomaly_maps is not None
    np.testing.assert_allclose((scores.anomaly_maps()[:, 0, 0] + 1) * 127.5, np.arange(frames), atol=1e-3)
