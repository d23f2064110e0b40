"""`vadkit data`: check a data set, convert it, preview it, or find boxes of moving objects in it."""

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible
from vadkit.core.errors import VadkitError

app = typer.Typer(
    name="data",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Check, convert or preview a data set.",
)

Target = Annotated[
    str,
    typer.Argument(metavar="NAME|RECIPE", help="A data set (avenue or '{use: avenue, labels: masks}'), or a recipe."),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key: data.labels=masks. Repeatable.")
]


@app.command()
def check(
    target: Target,
    data_root: options.DataRoot = None,
    set_: Set = None,
    decode: Annotated[
        bool, typer.Option("--decode/--no-decode", help="Decode every frame, or read headers and labels only.")
    ] = True,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the findings into this file.")] = None,
) -> None:
    """Find all problems of a data set: counts, labels, damaged files, duplicates."""
    from json import dumps

    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.data import print_report
    from vadkit.core.files import atomic_write_text
    from vadkit.data.tools import check_dataset, open_target

    with interruptible("nothing was written"), terminal_progress() as progress:
        report = check_dataset(open_target(target, data_root, set_ or ()), decode=decode, progress=progress)
    print_report(report)
    if json is not None:
        atomic_write_text(json, dumps(report.plain(), indent=2, ensure_ascii=False) + "\n")
    if report.errors:
        raise typer.Exit(VadkitError.exit_code)


@app.command()
def convert(
    target: Target,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder, or an interrupted conversion.")],
    to: Annotated[str, typer.Option(metavar="FORM", help="frames (folders of .jpg) or avi (lossless files).")],
    data_root: options.DataRoot = None,
    set_: Set = None,
    split: Annotated[list[str] | None, typer.Option(help="train or test. Repeatable. Default: both.")] = None,
    size: Annotated[str | None, typer.Option(metavar="HxW", help="Height and width: 240x360.")] = None,
    gray: Annotated[bool, typer.Option("--gray", help="Convert to gray.")] = False,
) -> None:
    """Write a data set and its labels in the common layout of the field. To continue, run it again."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.data.tools import convert_dataset, open_target

    kept = "finished videos are kept: give the same command again to continue"
    with interruptible(kept), terminal_progress() as progress:
        opened = open_target(target, data_root, set_ or ())
        done = convert_dataset(opened, out, to=to, splits=split, size=size, gray=gray, progress=progress)
    typer.echo(f"{done.videos} videos, {done.frames} frames: {done.folder} ({done.form})")


@app.command()
def preview(
    target: Target,
    data_root: options.DataRoot = None,
    set_: Set = None,
    video: Annotated[str | None, typer.Option(help="Show only this video, with more of its frames.")] = None,
    videos: Annotated[int, typer.Option(min=1, help="Videos of each split.")] = 4,
    frames: Annotated[int, typer.Option(min=2, help="Frames of each video.")] = 8,
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("preview.png"),
) -> None:
    """Draw a contact sheet of frames as the model sees them, with labels, masks and tracks outlined."""
    from vadkit.data.tools import open_target, preview_dataset

    with interruptible("nothing was written"):
        opened = open_target(target, data_root, set_ or ())
        problems = preview_dataset(opened, out, video=video, videos=videos, frames=frames)
    for problem in problems:
        typer.echo(f"warning: {problem}", err=True)
    typer.echo(f"preview: {out}")


@app.command()
def boxes(
    target: Target,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for train.csv and test.csv.")],
    data_root: options.DataRoot = None,
    set_: Set = None,
    threshold: Annotated[float, typer.Option(min=0, help="Difference from the background, in gray levels.")] = 25.0,
    least: Annotated[int, typer.Option(min=1, help="Smallest number of pixels of a region.")] = 60,
) -> None:
    """Write boxes of what differs from the background of a fixed camera, for data.boxes."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.data.tools import open_target, write_boxes

    with interruptible("no incomplete file was written"), terminal_progress() as progress:
        opened = open_target(target, data_root, set_ or ())
        written = write_boxes(opened, out, threshold=threshold, least=least, progress=progress)
    for path, count in written.items():
        typer.echo(f"{path}: {count:,} boxes")
