"""`data.fps`: a model sees videos of several rates at one rate, and every frame of the files has a score."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filmed import VARYING
from owned import film, images
from tiny_runs import TINY

import vadkit
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.progress import NoProgress
from vadkit.core.values import VideoRef
from vadkit.core.watching import FrameScore
from vadkit.data.opening import Rated
from vadkit.data.rates import mixed_rates, rates_fix, refuse_slow
from vadkit.data.tools import check_dataset, open_target, preview_dataset
from vadkit.live.calibrate import calibrate_run
from vadkit.live.score import Settings, score_videos
from vadkit.live.source_frame import SourceFrame
from vadkit.live.stream import limit_fps
from vadkit.live.videos import find_videos
from vadkit.live.watch import Watch
from vadkit.store.frame_scores import every_frame
from vadkit.store.scores import read_scores, score_file
from vadkit.video.damage import Damages
from vadkit.video.frame_array import SampledFrames
from vadkit.video.sampling import Sampling
from vadkit.video.video_file import pictures
from vadkit_datasets.folder.dataset import Folder

FPS = 12.0
RECIPE: dict[str, Any] = {
    "data": {
        "use": "folder",
        "clip": {"frames": 8, "size": [32, 48], "color": "gray"},
        "stride": 4,
        "held_out": 0.34,
        "fps": FPS,
    },
    "scores": {"reconstruction": {"use": "patch_error", "patch": 8, "step": 4}},
    "fuse": {"reconstruction": {"weight": 1.0}},
    "evaluate": {
        "protocol": {"use": "deployable", "smoothing": [{"use": "exponential", "half_life": 2}]},
        "metrics": ["micro_auc", "alarms"],
    },
    "report": ["json", "html", "error_maps"],
    "engine": {"score_stride": 3, "threads": 1},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training videos of 25, 12 and 17 frames per second, and test videos of 25 and of a rate that nobody states."""
    root = tmp_path_factory.mktemp("rates")
    for name, fps in (("a", 25), ("b", 12), ("c", 17)):
        film(root / f"train/{name}.mp4", 3 * fps, fps=fps)
    film(root / "test/fast.mp4", 100, fps=25, jump=60, recorded="2026-03-01T08:30:00Z")
    images(root / "test/stills", 20, white=[12, 13])
    (root / "labels.csv").write_text("video,start_seconds,end_seconds\nfast,2.4,4\nstills,1,1.5\n")
    return root


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[vadkit.Run]:
    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.mktemp("frames")))
    recipe = {key: TINY[key] for key in ("vadkit", "name", "model")} | RECIPE
    recipe["model"] = {**recipe["model"], "fit": {**recipe["model"]["fit"], "steps": 2}}
    yield vadkit.run(recipe, data_root=root, out=tmp_path_factory.mktemp("resampled") / "run", annotate=True)
    patch.undo()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("times", [np.arange(50) / 25, np.array(VARYING) / 1000, np.array([0.0, 0.01, 0.02, 5.0])])
def test_the_samples_of_a_file_are_those_of_a_stream(times: Any) -> None:
    sampling = Sampling.of(times, FPS)
    frames = (SourceFrame(np.zeros((1, 1, 1), np.uint8), n, at) for n, at in enumerate(times.tolist()))
    kept = [frame for frame in limit_fps(frames, 25.0, FPS) if frame]
    assert [frame.number for frame in kept] == sampling.numbers.tolist()
    scores = [
        FrameScore(frame.number, frame.seconds, float(n), {}, left_out=frame.left_out) for n, frame in enumerate(kept)
    ]
    spread = [(number, int(score.score)) for number, _, score in every_frame(scores)]
    assert spread == list(enumerate(sampling.nearest.tolist()))
    distance = np.abs(times - times[sampling.numbers[sampling.nearest]])
    np.testing.assert_allclose(distance, np.abs(times[:, None] - times[sampling.numbers]).min(1), atol=2e-6)


