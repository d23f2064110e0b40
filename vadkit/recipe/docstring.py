"""Help texts out of Google docstrings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docstring_parser import Docstring


def summary(docstring: str | None) -> str:
    r"""The first paragraph as one line.

    >>> summary("A flow.\n\n    Args:\n        steps: K of the paper.")
    'A flow.'
    """
    return " ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split())


def parameters(docstring: str | None) -> Mapping[str, str]:
    r"""Name -> help of the entries under `Args:` or `Attributes:`; empty if they cannot be parsed.

    >>> parameters("A flow.\n\n    Args:\n        steps: K of\n            the paper.")
    {'steps': 'K of the paper.'}
    """
    from docstring_parser import ParseError

    try:
        entries = _parser()(docstring).params
    except ParseError:  # for example an entry without a colon
        return {}
    helps = {entry.arg_name.strip().lstrip("*"): " ".join((entry.description or "").split()) for entry in entries}
    return {name: help for name, help in helps.items() if name.isidentifier()}


@functools.cache
def _parser() -> Callable[[str | None], Docstring]:
    from docstring_parser.google import GoogleParser, Section, SectionType

    sections = [
        Section("Args", "param", SectionType.MULTIPLE),
        Section("Attributes", "attribute", SectionType.MULTIPLE),
    ]
    return GoogleParser(sections).parse
