"""Checks of metrics: values in their range, in any order of the videos, and equal to their resampled form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vadkit.core.errors import DataError
from vadkit.core.values import ScoredVideo
from vadkit.testing.outcome import ConformityError, require, told
from vadkit.testing.subject import Subject
from vadkit.testing.toy_results import videos, with_declared_inputs

CLOSE = 1e-9
DRAWN = ((1, 1, 1, 1), (2, 0, 1, 1), (1, 3, 0, 2), (4, 1, 1, 0))


def check_values(subject: Subject) -> None:
    """It computes named finite numbers, in [0, 1] unless `units` names a unit, from the inputs that it declares."""
    metric = subject.build()
    found = _computed(metric, videos())
    require(bool(found), "it returns no values", "return {name: value}")
    for name, value in found.items():
        require(bool(np.isfinite(value)), f"{name} is {value}", "omit an undefined value, or raise a DataError")
        allowed = name in metric.units or -CLOSE <= value <= 1 + CLOSE
        fix = f"set its unit: units = {{{name!r}: ''}}"
        require(allowed, f"{name} is {value:.4g}, outside of [0, 1]", fix)
    named = {*metric.units, *metric.lower_is_better, *metric.basis(with_declared_inputs(metric, videos()))}
    strangers = sorted(named - set(found))
    what = f"units, lower_is_better or basis name {strangers}, which it does not return"
    require(not strangers, what, "remove these names")


def check_skill(subject: Subject) -> None:
    """Perfect scores are at least as good as random scores, in the direction of `lower_is_better`."""
    metric = subject.build()
    skilled, blind = _computed(metric, videos(skill=3.0)), _computed(metric, videos(skill=0.0))
    for name in skilled.keys() & blind.keys():
        gain = (skilled[name] - blind[name]) * (-1 if name in metric.lower_is_better else 1)
        what = f"{name} is {skilled[name]:.4g} for perfect scores, {blind[name]:.4g} for random ones"
        fix = "treat higher scores as more anomalous, or list the value in lower_is_better"
        require(gain >= -CLOSE, what, fix)


def check_resampled(subject: Subject) -> None:
    """`resampled` equals `compute` on the videos, each repeated as often as it is drawn; the bootstrap relies on it."""
    metric, found = subject.build(), with_declared_inputs(subject.build(), videos(skill=0.5))
    measure = metric.resampled(found)
    for times in DRAWN:
        wanted = metric.compute([video for video, n in zip(found, times, strict=True) for _ in range(n)])
        fix = "weight each video in 'resampled' by how often it is drawn"
        _compare(wanted, measure(np.array(times, np.int64)), f"of videos drawn {times} times", fix)


def check_order(subject: Subject) -> None:
    """The order of the videos does not matter."""
    metric, found = subject.build(), videos(skill=0.5)
    fix = "combine videos independently of their order, for example by sums"
    _compare(_computed(metric, found), _computed(metric, found[::-1]), "with the videos in another order", fix)


def check_one_class(subject: Subject) -> None:
    """With frames of only one class it raises a DataError or returns finite values."""
    metric = subject.build()
    for kind, abnormal in (("normal", False), ("abnormal", True)):
        flat = [_of_one_class(video, abnormal) for video in videos()]
        try:
            found = _computed(metric, flat)
        except DataError:
            continue
        except Exception as error:
            what = f"with only {kind} frames it raises {told(error)}"
            raise ConformityError(what, fix="raise a DataError that names the missing class") from error
        wrong = [name for name, value in found.items() if not np.isfinite(value)]
        require(not wrong, f"with only {kind} frames, {wrong} is not finite", "raise a DataError, or omit the value")


def _of_one_class(video: ScoredVideo, abnormal: bool) -> ScoredVideo:
    frames = video.labels.size
    masks = np.full((frames, *(video.size or (1, 1))), abnormal)
    return replace(video, labels=np.full(frames, abnormal), masks=lambda: masks, tracks=None)


def _computed(metric: Any, found: Sequence[ScoredVideo]) -> Mapping[str, float]:
    return metric.compute(with_declared_inputs(metric, found))


def _compare(wanted: Mapping[str, float], found: Mapping[str, float], when: str, fix: str) -> None:
    require(set(wanted) == set(found), f"{when} it returns {sorted(found)}, not {sorted(wanted)}", fix)
    for name, value in wanted.items():
        close = bool(np.isclose(value, found[name], rtol=1e-9, atol=CLOSE))
        require(close, f"{name} {when} is {found[name]:.9g}, not {value:.9g}", fix)
