"""The constructor rule: what vadkit supplies by position, the recipe's keys as documented keywords."""

from __future__ import annotations

import inspect
from typing import Any

from vadkit.core.contracts import SUPPLIED
from vadkit.core.errors import PluginError, join_names
from vadkit.recipe import docstring
from vadkit.recipe.signature import describe
from vadkit.testing.subject import Subject
from vadkit.testing.verdict import ConformityError, InapplicableError, require

RESERVED = {"dataset": {"clip", "stride", "held_out", "sampling", "augment", "short", "on_corrupt"}}
RESERVED |= {"loss": {"weight"}, "density": {"feature", "fit"}}
"""Kind -> keys of the section around it in a recipe."""


def check_construction(subject: Subject) -> None:
    """It can be built from its keys, twice. All other checks that need it built say only that it cannot be."""
    if subject.problem:
        raise InapplicableError("its keys cannot be read, see check_keys")
    for _ in range(2):
        subject.construct()


def check_keys(subject: Subject) -> None:
    """Keys are keyword-only and annotated, and nothing but what vadkit supplies is positional.

    So the signature is the schema of the recipe, and a key can be checked before anything is built.
    """
    if subject.problem:
        raise ConformityError(subject.problem.what, fix=subject.problem.fix)
    supplied, (positional, open_ended) = SUPPLIED.get(subject.kind, ()), _positional(subject)
    require(not open_ended, f"its constructor takes *{open_ended}", "name each argument")
    require(
        len(positional) == len(supplied),
        f"its constructor takes {len(positional)} arguments by position, but is given {join_names(supplied)}",
        f"begin with (self, {', '.join(supplied)}, *, ...)",
    )
    keys = describe(subject.component).parameters
    untyped = [name for name, key in keys.items() if key.annotation is Any and key.type != "Any"]
    untyped += [name for name, key in keys.items() if key.annotation is Any and name not in untyped]
    require(not untyped, f"no type is given for {join_names(untyped)}", "annotate each key, such as width: int = 8")
    taken = sorted(keys.keys() & ({"use", "toy"} | RESERVED.get(subject.kind, set())))
    require(not taken, f"the key {join_names(taken)} belongs to the recipe's section around it", "rename it")


def check_help(subject: Subject) -> None:
    """Every key has a help text under `Args:` in the docstring, and none is left of a key that is gone.

    `vadkit list`, the docs and the schema show it.
    """
    if subject.problem:
        raise InapplicableError("its keys cannot be read, see check_keys")
    described = describe(subject.component)
    require(bool(described.summary), "its class has no docstring", "say in one sentence what it is")
    require(bool(subject.component.summary), "its card has no summary", "give Component a line for 'vadkit list'")
    silent = [name for name, key in described.parameters.items() if not key.help]
    require(not silent, f"no help for {join_names(silent)}", "describe each key under 'Args:' in the class's docstring")
    positional, _ = _positional(subject)
    loaded = subject.component.load()
    own = vars(loaded).get("__doc__"), getattr(vars(loaded).get("__init__"), "__doc__", None)
    told = {name for text in own for name in docstring.parameters(_args(text))}
    stale = sorted(told - set(described.parameters) - set(positional)) if "__init__" in vars(loaded) else []
    require(
        not stale, f"its docstring explains {join_names(stale)}, which it does not take", "bring 'Args:' up to date"
    )


def _args(text: str | None) -> str:
    """The docstring without its `Attributes:`."""
    return inspect.cleandoc(text or "").partition("Attributes:")[0]


def _positional(subject: Subject) -> tuple[list[str], str]:
    """Names of positional parameters, and of `*args`."""
    try:
        init: Any = subject.component.load().__init__
    except PluginError as error:
        raise InapplicableError("its class cannot be loaded, see check_construction") from error
    if init is object.__init__ or getattr(init, "__module__", "").startswith("torch.nn"):
        return [], ""
    declared = list(inspect.signature(init).parameters.values())[1:]
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in declared if each.kind in by_position]
    return names, next((each.name for each in declared if each.kind is inspect.Parameter.VAR_POSITIONAL), "")
