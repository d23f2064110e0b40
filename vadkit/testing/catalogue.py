"""The checks of each kind. Their modules are imported on use, so that the checks of a score transform need no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

from vadkit.core.contracts import KINDS
from vadkit.core.errors import VadkitError, closest
from vadkit.testing.outcome import NotApplicableError
from vadkit.testing.subject import TORCH_KINDS, Subject

_ALL = (
    "imports.check_imports",
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
    "devices.check_device",
    "devices.check_cuda",
)
_OF_CLIPS = ("shapes.check_batch_of_one", "batches.check_batch_independence", "devices.check_float64")

_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "dataset": (
        "datasets.check_videos",
        "datasets.check_labels",
        "datasets.check_ground_truth",
        "datasets.check_empty_folder",
    ),
    "encoder": (*_MODULE, *_OF_CLIPS, "gradients.check_gradients", "shapes.check_other_clips"),
    "bottleneck": (*_MODULE, *_OF_CLIPS, "gradients.check_gradients", "memory.check_reset"),
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
        "batches.check_batch_independence",
    ),
    "score_transform": (
        "score_transforms.check_length",
        "score_transforms.check_causality",
        "score_transforms.check_fit_repeats",
        "score_transforms.check_needs_normal",
        "score_transforms.check_video_independence",
        "score_transforms.check_direction",
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
    "score_transform": ("check_length", "check_video_independence"),
    "metric": ("check_values",),
}
"""Kind -> its gates, in order. If a gate fails, the checks after it are skipped, so that one fault is reported once."""


_UNGATED = {*(place.partition(".")[2] for place in _ALL), "check_empty_folder"}
"""Checks that run even if a gate fails: they need no object, or build a different one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one kind; call it with a subject.

    Attributes:
        name: name of the function.
        function: the check itself; its docstring states the requirement.
        gates: checks that must pass first.

    Raises:
        ConformityError: the component fails the check.
        NotApplicableError: the check does not apply to the component, or a gate fails.
    """

    name: str
    function: Callable[[Subject], None]
    gates: tuple[Check, ...] = ()

    def __call__(self, subject: Subject) -> None:
        """Raise unless the component passes."""
        for gate in self.gates:
            if not _passes(gate, subject):
                raise NotApplicableError(f"{gate.name} fails, see there")
        self.function(subject)


def _passes(gate: Check, subject: Subject) -> bool:
    """Whether the subject passes the gate; run once for each subject."""
    name = f"passes {gate.name}"
    if name not in subject.cache:
        try:
            gate.function(subject)
            subject.cache[name] = True
        except NotApplicableError:
            raise
        except Exception:
            subject.cache[name] = False
    return subject.cache[name]


def names_of(kind: str) -> tuple[str, ...]:
    """Names of the checks of a kind, in order."""
    return tuple(place.partition(".")[2] for place in (*_ALL, *_OF_KIND[kind]))


def checks_of(kind: str) -> Sequence[Check]:
    """The checks of a kind, in order.

    Raises:
        VadkitError: the kind does not exist.

    Example:
        >>> [check.name for check in checks_of("optimizer")][-2:]
        ['check_optimizer', 'check_optimizer_state']
    """
    if kind not in KINDS:
        raise VadkitError(f"no kind is named {kind!r}", fix=closest(kind, KINDS))
    places = [place.partition(".") for place in (*_ALL, *_OF_KIND[kind])]
    modules = {module: import_module(f"vadkit.testing.checks.{module}") for module, _, _ in places}
    every = {name: Check(name, getattr(modules[module], name)) for module, _, name in places}
    order = [every[name] for name in _GATES.get(kind, ())]
    return [replace(check, gates=_before(check, order)) for check in every.values()]


def _before(check: Check, order: Sequence[Check]) -> tuple[Check, ...]:
    """The gates of a check: all of them, or the earlier ones if the check is a gate."""
    if check.name in _UNGATED:
        return ()
    return tuple(order[: order.index(check)] if check in order else order)


def refuse_unknown(kind: str, names: Iterable[str]) -> None:
    """Raise VadkitError for a name that is not a check of this kind."""
    known = names_of(kind)
    for name in names:
        if name not in known:
            raise VadkitError(f"the kind {kind} has no check {name!r}", fix=closest(name, known))
