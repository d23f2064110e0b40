"""`vadkit list`."""

from __future__ import annotations

from typing import Annotated

import typer


def list_(
    name: Annotated[
        str | None,
        typer.Argument(help="A kind (encoder), a component (glow) or both (encoder/itae). Default: everything."),
    ] = None,
) -> None:
    """List kinds and components with their plugins, and plugins that failed to load."""
    from vadkit.cli.render.list import print_listing
    from vadkit.plugin.registry import Registry

    print_listing(Registry.discover(), name)