def test_sampled_frames_are_read_like_others() -> None:
    every = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    sampled = SampledFrames(every, np.array([0, 2, 5, 7, 9]))
    assert (len(sampled), sampled.shape, sampled[-1].item()) == (5, (5, 1, 1, 1), 9)
    assert sampled[1:5:2].ravel().tolist() == [2, 7]
    assert np.asarray(sampled).ravel().tolist() == [0, 2, 5, 7, 9]


def test_every_frame_of_the_files_has_a_score(run: vadkit.Run) -> None:
    scores = {video.name: video for video in run.scores()}
    assert {name: video.coverage.size for name, video in scores.items()} == {"fast": 100, "stills": 20}
    assert {name: video.fps for name, video in scores.items()} == {"fast": 25.0, "stills": FPS}
    assert run.labels()["fast"].frames.nonzero()[0].tolist() == list(range(60, 100))
    assert run.labels()["stills"].frames.nonzero()[0].tolist() == list(range(12, 18))
    series = scores["fast"].components["reconstruction"]
    sampling = Sampling.of(np.arange(100) / 25, FPS)
    np.testing.assert_array_equal(series, series[sampling.numbers[sampling.nearest]])
    assert len(np.unique(series)) > 0.9 * sampling.numbers.size


def test_normal_videos_count_at_the_rate_of_the_model(run: vadkit.Run) -> None:
    normal = read_scores(run.path / "checkpoints" / "held_out")
    assert [video.fps for video in normal] == pytest.approx([FPS] * len(normal), rel=0.01)
    assert [video.coverage.size for video in normal] == [36] * len(normal)  # of three seconds each
    assert Watch(run.path).fps == FPS


