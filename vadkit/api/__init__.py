"""Everything that a plugin imports. A plugin must not import any other module of vadkit.

Example:
    A plugin announces its components with one function. The entry point of its package in the group
    `vadkit.v1` names the module of this function:

    >>> from vadkit.api import Component, hookimpl
    >>> @hookimpl
    ... def vadkit_components():
    ...     return [Component("scorer", "my_score", "my_package.scorer:MyScore", "What it does.")]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vadkit.plugin.component import Component as Component
from vadkit.plugin.hookspecs import API_VERSION as API_VERSION
from vadkit.plugin.hookspecs import hookimpl as hookimpl

if TYPE_CHECKING:
    from vadkit.api.names import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Import the other names on first use, so that a plugin is listed fast."""
    import vadkit.api.names as names

    if name in {"__all__", *names.__all__}:
        return getattr(names, name)
    raise AttributeError(f"module 'vadkit.api' has no attribute {name!r}")
