"""Reads the sinks of `vadkit watch`, in the form of the components of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from vadkit.plugin.registry import Registry
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.grammar import Kind, Section
from vadkit.recipe.node import from_plain
from vadkit.recipe.source import parse, read
from vadkit.recipe.validation import Reader

_Sink = Annotated[ComponentConfig, Kind("sink")]


@dataclass(frozen=True)
class SinkFile(Section):
    """A file of sinks.

    Attributes:
        sinks: kind "sink".
    """

    sinks: tuple[_Sink, ...]


def read_sinks(
    file: Path | None, written: Sequence[str], options: Mapping[str, Mapping[str, Any]], registry: Registry
) -> list[ComponentConfig]:
    """Read sinks from a file and from the command line, and report all problems together.

    Args:
        file: a YAML file with a list `sinks`.
        written: values of `--sink`: the name of a sink, or a mapping in YAML such as `{use: webhook, url: ...}`.
        options: option of the command -> the sink for which it is a short form.
        registry: where components are looked up.

    Raises:
        RecipeError: all problems. The first `--sink` has the place "--sink 1".
    """
    reader = Reader(registry)
    found: list[ComponentConfig] = []
    if file is not None:
        of_file = reader.read(SinkFile, read(file))
        found += of_file.sinks if of_file else ()
    for number, text in enumerate(written, 1):  # the text itself can contain a password
        found.append(reader.read(_Sink, parse(text, f"--sink {number}", lines=False), "sink"))
    for option, values in options.items():
        found.append(reader.read(_Sink, from_plain(values, option), "sink"))
    reader.problems.refuse()
    return found
