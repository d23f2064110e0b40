"""RBDC, TBDC and pixel AUC against cases worked out by hand and against slow references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from vadkit.api import DataError, Detections, Metric, ScoredVideo, Track, VadkitError
from vadkit_standard.localization.components import linked_regions, regions
from vadkit_standard.localization.pixel_auc import PixelAUC
from vadkit_standard.localization.region_criteria import RegionCriteria
from vadkit_standard.localization.tally import Rule, tally

Box = tuple[int, int, int, int]
METRICS = (RegionCriteria(), PixelAUC())
TENTH = Rule(0.1, 0.1)
SIZE = 20


def video(
    anomaly_maps: NDArray[Any] | None,
    masks: NDArray[np.bool_] | None = None,
    *,
    tracks: Sequence[Mapping[int, Box]] | None = None,
    labels: Sequence[int] | None = None,
    name: str = "01",
) -> ScoredVideo:
    abnormal = (
        np.array(labels, bool)
        if labels is not None
        else np.ones(0 if anomaly_maps is None else len(anomaly_maps), bool)
    )
    if masks is not None and labels is None:
        abnormal = np.asarray(masks.any(axis=(1, 2)))
    return ScoredVideo(
        name,
        np.zeros(abnormal.size),
        abnormal,
        anomaly_maps=None if anomaly_maps is None else lambda: anomaly_maps,
        masks=None if masks is None else lambda: masks,
        tracks=None if tracks is None else tuple(Track(str(i), boxes) for i, boxes in enumerate(tracks)),
    )


def drawn(*frames: Iterable[tuple[Box, float]], size: int = SIZE) -> NDArray[np.float32]:
    """Frames of 0 with boxes of some value."""
    anomaly_maps = np.zeros((len(frames), size, size), np.float32)
    for frame, boxes in zip(anomaly_maps, frames, strict=True):
        for (x0, y0, x1, y1), value in boxes:
            frame[y0:y1, x0:x1] = value
    return anomaly_maps


def random_videos(
    seed: int, *, count: int = 4, decimals: int = 1, size: tuple[int, int] = (8, 10)
) -> list[ScoredVideo]:
    """Smooth maps of 8 x 10, brighter in some blobs, which are the masks, of any size."""
    random = np.random.default_rng(seed)
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, (8, 10), strict=True))
    videos = []
    for index in range(count):
        frames = int(random.integers(3, 9))
        blobs = ndimage.gaussian_filter(random.normal(size=(frames, 8, 10)), (0.7, 0.8, 0.8)) > 0.25
        blobs[random.random(frames) < 0.3] = False
        anomaly_maps = ndimage.gaussian_filter(random.normal(size=blobs.shape), (0, 0.6, 0.6)) + 0.6 * blobs
        masks = blobs[:, rows][:, :, columns]
        videos.append(video(np.round(anomaly_maps, decimals).astype(np.float32), masks, name=str(index)))
    return videos


def repeated(videos: Sequence[ScoredVideo], times: Sequence[int] | NDArray[np.int64]) -> list[ScoredVideo]:
    return [one for one, n in zip(videos, times, strict=True) for _ in range(n)]


# Components


@pytest.mark.parametrize("density", [0, 0.05, 0.3, 0.6, 1])
@pytest.mark.parametrize("shape", [(5, 9, 7), (3, 1, 6), (4, 6, 1), (1, 30, 40)])
def test_components_are_those_of_scipy(shape: tuple[int, ...], density: float) -> None:
    stack = np.random.default_rng(0).random(shape) < density
    flat = np.zeros((3, 3, 3), bool)
    flat[1] = True
    labels: Any = ndimage.label(stack, flat)
    solids: Any = ndimage.label(stack, np.ones((3, 3, 3)))
    expected: list[list[tuple[int, ...]]] = [[] for _ in range(solids[1])]
    for number, (t, y, x) in enumerate(ndimage.find_objects(labels[0]), start=1):
        solid = solids[0][labels[0] == number][0]
        expected[solid - 1].append((t.start, x.start, y.start, x.stop, y.stop))
    found, track = linked_regions(stack)
    rows = np.column_stack([found.frames, found.boxes])
    groups = [[tuple(row) for row in rows[track == number]] for number in np.unique(track)]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))
    alone = regions(stack)
    np.testing.assert_array_equal(np.column_stack([alone.frames, alone.boxes]), rows)
    assert (np.diff(found.frames) >= 0).all()


def test_stacks_that_are_read_block_by_block_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = np.random.default_rng(1).random((9, 6, 7)) < 0.3
    stack[[2, 5]] = False
    whole, track = linked_regions(stack)
    monkeypatch.setattr("vadkit_standard.localization.components._BLOCK", 100)  # two frames
    parts, linked = linked_regions(stack)
    np.testing.assert_array_equal(parts.boxes, whole.boxes)
    np.testing.assert_array_equal(parts.frames, whole.frames)
    np.testing.assert_array_equal(linked, track)


# Regions and tracks, by hand. Most true boxes are less than a tenth of the frame, so that the whole
# frame, which is found at threshold 0, is a false positive.


def test_a_square_that_is_found_exactly_gives_one() -> None:
    box = (3, 4, 8, 9)
    anomaly_maps = drawn([(box, 1)])
    assert RegionCriteria().compute([video(anomaly_maps, anomaly_maps > 0)]) == {"rbdc": 1.0, "tbdc": 1.0}
    assert RegionCriteria().compute([video(anomaly_maps, tracks=[{0: box}])]) == {"rbdc": 1.0, "tbdc": 1.0}


@pytest.mark.parametrize(("width", "expected"), [(10, 1.0), (9, 0.0)])
def test_a_region_is_detected_from_beta_on(width: int, expected: float) -> None:
    # Within the 10 x 10 box lies a line of one pixel's height: overlap 10 / 100, or 9 / 100. In the
    # latter case the line is a false positive itself: (0, 0), (1, 0).
    box = (2, 2, 12, 12)
    anomaly_maps = drawn([((2, 5, 2 + width, 6), 1)], [], size=40)
    found = RegionCriteria().compute([video(anomaly_maps, tracks=[{0: box}])])
    assert found == {"rbdc": expected, "tbdc": expected}


def test_a_miss_is_a_false_positive_too() -> None:
    anomaly_maps = drawn([((2, 5, 11, 6), 1)], [], size=40)
    counts = tally([video(anomaly_maps, tracks=[{0: (2, 2, 12, 12)}])], TENTH, 40)
    np.testing.assert_array_equal(counts.false, [[1, 2]])  # the line, then both whole frames


@pytest.mark.parametrize(("normal", "expected"), [(1, 1 / 2), (3, 3 / 4)])
def test_a_false_positive_in_a_normal_frame_costs_its_share(normal: int, expected: float) -> None:
    # The brightest box is in one of `normal` normal frames: (0, 0), (1 / frames, 0), (1 / frames, 1).
    box = (3, 4, 8, 9)
    abnormal = video(drawn([(box, 1)]), drawn([(box, 1)]) > 0)
    quiet = drawn([((9, 9, 12, 12), 2)], *[[]] * (normal - 1))
    found = RegionCriteria().compute([abnormal, video(quiet, labels=[0] * normal, name="02")])
    assert found == {"rbdc": pytest.approx(expected), "tbdc": pytest.approx(expected)}


def test_points_are_joined_by_lines_and_cut_at_one() -> None:
    box, elsewhere, there = (1, 1, 5, 5), (8, 8, 11, 11), (14, 14, 17, 17)
    one = drawn([(box, 1), (elsewhere, 1)], [])
    # (0, 0), (1/2, 1), and on at 1: a triangle and a square.
    assert RegionCriteria().compute([video(one, tracks=[{0: box}])])["rbdc"] == pytest.approx(3 / 4)
    two = drawn([(box, 1), (elsewhere, 1), (there, 1)])
    # (0, 0), (2, 1), of which half lies before 1.
    assert RegionCriteria().compute([video(two, tracks=[{0: box}])])["rbdc"] == pytest.approx(1 / 4)


def test_a_curve_that_ends_before_one_keeps_its_last_rate() -> None:
    # Two true regions of a third of the frame each. One is found with a false positive in the other
    # frame's corner, the whole frames match both: (0, 0), (1/2, 1/2), (0, 1), sorted and never falling.
    left, right = (0, 0, 7, 20), (13, 0, 20, 20)
    anomaly_maps = drawn([(left, 1)], [((0, 0, 2, 2), 1)])
    found = RegionCriteria().compute([video(anomaly_maps, tracks=[{0: left}, {1: right}])])
    assert found == {"rbdc": 1.0, "tbdc": 1.0}
    # Without the way down, at one threshold above 0: (0, 0), (1/2, 1/2), then flat.
    counts = tally([video(anomaly_maps, tracks=[{0: left}, {1: right}])], TENTH, 40)
    np.testing.assert_array_equal(counts.curve(np.ones(1, np.int64)), [[0.5, 0.5, 0.5], [0, 1, 1]])


def test_one_detection_may_cover_two_regions() -> None:
    anomaly_maps = drawn([((2, 2, 12, 8), 1)])
    found = RegionCriteria().compute([video(anomaly_maps, tracks=[{0: (2, 2, 6, 8)}, {0: (8, 2, 12, 8)}])])
    assert found == {"rbdc": 1.0, "tbdc": 1.0}


@pytest.mark.parametrize(("length", "expected"), [(10, 1.0), (11, 0.0)])
def test_a_track_is_found_from_alpha_on(length: int, expected: float) -> None:
    box = (3, 3, 7, 7)
    anomaly_maps = drawn([(box, 1)], *[[]] * (length - 1))
    found = RegionCriteria().compute([video(anomaly_maps, tracks=[dict.fromkeys(range(length), box)])])
    assert found == {"rbdc": pytest.approx(1 / length), "tbdc": expected}


def test_a_tenth_is_not_a_little_more() -> None:
    # 0.07 * 100 is 7.000000000000001 as a float; seven must do.
    box = (3, 3, 7, 7)
    anomaly_maps = drawn(*[[(box, 1)]] * 7, *[[]] * 93)
    found = RegionCriteria(alpha=0.07).compute([video(anomaly_maps, tracks=[dict.fromkeys(range(100), box)])])
    assert found["tbdc"] == 1.0


def test_masks_are_linked_into_tracks_while_they_touch() -> None:
    # One object moves by its own width, corner to corner, and vanishes for a frame: two tracks. Of
    # the first, one frame in three is found, of the second none.
    boxes: list[list[tuple[Box, float]]] = [[((2 * i, 2 * i, 2 * i + 2, 2 * i + 2), 1)] for i in range(3)]
    masks = drawn(*boxes, [], [((12, 12, 14, 14), 1)]) > 0
    found = RegionCriteria(alpha=1 / 3).compute([video(drawn(boxes[0], [], [], [], []), masks)])
    assert found == {"rbdc": pytest.approx(1 / 4), "tbdc": pytest.approx(1 / 2)}


# Regions and tracks, against a slow reference


def neighbours(point: tuple[int, ...], inside: set[tuple[int, ...]], steps: Sequence[range]) -> Iterator[Any]:
    for step in product(*steps):
        near = tuple(p + s for p, s in zip(point, step, strict=True))
        if near in inside:
            yield near


def flood(stack: NDArray[np.bool_], reach: int) -> list[set[tuple[int, ...]]]:
    """Components of pixels, linked to those that are `reach` frames away."""
    left = {tuple(map(int, point)) for point in np.argwhere(stack)}
    found = []
    while left:
        ready = [left.pop()]
        one = set(ready)
        while ready:
            near = set(neighbours(ready.pop(), left, [range(-reach, reach + 1), range(-1, 2), range(-1, 2)]))
            left -= near
            one |= near
            ready += near
        found.append(one)
    return found


def boxed(points: set[tuple[int, ...]], tall: Fraction, wide: Fraction) -> tuple[int, tuple[Fraction, ...]]:
    frames, rows, columns = zip(*points, strict=True)
    return frames[0], (min(columns) * wide, min(rows) * tall, (max(columns) + 1) * wide, (max(rows) + 1) * tall)


def overlap(a: tuple[Fraction, ...], b: tuple[Fraction, ...]) -> Fraction:
    width, height = (max(Fraction(0), min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def slow(videos: Sequence[ScoredVideo], thresholds: Iterable[float], alpha: Fraction, beta: Fraction) -> list[float]:
    curve = [[0, 0, 0]]
    truths = [truth_of(one) for one in videos]
    tracks = [(index, track) for index, truth in enumerate(truths) for _, _, track in truth]
    for threshold in thresholds:
        false, detected = 0, []
        for index, (one, truth) in enumerate(zip(videos, truths, strict=True)):
            assert one.anomaly_maps is not None
            assert one.masks is not None
            anomaly_maps, masks = one.anomaly_maps(), one.masks()
            scale = [Fraction(masks.shape[axis], anomaly_maps.shape[axis]) for axis in (1, 2)]
            found = [boxed(points, *scale) for points in flood(anomaly_maps >= threshold, 0)]
            for frame, box in found:
                false += all(overlap(box, theirs) < beta for where, theirs, _ in truth if where == frame)
            for frame, box, track in truth:
                if any(overlap(box, theirs) >= beta for where, theirs in found if where == frame):
                    detected.append((index, track))
        followed = sum(detected.count(track) >= alpha * tracks.count(track) for track in set(tracks))
        curve.append([false, len(detected), followed])
        if false > sum(one.labels.size for one in videos):
            break
    frames = sum(one.labels.size for one in videos)
    return [
        slow_area([(Fraction(point[0], frames), Fraction(point[column], whole)) for point in curve])
        for column, whole in ((1, len(tracks)), (2, len(set(tracks))))
    ]


def truth_of(one: ScoredVideo) -> list[tuple[int, tuple[Fraction, ...], int]]:
    assert one.masks is not None
    solids = flood(one.masks(), 1)
    found = []
    for points in flood(one.masks(), 0):
        frame, box = boxed(points, Fraction(1), Fraction(1))
        found.append((frame, box, next(i for i, solid in enumerate(solids) if points <= solid)))
    return found


def slow_area(points: Sequence[tuple[Fraction, Fraction]]) -> float:
    line: list[tuple[Fraction, Fraction]] = []
    best = Fraction(0)
    for x, rate in sorted(points, key=lambda point: point[0]):
        best = max(best, rate)
        line.append((x, best))
    line.append((max(line[-1][0], Fraction(1)), best))
    total = Fraction(0)
    for (x0, y0), (x1, y1) in pairwise(line):
        if x0 < x1 <= 1:
            total += (x1 - x0) * (y0 + y1) / 2
        elif x0 < 1 < x1:
            y = y0 + (y1 - y0) * (1 - x0) / (x1 - x0)
            total += (1 - x0) * (y0 + y) / 2
    return float(total)


@pytest.mark.parametrize("size", [(8, 10), (24, 20), (12, 15), (5, 9)])
@pytest.mark.parametrize(("alpha", "beta"), [("0.1", "0.1"), ("0.5", "0.4")])
def test_every_value_is_a_threshold_where_they_are_few(alpha: str, beta: str, size: tuple[int, int]) -> None:
    videos = random_videos(0, size=size)
    values = sorted(
        {float(value) for one in videos if one.anomaly_maps for value in one.anomaly_maps().ravel()}, reverse=True
    )
    found = RegionCriteria(alpha=float(alpha), beta=float(beta), levels=len(values)).compute(videos)
    expected = slow(videos, values, Fraction(alpha), Fraction(beta))
    assert [found["rbdc"], found["tbdc"]] == pytest.approx(expected, abs=1e-12)
    assert min(found.values()) > 0
    assert max(found.values()) < 0.95


@pytest.mark.parametrize("levels", [2, 7, 20])
def test_some_thresholds_are_chosen_where_values_are_many(levels: int) -> None:
    videos = random_videos(1, decimals=5, size=(24, 20))
    chosen = tally(videos, TENTH, levels).thresholds
    assert levels - 3 <= chosen.size <= levels
    found = RegionCriteria(levels=levels).compute(videos)
    expected = slow(videos, chosen, Fraction(1, 10), Fraction(1, 10))
    assert [found["rbdc"], found["tbdc"]] == pytest.approx(expected, abs=1e-12)


def test_forty_levels_come_close_to_many() -> None:
    videos = random_videos(2, count=12, decimals=5)
    some, every = (RegionCriteria(levels=levels).compute(videos) for levels in (40, 300))
    assert some == pytest.approx(every, abs=0.01)
    counts = tally(videos, TENTH, 40)
    false = counts.curve(np.ones(12, np.int64))[:, 0]
    assert np.diff(false[: np.argmax(false > 1) + 1], prepend=0).max() < 0.15


def doubled(one: ScoredVideo) -> NDArray[Any]:
    assert one.anomaly_maps is not None
    return np.kron(one.anomaly_maps(), np.ones((1, 2, 2), np.float32))


def test_maps_twice_as_fine_change_nothing() -> None:
    videos = random_videos(3, size=(24, 20))
    fine = [replace(one, anomaly_maps=partial(doubled, one)) for one in videos]
    assert RegionCriteria().compute(videos) == RegionCriteria().compute(fine)


# Resampling


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("decimals", [1, 5])
@pytest.mark.parametrize("often", [1, 2, 3])
def test_all_videos_drawn_as_often_give_the_same(metric: Metric, decimals: int, often: int) -> None:
    videos = random_videos(4, decimals=decimals)
    found = metric.resampled(videos)(np.full(len(videos), often))
    assert found == pytest.approx(metric.compute(repeated(videos, [often] * len(videos))), abs=1e-12)
    assert found == pytest.approx(metric.compute(videos), abs=1e-12)


@pytest.mark.parametrize("metric", [RegionCriteria(levels=200), PixelAUC()])
def test_a_resample_is_what_its_videos_give(metric: Metric) -> None:
    # At 200 levels every value is a threshold, in the whole as in a part.
    videos = random_videos(5, count=6)
    measure = metric.resampled(videos)
    for times in np.random.default_rng(0).multinomial(6, [1 / 6] * 6, size=5):
        assert measure(times) == pytest.approx(metric.compute(repeated(videos, times)), abs=1e-9)


def test_a_resample_keeps_the_thresholds_of_all_videos() -> None:
    videos = random_videos(6, decimals=5, count=6)
    times = np.array([2, 0, 1, 3, 0, 0])
    found = RegionCriteria(levels=15).resampled(videos)(times)
    thresholds = tally(videos, TENTH, 15).thresholds
    expected = slow(repeated(videos, times), thresholds, Fraction(1, 10), Fraction(1, 10))
    assert [found["rbdc"], found["tbdc"]] == pytest.approx(expected, abs=1e-12)


# Maps that say little


@pytest.mark.parametrize("value", [0, -3.5, 7])
def test_constant_maps_have_a_value(value: float) -> None:
    masks = drawn([((3, 3, 6, 6), 1)], []) > 0
    anomaly_maps = np.full(masks.shape, value, np.float32)
    assert RegionCriteria().compute([video(anomaly_maps, masks)]) == {"rbdc": 0.0, "tbdc": 0.0}
    assert PixelAUC().compute([video(anomaly_maps, masks)]) == {"pixel_auc": 0.5}


def test_pixels_without_a_value_find_nothing() -> None:
    # (0, 0), (0, 1/2), and whole frames: two false positives in three frames, none in the second.
    box = (3, 3, 6, 6)
    anomaly_maps = drawn([(box, 1)], [(box, 1)], [])
    anomaly_maps[1] = np.nan
    videos = [video(anomaly_maps, tracks=[{0: box}, {1: box}])]
    np.testing.assert_allclose(tally(videos, TENTH, 40).curve(np.ones(1, np.int64)), [[0, 0.5, 0.5], [2 / 3, 0, 0]])
    assert RegionCriteria().compute(videos)["rbdc"] == pytest.approx(1 / 2)
    # Among values too many to take each, too.
    slope = anomaly_maps + np.linspace(0, 0.1, SIZE, dtype=np.float32)
    videos = [video(slope + np.arange(3, dtype=np.float32)[:, None, None] / 100, tracks=[{0: box}, {1: box}])]
    assert RegionCriteria(levels=10).compute(videos)["rbdc"] == pytest.approx(1 / 2)


def test_maps_without_any_value_give_zero() -> None:
    masks = drawn([((3, 3, 6, 6), 1)], []) > 0
    anomaly_maps = np.full(masks.shape, np.nan)
    assert RegionCriteria().compute([video(anomaly_maps, masks)]) == {"rbdc": 0.0, "tbdc": 0.0}
    assert PixelAUC().compute([video(anomaly_maps, masks)]) == {"pixel_auc": 0.5}


# Pixel AUC


@pytest.mark.parametrize(("found", "expected"), [(39, 0.0), (40, 1.0)])
def test_forty_percent_of_the_abnormal_pixels_must_be_found(found: int, expected: float) -> None:
    masks = drawn([((0, 0, 10, 10), 1)], []) > 0
    anomaly_maps = np.zeros(masks.shape)
    inside = np.zeros(100)
    inside[:found] = 2
    anomaly_maps[0, :10, :10] = inside.reshape(10, 10)
    anomaly_maps[1, 0, 0] = 1
    assert PixelAUC().compute([video(anomaly_maps, masks)]) == {"pixel_auc": expected}


@pytest.mark.parametrize("mask_share", ["0.4", "0.05", "1"])
@pytest.mark.parametrize("size", [(8, 10), (24, 20), (12, 15), (5, 9)])
def test_pixel_auc_is_that_of_one_score_a_frame(size: tuple[int, int], mask_share: str) -> None:
    videos = random_videos(7, size=size)
    labels, scores = [], []
    for one in videos:
        assert one.anomaly_maps is not None
        assert one.masks is not None
        for frame, mask in zip(one.anomaly_maps(), one.masks(), strict=True):
            inside = sorted((frame[y, x] for y, x in np.argwhere(cells(mask, frame.shape))), reverse=True)
            k = -(-Fraction(mask_share) * len(inside) // 1)
            labels.append(bool(inside))
            scores.append(float(inside[int(k) - 1] if inside else frame.max()))
    found = PixelAUC(overlap=float(mask_share)).compute(videos)
    assert found == {"pixel_auc": pytest.approx(roc_auc_score(labels, scores), abs=1e-12)}


def cells(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Any pixel whose corner lies in the cell, or the pixel that the cell's centre lies in."""
    found = np.zeros(shape, bool)
    for y, x in product(*map(range, shape)):
        places = []
        for place, old, new in ((y, mask.shape[0], shape[0]), (x, mask.shape[1], shape[1])):
            if new < old:
                places.append([i for i in range(old) if place <= Fraction(i * new, old) < place + 1])
            else:
                places.append([int((place + Fraction(1, 2)) * old / new)])
        found[y, x] = any(mask[i, j] for i, j in product(*places))
    return found


