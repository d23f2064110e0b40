"""Arguments and options of several commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Recipe = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a recipe that vadkit ships.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Variant = Annotated[str | None, typer.Option(metavar="NAME", help="A variant of the file, such as a row of a table.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a value of the recipe: fuse.likelihood.weight=0.5. Repeatable."
    ),
]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Folder of the data set, or its parent. Default: $VADKIT_DATA.")
]
OutFile = Annotated[Path | None, typer.Option(help="Write into this file instead of the terminal.")]
Reuse = Annotated[
    list[Path] | None, typer.Option(metavar="RUN", help="Reuse the stages of this run that do not change. Repeatable.")
]
TestTuning = Annotated[
    bool,
    typer.Option(
        "--allow-test-tuning", help="Accept settings tuned on test labels; every output then shows TEST-TUNED."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="CPU threads, exactly. Default: measured for each stage, at most one for each core."),
]

Threshold = Annotated[float | None, typer.Option(help="Alarm threshold. Default: from held-out normal video.")]
AlarmRate = Annotated[
    float | None, typer.Option(help="Rate on normal video that sets the threshold. Default: the protocol's.")
]
Videos = Annotated[
    list[str] | None,
    typer.Argument(metavar="VIDEO", help="Video files, folders of videos or images, or patterns ('**/*.mp4')."),
]
VideoLists = Annotated[
    list[Path] | None,
    typer.Option("--list", metavar="FILE", help="A text file that names one video in each line. Repeatable."),
]
ScoreFormat = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="csv, jsonl, parquet or npz, for the scores of the frames.")
]
Annotate = Annotated[bool, typer.Option("--annotate", help="Also write videos with scores, heat maps and event marks.")]
SourceRate = Annotated[float | None, typer.Option(help="Frames per second to score. Default: as in training.")]


def variant_of(recipe: Path, variant: str | None) -> Path:
    """The reference to a recipe, or to one of its variants."""
    return recipe / variant if variant else recipe


def overrides(protocol: str | None, set_: Sequence[str] | None) -> list[str]:
    """The changes of `--protocol` and `--set`, in this order."""
    return [*([f"evaluate.protocol={protocol}"] if protocol else []), *(set_ or ())]


def run_overrides(set_: Sequence[str] | None, threads: int | None) -> list[str]:
    """The changes of `--set` and `--threads`."""
    return [*(set_ or ()), *([f"engine.threads={threads}"] if threads else [])]
