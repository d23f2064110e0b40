"""The scene, its light and its actors. Lengths are in units of 1/64 of the frame's height."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from vadkit_datasets.walkway.bodies import BODIES, Appearance, reach
from vadkit_datasets.walkway.shapes import Part

HEIGHT = 64.0  # units

_EDGE = 15.0  # y of the edge between grass and paving
_LANES = ((23.0, 34.0, -1), (43.0, 60.0, 1))  # y of the farthest and nearest feet, walking direction
_PROGRAM = ("bicycle", "van", "runner", "bag", "skateboard", "", "cart", "wrong_way")

PACES: Mapping[str, tuple[float, float]] = {
    "bicycle": (0.10, 0.14),
    "van": (0.08, 0.12),
    "runner": (0.1, 0.13),
    "bag": (0.10, 0.13),
    "skateboard": (0.08, 0.11),
    "cart": (0.07, 0.10),
    "wrong_way": (0.036, 0.05),
}
"""Kind of anomaly -> its slowest and fastest pace, heights per frame; the pace of walkers is `WALK`."""

WALK = (0.026, 0.05)


@dataclass(frozen=True, slots=True)
class Light:
    """Two slow waves of daylight, and sensor noise. Its level varies as the sensor's gain adapts.

    A wave is (amplitude, period in frames, phase in radians).
    """

    waves: tuple[tuple[float, float, float], ...]  # waves of the daylight, around 1
    hum: tuple[float, float, float]  # wave of the noise level, around 1
    noise: float  # mean standard deviation of the noise, gray values

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Light:
        """Draw random light."""
        slow, fast, hum = rng.random((3, 3)).tolist()
        return cls(
            waves=(
                (0.03 + 0.03 * slow[0], 160 + 160 * slow[1], 2 * math.pi * slow[2]),
                (0.04 + 0.03 * fast[0], 50 + 50 * fast[1], 2 * math.pi * fast[2]),
            ),
            hum=(0.6, 40 + 40 * hum[0], 2 * math.pi * hum[1]),
            noise=2.4 + 1.2 * hum[2],
        )

    def gain(self, frame: int) -> float:
        """Brightness of a frame, 1 on average."""
        return round(1 + sum(_wave(wave, frame) for wave in self.waves), 5)

    def sigma(self, frame: int) -> float:
        """Standard deviation of a frame's noise, gray values."""
        return round(self.noise * (1 + _wave(self.hum, frame)), 5)


@dataclass(frozen=True, slots=True)
class Actor:
    """One actor and its straight path. Lengths are in units of 1/64 of the frame's height."""

    kind: str  # "walker", or a key of `PACES`
    look: Appearance  # clothes and gait
    height: float  # standing height
    x: float  # position of the feet at frame `start`
    y: float  # position of the feet, from the top; actors are painted in the order of y
    speed: float  # units per frame, positive to the right
    start: float  # frame at which the actor is at `x`

    @property
    def facing(self) -> int:
        """1 to the right, -1 to the left."""
        return 1 if self.speed > 0 else -1

    def at(self, frame: int) -> float:
        """Position of the feet, from the left."""
        return self.x + self.speed * (frame - self.start)

    def parts(self, frame: int) -> list[Part]:
        """The parts of its body at a frame, in units of its height."""
        way = abs(self.speed) * (frame - self.start) / self.height
        return BODIES[self.kind](self.look, way)


