"""The section `evaluate.protocol`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from vadkit.core.protocol import EER, Averaging, Fusion, MissingScores, Overlap, Protocol, SingleClass, Weights
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.grammar import Kind, PositiveFloat, Section
from vadkit.recipe.presets import PRESETS

Transforms = tuple[Annotated[ComponentConfig, Kind("score_transform")], ...]


@dataclass(frozen=True, slots=True)
class ProtocolForm(Section):
    """`evaluate.protocol` as a recipe writes it: a preset and the fields that differ from it.

    vadkit fills in some fields, so a recipe cannot write them: `labels` from the data set, `stride`
    and `min_windows` from `engine`, `held_out` from `data`, `components` from `fuse`.

    Attributes:
        use: the preset; a name alone is short for this key.
        missing_scores: scores of frames that no window covers.
        overlap: how the scores of all windows over a frame combine: their mean, or the mean after each position in the
            window was standardised on training clips.
        transform: score transforms of every component before fusion, instead of those under `fuse`; "fuse" keeps those.
        fusion: weighted sum of scores, of ranks, or of log-probabilities; the last two are relative to held-out
            normal videos.
        weights: from `fuse`, or fitted.
        smoothing: of the fused score over time.
        averaging: which AUC is the headline.
        eer: crossing of the interpolated ROC, or the nearest of its corners.
        single_class: how averages over videos treat videos with one class only.
        deployable: refuse everything that needs future frames of the test video, or other test videos.
        false_alarms_per_hour: rate on held-out normal videos that sets the alarm threshold.
        test_tuned: true if a weight or checkpoint was chosen with test labels.
    """

    use: Literal["itae", "ffp", "mnad", "memae", "hf2vad", "accivad", "stgnf", "aedmae", "deployable"] = "itae"
    missing_scores: MissingScores | None = None
    overlap: Overlap | None = None
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
        """The preset with the changed fields; weights fitted to test labels make it test-tuned."""
        given = {key.name: getattr(self, key.name) for key in fields(self) if key.name != "use"}
        changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        for name in ("transform", "smoothing"):
            if name in changed:
                keep_fuse = changed[name] == "fuse"
                changed[name] = None if keep_fuse else tuple(chosen.plain() for chosen in changed[name])
        if self.weights == "test":
            changed["test_tuned"] = True
        return replace(PRESETS[self.use], **changed)
