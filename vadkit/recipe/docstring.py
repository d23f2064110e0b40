"""Help texts out of Google docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

_HEADER = re.compile(r"(?:Args|Attributes):\s*")
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)(?: ?\([^)]*\))?:\s*(?P<text>.*)")


def summary(docstring: str | None) -> str:
    r"""The first paragraph as one line.

    >>> summary("A flow.\n\n    Args:\n        steps: K of the paper.")
    'A flow.'
    """
    return " ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split())


def parameters(docstring: str | None) -> Mapping[str, str]:
    r"""Name -> help of the entries under `Args:` or `Attributes:`.

    >>> parameters("A flow.\n\n    Args:\n        steps: K of\n            the paper.")
    {'steps': 'K of the paper.'}
    """
    found: dict[str, list[str]] = {}
    inside, depth, name = False, 0, ""
    for line in inspect.cleandoc(docstring or "").splitlines():
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if not text:
            continue
        if indent == 0:
            inside, depth, name = bool(_HEADER.fullmatch(line)), 0, ""
        elif inside:
            depth = depth or indent
            entry = _ENTRY.fullmatch(text) if indent == depth else None
            if entry:
                name = entry["name"]
                found[name] = [entry["text"]]
            elif name:
                found[name].append(text)
    return {key: " ".join(lines).strip() for key, lines in found.items()}
