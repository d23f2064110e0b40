"""Checks of score transforms: lengths are kept, causality is declared, and videos are independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.testing.outcome import ConformityError, NotApplicableError, require
from vadkit.testing.subject import Subject

FRAMES = 40

Scores = NDArray[np.float64]


def normal(seed: int = 0) -> Sequence[Scores]:
    """Scores of normal videos, as `fit` sees them."""
    random = np.random.default_rng(seed)
    return [random.gamma(4.0, 0.5, length) for length in (FRAMES, 25, 60)]


def scores(seed: int = 1) -> Scores:
    """(F,) of a test video: normal at first, high later."""
    values = np.random.default_rng(seed).gamma(4.0, 0.5, FRAMES)
    values[FRAMES // 2 : FRAMES // 2 + 12] += 4.0
    return values


def fitted(subject: Subject) -> Any:
    """A new score transform, fitted on normal scores if it needs them, as in a run."""
    transform = subject.build()
    transform.fit(normal() if transform.needs_normal else [])
    return transform


def check_length(subject: Subject) -> None:
    """(F,) scores become (F,) finite values, for long videos, for a video of one frame and for constant scores."""
    transform = fitted(subject)
    cases = {"a video": scores(), "a video of one frame": np.array([1.5]), "constant scores": np.full(12, 2.0)}
    for case, values in cases.items():
        found = np.asarray(transform(values.copy()))
        what = f"{case} of {values.shape} becomes {found.shape}"
        require(found.shape == values.shape, what, "return one value for each frame")
        finite = bool(np.isfinite(found.astype(np.float64)).all())
        require(finite, f"{case} becomes NaN or infinite", "handle a deviation or range of 0")


def check_causality(subject: Subject) -> None:
    """With `needs_future = False`, later frames of a video change no earlier value; live scoring relies on it."""
    transform = fitted(subject)
    if transform.needs_future:
        raise NotApplicableError("it declares needs_future")
    values = scores()
    whole = np.asarray(transform(values.copy()))
    for kept in (1, 7, FRAMES // 2, FRAMES - 1):
        changed = values.copy()
        changed[kept:] = changed[kept:][::-1] * 3 - 5
        for how, other in (("changed", changed), ("cut off", values[:kept])):
            early = np.asarray(transform(other.copy()))[:kept]
            for frame in np.flatnonzero(~np.isclose(early, whole[:kept], rtol=1e-9, atol=1e-9)):
                what = f"needs_future is False, but frame {frame} changes when the frames from {kept} on are {how}"
                raise ConformityError(what, fix="set needs_future = True, or use only earlier frames")


def check_fit_repeats(subject: Subject) -> None:
    """Fitted twice on the same scores it gives the same values, and it changes none of its input arrays."""
    one, two, values = subject.build(), subject.build(), scores()
    given, kept = normal(), normal()
    one.fit(given)
    two.fit(normal())
    two.fit(normal())
    unchanged = all(np.array_equal(left, right) for left, right in zip(given, kept, strict=True))
    require(unchanged, "fit changes its input scores", "work on a copy")
    mine = values.copy()
    first, second = np.asarray(one(mine)), np.asarray(two(values.copy()))
    require(np.array_equal(mine, values), "it changes its input scores", "work on a copy")
    fix = "reset all state in fit, and seed random numbers"
    require(np.array_equal(first, second), "fitted again on the same scores, it differs", fix)


def check_needs_normal(subject: Subject) -> None:
    """With `needs_normal = False`, `fit` changes nothing: a run then holds out no normal videos for it."""
    transform = subject.build()
    if transform.needs_normal:
        raise NotApplicableError("it declares needs_normal")
    transform.fit([])
    before = np.array(transform(scores()))
    transform.fit(normal(5))
    after = np.array(transform(scores()))
    require(np.array_equal(before, after), "its values depend on fit", "set needs_normal = True")


def check_video_independence(subject: Subject) -> None:
    """A video's result does not depend on the videos before it."""
    transform, fresh = fitted(subject), fitted(subject)
    transform(scores(7) * 5)
    found, wanted = np.asarray(transform(scores())), np.asarray(fresh(scores()))
    what = "an earlier video changes the values of a later one"
    require(np.array_equal(found, wanted), what, "keep nothing between calls")


def check_direction(subject: Subject) -> None:
    """Higher values stay more anomalous: where scores are higher for a while, its values are higher on average."""
    found, middle = np.asarray(fitted(subject)(scores())), FRAMES // 2
    low, high = float(found[:middle].mean()), float(found[middle : middle + 12].mean())
    require(high >= low, f"higher scores become lower values ({low:.3g} to {high:.3g})", "keep the order of scores")
