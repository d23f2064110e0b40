"""How scores become numbers, as a value: named, hashed, stored and printed beside every result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from vadkit.errors import VadkitError

Uncovered = Literal["edge", "drop", "error"]
Overlap = Literal["mean", "calibrated"]
EER = Literal["interpolated", "nearest"]


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
        overlap: how the windows that score a frame combine, filled in from the run: their
            mean, or their mean after each place in a window was standardised on training clips.
        fusion: how components combine; "sum" is weighted.
        smoothing: of the final score over time.
        averaging: which average is the headline; "micro" puts all frames into one ROC.
        eer: crossing of the interpolated ROC, or the nearest of its points.
        single_class: what becomes of videos with one class only in averages over videos.
        test_tuned: whether a weight or checkpoint was chosen with test labels.
        components: name -> weight and transforms, filled in from the run.
    """

    name: str
    labels: str = ""
    coverage: Literal["all"] = "all"
    uncovered: Uncovered = "edge"
    stride: int = 1
    overlap: Overlap = "mean"
    fusion: Literal["sum"] = "sum"
    smoothing: Literal["none"] = "none"
    averaging: Literal["micro"] = "micro"
    eer: EER = "interpolated"
    single_class: Literal["leave out and count"] = "leave out and count"
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


PRESETS: Mapping[str, Protocol] = {
    "itae": Protocol("itae"),
}
"""Name, as recipes write it after `evaluate: protocol:` -> what the paper's own evaluation does."""


@dataclass(frozen=True, slots=True)
class ProtocolForm:
    """`evaluate.protocol` as it is written: a preset, and the fields of it that differ.

    The fields that the run fills in cannot be written: `labels` comes from the data set,
    `stride` and `overlap` from `engine`, `components` from `fuse`.

    Attributes:
        use: the preset; a bare name stands for this key alone.
        uncovered: what becomes of frames that no window scores.
        eer: crossing of the interpolated ROC, or the nearest of its points.
        test_tuned: true where a weight or checkpoint was chosen with test labels.
    """

    use: Literal["itae"] = "itae"
    uncovered: Uncovered | None = None
    eer: EER | None = None
    test_tuned: bool | None = None

    def meaning(self) -> Protocol:
        """The preset with what differs."""
        given = {key.name: getattr(self, key.name) for key in fields(self) if key.name != "use"}
        return replace(PRESETS[self.use], **{name: value for name, value in given.items() if value is not None})
