"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RecipeArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RECIPE", help="A YAML file, or the name of a recipe that vadkit ships.", show_default=False
    ),
]
VariantOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="One of the file's variants, such as a row of a table.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a value of the recipe: fuse.likelihood.weight=0.5. Repeatable."
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data-root", help="The data set's folder, or the one that holds it. Default: $VADKIT_DATA."),
]
OutFileOption = Annotated[Path | None, typer.Option(help="Write into this file instead.")]
ReuseOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="RUN", help="Take over what this run has trained and scored alike. Repeatable.", show_default=False
    ),
]
TestTuningOption = Annotated[
    bool,
    typer.Option(
        "--allow-test-tuning",
        help="Accept what was chosen with test labels; the result is marked test-tuned wherever it appears.",
    ),
]


def variant_of(recipe: Path, variant: str | None) -> Path:
    """The reference to a recipe, or to one of its variants."""
    return recipe / variant if variant else recipe
