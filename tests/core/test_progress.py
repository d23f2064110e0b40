"""The forecast of a long stage, from a few timed steps."""

from __future__ import annotations

from vadkit.core.progress import Forecast, NoProgress


class Told(NoProgress):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(seconds: float, total: int, *, slow_start: float = 0.0, skipped: int = 0, stage: str = "model") -> list[str]:
    """Messages of a stage whose steps take so many seconds each."""
    shown, clock = Told(), Clock()
    forecast = Forecast(shown, {"model": "a smaller model.fit.steps makes it shorter"}, clock)
    forecast.begin(stage, total, done=100)
    for step in range(101, 101 + skipped):
        forecast.advance(step)
    for step in range(101 + skipped, 141 + skipped):
        clock.now += seconds + (slow_start if step < 103 + skipped else 0)
        forecast.advance(step, amount=4)
    return shown.messages


def test_a_long_stage_is_announced_once_with_what_makes_it_shorter() -> None:
    assert told(0.5, 3113) == ["model: about 25 min; a smaller model.fit.steps makes it shorter"]


def test_slow_first_steps_and_steps_that_were_done_before_do_not_count() -> None:
    assert told(0.5, 3113, slow_start=30) == told(0.5, 3113)
    assert told(0.5, 3213, skipped=100) == told(0.5, 3113)


def test_very_slow_steps_need_no_ten_of_them() -> None:
    assert told(60, 1544)[0].startswith("model: about 24 h;")


def test_a_short_stage_and_one_without_a_hint_are_not_announced() -> None:
    assert told(0.01, 3000) == []
    assert told(0.5, 3000, stage="calibrate") == []
