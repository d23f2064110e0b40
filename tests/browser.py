"""A real, headless Chromium for the tests of pages. Nothing is downloaded: the tests skip if the system has none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; skips the test with a reason where it is missing."""
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if path is None:
        pytest.skip("no chromium on PATH")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class OpenPage:
    """A page of the browser that collects everything that a report must not do.

    Args:
        browser: the browser.
        path: the HTML file.
        options: as those of `new_page`, such as `viewport`.
    """

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.problems: list[str] = []
        self.page = browser.new_page(**options)
        self.page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", self._request)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=yes]", timeout=20_000)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.problems.append(f"request: {request.url}")

    @property
    def now(self) -> str:
        """The line about the chosen frame."""
        return self.page.inner_text("#now")

    @property
    def frame(self) -> int:
        """The chosen frame."""
        return int(self.page.input_value("#position"))

    @property
    def video(self) -> str:
        """Name of the chosen video."""
        return self.page.eval_on_selector("#video", "list => list.selectedOptions[0].textContent")

    def pictured(self, frame: int) -> None:
        """Wait until the pictures show a frame."""
        self.page.wait_for_selector(f"#parts[data-frame='{frame}']", state="attached", timeout=5000)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, at most five seconds."""
        for _ in range(250):
            if condition():
                return
            self.page.wait_for_timeout(20)
        pytest.fail("the page did not react within five seconds")

    def brightest_column(self, part: int) -> int:
        """The horizontal place of the brightest pixels of a picture."""
        return self.page.evaluate(
            """part => {
              const canvas = document.querySelectorAll("#parts canvas")[part];
              const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let best = 0, place = -1;
              for (let x = 0; x < width; x++) {
                let sum = 0;
                for (let y = 0; y < height; y++) sum += data[4 * (y * width + x)];
                if (sum > best) { best = sum; place = x; }
              }
              return place;
            }""",
            part,
        )
