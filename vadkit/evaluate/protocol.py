"""How scores become numbers, as a value: named, hashed, stored and printed beside every result."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vadkit.errors import Problem, RecipeError, closest
from vadkit.recipe.model import Chosen

Uncovered = Literal["edge", "drop", "error"]


def _problem(name: str, value: Any, hint: Any) -> Problem | None:
    where = f"evaluate.{name}"
    if get_origin(hint) is Literal:
        choices = [str(choice) for choice in get_args(hint)]
        if value not in choices:
            return Problem(where, f"{name} cannot be {value!r}", closest(str(value), choices))
    # True is an int to isinstance, and no stride.
    elif hint in (bool, int, str) and type(value) is not hint:
        return Problem(where, f"{name} is {value!r}, not {hint.__name__}")
    if name == "stride" and isinstance(value, int) and value < 1:
        return Problem(where, f"stride is {value}, not at least 1")
    return None


@dataclass(frozen=True, slots=True)
class Protocol:
    """Every choice between the score files and a number.

    Attributes:
        name: the preset that it came from.
        labels: the label set, filled in from the run.
        coverage: which frames count.
        uncovered: what becomes of frames that no window scores: "edge" repeats the nearest
            score, "drop" leaves them out of the benchmark, "error" refuses them.
        stride: frames between neighbouring windows, filled in from the run.
        overlap: how the windows that score a frame combine.
        fusion: how components combine; "sum" is weighted.
        smoothing: of the final score over time.
        averaging: which average is the headline; "micro" puts all frames into one ROC.
        eer: crossing of the interpolated ROC, or the nearest of its points.
        single_class: what becomes of videos with one class only in averages over videos.
        test_tuned: whether a weight or checkpoint was chosen with test labels.
        components: name -> weight and transforms, filled in from the run.

    Raises:
        RecipeError: a field has a value that is not among its choices.
    """

    name: str
    labels: str = ""
    coverage: Literal["all"] = "all"
    uncovered: Uncovered = "edge"
    stride: int = 1
    overlap: Literal["mean"] = "mean"
    fusion: Literal["sum"] = "sum"
    smoothing: Literal["none"] = "none"
    averaging: Literal["micro", "macro"] = "micro"
    eer: Literal["interpolated", "nearest"] = "interpolated"
    single_class: Literal["leave out and count"] = "leave out and count"
    test_tuned: bool = False
    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hints = get_type_hints(Protocol)
        problems = [_problem(key.name, getattr(self, key.name), hints[key.name]) for key in fields(self)]
        if found := [problem for problem in problems if problem]:
            raise RecipeError(found)

    def digest(self) -> str:
        """Twelve hexadecimal digits that differ whenever a field differs."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """Every field, and the digest under "digest"."""
        return asdict(self) | {"digest": self.digest()}

    def metric_keys(self, metric: str, keys: Mapping[str, Any]) -> dict[str, Any]:
        """The recipe's keys of a metric with those that the protocol fixes: the EER's method.

        Raises:
            RecipeError: the recipe contradicts the protocol.
        """
        if metric != "eer":
            return dict(keys)
        method = keys.get("method", self.eer)
        if method != self.eer:
            what = f"the metric 'eer' has method {method!r}, but protocol {self.name!r} has {self.eer!r}"
            raise RecipeError([Problem("evaluate.metrics", what, f"write 'eer: {method}' under 'evaluate' instead")])
        return dict(keys) | {"method": method}


PRESETS: Mapping[str, Protocol] = {
    "itae": Protocol("itae"),
}
"""Name, as recipes write it after `evaluate: protocol:` -> what the paper's own evaluation does."""

_FILLED_IN = {
    "name": "it names the preset: choose another with 'protocol:'",
    "labels": "it comes from the data set",
    "stride": "set 'engine.score_stride' instead",
    "components": "set weights and transforms under 'fuse' instead",
}


def from_preset(name: str, override: Mapping[str, Any] | None = None) -> Protocol:
    """The preset `name` with some of its fields replaced.

    Raises:
        RecipeError: the preset or a field is unknown, filled in by the run, or has a wrong value.
    """
    if name not in PRESETS:
        raise RecipeError([Problem("evaluate.protocol", f"unknown protocol {name!r}", closest(name, PRESETS))])
    open_fields = [key.name for key in fields(Protocol) if key.name not in _FILLED_IN]
    problems: list[Problem] = []
    for key in override or {}:
        if key in _FILLED_IN:
            problems.append(Problem(f"evaluate.{key}", "the run fills this in", _FILLED_IN[key]))
        elif key not in open_fields:
            problems.append(Problem(f"evaluate.{key}", f"unknown field {key!r}", closest(key, open_fields)))
    if problems:
        raise RecipeError(problems)
    return Protocol(**(asdict(PRESETS[name]) | dict(override or {})))


def describe(chosen: Chosen) -> dict[str, Any]:
    """A component with all its keys, defaults too, so that a default's change changes the digest."""
    parameters = inspect.signature(chosen.component.load()).parameters.values()
    keys = {
        key.name: key.default for key in parameters if key.kind is key.KEYWORD_ONLY and key.default is not key.empty
    }
    keys |= chosen.keys
    plain = {name: describe(value) if isinstance(value, Chosen) else value for name, value in keys.items()}
    return {"use": chosen.component.name} | plain