def test_score_gives_the_scores_and_events_of_the_run(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    found = find_videos([str(root / "test" / "fast.mp4")])
    done = score_videos(Watch(run.path), found.videos, tmp_path, Settings(), NoProgress())
    assert done.failed == []
    [path] = (tmp_path / "scores").rglob("fast.mp4.csv")
    rows = _rows(path)
    assert [int(row["frame"]) for row in rows] == list(range(100))
    mine = _rows(run.path / "frame_scores" / "fast.csv")
    assert [row | {"score": ""} for row in mine] == [row | {"score": ""} for row in rows]  # frame, seconds, component
    result = run.evaluate()
    [fast] = [video for video in result.videos if video.name == "fast"]
    np.testing.assert_allclose([float(row["score"]) for row in rows], fast.fused, rtol=1e-5, equal_nan=True)
    assert result.events is not None
    columns = ("start_frame", "end_frame", "peak_frame", "start_seconds")
    ours = [tuple(getattr(event, name) for name in columns) for event in result.events if event.video == "fast"]
    theirs = [tuple(float(row[name]) for name in columns) for row in _rows(tmp_path / "events.csv")]
    assert ours
    listed = [row for row in _rows(run.path / "events.csv") if row["video"] == "fast"]
    assert [row["start_time"] for row in listed] == [
        f"2026-03-01T08:30:{seconds:06.3f}+00:00" for seconds in (event[3] for event in ours)
    ]
    np.testing.assert_allclose(ours, theirs)
    numbers = Sampling.of(np.arange(100) / 25, FPS).numbers
    assert {frame for event in ours for frame in event[:3]} <= set(numbers.tolist())
    assert (run.path / "thumbnails/fast" / f"frame_{ours[0][2]:06}.jpg").is_file()


def test_a_run_writes_annotated_videos(run: vadkit.Run) -> None:
    movie = list(pictures(run.path / "annotated" / "fast.mp4", Damages(strict=True)))
    assert len(movie) == 100
    events = [event for event in run.evaluate().events or () if event.video == "fast"]
    active = [n for event in events for n in range(event.start_frame, event.end_frame + 1)]
    edges = [frame[1, :, 0].astype(int).mean() - frame[1, :, 1].mean() > 60 for frame in movie]  # red borders
    assert np.flatnonzero(edges).tolist() == active
    assert len(list(pictures(run.path / "annotated" / "stills.mp4", Damages(strict=True)))) == 20


def test_an_annotated_video_needs_a_threshold(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    recipe = run.path / "recipe.yaml"
    with pytest.raises(VadkitError, match="--annotate: an annotated video shows the alarm threshold, but no normal"):
        vadkit.run(recipe, data_root=root, out=tmp_path / "a", annotate=True, overrides=["data.held_out=0"])
    with pytest.raises(VadkitError, match="--format: unknown format 'xls'"):
        vadkit.run(recipe, data_root=root, out=tmp_path / "a", form="xls")
    assert not (tmp_path / "a").exists()


def test_previews_name_the_frames_of_the_file(run: vadkit.Run) -> None:
    [fast] = [video for video in run.evaluate().videos if video.name == "fast"]
    assert fast.preview is not None
    shown = fast.preview()
    numbers = Sampling.of(np.arange(100) / 25, FPS).numbers
    assert shown.numbers.tolist() == numbers.tolist()
    assert shown.fps == pytest.approx(FPS, rel=0.02)


def test_calibrate_uses_the_rate_of_the_run(run: vadkit.Run, tmp_path: Path) -> None:
    film(tmp_path / "normal.mp4", 75, fps=25)
    videos = find_videos([str(tmp_path / "normal.mp4")]).videos
    calibrate_run(run.path, videos, tmp_path / "new")
    [scores] = read_scores(tmp_path / "new/checkpoints/held_out")
    assert (scores.fps, scores.coverage.size) == (FPS, 36)
    calibrate_run(run.path, videos, tmp_path / "fast", fps=25)
    assert Watch(tmp_path / "fast").fps == 25.0


def test_a_score_file_keeps_the_samples(run: vadkit.Run) -> None:
    [fast] = [video for video in read_scores(run.path / "scores") if video.name == "fast"]
    assert score_file(run.path / "scores", "fast").is_file()
    assert fast.sampling is not None
    assert (fast.coverage.size, fast.length) == (fast.sampling.numbers.size, 100)


def test_a_slow_video_is_refused_before_training(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    refused = r"data\.fps: is 20, but videos have 12 \(1 video\), 17 \(1 video\) frames per second, video b first"
    with pytest.raises(DataError, match=refused) as caught:
        vadkit.run(run.path / "recipe.yaml", data_root=root, out=tmp_path / "slow", overrides=["data.fps=20"])
    assert "set data.fps=12 or lower" in caught.value.fix


def test_the_check_and_the_preview_know_the_rate(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    def findings(*overrides: str) -> list[tuple[str, str]]:
        target = open_target(str(run.path / "recipe.yaml"), root, overrides)
        found = check_dataset(target, decode=False).findings
        return [(one.severity, one.where) for one in found if one.topic == "rates"]

    assert findings() == []
    assert findings("data.fps=null") == [("warning", "train")]
    assert findings("data.fps=15") == [("error", "train video b")]
    assert preview_dataset(open_target(str(run.path / "recipe.yaml"), root), tmp_path / "sheet.png") == []


def test_videos_without_a_rate_have_the_rate_of_the_recipe(root: Path) -> None:
    dataset = Rated(Folder(root), FPS)
    assert {video.name: video.fps for video in dataset.videos("test")} == {"fast": 25.0, "stills": FPS}
    assert [video.name for video, _ in dataset.ground_truth()] == ["fast", "stills"]


def test_the_fix_of_mixed_rates_is_the_lowest_one() -> None:
    train = [VideoRef(f"{fps}", Path("a.mp4"), fps=fps) for fps in (25.0, 17.0)]
    assert mixed_rates(train, [])
    assert rates_fix(train).startswith("set data.fps=17,")
    refuse_slow(train, 17.0)
