"""Plain values checked by pydantic, its findings told at the place of the value concerned."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import ErrorDetails

from vadkit.core.errors import Problem, closest
from vadkit.recipe.annotations import adapter
from vadkit.recipe.node import Node, plain

_SEQUENCE = re.compile("a valid (tuple|list)")  # YAML has lists alone


def validate(annotation: Any, node: Node, path: str) -> tuple[Any, Sequence[Problem]]:
    """The node's value as this type, or None and what is wrong with it."""
    try:
        return adapter(annotation).validate_python(plain(node)), ()
    except PydanticUserError as error:
        reason = str(error).splitlines()[0]
        return None, [Problem(str(node.head), f"{named(path)} has a type that a recipe cannot hold: {reason}")]
    except ValidationError as error:
        return None, [
            Problem(str(at.at), f"{named(place)} {' or '.join(texts)}, not {shown(at)}", fix)
            for place, (at, texts, fix) in _findings(error, node, path).items()
        ]


def named(path: str) -> str:
    """A path as messages name it."""
    return f"'{path}'" if path else "the recipe"


def shown(node: Node) -> str:
    """A value as messages show it."""
    if isinstance(node.value, Mapping):
        return "a mapping"
    if isinstance(node.value, tuple):
        return f"a list of {len(node.value)}"
    return repr(node.value) if isinstance(node.value, str) else json.dumps(node.value)


def _findings(error: ValidationError, node: Node, path: str) -> Mapping[str, tuple[Node, list[str], str]]:
    """Path -> (node, texts, fix); the arms of a union all speak of one node."""
    found: dict[str, tuple[Node, list[str], str]] = {}
    for finding in error.errors(include_url=False):
        at, place = node, path
        for step in finding["loc"]:
            inner = _child(at, step)
            # Other steps name an arm of a union, or an entry that is lacking.
            if inner is not None:
                at, place = inner, f"{place}.{step}"
        text = (
            finding["msg"].removeprefix("Input ").replace("a valid tuple", "a list").replace("a valid list", "a list")
        )
        if finding["type"] == "missing":
            text = f"should have an entry {finding['loc'][-1]}"
        texts = found.setdefault(place, (at, [], _near(finding, at)))[1]
        if text not in texts:
            texts.append(text)
    return found


def _near(finding: ErrorDetails, node: Node) -> str:
    choices = re.findall(r"'([^']*)'", str(finding.get("ctx", {}).get("expected", "")))
    hint = closest(node.value, choices) if isinstance(node.value, str) and choices else ""
    # The finding lists the choices already.
    return hint.partition(" (choices")[0] if hint.startswith("did you mean") else ""


def _child(node: Node, step: int | str) -> Node | None:
    if isinstance(node.value, Mapping):
        return node.value.get(str(step))
    if isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None
