from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import HOSTILE
from PIL import Image

from vadkit.core.errors import DataError
from vadkit.core.values import Event
from vadkit.evaluation.events import write_events
from vadkit.report.page import Cards, Player
from vadkit.report.render import render
from vadkit.report.run_page import EVENTS
from vadkit.report.score_page import CURVES, POINTS, score_page


def event(video: str, start: int, peak: float = 3.0) -> Event:
    return Event(
        video, start, start + 5, start + 2, start / 25, (start + 5) / 25, (start + 2) / 25, peak, 1.5, (1, 2, 3, 4)
    )


def scored(folder: Path, name: str, frames: int, form: str = "csv", peak: int = 10) -> None:
    place = folder / "scores" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    record = {"format": form, "frames": frames, "events": []}
    place.with_name(f"{place.name}.json").write_text(json.dumps(record))
    path = place.with_name(f"{place.name}.{form}")
    scores = np.where(np.arange(frames) == peak, 3.0, np.sin(np.arange(frames)) / 2)
    scores[0] = np.nan
    seconds = np.where(np.arange(frames) < 30, np.arange(frames) / 25, np.arange(frames) / 10 - 1.8)
    if form == "csv":
        rows = (f"{number},{seconds[number]:.3f},{score:.8g},1" for number, score in enumerate(scores))
        path.write_text("frame,seconds,score,error\n" + "\n".join(rows))
    elif form == "jsonl":
        lines = ({"frame": n, "seconds": seconds[n], "score": None if np.isnan(s) else s} for n, s in enumerate(scores))
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        with path.open("wb") as file:
            np.savez(file, frame=np.arange(frames), seconds=seconds, score=scores)


def sections(folder: Path, **changes: Any) -> tuple[Cards, Player]:
    page = score_page(folder, title="t", videos=3, threshold=1.5, **changes)
    cards, player = page.sections[:2]
    assert isinstance(cards, Cards)
    assert isinstance(player, Player)
    return cards, player


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
def test_events_and_the_curves_of_their_videos(tmp_path: Path, form: str) -> None:
    for name in ("cam/b.mp4", "quiet.mp4", HOSTILE):
        scored(tmp_path, name, 60, form)
    write_events(tmp_path, [event(HOSTILE, 8), event("cam/b.mp4", 8), event("cam/b.mp4", 40, 2.0)])
    cards, player = sections(tmp_path)
    assert [(card.video, card.frame) for card in cards.cards] == [(HOSTILE, 10), ("cam/b.mp4", 10), ("cam/b.mp4", 42)]
    assert "place: x 1 to 3, y 2 to 4 pixels" in cards.cards[0].lines
    assert [video.name for video in player.videos] == [HOSTILE, "cam/b.mp4"]
    video = player.videos[1]
    assert video.numbers.tolist() == list(range(1, 60))  # frame 0 has no score
    assert int(video.numbers[video.total.argmax()]) == 10
    assert video.seconds is not None
    assert video.seconds[[0, 28, 30, 58]].tolist() == pytest.approx([0.04, 1.16, 1.3, 4.1])
    assert video.events == [(8, 10, 13), (40, 42, 45)]
    text = render(score_page(tmp_path, title="t", videos=3, texts={"Recipe": "<b>"})).decode()
    assert HOSTILE not in text
    assert "<b>" not in text


def test_a_long_video_has_few_points_and_keeps_its_peak(tmp_path: Path) -> None:
    scored(tmp_path, "long.mp4", 50_000, peak=12_345)
    write_events(tmp_path, [event("long.mp4", 12_343)])
    _, player = sections(tmp_path)
    [video] = player.videos
    assert video.numbers.size <= POINTS
    assert 12_345 in video.numbers
    assert (np.diff(video.numbers) > 0).all()


def test_only_the_highest_of_many_events_are_on_the_page(tmp_path: Path) -> None:
    for number in range(3 * CURVES):
        scored(tmp_path, f"{number:04}.mp4", 20)
    names = [f"{number:04}.mp4" for number in range(3 * CURVES)]
    write_events(tmp_path, [event(name, 10 * n, 2 + index) for index, name in enumerate(names) for n in range(3)])
    cards, player = sections(tmp_path)
    assert len(cards.cards) == EVENTS
    assert cards.notes == [f"The {EVENTS} highest of {9 * CURVES} events. The file events.csv lists all events."]
    assert [video.name for video in player.videos] == names[-CURVES:]
    assert any(f"{CURVES} of {3 * CURVES} videos with events have a curve" in note for note in player.notes)


def test_pictures_are_those_of_the_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_events(folder, [event("a.mp4", 8), event("a.mp4", 30), event("a.mp4", 60)])
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    for line, name in zip(lines, ("thumbnails/a.jpg", "../outside.jpg", "thumbnails/broken.jpg"), strict=True):
        line["thumbnail"] = name
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "thumbnails").mkdir()
    for path in (folder / "thumbnails" / "a.jpg", tmp_path / "outside.jpg"):
        Image.new("RGB", (960, 240)).save(path)
    (folder / "thumbnails" / "broken.jpg").write_bytes(b"\xff\xd8")
    cards, player = sections(folder)
    first, *others = (card.picture for card in cards.cards)
    assert first is not None
    assert Image.open(io.BytesIO(first)).size == (360, 90)
    assert others == [None, None]
    assert player.videos == []  # there is no file of scores


def test_no_events_and_a_damaged_file(tmp_path: Path) -> None:
    write_events(tmp_path, [])
    cards, _ = sections(tmp_path)
    assert cards.notes == ["No score reaches the alarm threshold."]
    (tmp_path / "events.jsonl").write_text("{")
    with pytest.raises(DataError, match="is not a readable file of events"):
        sections(tmp_path)
