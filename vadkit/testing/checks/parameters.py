"""Checks of the constructor: vadkit's arguments are positional, and a recipe's keys are documented keywords."""

from __future__ import annotations

import inspect
from typing import Any

from vadkit.core.contracts import SUPPLIED
from vadkit.core.errors import PluginError, join_names
from vadkit.recipe import docstring
from vadkit.recipe.signature import describe
from vadkit.testing.outcome import ConformityError, NotApplicableError, require
from vadkit.testing.subject import Subject

RESERVED = {"dataset": {"clip", "stride", "held_out", "sampling", "augment", "short", "on_corrupt"}}
RESERVED |= {"loss": {"weight"}, "density": {"feature", "fit"}}
"""Kind -> keys of the recipe section that contains the component."""


def check_keys(subject: Subject) -> None:
    """Keys are keyword-only and annotated, and only the arguments that vadkit supplies are positional.

    So the signature is the schema of the recipe, and vadkit can check keys without building a component.
    """
    if subject.problem:
        raise ConformityError(subject.problem.what, fix=subject.problem.fix)
    supplied, (positional, open_ended) = SUPPLIED.get(subject.kind, ()), _positional(subject)
    require(not open_ended, f"its constructor takes *{open_ended}", "declare each argument by name")
    require(
        len(positional) == len(supplied),
        f"its constructor takes {len(positional)} positional arguments, but vadkit passes {len(supplied)}"
        + (f": {join_names(supplied)}" if supplied else ""),
        f"start with (self, {', '.join([*supplied, '*'])}, ...)",
    )
    keys = describe(subject.component).parameters
    untyped = [name for name, key in keys.items() if key.annotation is Any]
    require(not untyped, f"no type annotation for {join_names(untyped)}", "annotate each key, such as width: int = 8")
    taken = sorted(keys.keys() & ({"use", "toy"} | RESERVED.get(subject.kind, set())))
    require(not taken, f"{join_names(taken)} is reserved for the recipe section that contains it", "rename the key")


def check_help(subject: Subject) -> None:
    """Every key has a help text under `Args:` in the docstring, and `Args:` lists no other names.

    `vadkit list`, the docs and the schema show these texts.
    """
    if subject.problem:
        raise NotApplicableError("its keys cannot be read, see check_keys")
    described, summary = describe(subject.component), subject.component.summary
    require(bool(described.summary), "its class has no docstring", "describe it in one sentence")
    require(bool(summary), "its Component has no summary", "give Component a summary for 'vadkit list'")
    silent = join_names(name for name, key in described.parameters.items() if not key.help)
    require(not silent, f"no help text for {silent}", "describe each key under 'Args:' in the class's docstring")
    positional, _ = _positional(subject)
    loaded = subject.component.load()
    own = vars(loaded).get("__doc__"), getattr(vars(loaded).get("__init__"), "__doc__", None)
    texts = (inspect.cleandoc(text or "").partition("Attributes:")[0] for text in own)
    named = {name for text in texts for name in docstring.parameters(text)}
    stale = sorted(named - set(described.parameters) - set(positional)) if "__init__" in vars(loaded) else []
    require(not stale, f"its docstring describes unknown arguments: {join_names(stale)}", "update 'Args:'")


def check_construction(subject: Subject) -> None:
    """It can be built from its keys, twice. If not, the checks that need an object are skipped."""
    if subject.problem:
        raise NotApplicableError("its keys cannot be read, see check_keys")
    for _ in range(2):
        subject.construct()


def _positional(subject: Subject) -> tuple[list[str], str]:
    """Names of the positional parameters, and of `*args` ("" if there is none)."""
    try:
        init: Any = subject.component.load().__init__
    except PluginError as error:
        raise NotApplicableError("its class cannot be loaded, see check_construction") from error
    if init is object.__init__ or getattr(init, "__module__", "").startswith("torch.nn"):
        return [], ""
    declared = list(inspect.signature(init).parameters.values())[1:]
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in declared if each.kind in by_position]
    return names, next((each.name for each in declared if each.kind is inspect.Parameter.VAR_POSITIONAL), "")
