"""The hook that a plugin implements.

A plugin is a module or package with an entry point in the group `vadkit.v1`. The name of the group contains
the version of this interface.
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
    """Return the components of the plugin. vadkit calls this once per command. It must not import torch."""
