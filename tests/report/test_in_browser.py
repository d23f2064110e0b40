"""The page of a run in a real, headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import OpenPage, chromium
from pages import EVENT, FRAMES, HOSTILE, previews, result

from vadkit.api import write_report
from vadkit.cli.render.compare_page import compare_page
from vadkit.evaluation.compare import Comparison, Entry
from vadkit.report.render import write_page
from vadkit.report.run_report import FILE

WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(result(folder, made=previews(["door", HOSTILE])), folder)
    return folder / FILE


@pytest.fixture(scope="module")
def only(browser: Any, path: Path) -> OpenPage:
    return OpenPage(browser, path, viewport=WIDE)


@pytest.fixture
def opened(only: OpenPage) -> Iterator[OpenPage]:
    """The page, opened once, as it is after opening."""
    only.page.set_viewport_size(WIDE)
    only.page.select_option("#video", "0")
    only.page.evaluate("document.activeElement.blur()")
    yield only
    assert only.problems == []  # no console message, no error, no dialog of a script in a name, no request


def press(opened: OpenPage, *keys: str) -> None:
    for key in keys:
        opened.page.keyboard.press(key)


def test_it_opens_at_the_highest_score_of_the_first_video(opened: OpenPage) -> None:
    assert (opened.video, opened.frame) == ("door", EVENT[1])
    assert "at or above the threshold" in opened.now
    assert "labelled abnormal" in opened.now
    assert "0:03.60" in opened.now
    opened.pictured(EVENT[1])
    assert abs(opened.brightest_column(0) - (EVENT[1] + 4)) <= 6  # the square of this frame
    assert opened.page.locator("#parts figcaption").all_inner_texts() == ["frame", "decoder output", "anomaly map"]


def test_keys_move_by_frames_events_and_videos(opened: OpenPage) -> None:
    press(opened, "ArrowRight")
    assert opened.frame == EVENT[1] + 1
    press(opened, "ArrowLeft", "Shift+ArrowLeft")
    assert opened.frame == EVENT[1] - 10
    opened.pictured(EVENT[1] - 10)
    assert abs(opened.brightest_column(0) - (EVENT[1] - 6)) <= 6
    press(opened, "n")  # the peak of the event
    assert opened.frame == EVENT[1]
    press(opened, "n")  # there is no other event
    assert opened.frame == EVENT[1]
    press(opened, "j")
    assert f"0:{opened.frame**2 / 1000:05.2f}" in opened.now  # by the time stamps
    press(opened, "j")
    assert opened.video == "gate"
    assert opened.page.is_visible("#no-pictures")
    assert opened.page.is_disabled("#play")
    assert "labelled" not in opened.now
    press(opened, "j")  # it is the last one
    assert opened.video == "gate"
    press(opened, "p")  # back to the event of the first video
    assert (opened.video, opened.frame) == ("door", EVENT[1])


def test_space_plays_and_pauses(opened: OpenPage) -> None:
    press(opened, " ")
    opened.until(lambda: opened.frame > EVENT[1] + 1)
    assert opened.page.inner_text("#play") == "Pause"
    press(opened, " ")
    assert opened.page.inner_text("#play") == "Play"
    stopped = opened.frame
    assert EVENT[1] + 1 < stopped < FRAMES


def test_a_click_on_the_curve_shows_that_frame(opened: OpenPage) -> None:
    opened.page.locator("#curve").scroll_into_view_if_needed()
    box = opened.page.locator("#curve .nsewdrag").bounding_box()
    assert box is not None
    place = box["x"] + 10.5 / FRAMES * box["width"], box["y"] + box["height"] / 2
    opened.page.mouse.move(*place)
    opened.page.wait_for_selector("#curve .hoverlayer .legend", state="attached", timeout=5000)
    opened.page.mouse.click(*place)
    opened.until(lambda: opened.frame == 10)
    opened.pictured(10)
    line = opened.page.evaluate("document.getElementById('curve').layout.shapes[0].x0")
    assert line == 10


def test_cards_and_buttons_show_their_frame(opened: OpenPage) -> None:
    misses = opened.page.locator("section", has=opened.page.locator("h2", has_text="Worst misses"))
    misses.locator("button.card").first.click()
    assert opened.video == HOSTILE
    assert "labelled abnormal" in opened.now
    opened.page.click("#previous-video")
    assert opened.video == "door"
    opened.page.locator("button.card", has_text="Event").click()
    assert opened.frame == EVENT[1]
    opened.page.click("#back")
    assert opened.frame == EVENT[1] - 1
    opened.page.fill("#position", "5")
    assert opened.frame == 5
    opened.page.select_option("#video", "2")
    assert opened.video == "gate"


def test_names_from_outside_are_shown_as_text(opened: OpenPage) -> None:
    press(opened, "j")
    assert opened.video == HOSTILE
    legend = opened.page.eval_on_selector_all("#curve .legendtext", "texts => texts.map(text => text.textContent)")
    assert "</script><script>alert(2)</script>" in legend
    assert opened.page.locator("img[src=x]").count() == 0


def test_light_dark_and_the_switch(opened: OpenPage) -> None:
    def colours() -> tuple[int, str]:
        back = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        font = opened.page.evaluate("document.getElementById('curve').layout.font.color")
        return sum(map(int, re.findall(r"\d+", back))), font

    light, light_font = colours()
    opened.page.emulate_media(color_scheme="dark")
    dark, dark_font = colours()  # the charts change too
    assert light > 700 > 150 > dark
    assert light_font != dark_font
    opened.page.click("#theme")
    assert colours() == (light, light_font)
    opened.page.emulate_media(color_scheme="light")
    opened.page.click("#theme")
    assert colours() == (dark, dark_font)
    opened.page.click("#theme")


@pytest.mark.parametrize("width", [360, 768])
def test_a_narrow_screen_needs_no_sideways_scrolling(opened: OpenPage, width: int) -> None:
    opened.page.set_viewport_size({"width": width, "height": 700})
    opened.page.wait_for_timeout(100)  # the charts follow
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(opened: OpenPage) -> None:
    nameless = opened.page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, a")].filter(control =>
          !(control.innerText || control.getAttribute("aria-label") || control.closest("label")
            || document.querySelector(`label[for='${control.id}']`))).map(control => control.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    opened.page.focus(".skip")
    press(opened, "Tab")
    assert opened.page.evaluate("document.activeElement.id") == "theme"
    outline = opened.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_page_of_a_comparison(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / FILE).write_text("report")
    made = result(tmp_path)
    protocol = {"name": "itae", "digest": "0123456789ab", "test_tuned": False}
    entries = [
        Entry(
            name, {"micro_auc": value}, {"micro_auc": (value - 0.1, value)}, {}, protocol, None, None, None, place, made
        )
        for name, value, place in (("one", 0.9, tmp_path / "one"), (HOSTILE, 0.8, tmp_path / "two"))
    ]
    comparison = Comparison(entries, ["micro_auc"], frozenset(), {}, (), videos=8)
    path = tmp_path / "compare.html"
    write_page(compare_page(comparison, path), path)
    opened = OpenPage(browser, path)
    assert opened.page.locator(".chart .main-svg").count() >= 3  # intervals, ROC, each video
    legend = opened.page.eval_on_selector_all(".legendtext", "texts => texts.map(text => text.textContent)")
    assert any(text.startswith(HOSTILE) for text in legend)
    opened.page.click("text=one")
    assert opened.page.inner_text("body") == "report"
    opened.page.close()
    assert opened.problems == []
