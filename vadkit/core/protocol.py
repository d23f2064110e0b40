"""How scores become numbers, as a value: named, hashed, stored and printed beside every result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from vadkit.core.errors import VadkitError

MissingScores = Literal["nearest", "drop", "min", "error"]
Overlap = Literal["mean", "calibrated"]
Fusion = Literal["sum", "rank", "log_probability"]
Weights = Literal["fixed", "normal", "synthetic", "test"]
Averaging = Literal["micro", "macro"]
EER = Literal["interpolated", "nearest"]
SingleClass = Literal["leave out", "pad"]
Described = tuple[Mapping[str, Any], ...]
"""Transforms as `{use: name, ...keys}`, in the order in which they are applied."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """Every choice between the score files and a number.

    Attributes:
        name: the preset that it came from.
        labels: the label set, filled in from the data set.
        missing_scores: what becomes of frames that no window scores: "nearest" repeats the nearest
            score, "drop" leaves them out of the benchmark, "min" gives them the lowest score of
            the whole test set, "error" refuses them.
        stride: frames between neighbouring windows, filled in from the run; 0 if unknown.
        overlap: how the windows that score a frame combine, filled in from the run: their
            mean, or their mean after each place in a window was standardised on training clips.
        transform: of every component before fusion; null leaves that to `fuse`.
        fusion: "sum" is weighted (Eq. 14); "rank" and "log_probability" first put every component
            on the scale that it has on held-out normal video, in place of other transforms.
        weights: "fixed" in `fuse`; "normal" divides by each component's deviation on held-out normal
            video; "synthetic" fits them to anomalies that are made of held-out normal video; "test"
            is what papers do that quote the best of several: the result is test-tuned.
        smoothing: of the fused score over time; also other transforms of it.
        averaging: which AUC is the headline; "micro" puts all frames into one ROC.
        eer: crossing of the interpolated ROC, or the miss rate at the nearest of its corners.
        single_class: which average over videos is meant: the one that leaves out videos with one
            class only, or the one that pads every video with a frame of either class.
        deployable: refuse whatever needs the test video's future, other test videos or test labels.
        false_alarms_per_hour: rate that sets the alarm threshold, on held-out normal video.
        held_out: share of the training videos that was held out, filled in from the run.
        test_tuned: whether a weight or checkpoint was chosen with test labels.
        components: name -> weight and transforms, filled in.
    """

    name: str
    labels: str = ""
    missing_scores: MissingScores = "nearest"
    stride: int = 1
    overlap: Overlap = "mean"
    transform: Described | None = None
    fusion: Fusion = "sum"
    weights: Weights = "fixed"
    smoothing: Described = ()
    averaging: Averaging = "micro"
    eer: EER = "interpolated"
    single_class: SingleClass = "leave out"
    deployable: bool = False
    false_alarms_per_hour: float = 1.0
    held_out: float = 0.0
    test_tuned: bool = False
    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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
            VadkitError: the recipe contradicts the protocol.
        """
        if metric != "eer":
            return dict(keys)
        method = keys.get("method", self.eer)
        if method != self.eer:
            what = f"the metric 'eer' has method {method!r}, but protocol {self.name!r} has {self.eer!r}"
            raise VadkitError(what, fix=f"write 'protocol: {{use: {self.name}, eer: {method}}}' instead")
        return dict(keys) | {"method": method}

    @property
    def headline(self) -> str:
        """The metric that is quoted first."""
        if self.averaging == "micro":
            return "micro_auc"
        return "macro_auc_padded" if self.single_class == "pad" else "macro_auc"

    def of_component(self, own: Described) -> Described:
        """The transforms of a component whose `fuse` entry has `own`."""
        if self.fusion != "sum":
            return ({"use": self.fusion},)
        return own if self.transform is None else self.transform


FILLED_IN = ("labels", "stride", "overlap", "held_out", "components")
"""Fields that no recipe writes: they follow from the data set, `engine`, `data` and `fuse`."""


def differences(one: Protocol, other: Protocol) -> dict[str, tuple[Any, Any]]:
    """Field -> its two values, for the fields that differ; the name left out."""
    pairs = {key.name: (getattr(one, key.name), getattr(other, key.name)) for key in fields(Protocol)}
    return {name: pair for name, pair in pairs.items() if name != "name" and pair[0] != pair[1]}
