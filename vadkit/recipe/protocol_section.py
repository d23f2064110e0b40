"""`evaluate.protocol` as a recipe writes it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from vadkit.core.protocol import EER, Averaging, Fusion, MissingScores, Protocol, SingleClass, Weights
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.markers import Kind, PositiveFloat
from vadkit.recipe.presets import PRESETS

Transforms = tuple[Annotated[ComponentConfig, Kind("score_transform")], ...]


@dataclass(frozen=True, slots=True)
class ProtocolForm:
    """A preset, and the fields of it that differ.

    The fields that are filled in cannot be written: `labels` comes from the data set, `stride`
    and `overlap` from `engine`, `held_out` from `data`, `components` from `fuse`.

    Attributes:
        use: the preset; a bare name stands for this key alone.
        missing_scores: what becomes of frames that no window scores.
        transform: of every component before fusion, in place of those under `fuse`; "fuse" for those.
        fusion: weighted sum, or ranks or log-probabilities on held-out normal video, weighted.
        weights: those of `fuse`, or fitted.
        smoothing: of the fused score over time.
        averaging: which AUC is the headline.
        eer: crossing of the interpolated ROC, or the nearest of its corners.
        single_class: in averages over videos, those with one class only.
        deployable: refuse whatever needs the test video's future or other test videos.
        false_alarms_per_hour: rate that sets the alarm threshold, on held-out normal video.
        test_tuned: true where a weight or checkpoint was chosen with test labels.
    """

    use: Literal["itae", "ffp", "mnad", "memae", "hf2vad", "accivad", "stgnf", "aedmae", "deployable"] = "itae"
    missing_scores: MissingScores | None = None
    transform: Literal["fuse"] | Transforms | None = None
    fusion: Fusion | None = None
    weights: Weights | None = None
    smoothing: Transforms | None = None
    averaging: Averaging | None = None
    eer: EER | None = None
    single_class: SingleClass | None = None
    deployable: bool | None = None
    false_alarms_per_hour: PositiveFloat | None = None
    test_tuned: bool | None = None

    def meaning(self) -> Protocol:
        """The preset with what differs; weights fitted to test labels make it test-tuned."""
        given = {key.name: getattr(self, key.name) for key in fields(self) if key.name != "use"}
        changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        for name in ("transform", "smoothing"):
            if name in changed:
                as_fuse_says = changed[name] == "fuse"
                changed[name] = None if as_fuse_says else tuple(chosen.plain() for chosen in changed[name])
        if self.weights == "test":
            changed["test_tuned"] = True
        return replace(PRESETS[self.use], **changed)
