"""The live page, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import watched
from browser import chromium

from vadkit.api import SourceStatus
from vadkit_sinks.server.sink import Http

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

NAME = "rtsp://camera/<b>door</b>?x='\"&amp;"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def sink() -> Iterator[Http]:
    made = Http(at="127.0.0.1:0", page=True)
    made.open(watched.source(NAME))
    for frame in range(200):
        made.frame(watched.score(frame, 4.0 if 50 <= frame < 75 else 1.0, active=50 <= frame < 75))
    made.alarm(replace(watched.end(), source=watched.source(NAME)))
    yield made
    made.close(watched.summary())


@pytest.fixture
def problems() -> list[str]:
    return []


def opened(browser: Any, sink: Http, problems: list[str], **keys: Any) -> Any:
    page = browser.new_page(**keys)
    page.set_default_timeout(10_000)
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    assert sink._server is not None
    page.goto(f"http://127.0.0.1:{sink._server.server_port}/")
    expect(page.locator("#picture")).to_have_js_property("naturalWidth", 64)
    return page


def test_it_shows_picture_scores_and_alarms(browser: Any, sink: Http, problems: list[str]) -> None:
    page = opened(browser, sink, problems, viewport={"width": 1200, "height": 800})
    assert page.inner_text("#source") == NAME  # not as HTML
    assert page.locator("#source b").count() == 0
    assert page.inner_text("#state") == "normal"
    assert (page.inner_text("#score"), page.inner_text("#threshold")) == ("1", "2.5")
    assert page.locator("#alarms li").count() == 1
    assert page.inner_text("#alarms .more") == "1.0 s, highest score 5"
    expect(page.locator("#alarms img")).to_have_js_property("naturalWidth", 64)
    drawn = """() => {
        const strip = document.getElementById("strip");
        const data = strip.getContext("2d").getImageData(0, 0, strip.width, strip.height).data;
        return new Set(Array.from({length: data.length / 4}, (_, i) => data.slice(4 * i, 4 * i + 3).join())).size;
    }"""
    assert page.evaluate(drawn) > 10
    assert problems == []
    page.close()


def test_it_follows_the_watch(browser: Any, sink: Http, problems: list[str]) -> None:
    page = opened(browser, sink, problems)
    sink.frame(watched.score(200, 3.0, active=True))
    event = watched.begin(200, number=2)
    sink.alarm(event)
    expect(page.locator("#state")).to_have_text("Alarm")
    newest = page.locator("#alarms li").first
    expect(newest.locator(".more")).to_have_text("still active, highest score 3")
    expect(newest).to_have_class("open")
    assert page.locator("#alarms li").count() == 2
    sink.status(SourceStatus("frozen", 8.0, "no change"))
    expect(page.locator("#state")).to_have_text("Alarm; source: frozen, no change")
    sink.frame(watched.score(205, 4.0, active=True, is_peak=True))
    expect(newest.locator(".more")).to_have_text("still active, highest score 4")
    expect(newest.locator("img")).to_have_attribute("src", re.compile("peak=205$"))
    sink.alarm(replace(event, alarm=watched.end(200, 210).alarm))
    sink.frame(watched.score(201, 1.0))
    sink.status(SourceStatus("black", 8.0, "the picture is <i>black</i>"))
    expect(page.locator("#state")).to_have_text("source: black, the picture is <i>black</i>")
    expect(newest.locator(".more")).to_have_text("0.4 s, highest score 5")
    expect(page.locator("#picture")).to_have_attribute("src", re.compile("frame=201&heat_map=1$"))
    page.uncheck("#heat")
    expect(page.locator("#picture")).to_have_attribute("src", re.compile("heat_map=0$"))
    assert problems == []
    page.close()


def test_a_server_that_has_ended_is_named(browser: Any, problems: list[str]) -> None:
    made = Http(at="127.0.0.1:0", page=True)
    made.open(watched.source())
    made.frame(watched.score(1))
    page = opened(browser, made, problems)
    made.close(watched.summary())
    expect(page.locator("#state")).to_have_text("no connection to vadkit")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_it_fits_narrow_and_wide_windows_in_light_and_dark(
    browser: Any, sink: Http, problems: list[str], scheme: str, width: int
) -> None:
    page = opened(browser, sink, problems, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    paper, ink = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
    levels = [sum(map(int, re.findall(r"\d+", text))) for text in (paper, ink)]
    assert (levels[0] > levels[1]) == (scheme == "light")
    beside = page.evaluate(
        "document.querySelector('.scores').getBoundingClientRect().left"
        " > document.querySelector('.picture').getBoundingClientRect().right"
    )
    assert beside == (width == 1400)
    assert problems == []
    page.close()
