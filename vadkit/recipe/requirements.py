"""`requires:` of a recipe: packages, with versions, that must be installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from vadkit.core.errors import Problem, VadkitError
from vadkit.plugin.discovery import distribution_of, entry_points
from vadkit.recipe.node import Node

_EXAMPLE = "for example requires: [vadkit-kde>=1.2]"
_REMOTE = re.compile(r"@|://")


def unmet_requirements(node: Node | None) -> Sequence[Problem]:
    """One problem for each requirement that is not met. Types are validated elsewhere."""
    found: list[Problem] = []
    for entry in node.value if node is not None and isinstance(node.value, tuple) else ():
        if isinstance(entry.value, str):
            try:
                _check(entry.value)
            except VadkitError as error:
                found.append(Problem(str(entry.at), f"requires {entry.value!r}: {error.what}", error.fix))
    return found


def _check(text: str) -> None:
    if _REMOTE.search(text):
        fix = f"write the name and version only, {_EXAMPLE}"
        raise VadkitError("a recipe cannot name a place to install from", fix=fix)
    try:
        wanted = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise VadkitError(f"is not a valid requirement: {reason}", fix=_EXAMPLE) from error
    if wanted.marker is not None:
        raise VadkitError("environment markers (after ';') are not supported", fix="leave the marker out")
    if wanted.extras:
        raise VadkitError("extras (in brackets) cannot be checked", fix="leave the brackets out")
    install = f"pip install '{text.strip()}'"
    try:
        installed = version(wanted.name)
    except PackageNotFoundError:
        plugins = {distribution_of(point).rpartition(" ")[0] for point in entry_points()} - {""}
        known = get_close_matches(wanted.name, sorted(plugins), n=1, cutoff=0.8)
        fix = f"did you mean {known[0]!r}? else {install}" if known else install
        raise VadkitError("it is not installed", fix=fix) from None
    if not wanted.specifier:
        return
    try:
        # An installed pre-release counts too.
        fits = wanted.specifier.contains(Version(installed), prereleases=True)
    except (InvalidVersion, TypeError):
        raise VadkitError(f"the installed version {installed!r} cannot be read", fix=install) from None
    if not fits:
        raise VadkitError(f"version {installed} is installed", fix=install)
