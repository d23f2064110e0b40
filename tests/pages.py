"""Results and pages that the tests of reports share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vadkit.api import Event, Preview, ResultSummary, RunOrigin, RunResult, VideoResult
from vadkit.core.progress import NoProgress
from vadkit.report.previews import PreviewSource, make_previews

HOSTILE = "<img src=x onerror=alert(1)>"
HOSTILE_COMPONENT = "</script><script>alert(2)</script>"
FRAMES, FPS = 60, 10.0
EVENT = (30, 36, 44)  # first, highest and last frame of the event of the first video


def previews(names: Sequence[str], *, maps: bool = True, outputs: bool = True) -> dict[str, Preview]:
    """A square that moves to the right, its inverse as output, and a map that is high at the square."""
    frames = np.full((FRAMES, 48, 64, 1), 60, np.uint8)
    found = np.zeros((FRAMES, 12, 16), np.float32)
    for number in range(FRAMES):
        frames[number, 20:28, number : number + 8] = 220
        found[number, 5:7, number // 4 : number // 4 + 2] = 1.0
    inverse = np.repeat(255 - frames, 3, axis=3)
    given = found if maps else None, (lambda: iter(inverse)) if outputs else None
    reels = [PreviewSource(name, np.arange(FRAMES), lambda: frames, *given, fps=FPS) for name in names]
    return dict(make_previews(reels, NoProgress()))


def result(
    folder: Path,
    names: Sequence[str] = ("door", HOSTILE, "gate"),
    *,
    labelled: bool = True,
    threshold: float | None = 1.5,
    made: dict[str, Preview] | None = None,
) -> RunResult:
    """A run of several videos; the first one has one event, and the last one has no labels."""
    random = np.random.default_rng(0)
    videos: list[VideoResult] = []
    for number, name in enumerate(names):
        labels = np.zeros(FRAMES, np.bool_)
        labels[EVENT[0] : EVENT[2] + 1] = number < 2
        error = 0.5 * random.random(FRAMES)
        error[EVENT[1]] = 3.0 if number == 0 else 1.0
        error[EVENT[0] : EVENT[2] + 1] += 1.5 if number == 0 else 0.0
        parts = {"error": error, HOSTILE_COMPONENT: 0.2 * random.random(FRAMES)}
        known = labels if labelled and number < len(names) - 1 else None
        preview = (lambda one: lambda: one)(made[name]) if made and name in made else None
        total = sum(parts.values(), np.zeros(FRAMES))
        times = np.arange(FRAMES) ** 2 / 1000 if number == 1 else None  # the frame rate of the second one varies
        videos.append(VideoResult(name, total, parts, known, fps=FPS, preview=preview, times=times))
    events = [Event(names[0], *EVENT[:1], EVENT[2], EVENT[1], 3.0, 4.4, 3.6, 4.6, 1.5)] if threshold else None
    metrics = {"micro_auc": 0.9, "decidability": 2.5} if labelled else {}
    return RunResult(
        name="toy",
        folder=folder,
        metrics=metrics,
        components={HOSTILE_COMPONENT: metrics},
        protocol={"name": "itae", "digest": "0123456789ab", "components": {}},
        videos=videos,
        summary=ResultSummary(
            videos=len(names), frames=FRAMES * len(names), alarm_threshold=threshold,
            normal_videos=("n",) if threshold else (), normal_hours=2.0 if threshold else None,
            run=RunOrigin(seed=3, versions={"torch": "2.8.0"}), vadkit="0.1.0",
        ),
        intervals={"micro_auc": (0.8, 0.95)},
        groups={"video": {names[0]: metrics}} if labelled else {},
        units={"decidability": ""},
        events=events,
        recipe="name: toy\n# <b>&amp;\n",
    )  # fmt: skip
