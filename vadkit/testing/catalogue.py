"""The checks of each kind. Their modules are imported on use, so that the checks of a score transform need no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from vadkit.core.contracts import KINDS
from vadkit.core.errors import VadkitError, closest
from vadkit.plugin.sandbox import OutOfTimeError, limited, place_of
from vadkit.testing.outcome import ConformityError, NotApplicableError
from vadkit.testing.subject import TORCH_KINDS, Subject

Function = Callable[[Subject], None]

DEFAULT_TIMEOUT = 120.0  # seconds of one check
_STUCK = "the check that did not finish"

_ALL = ("imports", "parameters")
_MODULE = (
    "shapes.check_module",
    "shapes.check_shapes",
    "repeatability.check_seeded",
    "repeatability.check_training_repeats",
    "repeatability.check_evaluation_repeats",
    "repeatability.check_state",
    "devices.check_finite",
    "devices.check_bf16",
    "devices.check_device",
    "devices.check_cuda",
)
_OF_CLIPS = ("shapes.check_batch_of_one", "repeatability.check_batch_independence", "devices.check_float64")

_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "dataset": ("datasets",),
    "augmentation": ("augmentations",),
    "encoder": (*_MODULE, *_OF_CLIPS, "gradients", "shapes.check_other_clips"),
    "bottleneck": (*_MODULE, *_OF_CLIPS, "gradients", "memory"),
    "decoder": (*_MODULE, *_OF_CLIPS, "gradients", "shapes.check_strange_latents"),
    "loss": (*_MODULE, "gradients", "losses"),
    "feature": (*_MODULE, *_OF_CLIPS, "shapes.check_other_clips"),
    "density": (*_MODULE, *_OF_CLIPS, "gradients", "likelihood"),
    "scorer": ("scoring", "repeatability.check_evaluation_repeats", "repeatability.check_batch_independence"),
    "score_transform": ("score_transforms",),
    "metric": ("metrics",),
    "reporter": ("reporters",),
    "sink": ("sinks",),
    "optimizer": ("training.check_optimizer", "training.check_optimizer_state"),
    "lr_scheduler": ("training.check_factor",),
}
"""Kind -> its checks, in order: `module.check`, or a module of `vadkit.testing.checks` for all of its checks."""

_GATES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TORCH_KINDS, ("check_module", "check_shapes")),
    "dataset": ("check_videos",),
    "augmentation": ("check_clips",),
    "scorer": ("check_reads", "check_scores"),
    "score_transform": ("check_length", "check_video_independence"),
    "metric": ("check_values",),
    "sink": ("check_calls",),
}
"""Kind -> its gates, in order. If a gate fails, the checks after it are skipped, so that one fault is reported once."""

_UNGATED = frozenset(
    {"check_imports", "check_keys", "check_help", "check_construction", "check_empty_folder", "check_constructor"}
)
"""Checks that run even if a gate fails: they need no object, or build a different one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one kind; call it with a subject.

    Attributes:
        name: name of the function.
        function: the check itself; its docstring states the requirement.
        gates: checks that must pass first.
        timeout: time limit in seconds, 0 for no limit. After a check that does not finish, the others are skipped.

    Raises:
        ConformityError: the component fails the check, or does not finish it in time.
        NotApplicableError: the check does not apply to the component, a gate fails, or an earlier check did not finish.
    """

    name: str
    function: Function
    gates: tuple[Function, ...] = ()
    timeout: float = DEFAULT_TIMEOUT

    def __call__(self, subject: Subject) -> None:
        """Raise unless the component passes."""
        if stuck := subject.cache.get(_STUCK):
            raise NotApplicableError(f"{stuck} does not finish, see there")
        try:
            with limited(self.timeout):
                for gate in self.gates:
                    if not _passes(gate, subject):
                        raise NotApplicableError(f"{gate.__name__} fails, see there")
                self.function(subject)
        except OutOfTimeError as error:
            subject.cache[_STUCK] = self.name
            what = f"did not finish within {self.timeout:g} seconds{_line(error)}"
            fix = "correct the loop, set smaller sizes with 'settings' or --set, or set a higher time limit"
            raise ConformityError(what, fix=fix) from None


def _line(error: BaseException) -> str:
    """The line of the component at which it was interrupted."""
    place = place_of(error)
    return f", stopped in {place}" if place else ""


def _passes(gate: Function, subject: Subject) -> bool:
    """Whether the subject passes the gate; run once for each subject."""
    name = f"passes {gate.__name__}"
    if name not in subject.cache:
        try:
            gate(subject)
            subject.cache[name] = True
        except NotApplicableError:
            raise
        except Exception:
            subject.cache[name] = False
    return subject.cache[name]


def checks_of(kind: str, *, timeout: float = DEFAULT_TIMEOUT) -> Sequence[Check]:
    """The checks of a kind, in order, each with a time limit in seconds.

    Raises:
        VadkitError: the kind does not exist.

    Example:
        >>> [check.name for check in checks_of("optimizer")][-2:]
        ['check_optimizer', 'check_optimizer_state']
    """
    if kind not in KINDS:
        raise VadkitError(f"no kind is named {kind!r}", fix=closest(kind, KINDS))
    functions = {name: check for place in (*_ALL, *_OF_KIND[kind]) for name, check in _functions(place)}
    checks: list[Check] = []
    for name, function in functions.items():
        gates = () if name in _UNGATED else _GATES.get(kind, ())
        earlier = gates[: gates.index(name)] if name in gates else gates
        checks.append(Check(name, function, tuple(functions[gate] for gate in earlier), timeout))
    return checks


def _functions(place: str) -> list[tuple[str, Function]]:
    """One check of a module, or all that it defines."""
    name, _, only = place.partition(".")
    module = vars(import_module(f"vadkit.testing.checks.{name}"))
    return [(check, module[check]) for check in module if check.startswith("check_") and only in ("", check)]


def refuse_unknown(kind: str, names: Iterable[str]) -> None:
    """Raise VadkitError for a name that is not a check of this kind."""
    known = [check.name for check in checks_of(kind)]
    for name in names:
        if name not in known:
            raise VadkitError(f"the kind {kind} has no check {name!r}", fix=closest(name, known))
