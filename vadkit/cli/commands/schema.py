"""`vadkit schema`."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print a JSON Schema of recipes, for completion in editors."""
    from vadkit.plugin.registry import Registry
    from vadkit.recipe.schema import json_schema

    typer.echo(json.dumps(json_schema(Registry.discover()), indent=2))
