"""`vadkit show`."""

from __future__ import annotations

import typer

from vadkit.cli import options


def show(recipe: options.Recipe, variant: options.Variant = None, set_: options.Set = None) -> None:
    """Print a recipe with its parents merged in, and the source of each value."""
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.recipe.merge import resolve
    from vadkit.recipe.show import render

    chosen, overrides = options.variant_of(recipe, variant), set_ or ()
    typer.echo(render(resolve(chosen, overrides)))
    load(chosen, overrides=overrides, registry=Registry.discover())
