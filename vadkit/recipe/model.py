"""A validated recipe as plain values.

These dataclasses are also the grammar of recipes. Field names are keys, and defaults are defaults.
The annotation `Kind` names the kind of component that a key takes. The attribute `component_field`
names the component that shares its mapping with the section. The annotation `Written` is for a key
that is written as another section.

Nothing here is imported from a plugin: `build` later makes an object from each `ComponentConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import NonNegativeInt, PositiveInt

from vadkit.core.errors import VadkitError
from vadkit.core.protocol import Protocol
from vadkit.core.values import (
    ClipSpec,
    MixedRates,
    OnCorrupt,
    Probability,
    Sampling,
    Share,
    Short,
    Split,
    WeightsFile,
)
from vadkit.recipe.boxes_section import Boxes
from vadkit.recipe.clip_section import ClipForm
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.grammar import EntryName, FiniteFloat, Kind, PositiveFloat, Section, Shorthand, Written
from vadkit.recipe.mask_section import Mask
from vadkit.recipe.presets import PRESETS
from vadkit.recipe.protocol_section import ProtocolForm


@dataclass(frozen=True, slots=True)
class Fit(Section):
    """How gradient descent trains a model or density. Exactly one of `epochs` and `steps` is set.

    Attributes:
        epochs: passes over the training samples.
        steps: number of optimiser steps, instead of `epochs`.
        batch_size: samples in a batch: clips for the model, maps or vectors for a density.
        accumulate_grad_batches: batches per step. Their gradients are added up, so that a step needs the memory of one
            batch, and is that of a batch this many times as large. Batch norm uses each batch by itself.
        optimizer: kind "optimizer".
        lr_scheduler: the learning-rate scheduler, kind "lr_scheduler"; None keeps the learning rate constant.
        warmup: number of steps in which the learning rate first rises from 0.
        clip_gradients: largest norm of all gradients together; None does not clip.
        init: weights to start from: the file of the same stage in `checkpoints/` of another run. None starts from
            random weights. `vadkit run --warm-start RUN` sets it.
    """

    optimizer: Annotated[ComponentConfig, Kind("optimizer")]
    batch_size: PositiveInt
    accumulate_grad_batches: PositiveInt = 1
    epochs: PositiveFloat | None = None
    steps: PositiveInt | None = None
    lr_scheduler: Annotated[ComponentConfig, Kind("lr_scheduler")] | None = None
    warmup: NonNegativeInt = 0
    clip_gradients: PositiveFloat | None = None
    init: WeightsFile | None = None

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.steps is None):
            given = "neither is given" if self.epochs is None else "both are given"
            fix = "set the other to null, as in --set model.fit.epochs=null" if self.epochs is not None else ""
            raise VadkitError(f"exactly one of 'epochs' and 'steps' is needed; {given}", fix=fix)

    @property
    def step_size(self) -> int:
        """Samples per optimiser step."""
        return self.batch_size * self.accumulate_grad_batches


@dataclass(frozen=True, slots=True)
class AugmentForm(Section):
    """A short form of `data.augment` for two augmentations.

    Attributes:
        flip: probability that a clip is mirrored; the key `probability` of the augmentation `flip`.
        brightness: the intensities of a clip are multiplied by a random factor from 1 minus this value to 1 plus
            this value; the key `amount` of the augmentation `brightness`.
    """

    flip: Probability = 0.0
    brightness: Share = 0.0

    def meaning(self) -> list[dict[str, Any]]:
        """The list of components. With either key, both: so the random numbers do not depend on the other key."""
        if not (self.flip or self.brightness):
            return []
        return [{"use": "flip", "probability": self.flip}, {"use": "brightness", "amount": self.brightness}]


@dataclass(frozen=True, slots=True)
class Data(Section):
    """`data`: the data set and the clips cut from it.

    Attributes:
        dataset: kind "dataset".
        clip: geometry of a clip.
        stride: frames between the starts of neighbouring training clips.
        held_out: share of the training videos that training does not use: normal videos for scales and
            alarm thresholds. Complete videos, at least one, chosen by `seed`; 0 holds out none.
        sampling: order of training clips: "random" shuffles all of them in every pass, "sequential"
            keeps their order, and "scene" shuffles them and takes equally many from each scene.
        augment: random changes of training clips, drawn again in every pass; none by default.
        short: a video that is shorter than one clip is an "error", or "repeat" fills the clip with the
            last frame of the video; scores are kept only for the frames of the video.
        on_corrupt: a video that is damaged or truncated is an "error", or "warn" uses the frames that can be
            read and writes a warning into the manifest of the run.
        fps: frames per second that the model sees. Frames of videos with a higher rate are left out, and a video with a
            lower rate is an error. Videos with an unknown rate, such as folders of images, count as videos of this
            rate. None uses all frames.
        mixed_rates: without `fps`, videos of different frame rates are an "error", or "warn" writes a warning. A model
            learns motion per frame: at a lower rate, the same motion looks faster.
        mask: regions of the picture that are left out; none by default.
        boxes: boxes of objects, from files; none by default. Features of objects need them.
        test_on: another data set. Its test videos are scored and evaluated instead of those of `dataset`, to
            measure a model on data that it was not trained on. The clips have the same geometry.
    """

    component_field: ClassVar = "dataset"
    dataset: Annotated[ComponentConfig, Kind("dataset")]
    clip: Annotated[ClipSpec, Written(ClipForm)]
    stride: PositiveInt = 1
    held_out: Share = 0.0
    sampling: Sampling = "random"
    augment: Annotated[tuple[Annotated[ComponentConfig, Kind("augmentation")], ...], Shorthand(AugmentForm)] = ()
    short: Short = "error"
    on_corrupt: OnCorrupt = "warn"
    fps: PositiveFloat | None = None
    mixed_rates: MixedRates = "warn"
    mask: Mask | None = None
    boxes: Boxes | None = None
    test_on: Annotated[ComponentConfig, Kind("dataset")] | None = None

    def __post_init__(self) -> None:
        if self.boxes is not None and self.augment:
            raise VadkitError("boxes do not follow augmentations", fix="remove data.augment, or data.boxes")

    def of(self, split: Split) -> ComponentConfig:
        """The data set that contains the videos of a split."""
        return self.test_on if split == "test" and self.test_on is not None else self.dataset


@dataclass(frozen=True, slots=True)
class WeightedLoss(Section):
    """One entry of `model.losses`.

    Attributes:
        loss: kind "loss".
        weight: factor of the loss in the sum.
    """

    component_field: ClassVar = "loss"
    loss: Annotated[ComponentConfig, Kind("loss")]
    weight: FiniteFloat = 1.0


@dataclass(frozen=True, slots=True)
class Model(Section):
    """`model`: the autoencoder, or an encoder alone, which is not trained.

    `decoder`, `losses` and `fit` belong together. Without them the encoder is frozen and only gives latents to
    densities.

    Attributes:
        encoder: maps clips to latents.
        decoder: maps latents to frames; None for an encoder that is not trained.
        losses: training minimises their weighted sum.
        fit: how the model is trained.
        bottleneck: module between encoder and decoder, such as a memory.
        critic: optimiser of the parameters that losses own, such as a discriminator, with its own learning
            rate. It follows the learning-rate scheduler of `fit`. None uses the optimiser of `fit`.
    """

    encoder: Annotated[ComponentConfig, Kind("encoder")]
    decoder: Annotated[ComponentConfig, Kind("decoder")] | None = None
    losses: tuple[WeightedLoss, ...] = ()
    fit: Fit | None = None
    bottleneck: Annotated[ComponentConfig, Kind("bottleneck")] | None = None
    critic: Annotated[ComponentConfig, Kind("optimizer")] | None = None

    def __post_init__(self) -> None:
        trained = {"decoder": self.decoder, "losses": self.losses, "fit": self.fit}
        given = [
            name for name, value in (trained | {"bottleneck": self.bottleneck, "critic": self.critic}).items() if value
        ]
        lacking = [name for name, value in trained.items() if not value]
        if given and lacking:
            raise VadkitError(
                f"{_quoted(given)} {'needs' if len(given) == 1 else 'need'} {_quoted(lacking)}",
                fix=f"add {_quoted(lacking)}, or give only 'encoder' for an encoder that is not trained",
            )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


@dataclass(frozen=True, slots=True)
class Density(Section):
    """One entry of `densities`.

    Attributes:
        density: kind "density".
        feature: the input of the density, computed from a clip.
        fit: how the density is trained; None for a density that is fitted without gradients.
    """

    component_field: ClassVar = "density"
    density: Annotated[ComponentConfig, Kind("density")]
    feature: Annotated[ComponentConfig, Kind("feature")]
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class Fused(Section):
    """One entry of `fuse`. Its name is that of the entry of `scores` that it weighs.

    Attributes:
        weight: factor of this score in the sum.
        transform: score transforms, applied in order; a protocol with its own transforms replaces them.
    """

    weight: FiniteFloat = 1.0
    transform: tuple[Annotated[ComponentConfig, Kind("score_transform")], ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluate(Section):
    """`evaluate`: the metrics, and the protocol that computes them from scores.

    Attributes:
        metrics: the metrics to compute.
        protocol: a preset's name, or a mapping of `use: <preset>` and the fields that differ.
        anomaly_maps: the entry of `scores` with the maps for metrics that need to know where in the frame an anomaly
            is; null uses the first entry that has maps.
    """

    metrics: tuple[Annotated[ComponentConfig, Kind("metric")], ...]
    protocol: Annotated[Protocol, Written(ProtocolForm)] = field(default_factory=lambda: PRESETS["itae"])
    anomaly_maps: str | None = None

    def __post_init__(self) -> None:
        if not self.metrics:
            raise VadkitError("'metrics' is empty: nothing would be computed", fix="for example metrics: [micro_auc]")


@dataclass(frozen=True, slots=True)
class Engine(Section):
    """`engine`: devices, precision and batch sizes.

    Attributes:
        accelerator: "auto" uses a GPU if there is one.
        devices: number of processes on each machine. Each uses its own GPU, or a part of the CPU's cores.
        num_nodes: number of machines. The option `--num-nodes` of `vadkit run` sets it.
        sync_batch_norm: several processes train batch norm with the statistics of the complete batch. Otherwise, each
            uses its part of the batch, and the running statistics are those of the first process.
        precision: "fp32" is float32. "bf16" computes convolutions in bfloat16, and operations that need more precision
            in float32. "auto" takes bf16 if it is faster on this machine and correct for each layer of the model.
            Otherwise, it takes fp32. The run folder keeps the choice.
        checkpoint_activations: the training of the model keeps only some of its activations, and computes the others
            again in the backward pass. It needs less memory and more time, and gives the same model.
        threads: CPU threads of all stages; None measures for each stage whether one thread is as fast as all.
        score_batch: clips in one batch when scoring.
        score_stride: frames between neighbouring windows when scoring.
    """

    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: PositiveInt = 1
    num_nodes: PositiveInt = 1
    sync_batch_norm: bool = False
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_activations: bool = False
    threads: PositiveInt | None = None
    score_batch: PositiveInt = 8
    score_stride: PositiveInt = 1


@dataclass(frozen=True, slots=True)
class Recipe(Section):
    """The complete experiment.

    Attributes:
        name: name of the experiment and of its run folder.
        data: the videos.
        model: the autoencoder, or an encoder that is not trained; None for densities on raw frames alone.
        densities: name -> density and its feature.
        scores: name -> kind "scorer".
        fuse: name of an entry of `scores` -> how it enters the final score; without `fuse`, all entries have
            weight 1.
        evaluate: protocol and metrics.
        report: kind "reporter"; default console, json and html.
        seed: seed of all random numbers.
        engine: devices, precision and batch sizes.
        requires: packages that must be installed, such as "vadkit-kde>=1.2" for a component of a plugin.
        tree: the resolved YAML as plain values, for the run folder; not a key.
        files: key, such as `model.encoder.weights` -> absolute path of the file that it names; not a key.
    """

    name: str
    data: Data
    scores: Mapping[EntryName, Annotated[ComponentConfig, Kind("scorer")]]
    evaluate: Evaluate
    fuse: Mapping[EntryName, Fused] = field(default_factory=dict[str, Fused])
    report: tuple[Annotated[ComponentConfig, Kind("reporter")], ...] = ()
    seed: NonNegativeInt = 0
    model: Model | None = None
    densities: Mapping[EntryName, Density] = field(default_factory=dict[str, Density])
    engine: Engine = Engine()
    requires: tuple[str, ...] = ()
    tree: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Mapping[str, Path] = field(default_factory=dict[str, Path])


def with_threads(recipe: Recipe, threads: int | None) -> Recipe:
    """The recipe with another number of CPU threads; None changes nothing."""
    return recipe if threads is None else replace(recipe, engine=replace(recipe.engine, threads=threads))
