"""The whole extension surface.

A plugin is a module (or package) named by an entry point in the group `vadkit.v1` that
implements the hook below. The group's name carries the version of this surface.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from vadkit.plugin.component import Component

API_VERSION = 1
ENTRY_POINT_GROUP = f"vadkit.v{API_VERSION}"

hookspec = pluggy.HookspecMarker("vadkit")
hookimpl = pluggy.HookimplMarker("vadkit")


@hookspec
def vadkit_components() -> Iterable[Component]:  # pyright: ignore[reportReturnType]
    """Announce components. Called once, to list them; must not import torch."""
