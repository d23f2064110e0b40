from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import EVENT, HOSTILE, HOSTILE_COMPONENT, previews, result

from vadkit.api import Event, RunFolderError, VideoResult, write_report
from vadkit.report.page import Cards, Charts, Player
from vadkit.report.run_page import EVENTS, RunPage
from vadkit.report.run_report import FILE


def written(folder: Path, **changes: Any) -> str:
    write_report(result(folder, **changes), folder)
    return (folder / FILE).read_text(encoding="utf-8")


def data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def section(page: Any, title: str) -> Any:
    return next(one for one in page.sections if one.title == title)


def test_texts_from_outside_are_escaped_everywhere(tmp_path: Path) -> None:
    text = written(tmp_path, made=previews([HOSTILE]))
    for hostile in (HOSTILE, HOSTILE_COMPONENT, "<img src=x", "alert(2)</script>"):
        assert hostile not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "# &lt;b&gt;&amp;amp;" in text  # the recipe
    video = data(text)["player"]["videos"][1]
    assert video["name"] == HOSTILE
    assert list(video["parts"]) == ["error", HOSTILE_COMPONENT]


def test_only_the_scripts_of_the_page_may_run_and_nothing_may_be_loaded(tmp_path: Path) -> None:
    text = written(tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    assert rules["default-src"] == "'none'"
    assert "connect-src" not in rules
    assert not [source for rule in rules.values() for source in rule.split() if "http" in source or source == "*"]
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in rules["script-src"]
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def test_the_page_shows_the_numbers_with_interval_and_protocol(tmp_path: Path) -> None:
    text = written(tmp_path)
    for expected in ("90.00 %", "80.00 % to 95.00 %", "itae #0123456789ab", "2.500", "torch", "2.8.0", "name: toy"):
        assert expected in text


def test_curves_events_and_labels_of_each_video(tmp_path: Path) -> None:
    given = result(tmp_path)
    video = data(written(tmp_path))["player"]["videos"][0]
    assert video["events"] == [list(EVENT)]
    assert video["abnormal"] == [[EVENT[0], EVENT[2] + 1]]
    assert video["numbers"] == list(range(60))
    assert np.allclose(video["total"], given.videos[0].fused, rtol=1e-4)
    assert np.allclose(np.sum(list(video["parts"].values()), axis=0), video["total"], atol=1e-3)


def test_components_are_shown_with_their_weight(tmp_path: Path) -> None:
    given = result(tmp_path)
    weights = {"error": {"weight": 0.5}, HOSTILE_COMPONENT: {"weight": 0.0}}
    page = RunPage(replace(given, protocol={**given.protocol, "components": weights}), 1).page()
    [video, *_] = section(page, "Videos").videos
    assert list(video.parts) == ["error"]
    assert np.allclose(video.parts["error"], 0.5 * given.videos[0].components["error"])


def test_without_labels_there_is_no_roc_and_no_worst_frame(tmp_path: Path) -> None:
    page = RunPage(result(tmp_path, labelled=False), 1).page()
    charts = section(page, "ROC and histograms")
    assert isinstance(charts, Charts)
    assert [chart.kind for chart in charts.charts] == ["histogram"] * 3
    assert charts.notes == ["There is no ROC: the test videos have no labels."]
    assert not [one for one in page.sections if one.title.startswith("Worst")]
    assert "there are no metrics" in section(page, "Numbers").notes[0]


def test_without_a_threshold_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    page = RunPage(result(tmp_path, threshold=None), 1).page()
    for title in ("Videos", "Events"):
        assert any("run the recipe again with data.held_out=0.2" in note for note in section(page, title).notes)


def test_without_previews_the_page_says_how_to_get_them(tmp_path: Path) -> None:
    player = section(RunPage(result(tmp_path), 1).page(), "Videos")
    assert isinstance(player, Player)
    assert "vadkit run RECIPE --resume" in player.notes[-1]


def test_cards_show_the_peak_of_an_event_and_the_worst_frames(tmp_path: Path) -> None:
    page = RunPage(result(tmp_path, made=previews(["door", HOSTILE])), 5).page()
    [event] = section(page, "Events").cards
    assert (event.video, event.frame) == ("door", EVENT[1])
    assert "from 0:03.0 to 0:04.4 (1.4 s)" in event.lines
    assert event.picture is not None
    assert event.picture.startswith(b"\xff\xd8")  # JPEG
    misses = section(page, "Worst misses")
    assert isinstance(misses, Cards)
    assert misses.cards[0].video == HOSTILE
    assert all(card.picture for card in misses.cards)


def test_pictures_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    made = previews(["door", HOSTILE])
    size = len(made["door"].video)
    room = 1.5 * size * 4 / 3 / 1e6
    player = section(RunPage(result(tmp_path, made=made), room).page(), "Videos")
    assert [video.preview is not None for video in player.videos] == [True, False, False]
    assert "1 of 3 videos have pictures, so that the page stays small." in player.notes
    player = section(RunPage(result(tmp_path, made=made), 0.0).page(), "Videos")
    assert "they would exceed the size limit of the page" in player.notes[-1]


def test_a_page_of_many_long_videos_stays_small(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    videos = [VideoResult(f"{n}", random.random(20_000), {"a": random.random(20_000)}, None) for n in range(30)]
    events = [Event("0", n, n, n, None, None, None, 2.0 + n, 1.0) for n in range(2 * EVENTS)]
    write_report(replace(result(tmp_path), videos=videos, events=events), tmp_path)
    assert (tmp_path / FILE).stat().st_size < 10e6
    cards = section(RunPage(replace(result(tmp_path), videos=videos, events=events), 0).page(), "Events")
    assert len(cards.cards) == EVENTS
    assert cards.cards[0].frame == EVENTS  # the lowest ones are left out
    assert cards.notes == [f"The {EVENTS} highest of {2 * EVENTS} events. The file events.csv lists all events."]


def test_a_name_that_is_not_utf8_and_a_result_without_videos(tmp_path: Path) -> None:
    assert "b?" in written(tmp_path, names=("b\udcff", "c"))
    write_report(replace(result(tmp_path), videos=[], events=[]), tmp_path)


def test_the_old_page_stays_if_the_folder_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(tmp_path)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(RunFolderError, match="no permission"):
        write_report(result(tmp_path, labelled=False), tmp_path)
    assert (tmp_path / FILE).read_text(encoding="utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
