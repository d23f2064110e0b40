"""Which checks each kind goes through. They are imported when asked for: those of a transform need no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

from vadkit.core.contracts import KINDS
from vadkit.core.errors import VadkitError, closest
from vadkit.testing.subject import TORCH_KINDS, Subject
from vadkit.testing.verdict import InapplicableError

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
    "bottleneck": (*_MODULE, *_OF_CLIPS, "gradients.check_gradients", "memories.check_reset"),
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
        "likelihood.check_needs_fit",
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
    "score_transform": (
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
    "reporter": ("reporters.check_stays_inside", "reporters.check_unlabelled", "reporters.check_atomic_write"),
    "optimizer": ("training.check_optimizer", "training.check_optimizer_state"),
    "lr_scheduler": ("training.check_factor",),
}


_GATES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TORCH_KINDS, ("check_module", "check_shapes")),
    "dataset": ("check_videos",),
    "scorer": ("check_reads", "check_scores"),
    "score_transform": ("check_length", "check_videos_apart"),
    "metric": ("check_values",),
}
"""Kind -> the checks, in order, that those after them rest on: one fault is told once."""


_UNGATED = {*(place.partition(".")[2] for place in _ALL), "check_empty_folder"}
"""Checks that look at no object, or at another one than the rest."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one kind; called with a subject.

    Attributes:
        name: of the function.
        function: what it asks; its docstring says it in words.
        gates: what must pass before it says anything.

    Raises:
        ConformityError: the component fails it.
        InapplicableError: there is nothing to look at, or a gate is not passed.
    """

    name: str
    function: Callable[[Subject], None]
    gates: tuple[Check, ...] = ()

    def __call__(self, subject: Subject) -> None:
        """Raise unless the component passes."""
        for gate in self.gates:
            if not _passes(gate, subject):
                raise InapplicableError(f"see {gate.name}, which it does not pass")
        self.function(subject)


def _passes(gate: Check, subject: Subject) -> bool:
    """Looked at once for each subject."""
    name = f"passes {gate.name}"
    if name not in subject.kept:
        try:
            gate.function(subject)
            subject.kept[name] = True
        except InapplicableError:
            raise
        except Exception:
            subject.kept[name] = False
    return subject.kept[name]


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
    places = [place.partition(".") for place in (*_ALL, *_OF_KIND[kind])]
    modules = {module: import_module(f"vadkit.testing.checks.{module}") for module, _, _ in places}
    every = {name: Check(name, getattr(modules[module], name)) for module, _, name in places}
    order = [every[name] for name in _GATES.get(kind, ())]
    return [replace(check, gates=_before(check, order)) for check in every.values()]


def _before(check: Check, order: Sequence[Check]) -> tuple[Check, ...]:
    """The gates of a check: all, or those before it if it is one itself."""
    if check.name in _UNGATED:
        return ()
    return tuple(order[: order.index(check)] if check in order else order)


def refuse_unknown(kind: str, names: Iterable[str]) -> None:
    """Raise VadkitError for a name that is no check of this kind."""
    known = names_of(kind)
    for name in names:
        if name not in known:
            raise VadkitError(f"the kind {kind} has no check {name!r}", fix=closest(name, known))
