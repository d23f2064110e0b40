"""`vadkit calibrate`: scale and threshold for another camera, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filmed import write
from tiny_runs import TINY, held_out, make_run
from typer.testing import CliRunner

import vadkit
from vadkit import Watch
from vadkit.cli.app import app
from vadkit.core.errors import CheckpointError, DataError, VadkitError
from vadkit.live.calibrate import calibrate_run
from vadkit.live.videos import find_videos
from vadkit.store.scores import read_scores


def film(path: Path, frames: int, seed: int = 0) -> Path:
    """Brighter and noisier than the walkway."""
    random = np.random.default_rng(seed)
    pixels = random.integers(100, 255, (frames, 48, 64, 3), np.uint8)
    write(path, pixels, "mpeg4")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    return make_run(held_out(TINY, weights="synthetic"), tmp_path_factory.mktemp("trained") / "run")


def test_scale_and_threshold_come_from_the_new_videos_alone(run: vadkit.Run, tmp_path: Path) -> None:
    videos = [film(tmp_path / f"{name}.mp4", 40, seed) for seed, name in enumerate("ab")]
    result = CliRunner().invoke(
        app, ["calibrate", str(run.path), *map(str, videos), "--out", str(tmp_path / "new")], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert "0.1 minutes of 2 videos" in result.output
    assert "too short to show a rate of 1 per hour" in result.output
    watch, before = Watch(tmp_path / "new"), Watch(run.path)
    assert watch.threshold != before.threshold
    # The normal videos themselves raise no alarm.
    for video in videos:
        assert not [alarm for scored in watch.run(watch.open(str(video))) for alarm in scored.alarms]
    # Scores of the held-out videos are those that watch gives, on the new scale.
    [first, _] = read_scores(tmp_path / "new/checkpoints/held_out")
    live = [scored.components["reconstruction"] for scored in watch.run(watch.open(str(videos[0])))]
    np.testing.assert_allclose(live, first.combined("calibrated").components["reconstruction"], rtol=1e-4, atol=1e-4)
    assert abs(np.mean(live)) < 1  # standardised on these videos
    # The weights are the run's.
    one, other = vadkit.load_run(tmp_path / "new").pipeline(), run.pipeline()
    for name, value in one.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other.state_dict()[name].numpy())


def test_a_run_without_held_out_video_can_be_calibrated(tiny: dict[str, Any], tmp_path: Path) -> None:
    done = vadkit.run(tiny, out=tmp_path / "run")
    with pytest.raises(DataError, match="no normal video was held out"):
        Watch(done.path)
    found = find_videos([str(film(tmp_path / "a.mp4", 30))]).videos
    calibrate_run(done.path, found, tmp_path / "new")
    assert np.isfinite(Watch(tmp_path / "new").threshold)


def test_mistakes_leave_nothing_behind(run: vadkit.Run, tmp_path: Path) -> None:
    short = find_videos([str(film(tmp_path / "short.mp4", 4))]).videos
    with pytest.raises(DataError, match="has 4 frames, but a clip spans 8"):
        calibrate_run(run.path, short, tmp_path / "new")
    with pytest.raises(VadkitError, match="cannot be replaced by its own calibration"):
        calibrate_run(run.path, short, run.path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.mp4"]
    videos = find_videos([str(film(tmp_path / "a.mp4", 30))]).videos
    calibrate_run(run.path, videos, tmp_path / "new")
    with pytest.raises(VadkitError, match="already contains a run"):
        calibrate_run(run.path, videos, tmp_path / "new")
    (tmp_path / "new/scored").mkdir()
    (tmp_path / "new/scored/events.csv").write_text("results of vadkit score")
    calibrate_run(run.path, videos, tmp_path / "new", overwrite=True)
    assert (tmp_path / "new/scored/events.csv").is_file()
    assert np.isfinite(Watch(tmp_path / "new").threshold)
    with pytest.raises(CheckpointError, match="was made by 'vadkit calibrate'"):
        vadkit.run(tmp_path / "new/recipe.yaml", out=tmp_path / "new", resume=True)
