"""`vadkit data preview`: the sheet shows the frames and their labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data.conftest import Made, noise, spans, write_video
from PIL import Image

from vadkit.api import DataError, Track, VadkitError, VideoRef
from vadkit.core.values import ClipSpec
from vadkit.data.tools import Target, preview_dataset
from vadkit.data.tools.preview import evenly
from vadkit.data.tools.sheet import Cell, Strip, draw_sheet

Images = Callable[..., VideoRef]
RED, YELLOW, CYAN = (214, 40, 40), (255, 214, 10), (0, 200, 255)


def colors(path: Path) -> set[tuple[int, ...]]:
    with Image.open(path) as image:
        return {color for _, color in image.getcolors(1 << 24) or [] if isinstance(color, tuple)}


@pytest.fixture
def made(images: Images) -> Made:
    masks = np.zeros((6, 24, 32), bool)
    masks[3, 5:15, 5:15] = True
    labels = replace(spans(6, (3, 4)), masks=lambda: masks, tracks=(Track("van", {3: (5, 5, 15, 15)}),))
    return Made([images("a")], [images("b"), images("c")], {"b": labels, "c": spans(6)})


@pytest.mark.parametrize("spec", [None, ClipSpec(4, 12, 16, "gray")])
def test_abnormal_frames_masks_and_tracks_are_marked(made: Made, tmp_path: Path, spec: ClipSpec | None) -> None:
    out = tmp_path / "new/sheet.png"
    assert preview_dataset(Target("made", made, spec), out, frames=6) == []
    assert {RED, YELLOW, CYAN} <= colors(out)
    preview_dataset(Target("made", made, spec), out, video="c", frames=3)
    assert not {YELLOW, CYAN} & colors(out)


def test_a_strip_shows_its_frames() -> None:
    pictures = noise(2, 0, (24, 208), 3)
    cells = [Cell(picture, number, number == 1, None, ()) for number, picture in enumerate(pictures)]
    strip = Strip("test", VideoRef("v", ()), 2, np.array([False, True]), cells, (24, 208))
    sheet = np.asarray(draw_sheet("title", [strip], columns=2))
    for picture in pictures:
        inner = picture[1:-1, 1:-1]  # a normal frame has a line of one pixel around it
        places = np.argwhere((sheet[:-22, :-206] == inner[0, 0]).all(axis=2))
        assert any(np.array_equal(sheet[y : y + 22, x : x + 206], inner) for y, x in places)


def test_decoding_stops_after_the_last_drawn_frame(tmp_path: Path) -> None:
    film = VideoRef("film", write_video(tmp_path / "film.avi", noise(9, 3, (48, 64))))
    assert preview_dataset(Made([film]), tmp_path / "sheet.png", frames=3) == []


def test_an_unreadable_video_is_skipped_and_reported(images: Images, tmp_path: Path) -> None:
    empty = tmp_path / "empty.avi"
    empty.touch()
    made = Made([images("a"), VideoRef("empty", empty)], [images("b")], {"b": spans(9)})
    first, second = preview_dataset(made, tmp_path / "sheet.png")
    assert "train video empty is skipped" in first
    assert "9 labels for 6 frames" in second
    with pytest.raises(DataError, match="no video could be drawn"):
        preview_dataset(Made([VideoRef("empty", empty)]), tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_mistakes_are_one_message(made: Made, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="choices: a, b, c"):
        preview_dataset(made, tmp_path / "sheet.png", video="zz")
    with pytest.raises(VadkitError, match=r"preview\.png"):
        preview_dataset(made, tmp_path / "sheet.docx")


def test_frames_are_spread_evenly() -> None:
    assert evenly(0, 3) == []
    assert evenly(2, 8) == [0, 1]
    assert evenly(100, 4) == [0, 33, 66, 99]
