"""`vadkit export`: a run's model for ONNX Runtime, OpenVINO or torch.export."""

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible

CheckVideo = Annotated[
    Path | None, typer.Option(metavar="VIDEO", help="A video for the comparison with PyTorch. Default: one of the run.")
]


def export(
    run: options.RunFolder,
    to: Annotated[str, typer.Option(metavar="FORMAT", help="onnx, openvino or torch (torch.export).")],
    out: Annotated[Path | None, typer.Option(help="The new folder. Default: RUN/exported/FORMAT.")] = None,
    no_maps: Annotated[
        bool, typer.Option("--no-maps", help="Leave out the anomaly maps. The model may then be faster.")
    ] = False,
    check_video: CheckVideo = None,
    data_root: options.DataRoot = None,
    threshold: options.Threshold = None,
    false_alarms_per_hour: options.AlarmRate = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    set_: options.Set = None,
) -> None:
    """Export a trained run: a model that scores clips without vadkit, and a JSON file that describes it."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.store.run_folder import RunFolder

    with interruptible("nothing was written"), terminal_progress() as progress:
        RunFolder(run).require_run()
        from vadkit.live.export import export_run

        done = export_run(
            run,
            to,
            out or run / "exported" / to,
            maps=not no_maps,
            check_video=check_video,
            data_root=data_root,
            threshold=threshold,
            false_alarms_per_hour=false_alarms_per_hour,
            overrides=set_ or (),
            overwrite=overwrite,
            progress=progress,
        )
    units = {"random clips": "the largest value", "real clips": "the scale of the score"}
    for kind, found in done.differences.items():
        if found is not None:
            typer.echo(
                f"largest difference from PyTorch, {found.clips} {kind}: {found.relative:.1e} of {units[kind]}"
                f"{f' ({found.output})' if found.output else ''}"
            )
    typer.echo(f"exported: {done.path}")