def test_an_abnormal_frame_without_an_abnormal_pixel_is_left_out() -> None:
    box = (3, 3, 6, 6)
    anomaly_maps = drawn([(box, 2)], [((0, 0, 2, 2), 3)], [((0, 0, 2, 2), 1)])
    masks = drawn([(box, 1)], [], []) > 0
    assert PixelAUC().compute([video(anomaly_maps, masks, labels=[1, 1, 0])]) == {"pixel_auc": 1.0}
    assert PixelAUC().compute([video(anomaly_maps, masks, labels=[1, 0, 0])]) == {"pixel_auc": 0.5}


@pytest.mark.parametrize(("labels", "count"), [([1, 1], "2 frames with an abnormal pixel and 0"), ([0, 0], "0 frames")])
def test_pixel_auc_needs_both_classes(labels: list[int], count: str) -> None:
    anomaly_maps = drawn([((3, 3, 6, 6), 1)], [((3, 3, 6, 6), 1)])
    with pytest.raises(DataError, match=count):
        PixelAUC().compute([video(anomaly_maps, anomaly_maps > 0, labels=labels)])


# Errors

MAPS = drawn([((3, 3, 6, 6), 1)], [])
MASKS = MAPS > 0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (video(None, MASKS, name="07"), "video '07': the scores of its 2 frames have no maps"),
        (video(MAPS, labels=[1, 0], name="07"), "video '07': 1 of 2 frames are abnormal, but there are no masks"),
        (video(MAPS, MASKS[:1], labels=[1, 0], name="07"), "video '07': there are 1 masks, but 2 frame labels"),
        (video(MAPS[:1], MASKS, name="07"), "video '07': there are 1 maps, but 2 frame labels"),
        (video(MAPS[0], MASKS, name="07"), r"video '07': maps must have the shape .*, but it is \(20, 20\)"),
    ],
)
def test_what_does_not_fit_is_named(metric: Metric, bad: ScoredVideo, words: str) -> None:
    with pytest.raises(DataError, match=words):
        metric.compute([video(MAPS, MASKS), bad])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (video(MAPS, tracks=[{0: (3, 3, 21, 6)}], name="07"), "video '07': its tracks reach x = 21, y = 6, which"),
        (
            video(MAPS, tracks=[{2: (3, 3, 6, 6)}], name="07"),
            "video '07': 1 of 1 boxes of its tracks are outside its 2",
        ),
        (video(MAPS, np.zeros_like(MASKS)), "none of 1 videos, 2 frames, has an abnormal region"),
        (video(MAPS, tracks=[]), "none of 1 videos, 2 frames, has an abnormal region"),
    ],
)
def test_regions_that_cannot_be_are_named(bad: ScoredVideo, words: str) -> None:
    with pytest.raises(DataError, match=words):
        RegionCriteria().compute([bad])


