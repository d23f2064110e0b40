"""The measured rate of a live source."""

from __future__ import annotations

import numpy as np
import pytest

from vadkit.live.rate import RateMeter, Thinner


def measured(clock: np.ndarray, stamps: np.ndarray | None) -> tuple[float | None, list[float]]:
    """The rate at the end, and the seconds at which a new rate was adopted."""
    meter = RateMeter()
    adopted = []
    for number, arrived in enumerate(clock):
        stamp = None if stamps is None else float(stamps[number])
        if meter.add(clock=float(arrived), stamp=stamp):
            adopted.append(float(arrived))
    return meter.rate, adopted


EVEN = np.arange(2000.0)


@pytest.mark.parametrize(
    ("clock", "stamps", "rate"),
    [
        (EVEN / 25, EVEN / 25, 25),
        (EVEN / 25, None, 25),
        (EVEN / 5, EVEN / 25, 5),  # MJPEG over HTTP, for which FFmpeg assumes 25 frames per second
        (EVEN / 30, EVEN / 25, 30),
        (EVEN / 25, EVEN / 180000, 25),
        (EVEN / 25, np.zeros(2000), 25),
        (EVEN / 0.5, EVEN / 0.5, 0.5),
        (EVEN[:30] * 40, EVEN[:30] * 40, 1 / 40),
        (EVEN[:30] * 40, None, 1 / 40),
    ],
)
def test_time_stamps_that_contradict_the_clock_do_not_count(
    clock: np.ndarray, stamps: np.ndarray | None, rate: float
) -> None:
    found, adopted = measured(clock, stamps)
    assert found == pytest.approx(rate, rel=0.01)
    assert len(adopted) <= 2


def test_a_later_measurement_corrects_the_first() -> None:
    """The first frames of a connection arrive together, so the clock shows too high a rate at first."""
    found, adopted = measured(np.maximum(EVEN / 5, 0.7), None)
    assert found == pytest.approx(5, rel=0.01)
    assert len(adopted) == 1


def test_a_stall_longer_than_the_window_does_not_change_the_rate() -> None:
    clock = np.concatenate([EVEN / 25, EVEN / 25 + 200])
    found, adopted = measured(clock, None)
    assert found == pytest.approx(25, rel=0.01)
    assert len(adopted) == 1


def test_network_jitter_changes_nothing() -> None:
    late = np.random.default_rng(0).uniform(0, 0.3, 2000)
    found, adopted = measured(np.maximum.accumulate(EVEN / 25 + late), EVEN / 25)
    assert found == pytest.approx(25)
    assert len(adopted) == 1


def test_stored_frames_at_the_start_do_not_raise_the_rate() -> None:
    clock = np.maximum(EVEN / 25 - 6, 0.001 * EVEN)  # HLS sends the last six seconds at once
    found, adopted = measured(clock, EVEN / 25)
    assert found == pytest.approx(25)
    assert len(adopted) == 1


def test_a_stall_does_not_change_the_rate() -> None:
    clock = EVEN / 25
    clock = np.where((clock > 15) & (clock < 19), 19, clock)
    found, adopted = measured(clock, EVEN / 25)
    assert found == pytest.approx(25, rel=0.01)
    assert len(adopted) == 1


def test_another_rate_is_adopted_once_it_is_steady() -> None:
    times = np.concatenate([EVEN / 25, 80 + EVEN / 12.5])
    found, adopted = measured(times, times)
    assert found == pytest.approx(12.5, rel=0.02)
    assert len(adopted) == 2


def test_frames_without_a_time_stamp_do_not_matter() -> None:
    """FFmpeg gives the first frame of an RTSP stream none, and the first frames at once."""
    meter = RateMeter()
    for number in range(40):
        meter.add(clock=max(3.0, number / 10), stamp=number / 10 if number else None)
    assert meter.rate is None
    for number in range(40, 60):
        meter.add(clock=number / 10, stamp=number / 10)
    assert meter.rate == pytest.approx(10)


def test_time_stamps_that_start_again() -> None:
    stamps = np.concatenate([EVEN[:1000] / 25, EVEN[:1000] / 25])
    found, adopted = measured(EVEN / 25, stamps)
    assert found == pytest.approx(25, rel=0.01)
    assert len(adopted) == 1


@pytest.mark.parametrize(
    ("source", "fps", "kept"),
    [(30, 15, range(0, 30, 2)), (30, None, range(30)), (None, 10, range(30)), (10, 25, range(30)), (26, 25, range(30))],
)
def test_thinning_leaves_out_evenly(source: float | None, fps: float | None, kept: range) -> None:
    thinner = Thinner(fps)
    thinner.source_fps = source
    assert [number for number in range(30) if thinner.keeps()] == list(kept)


def test_thinning_starts_again_after_a_gap() -> None:
    thinner = Thinner(10)
    thinner.source_fps = 30
    assert [thinner.keeps() for _ in range(4)] == [True, False, False, True]
    thinner.restart()
    assert thinner.keeps()
