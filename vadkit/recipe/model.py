"""A checked recipe as plain values: what `check` gives and the stages read.

Nothing here is imported from a plugin yet; a `Chosen` is built later, by `build`.

These dataclasses are the recipe's grammar too: field names are keys, defaults are
defaults, `Kind` says which components a key takes, `Beside` that the component's own keys
stand beside the section's, and `Written` that a key is written in another form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import NonNegativeInt, PositiveInt

from vadkit.core.errors import VadkitError
from vadkit.core.protocol import Overlap, Protocol
from vadkit.core.values import Augment, ClipSpec, OnCorrupt, Sampling, Share, Short, Split
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.markers import Beside, ClipForm, FiniteFloat, Kind, PositiveFloat, Written
from vadkit.recipe.presets import PRESETS
from vadkit.recipe.protocol_section import ProtocolForm


@dataclass(frozen=True, slots=True)
class Fit:
    """How something is trained by gradients. One of `epochs` and `steps` is set.

    Attributes:
        epochs: passes over the training samples.
        steps: optimiser steps instead.
        batch_size: samples of one step: clips for the model, maps or vectors for a density.
        optimizer: kind "optimizer".
        lr_scheduler: kind "lr_scheduler"; None keeps the learning rate.
        warmup: steps over which the learning rate first rises from 0.
        clip_gradients: largest norm of all gradients; None leaves them.
    """

    optimizer: Annotated[ComponentConfig, Kind("optimizer")]
    batch_size: PositiveInt
    epochs: PositiveFloat | None = None
    steps: PositiveInt | None = None
    lr_scheduler: Annotated[ComponentConfig, Kind("lr_scheduler")] | None = None
    warmup: NonNegativeInt = 0
    clip_gradients: PositiveFloat | None = None

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.steps is None):
            given = "neither is given" if self.epochs is None else "both are given"
            fix = "set the other to null, as in --set model.fit.epochs=null" if self.epochs is not None else ""
            raise VadkitError(f"exactly one of 'epochs' and 'steps' is needed; {given}", fix=fix)


@dataclass(frozen=True, slots=True)
class Data:
    """`data:` the data set and the clips cut from it.

    Attributes:
        dataset: kind "dataset".
        clip: geometry of a clip.
        stride: frames between the starts of neighbouring training clips.
        held_out: share of the training videos that is not trained on: normal video for scales and
            alarm thresholds. Whole videos, at least one, drawn by `seed`; 0 holds out none.
        sampling: order of training clips: "random" shuffles all of them in every pass; "sequential"
            takes them as they come; "scene" shuffles, and takes as many from each scene.
        augment: changes of training clips; none by default.
        short: a video shorter than one clip is an "error", or "repeat" fills the clip up with the
            video's last frame; scores are kept for the frames that it has.
        on_corrupt: a video that is damaged or breaks off gives the frames that it has and a "warn"-ing,
            which the run's manifest keeps, or is an "error".
        test_on: another data set, whose test videos are scored and judged in place of this one's own:
            how a model does where it was not trained. Clips have the same geometry there.
    """

    dataset: Annotated[ComponentConfig, Beside("dataset")]
    clip: Annotated[ClipSpec, Written(ClipForm)]
    stride: PositiveInt = 1
    held_out: Share = 0.0
    sampling: Sampling = "random"
    augment: Augment = field(default_factory=Augment)
    short: Short = "error"
    on_corrupt: OnCorrupt = "warn"
    test_on: Annotated[ComponentConfig, Kind("dataset")] | None = None

    def of(self, split: Split) -> ComponentConfig:
        """The data set that a split's videos come from."""
        return self.test_on if split == "test" and self.test_on is not None else self.dataset


@dataclass(frozen=True, slots=True)
class WeightedLoss:
    """One entry of `model.losses`.

    Attributes:
        loss: kind "loss".
        weight: factor of the loss in the sum.
    """

    loss: Annotated[ComponentConfig, Beside("loss")]
    weight: FiniteFloat = 1.0