def ground(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The empty scene, (H, W) integer gray values: grass, kerb, paving in perspective, a line between the lanes."""
    unit = height / HEIGHT
    y = ((np.arange(height) + 0.5) / unit)[:, None]
    x = ((np.arange(width) + 0.5 - width / 2) / unit)[None, :]
    blotches = _blur(rng, height, width, 16 * unit) - 0.5
    grain = _blur(rng, height, width, 1.5 * unit) - 0.5
    paving = 128 + 26 * blotches + 18 * grain
    column = x / (y + 50) * 9
    row = 26 * np.log((y + 50) / 60)
    joint = (np.abs(column - np.round(column)) * (y + 50) / 9 < 0.55) | (np.abs(row - np.round(row)) < 0.09)
    paving = np.where(joint, paving - 16, paving)
    dash = (np.abs(y - 38.5) < 0.7) & (np.abs(column / 2 - np.round(column / 2)) < 0.3)
    paving = np.where(dash, 185, paving)
    grass = 98 + 40 * blotches + 60 * grain + 0 * y
    picture = np.where(y < _EDGE - 1.5, grass, np.where(y < _EDGE, 168, paving))
    return np.asarray(np.round(picture), np.float64)


def cast(width: float, frames: int, rng: np.random.Generator, program: int | None) -> list[Actor]:
    """Return all actors in one video, farthest first; `width` is in units.

    `program` is the index of the test video's anomaly; None for a normal video.
    """
    actors = [actor for lane in _LANES for actor in _crowd(lane, width, frames, rng)]
    if program is not None:
        again, number = divmod(program, len(_PROGRAM))
        if kind := _PROGRAM[number]:
            actors += _event(kind, (again + number) % 2 == 1, width, frames, rng)
    return sorted(actors, key=lambda actor: actor.y)


def _crowd(lane: tuple[float, float, int], width: float, frames: int, rng: np.random.Generator) -> list[Actor]:
    """Groups of one to three walkers, at varying distances."""
    far, near, way = lane
    longest = width / (WALK[0] * 9)  # frames that the slowest walkers need to cross
    gap = float(rng.uniform(50, 170))
    walkers: list[Actor] = []
    moment = -longest
    while moment < frames:
        moment += gap * float(rng.choice((0.15, 0.6, 2.2)))
        pace = float(rng.uniform(*WALK))
        for _ in range(int(rng.integers(1, 4))):
            actor = _enter("walker", float(rng.uniform(far, near)), way, pace, moment, width, rng)
            walkers.append(actor)
            moment += float(rng.uniform(0, 6))
    return walkers


def _event(kind: str, leaves: bool, width: float, frames: int, rng: np.random.Generator) -> list[Actor]:
    """The abnormal actors of a test video. They enter, or are present and leave, about half-way.

    Videos alternate between the two, so that the position in a video does not predict the anomaly.
    """
    far, near, way = _LANES[int(rng.integers(2))]
    share = float(rng.uniform(0.4, 0.7))  # share of the video in which they are visible, if they cross slowly
    if kind == "wrong_way":
        way, share = -way, float(rng.uniform(0.25, 0.35))
    y = float(rng.uniform((far + near) / 2, near))
    delays = (0.0, 0.12) if kind == "bag" else (0.0,)
    actors: list[Actor] = []
    for delay in delays:
        actor = _enter(kind, y, way, float(rng.uniform(*PACES[kind])), (1 - share + delay) * frames, width, rng)
        crossing = (width + 2 * reach(kind) * actor.height) / abs(actor.speed)  # frames
        actors.append(replace(actor, start=(share - delay) * frames - crossing) if leaves else actor)
    return actors


def _enter(kind: str, y: float, way: int, pace: float, moment: float, width: float, rng: np.random.Generator) -> Actor:
    """An actor with its foremost point at the frame's edge at frame `moment`."""
    stature = float(rng.uniform(0.84, 1.16)) * (0.7 if kind == "walker" and rng.random() < 0.1 else 1.0)
    height = 15 * (0.72 + 0.5 * y / HEIGHT) * stature
    outside = reach(kind) * height
    x = -outside if way > 0 else width + outside
    return Actor(kind, Appearance.draw(rng), height, x, y, way * pace * height, moment)


def _wave(wave: tuple[float, float, float], frame: int) -> float:
    amplitude, period, phase = wave
    return amplitude * math.sin(2 * math.pi * frame / period + phase)


def _blur(rng: np.random.Generator, height: int, width: int, cell: float) -> NDArray[np.float64]:
    """Random values in [0, 1], smooth over `cell` pixels."""
    rows, columns = math.ceil(height / cell) + 1, math.ceil(width / cell) + 1
    coarse = rng.random((rows, columns))
    return np.asarray(zoom(coarse, math.ceil(cell), order=1))[:height, :width]