@pytest.mark.parametrize("metric", METRICS)
def test_no_video_is_an_error(metric: Metric) -> None:
    with pytest.raises(DataError):
        metric.compute([])


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(VadkitError, match="alpha and beta"):
        RegionCriteria(beta=0)
    with pytest.raises(VadkitError, match="levels"):
        RegionCriteria(levels=1)
    with pytest.raises(VadkitError, match="overlap"):
        PixelAUC(overlap=1.5)


def with_boxes(found: Sequence[tuple[int, Box, float]], masks: NDArray[np.bool_]) -> ScoredVideo:
    frames, boxes, scores = (np.array(column) for column in zip(*found, strict=True))
    detections = Detections(frames.astype(np.int64), boxes.astype(np.float64), scores.astype(np.float64))
    return replace(video(None, masks), detections=detections)


@pytest.mark.parametrize("seed", range(3))
def test_boxes_that_do_not_touch_are_worth_what_their_maps_are(seed: int) -> None:
    random = np.random.default_rng(seed)
    masks, maps, found = np.zeros((12, SIZE, SIZE), bool), np.full((12, SIZE, SIZE), np.nan, np.float32), []
    for frame in range(12):
        for x in (0, 7, 14):
            y, score = int(random.integers(12)), float(np.float32(random.random()))
            found.append((frame, (x, y, x + 5, y + 6), score))
            maps[frame, y : y + 6, x : x + 5] = score
        if frame % 3:
            x, y = random.integers(14, size=2)
            masks[frame, y : y + 6, x : x + 6] = True
    for metric in METRICS:
        assert metric.compute([with_boxes(found, masks)]) == pytest.approx(metric.compute([video(maps, masks)]))


def test_boxes_are_not_merged() -> None:
    masks = np.zeros((2, SIZE, SIZE), bool)
    masks[1, 2:6, 2:6] = True
    found = [(1, (2, 2, 6, 6), 0.9), (1, (6, 2, 18, 18), 0.9)]  # they touch; the second is a false positive
    counts = tally([with_boxes(found, masks)], TENTH, 10)
    assert counts.false.tolist() == [[1]]
    assert counts.curve(np.ones(1, np.int64)).tolist() == [[0.5, 1.0, 1.0]]
    above = [(1, (2, 2, 6, 6), 0.9), (1, (0, 0, 20, 20), 0.4), (0, (0, 0, 3, 3), 0.5)]
    assert PixelAUC().compute([with_boxes(above, masks)]) == {"pixel_auc": 1.0}
    assert PixelAUC().compute([with_boxes(above[1:], masks)]) == {"pixel_auc": 0.0}
