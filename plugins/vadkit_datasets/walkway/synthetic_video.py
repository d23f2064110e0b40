"""One video of the walkway, drawn when it is read. Any range of frames is always drawn the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Split, Track
from vadkit_datasets.walkway import scene, shapes

DRAWING = 1
"""Version of the drawing. Increase it with every change that alters a pixel."""

_VISIBLE = 4  # smallest number of visible pixels of an abnormal actor that makes a frame abnormal
_STREAMS = {"train": 1, "test": 2}


@dataclass(frozen=True)
class SyntheticVideo:
    """Draws a video. It stores only settings, so that loader processes can receive it."""

    split: Split  # "train" or "test"
    index: int  # index of the video in its split
    height: int  # H, pixels
    width: int  # W, pixels
    frames: int  # F
    seed: int  # seed of the data set

    @property
    def fingerprint(self) -> str:
        """Identifies the pixels: settings and version of the drawing."""
        size = f"{self.height}x{self.width}x{self.frames}"
        return f"walkway-{DRAWING}-{size}-{self.seed}-{self.split}-{self.index}"

    def __call__(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames start to stop - 1, (n, H, W, 1) uint8.

        Raises:
            DataError: the range is not within the video.
        """
        if not 0 <= start <= stop <= self.frames:
            what = f"frames {start}:{stop} are not within the video"
            fix = f"choose a range within 0:{self.frames}"
            raise DataError(what, where=f"walkway {self.split} {self.index:02d}", fix=fix)
        clip = np.empty((stop - start, self.height, self.width, 1), np.uint8)
        for number, frame in enumerate(range(start, stop)):
            canvas, _ = self._paint(frame)
            lit = canvas * self._light.gain(frame) + self._noise(frame)
            clip[number, :, :, 0] = np.clip(np.round(lit), 0, 255)
        return clip

    def masks(self) -> NDArray[np.bool_]:
        """Visible pixels of abnormal actors, (F, H, W)."""
        masks = np.zeros((self.frames, self.height, self.width), np.bool_)
        for frame, _, seen in self.abnormal():
            masks[frame] |= seen
        return masks

    def tracks(self) -> tuple[Track, ...]:
        """Boxes of the visible pixels of each abnormal actor."""
        return _tracks(self)

    def abnormal(self) -> Iterator[tuple[int, str, NDArray[np.bool_]]]:
        """(frame, identity, (H, W) visible pixels) of every abnormal actor that is visible."""
        suspects = [number for number, actor in enumerate(self._cast) if actor.kind != "walker"]
        for frame in range(self.frames):
            near = [number for number in suspects if self._is_near(self._cast[number], frame)]
            owner = self._paint(frame)[1] if near else None
            for number in near:
                seen = owner == number
                if np.count_nonzero(seen) >= _VISIBLE:
                    yield frame, f"{self._cast[number].kind}-{number}", seen

    def _paint(self, frame: int) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
        """The frame in uniform light without noise, and the actor at each pixel (-1 for the ground)."""
        canvas, owner = self._ground.copy(), np.full((self.height, self.width), -1, np.int16)
        unit = self.height / scene.HEIGHT
        for number, actor in enumerate(self._cast):
            if self._is_near(actor, frame):
                x, y, height = (value * unit for value in (actor.at(frame), actor.y, actor.height))
                shapes.paint(canvas, owner, shapes.place(actor.parts(frame), x, y, height, actor.facing), number)
        return canvas, owner

    def _is_near(self, actor: scene.Actor, frame: int) -> bool:
        """Whether a part of the actor may be within the picture."""
        margin = 1.5 * actor.height  # a van's, the longest
        return -margin < actor.at(frame) < scene.HEIGHT * self.width / self.height + margin

    def _noise(self, frame: int) -> NDArray[np.float64]:
        """Sensor noise of one frame (H, W): the sum of four uniform draws, which is close to normal."""
        draws = self._rng(3, frame).integers(0, 256, (4, self.height, self.width), np.uint8)
        return (draws.sum(axis=0, dtype=np.int64) - 510) * (self._light.sigma(frame) / 147.8)

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, _STREAMS[self.split], self.index, *key))

    @cached_property
    def _ground(self) -> NDArray[np.float64]:
        # All videos of a seed have the same camera and the same ground.
        return scene.ground(self.height, self.width, np.random.default_rng((self.seed, 0)))

    @cached_property
    def _light(self) -> scene.Light:
        return scene.Light.draw(self._rng(1))

    @cached_property
    def _cast(self) -> list[scene.Actor]:
        program = self.index if self.split == "test" else None
        return scene.cast(scene.HEIGHT * self.width / self.height, self.frames, self._rng(2), program)


@lru_cache(maxsize=1024)
def _tracks(film: SyntheticVideo) -> tuple[Track, ...]:
    """Boxes of the abnormal actors of a film, drawn once in a process."""
    boxes: dict[str, dict[int, tuple[int, int, int, int]]] = {}
    for frame, identity, seen in film.abnormal():
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        boxes.setdefault(identity, {})[frame] = box
    return tuple(Track(identity, boxes[identity]) for identity in boxes)
