from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pages import FRAMES, previews

from vadkit.api import DataError, Preview
from vadkit.core.progress import NoProgress
from vadkit.report.pictures import HeatScale, card_pictures, heated
from vadkit.report.previews import PreviewSource, make_previews
from vadkit.store.previews import (
    PartsWriter,
    find_preview,
    has_previews,
    parts_file,
    read_parts,
    step_of,
    write_previews,
)
from vadkit.video.encode import read_written


def test_a_preview_shows_frame_output_and_heat_side_by_side() -> None:
    preview = previews(["a"])["a"]
    assert preview.parts == ("frame", "decoder output", "anomaly map")
    frames = list(read_written(preview.video))
    assert len(frames) == preview.numbers.size == FRAMES
    assert frames[0].shape == (48, 3 * 64, 3)
    frame, output, heat = np.split(frames[20].astype(int), 3, axis=1)
    assert frame[24, 24].mean() > 180 > 100 > frame[5, 5].mean()  # the square at 20 to 28
    assert output[24, 24].mean() < 80 < 150 < output[5, 5].mean()
    assert heat[24, 24, 0] - heat[24, 24, 2] > 30  # yellow, not blue
    assert np.ptp(heat[5, 5]) < 12  # gray
    assert preview.fps == 10.0


def test_previews_of_long_videos_show_fewer_frames_within_the_budget() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (120, 240, 360, 3), dtype=np.uint8)  # hardly compressible
    budget = 200_000
    made = make_previews([PreviewSource("a", np.arange(120), lambda: noise, fps=30.0)], NoProgress(), budget)
    preview = made["a"]
    assert len(preview.video) <= budget
    assert preview.numbers.size < 120
    assert preview.fps == 30.0 / preview.numbers[1]
    assert preview.heat is None
    assert make_previews([PreviewSource("a", np.arange(120), lambda: noise)], NoProgress(), budget=1000) == {}
    assert make_previews([], NoProgress()) == {}


def test_what_the_model_gave_is_stored_in_8_bits(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    maps = random.random((4, 6, 8)).astype(np.float32)
    frames = [np.full((16, 24, 3), 60 * number, np.uint8) for number in range(4)]
    with PartsWriter(tmp_path, "cam/1") as writer:
        for frame in frames:
            writer.add_output(frame)
        writer.close(np.array([0, 2, 4, 6]), maps)
    parts = read_parts(tmp_path, "cam/1")
    assert parts.numbers.tolist() == [0, 2, 4, 6]
    assert parts.maps is not None
    assert np.abs(parts.maps - maps).max() <= np.ptp(maps) / 255
    assert parts.outputs is not None
    assert np.abs(np.stack(list(parts.outputs())).astype(int) - np.stack(frames)).max() < 6


def test_after_an_error_no_file_of_outputs_stays(tmp_path: Path) -> None:
    def stopped() -> None:
        with PartsWriter(tmp_path, "a") as writer:
            writer.add_output(np.zeros((16, 16, 3), np.uint8))
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        stopped()
    assert not list(parts_file(tmp_path, "a").parent.glob("*"))


def test_previews_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert not has_previews(tmp_path, ["a"])
    made = previews(["a", "b"])
    write_previews(tmp_path, made)
    assert has_previews(tmp_path, ["a", "b"])
    assert not has_previews(tmp_path, ["a", "c"])  # a run that was killed between two of them
    read = find_preview(tmp_path, "b")
    assert read is not None
    again = read()
    assert again.video == made["b"].video
    assert (again.fps, again.parts, again.heat) == (made["b"].fps, made["b"].parts, made["b"].heat)
    write_previews(tmp_path, {"a": made["a"]})  # replaces them
    assert find_preview(tmp_path, "b") is None
    damaged = find_preview(tmp_path, "a")
    assert damaged is not None
    (tmp_path / "previews" / "a.npz").write_bytes(b"no")
    with pytest.raises(DataError, match="not a readable file of vadkit preview"):
        damaged()


def test_one_frame_of_a_few_is_kept_of_a_long_test_set() -> None:
    assert [step_of(frames) for frames in (1, 2010, 4000, 4001, 40_791)] == [1, 1, 1, 2, 11]


def test_heat_is_drawn_between_the_ends_of_its_scale() -> None:
    gray = np.full((4, 4, 3), 100, np.uint8)
    maps = np.zeros((4, 4), np.float32)
    scale = HeatScale(0.0, 1.0)
    assert np.array_equal(heated(gray, maps, scale), gray)
    assert heated(gray, maps + 1, scale)[0, 0].min() > 140
    assert np.array_equal(heated(gray, maps, HeatScale(0.0, 0.0)), gray)
    assert HeatScale.of([]) is None
    assert HeatScale.of([np.full((2, 2), np.nan)]) is None


def test_a_card_shows_the_nearest_pictured_frame() -> None:
    preview = previews(["a"], outputs=False)["a"]
    few = Preview(preview.video, preview.numbers * 10, preview.fps, preview.parts, preview.heat)
    found = card_pictures(few, [14, 16, 400])
    assert set(found) == {14, 16, 400}
    assert found[14] != found[16]
