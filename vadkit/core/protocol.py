"""The evaluation protocol: how scores become numbers. vadkit stores and prints it with every result."""

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
"""Score transforms as `{use: name, ...keys}`, in the order in which vadkit applies them."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """Every choice between the score files and a number.

    Attributes:
        name: the preset that the protocol starts from.
        labels: the label set. Filled in from the data set.
        missing_scores: the score of a frame that no window scores. With "nearest", it is the nearest score. With
            "min", it is the lowest score of the test set. With "drop", the frame is left out of the
            evaluation. With "error", it is an error.
        stride: frames between neighbouring windows. Filled in from the run; 0 if unknown.
        overlap: the score of a frame that several windows contain. With "mean", it is the mean of the windows, as in
            the paper. With "calibrated", each position in the window is first brought to mean 0 and deviation 1 on
            training clips. A model has larger errors at the ends of a window, and the first and last frames of a
            video occur only there.
        min_windows: number of windows that must show a frame before it can raise an alarm. Filled in from the run:
            half of the windows that show a frame in the middle of a video.
        transform: score transforms of every component before fusion. null uses those in `fuse`.
        fusion: with "sum", the weighted sum (Eq. 14). With "rank" and "log_probability", the same after every
            component was rescaled by its scores on held-out normal videos. This replaces the other
            score transforms.
        weights: with "fixed", the weights in `fuse`. With "normal", these weights divided by the standard
            deviation of the component on held-out normal videos. With "synthetic", weights fitted to
            synthetic anomalies in held-out normal videos. With "test", weights fitted to the test
            labels, as in papers that report the best of several weights. Such a result is test-tuned.
        smoothing: score transforms of the fused score, such as a smoothing over time.
        averaging: which AUC is the headline. With "micro", all frames enter one ROC curve. With "macro", it
            is the mean over the videos.
        eer: how the EER is computed. With "interpolated", it is the crossing of the interpolated ROC
            curve. With "nearest", it is the miss rate at the nearest corner of the curve.
        single_class: which macro AUC is the headline. With "leave out", it skips videos with one class only.
            With "pad", every video first gets one more frame of each class.
        deployable: refuse everything that needs later frames, other test videos or test labels.
        false_alarms_per_hour: number of alarms per hour on held-out normal videos that sets the alarm threshold.
        held_out: share of the training videos that is held out. Filled in from the run.
        test_tuned: whether a weight or a checkpoint was chosen with test labels.
        components: name -> weight and score transforms. Filled in.

    Example:
        Two protocols with different settings have different digests:

        >>> one, other = Protocol("itae"), Protocol("itae", stride=2)
        >>> one.digest() == other.digest()
        False
        >>> differences(one, other)
        {'stride': (1, 2)}
    """

    name: str
    labels: str = ""
    missing_scores: MissingScores = "nearest"
    stride: int = 1
    overlap: Overlap = "mean"
    min_windows: int = 1
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
        """Return twelve hexadecimal digits that identify the values of all fields."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """Return every field, and the digest under "digest"."""
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
        """Name of the metric to report first."""
        if self.averaging == "micro":
            return "micro_auc"
        return "macro_auc_padded" if self.single_class == "pad" else "macro_auc"

    def of_component(self, own: Described) -> Described:
        """Return the score transforms of a component. `own` are the transforms of its entry in `fuse`."""
        if self.fusion != "sum":
            return ({"use": self.fusion},)
        return own if self.transform is None else self.transform


FILLED_IN = ("labels", "stride", "min_windows", "held_out", "components")
"""Fields that a recipe cannot set. They follow from the data set, `engine`, `data` and `fuse`."""


def differences(one: Protocol, other: Protocol) -> dict[str, tuple[Any, Any]]:
    """Return field -> both values, for the fields that differ. The name is not compared."""
    pairs = {key.name: (getattr(one, key.name), getattr(other, key.name)) for key in fields(Protocol)}
    return {name: pair for name, pair in pairs.items() if name != "name" and pair[0] != pair[1]}