@dataclass(frozen=True, slots=True)
class Model:
    """`model:` the autoencoder.

    Attributes:
        encoder: clips to latents.
        decoder: latents to frames.
        losses: what it is trained on, summed.
        fit: how it is trained.
        bottleneck: between encoder and decoder, such as a memory.
        critic: optimiser of what losses own, such as a discriminator, with its own learning rate; it
            follows the schedule of `fit`. None takes the optimiser of `fit`.
    """

    encoder: Annotated[ComponentConfig, Kind("encoder")]
    decoder: Annotated[ComponentConfig, Kind("decoder")]
    losses: tuple[WeightedLoss, ...]
    fit: Fit
    bottleneck: Annotated[ComponentConfig, Kind("bottleneck")] | None = None
    critic: Annotated[ComponentConfig, Kind("optimizer")] | None = None

    def __post_init__(self) -> None:
        if not self.losses:
            raise VadkitError("'losses' is empty: there is nothing to train on", fix="for example losses: [l2]")


@dataclass(frozen=True, slots=True)
class Density:
    """One entry of `densities:`.

    Attributes:
        density: kind "density".
        feature: what the density sees of a clip.
        fit: how it is trained; None for a density fitted without gradients.
    """

    density: Annotated[ComponentConfig, Beside("density")]
    feature: Annotated[ComponentConfig, Kind("feature")]
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class Fused:
    """One entry of `fuse:`, named after the entry of `scores:` that it weighs.

    Attributes:
        weight: factor of this score in the sum.
        transform: rescalings, applied in order; a protocol that fixes them takes their place.
    """

    weight: FiniteFloat = 1.0
    transform: tuple[Annotated[ComponentConfig, Kind("score_transform")], ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluate:
    """`evaluate:` how scores become numbers, and which.

    Attributes:
        metrics: what is computed.
        protocol: a preset's name, or a mapping of `use: <preset>` and the fields that differ.
        anomaly_maps: the entry of `scores` whose maps say where in the frame, for metrics that ask; null
            takes the first one that has maps.
    """

    metrics: tuple[Annotated[ComponentConfig, Kind("metric")], ...]
    protocol: Annotated[Protocol, Written(ProtocolForm)] = field(default_factory=lambda: PRESETS["itae"])
    anomaly_maps: str | None = None

    def __post_init__(self) -> None:
        if not self.metrics:
            raise VadkitError("'metrics' is empty: nothing would be measured", fix="for example metrics: [micro_auc]")


@dataclass(frozen=True, slots=True)
class Engine:
    """`engine:` where and how the numbers are computed.

    Attributes:
        accelerator: "auto" takes a GPU where there is one.
        devices: processes, one a device.
        precision: "bf16" computes convolutions in bfloat16, everything delicate in float32.
        threads: CPU threads; None leaves torch's choice.
        score_batch: clips scored at once.
        score_stride: frames between neighbouring windows when scoring.
        score_overlap: how the windows that score a frame combine: "mean" as the paper says, or
            "calibrated", which first brings each place in a window to mean 0 and deviation 1 on
            training clips. A model errs more at a window's ends, where a video's first and last
            frames have their only places.
    """

    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: PositiveInt = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: PositiveInt | None = None
    score_batch: PositiveInt = 8
    score_stride: PositiveInt = 1
    score_overlap: Overlap = "mean"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The whole experiment.

    Attributes:
        name: also the name of its run folder.
        data: where videos come from.
        model: the autoencoder; None for densities on raw frames alone.
        densities: name -> density and the feature that it sees.
        scores: name -> kind "scorer".
        fuse: names of `scores` -> how they enter the final score; `check` fills in all, with
            weight 1, where a recipe has none.
        evaluate: protocol and metrics.
        report: kind "reporter"; `check` fills in console and json where a recipe has none.
        seed: of everything random.
        engine: device and precision.
        requires: installed packages that it needs, such as "vadkit-kde>=1.2" for a plugin's component.
        tree: the resolved YAML as plain values, for the run folder.
    """

    name: str
    data: Data
    scores: Mapping[str, Annotated[ComponentConfig, Kind("scorer")]]
    evaluate: Evaluate
    fuse: Mapping[str, Fused] = field(default_factory=dict[str, Fused])
    report: tuple[Annotated[ComponentConfig, Kind("reporter")], ...] = ()
    seed: NonNegativeInt = 0
    model: Model | None = None
    densities: Mapping[str, Density] = field(default_factory=dict[str, Density])
    engine: Engine = Engine()
    requires: tuple[str, ...] = ()
    tree: Mapping[str, Any] = field(default_factory=dict[str, Any])
