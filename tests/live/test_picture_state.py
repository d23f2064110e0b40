"""Black, frozen and changed pictures, told from living ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.core.source_status import SourceStatus
from vadkit.live.picture_state import PictureStatus, PictureWatch
from vadkit.live.reports import Reports
from vadkit.video.damage import Damages
from vadkit.video.video_file import pictures

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()


def scene(brightness: int, frames: int, seed: int = 0) -> NDArray[np.uint8]:
    """(F, 48, 64, 3): a scene of blocks with the noise of a sensor, and an object that crosses it."""
    random = np.random.default_rng(seed)
    base = np.kron(random.integers(40, 160, (6, 8, 3)), np.ones((8, 8, 1)))
    film = base * brightness / 100 + random.normal(0, 2, (frames, *base.shape))
    for number in range(frames):
        film[number, 10:40, number % 40 : number % 40 + 24] = 250
    return film.clip(0, 255).astype(np.uint8)


def watched(*films: NDArray[np.uint8], fps: float = 10) -> list[PictureStatus]:
    watch = PictureWatch()
    return [watch.see(frame, number / fps) for number, frame in enumerate(np.concatenate(films))]


def test_a_living_scene_is_normal() -> None:
    looks = watched(scene(100, 300))
    assert {look.state for look in looks} == {"normal"}
    assert not any(look.cut or look.scene_changed for look in looks)


@pytest.mark.parametrize("clock", [False, True])
def test_a_picture_that_stands_still_is_frozen(clock: bool) -> None:
    still = scene(100, 1).repeat(250, axis=0)
    if clock:  # five pixels that change every second
        still[:, 1, 1:6] = (20 * (np.arange(250) // 10) % 250)[:, None, None]
    looks = watched(scene(100, 50), still, scene(100, 20)[1:])
    frozen = [number for number, look in enumerate(looks) if look.state == "frozen"]
    assert frozen == list(range(150, 300))
    assert looks[200].since == 5.0
    assert looks[-1].state == "normal"


def test_a_covered_lens_is_black_and_then_the_scene_is_back() -> None:
    black = np.random.default_rng(1).integers(0, 12, (100, 48, 64, 3)).astype(np.uint8)
    looks = watched(scene(100, 50), black, scene(100, 50))
    assert [number for number, look in enumerate(looks) if look.state == "black"] == list(range(70, 150))
    assert [number for number, look in enumerate(looks) if look.cut] == [50, 150]
    assert not any(look.scene_changed for look in looks)


def test_day_to_night_is_another_scene() -> None:
    looks = watched(scene(150, 50), scene(40, 100))
    assert [number for number, look in enumerate(looks) if look.cut] == [50]
    assert [number for number, look in enumerate(looks) if look.scene_changed] == [70]
    assert {look.state for look in looks} == {"normal"}


def test_a_flash_is_a_cut_but_not_another_scene() -> None:
    looks = watched(scene(80, 50), scene(80, 2).clip(0, 100) + 150, scene(80, 50))
    assert [number for number, look in enumerate(looks) if look.cut] == [50, 52]
    assert not any(look.scene_changed for look in looks)


def test_dusk_is_not_a_cut() -> None:
    looks = watched(np.concatenate([scene(150 - number, 1, seed=3) for number in range(120)]))
    assert not any(look.cut for look in looks)


def test_dusk_is_reported_when_the_picture_has_become_another_one() -> None:
    dusk = np.concatenate([scene(150 - number, 1, seed=3) for number in range(130)])
    looks = watched(dusk, fps=1)  # about two minutes
    drifted = [number for number, look in enumerate(looks) if look.drifted]
    assert 1 <= len(drifted) <= 3
    assert drifted[0] > 30
    assert not any(look.cut or look.scene_changed for look in looks)
    assert not any(look.drifted for look in watched(scene(100, 130), fps=1))


def test_a_reported_change_is_not_reported_again_as_a_slow_one() -> None:
    looks = watched(scene(150, 50), scene(40, 100), fps=1)
    assert [number for number, look in enumerate(looks) if look.scene_changed] == [52]
    assert not any(look.drifted for look in looks)


def test_a_camera_that_turns_gives_few_cuts() -> None:
    random = np.random.default_rng(0)
    looks = watched(random.integers(0, 255, (100, 48, 64, 3)).astype(np.uint8))
    assert sum(look.cut for look in looks) == 3


def test_real_video_is_normal() -> None:
    path = DATA / "avenue_part/testing_videos/17.avi"
    if not path.is_file():
        pytest.skip("needs part of Avenue (set VADKIT_TEST_DATA)")
    watch = PictureWatch()
    looks = [watch.see(frame, number / 25) for number, frame in enumerate(pictures(path, Damages()))]
    assert {(look.state, look.cut, look.scene_changed) for look in looks} == {("normal", False, False)}


def test_a_picture_that_is_black_after_a_new_connection_is_reported_again() -> None:
    """Otherwise the last state would be "connected" for up to an hour."""
    told: list[SourceStatus] = []
    reports = Reports(told.append, lambda: 5.0)
    for _ in range(2):
        reports.connected(None, None)
        reports.picture(PictureStatus("black", 2.0, cut=False, scene_changed=False), 5.0)
        reports.picture(PictureStatus("black", 2.0, cut=False, scene_changed=False), 5.1)
    assert [status.state for status in told] == ["connected", "black"] * 2
