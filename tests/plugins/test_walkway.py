from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from vadkit.api import DataError, Labels, VideoRef
from vadkit_datasets.walkway.dataset import Walkway
from vadkit_datasets.walkway.scene import PACES
from vadkit_datasets.walkway.synthetic_video import SyntheticVideo

Drawn = tuple[VideoRef, NDArray[np.uint8], Labels]


def draw(video: VideoRef, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
    assert callable(video.source)
    assert video.frames is not None
    return video.source(start, video.frames if stop is None else stop)


@pytest.fixture(scope="module", params=[0, 1], ids=["default", "quickstart"])
def test_set(request: pytest.FixtureRequest) -> list[Drawn]:
    """Test sets of the default seed and of the quickstart's: videos, frames, labels."""
    walkway = Walkway(None, seed=request.param)
    drawn: list[Drawn] = []
    for video in walkway.videos("test"):
        labels = walkway.labels(video)
        assert labels is not None
        drawn.append((video, draw(video), labels))
    return drawn


def test_the_same_seed_draws_the_same_bytes_and_another_seed_others() -> None:
    first, again = (Walkway(None, frames=6).videos("test")[1] for _ in range(2))
    other = Walkway(None, frames=6, seed=1).videos("test")[1]
    assert np.array_equal(draw(first), draw(again))
    assert first.fingerprint == again.fingerprint
    assert not np.array_equal(draw(first), draw(other))
    assert first.fingerprint != other.fingerprint


def test_videos_of_one_seed_differ_but_share_the_camera() -> None:
    walkway = Walkway(None, frames=80)
    videos = [*walkway.videos("train"), *walkway.videos("test")]
    assert len({video.fingerprint for video in videos}) == len(videos)
    empty = [np.median(draw(video), axis=0) for video in (videos[0], videos[9])]
    assert not np.array_equal(draw(videos[0], 0, 1), draw(videos[9], 0, 1))
    assert np.corrcoef(empty[0].ravel(), empty[1].ravel())[0, 1] > 0.7


def test_any_stretch_equals_the_slice_of_the_whole(test_set: list[Drawn]) -> None:
    video, frames, _ = test_set[0]
    assert frames.shape == (video.frames, 64, 96, 1)
    assert frames.dtype == np.uint8
    assert np.array_equal(draw(video, 37, 45), frames[37:45])
    assert draw(video, 5, 5).shape == (0, 64, 96, 1)


def test_a_source_survives_pickling(test_set: list[Drawn]) -> None:
    video, frames, _ = test_set[3]
    assert np.array_equal(draw(pickle.loads(pickle.dumps(video)), 2, 4), frames[2:4])


def test_size_scales_the_scene_not_its_content() -> None:
    small, large = (Walkway(None, size=size, frames=40) for size in ((64, 96), (128, 192)))
    one, two = (draw(walkway.videos("train")[0], 20, 21)[0, :, :, 0] for walkway in (small, large))
    halved = two.reshape(64, 2, 96, 2).mean(axis=(1, 3))
    people = slice(int(0.3 * 64), None)  # the ground's texture is drawn anew for each size
    assert two.shape == (128, 192)
    assert np.corrcoef(one[people].ravel(), halved[people].ravel())[0, 1] > 0.3


def test_labels_masks_and_tracks_agree(test_set: list[Drawn]) -> None:
    for video, frames, labels in test_set:
        assert labels.masks is not None
        assert labels.tracks is not None
        assert labels.source == "walkway"
        masks = labels.masks()
        assert masks.shape == frames.shape[:3]
        assert labels.frames.shape == (video.frames,)
        assert np.array_equal(labels.frames, masks.any(axis=(1, 2)))
        boxed = np.zeros_like(masks)
        for track in labels.tracks:
            for frame, (x0, y0, x1, y1) in track.boxes.items():
                box = masks[frame, y0:y1, x0:x1]
                assert box[0].any()
                assert box[-1].any()
                assert box[:, 0].any()
                assert box[:, -1].any()
                boxed[frame, y0:y1, x0:x1] = True
        assert not (masks & ~boxed).any()


def test_a_mask_lies_on_what_moves(test_set: list[Drawn]) -> None:
    _, frames, labels = test_set[1]  # the van, which nothing in its lane resembles
    assert labels.masks is not None
    masks = labels.masks()
    gray = frames[..., 0].astype(float)
    level = gray / gray.mean(axis=(1, 2), keepdims=True)
    change = np.abs(level - np.median(level[~labels.frames], axis=0))[labels.frames]
    inside, outside = change[masks[labels.frames]], change[~masks[labels.frames]]
    assert inside.mean() > 2 * outside.mean()


def test_every_kind_occurs_between_normal_frames(test_set: list[Drawn]) -> None:
    seen = {track.identity.rpartition("-")[0] for _, _, labels in test_set for track in labels.tracks or ()}
    assert seen == set(PACES)
    share = np.concatenate([labels.frames for _, _, labels in test_set]).mean()
    assert 0.3 < share < 0.5
    assert all(not labels.frames.all() for _, _, labels in test_set)
    assert sum(not labels.frames.any() for _, _, labels in test_set) == 1


def test_training_videos_are_normal() -> None:
    walkway = Walkway(None)
    for video in walkway.videos("train"):
        assert isinstance(video.source, SyntheticVideo)
        assert not video.source.masks().any()
        assert video.source.tracks() == ()
        assert walkway.labels(video) is None


def brightness(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return frames.mean(axis=(1, 2))


def change(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    differences = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    return np.concatenate([differences[:1], differences])


def position(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arange(len(frames), dtype=float)


@pytest.mark.parametrize("score", [brightness, change, position])
@pytest.mark.parametrize("rescale", [False, True])
def test_no_trivial_score_finds_the_anomalies(test_set: list[Drawn], score: Any, rescale: bool) -> None:
    scores = [score(frames[..., 0].astype(float)) for _, frames, _ in test_set]
    if rescale:
        scores = [(values - values.min()) / (values.max() - values.min()) for values in scores]
    area = float(roc_auc_score(np.concatenate([labels.frames for _, _, labels in test_set]), np.concatenate(scores)))
    assert max(area, 1 - area) < 0.75


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"size": (16, 96)}, ["size"]),
        ({"test_videos": 0}, ["test_videos"]),
        ({"train_videos": 0, "frames": 0, "seed": -1}, ["train_videos", "frames", "seed"]),
    ],
)
def test_bad_settings_are_named_together(settings: dict[str, Any], named: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        Walkway(None, **settings)
    assert all(name in caught.value.what for name in named)
    assert caught.value.what.count("must be") == len(named)
    assert caught.value.fix


def test_strangers_are_refused() -> None:
    walkway = Walkway(None, frames=4)
    with pytest.raises(DataError, match="no split is named 'val'"):
        walkway.videos("val")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="does not belong to the walkway"):
        walkway.labels(VideoRef("01", Path("01.avi")))
    with pytest.raises(DataError, match="2:5"):
        draw(walkway.videos("train")[0], 2, 5)
