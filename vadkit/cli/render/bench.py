"""`vadkit bench`: the table, on the terminal and as CSV, Markdown, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from vadkit.cli.render import tables

if TYPE_CHECKING:
    from vadkit.engine.bench.bench import Bench, PartCost

_HEAD = ("part", "components", "parameters", "GFLOPs", "ms a clip", "ms a frame")


def renderer(form: str) -> Callable[[Bench], str]:
    """What gives the measurements in this form.

    Raises:
        VadkitError: there is no such form.
    """
    makers = {"console": _console, "csv": _csv, "markdown": _markdown, "latex": _latex, "json": _json}
    return tables.maker(makers, form)


def _cells(found: Bench, part: PartCost, join: str = " ({})") -> list[str]:
    parameters = f"{part.parameters / 1e6:.2f} M" if part.parameters else "-"
    flops = "-" if part.flops is None else f"{part.flops / 1e9:.4g}"
    taken, frame = part.milliseconds, found.per_frame(part)
    if taken is None or frame is None:
        return [part.name, part.what, parameters, flops, "-", "-"]
    clip = f"{taken.median:.2f}" + join.format(f"{taken.least:.2f} to {taken.most:.2f}")
    return [part.name, part.what, parameters, flops, clip, f"{frame:.2f}"]


def _notes(found: Bench) -> list[str]:
    clip = found.clip
    size = f"{clip.frames} frames of {clip.height}x{clip.width}, {clip.color}"
    notes = [
        f"{found.name}, {f'weights of {found.weights}' if found.weights else 'untrained weights'}; a clip: {size}",
        "GFLOPs of one clip, a multiply-add as 2: convolutions and matrix products, not what goes element by element",
    ]
    if found.noise:
        fitted = ", ".join(f"{name} (up to {samples} samples)" for name, samples in found.noise.items())
        notes.append(f"fitted on noise, which decides what a nearest-neighbour search costs: {fitted}")
    if found.repeat:
        assert found.peak_memory is not None
        notes += [
            f"a frame: one more of the video; a clip stands for {found.stride} of them (engine.score_stride)",
            f"median (least to most) of {found.repeat} passes after {found.warmup}, batches of {found.batch}; "
            "a density's time has its feature in it; decoding is in none (benchmarks/loading.py)",
            f"{found.device}, {found.precision}, CPU threads {found.threads}; "
            f"peak memory {found.peak_memory / 2**20:.0f} MiB"
            + (" of the whole process" if found.device == "cpu" else " allocated on the GPU"),
            f"{found.frames_per_second:.2f} frames/s in all",
        ]
    return notes


def _console(found: Bench) -> str:
    table = Table(header_style="bold", caption="\n".join(_notes(found)), caption_justify="left", show_footer=True)
    for number, (head, total) in enumerate(zip(_HEAD, _cells(found, found.whole, "\n{}"), strict=True)):
        table.add_column(head, total, justify="left" if number < 2 else "right")
    for part in found.parts:
        table.add_row(*map(Text, _cells(found, part, "\n{}")))
    return tables.printed(table)


def _rows(found: Bench) -> list[list[str]]:
    return [list(_HEAD), *(_cells(found, part) for part in (*found.parts, found.whole))]


def _markdown(found: Bench) -> str:
    return tables.markdown(_rows(found), _notes(found))


def _latex(found: Bench) -> str:
    return tables.latex(_rows(found), _notes(found))


def _csv(found: Bench) -> str:
    columns = ("ms_per_clip", "ms_per_clip_least", "ms_per_clip_most", "ms_per_frame")
    rows: list[list[object]] = [["recipe", "part", "components", "parameters", "flops", *columns]]
    for part in (*found.parts, found.whole):
        taken = part.milliseconds
        times = [taken.median, taken.least, taken.most] if taken else [None] * 3
        rows.append([found.name, part.name, part.what, part.parameters, part.flops, *times, found.per_frame(part)])
    return tables.comma(rows)


def _json(found: Bench) -> str:
    return json.dumps({**asdict(found), "frames_per_second": found.frames_per_second}, indent=2) + "\n"
