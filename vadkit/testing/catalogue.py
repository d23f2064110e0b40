"""Which checks each kind goes through. They are imported when asked for: those of a transform need no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module

from vadkit.contracts import KINDS
from vadkit.errors import VadkitError, closest
from vadkit.testing.subject import Subject

Check = Callable[[Subject], None]

_ALL = (
    "light.check_light_import",
    "parameters.check_keys",
    "parameters.check_help",
    "parameters.check_construction",
)
_MODULE = (
    "shapes.check_module",
    "shapes.check_shapes",
    "repeatability.check_seeded",
    "repeatability.check_training_repeats",
    "repeatability.check_evaluation_repeats",
    "state.check_state",
    "devices.check_finite",
    "devices.check_bf16",
    "devices.check_moves",
    "devices.check_cuda",
)
_OF_CLIPS = ("shapes.check_batch_of_one", "batches.check_batch_mates", "devices.check_float64")

_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "dataset": (
        "datasets.check_videos",
        "datasets.check_labels",
        "datasets.check_ground_truth",
        "datasets.check_empty_folder",
    ),
    "encoder": (*_MODULE, *_OF_CLIPS, "gradients.check_gradients", "shapes.check_other_clips"),
    "bottleneck": (*_MODULE, *_OF_CLIPS, "gradients.check_gradients"),
    "decoder": (*_MODULE, *_OF_CLIPS, "gradients.check_gradients", "shapes.check_strange_latents"),
    "loss": (
        *_MODULE,
        "gradients.check_gradients",
        "losses.check_output_learns",
        "losses.check_perfect_output",
        "losses.check_critic",
    ),
    "feature": (*_MODULE, *_OF_CLIPS, "shapes.check_other_clips"),
    "density": (
        *_MODULE,
        *_OF_CLIPS,
        "gradients.check_gradients",
        "likelihood.check_shifted_data",
        "likelihood.check_normalised",
        "likelihood.check_log_determinant",
    ),
    "scorer": (
        "scoring.check_scores",
        "scoring.check_gaps",
        "scoring.check_reads",
        "scoring.check_toy_anomaly",
        "repeatability.check_evaluation_repeats",
        "batches.check_batch_mates",
    ),
    "transform": (
        "transforms.check_length",
        "transforms.check_causality",
        "transforms.check_fit_repeats",
        "transforms.check_needs_normal",
        "transforms.check_videos_apart",
        "transforms.check_direction",
    ),
    "metric": (
        "metrics.check_values",
        "metrics.check_skill",
        "metrics.check_resampled",
        "metrics.check_order",
        "metrics.check_one_class",
    ),
    "reporter": ("reporters.check_stays_inside", "reporters.check_unlabelled", "reporters.check_written_aside"),
    "optimizer": ("training.check_optimizer", "training.check_optimizer_state"),
    "schedule": ("training.check_factor",),
}


def names_of(kind: str) -> tuple[str, ...]:
    """Names of the checks of a kind, in order."""
    return tuple(place.partition(".")[2] for place in (*_ALL, *_OF_KIND[kind]))


def checks_of(kind: str) -> Sequence[Check]:
    """The checks of a kind, in order.

    Raises:
        VadkitError: there is no such kind.
    """
    if kind not in KINDS:
        raise VadkitError(f"there is no kind {kind!r}", fix=closest(kind, KINDS))
    places = (place.partition(".") for place in (*_ALL, *_OF_KIND[kind]))
    return [getattr(import_module(f"vadkit.testing.{module}"), name) for module, _, name in places]


def refuse_unknown(kind: str, names: Iterable[str]) -> None:
    """Raise VadkitError for a name that is no check of this kind."""
    known = names_of(kind)
    for name in names:
        if name not in known:
            raise VadkitError(f"there is no check {name!r} of a {kind}", fix=closest(name, known))
