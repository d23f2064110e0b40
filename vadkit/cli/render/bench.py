"""The table of `vadkit bench`: on the terminal, or as CSV, Markdown, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from vadkit.cli.render import tables
from vadkit.report.text_table import comma, latex, markdown

if TYPE_CHECKING:
    from vadkit.engine.bench.bench import Bench, PartCost

_HEAD = ("part", "components", "parameters", "GFLOPs", "ms a clip", "ms a frame")


def _cells(found: Bench, part: PartCost, join: str = " ({})") -> list[str]:
    taken = part.milliseconds
    clip = f"{taken.median:.2f}" + join.format(f"{taken.least:.2f} to {taken.most:.2f}") if taken else "-"
    return [
        part.name,
        part.what,
        tables.number(part.parameters or None, "{:.2f} M", 1e6),
        tables.number(part.flops, "{:.4g}", 1e9),
        clip,
        tables.number(found.per_frame(part), "{:.2f}"),
    ]


def _notes(found: Bench) -> list[str]:
    clip = found.clip
    weights = f"weights of {found.weights}" if found.weights else "untrained weights"
    channels = f"{clip.color} and flow" if clip.flow else clip.color
    notes = [
        f"{found.name}, {weights}; a clip: {clip.frames} frames of {clip.height}x{clip.width}, {channels}",
        "GFLOPs of one clip: convolutions and matrix products, without elementwise operations; a multiply-add is 2",
    ]
    if found.noise:
        fitted = ", ".join(f"{name} (up to {samples} samples)" for name, samples in found.noise.items())
        notes.append(f"fitted on noise: {fitted}; the number of samples decides the cost of a nearest-neighbour search")
    if found.repeat:
        if found.exported:
            runs = "exported models run on the same clips, in turn with PyTorch, with the same number of threads"
            notes.append(f"{runs}, in fp32")
        notes += [
            f"ms a frame: a clip advances the video by {found.stride} frames (engine.score_stride)",
            f"median (least to most) of {found.repeat} passes after {found.warmup}, batches of {found.batch}",
            f"no time includes decoding (benchmarks/loading.py){' or the optical flow of clips' if clip.flow else ''}",
            f"{found.device}, {found.precision}, CPU threads {found.threads}; peak memory {_memory(found)}",
            f"{found.frames_per_second:.2f} frames/s in all",
        ]
    return notes


def _memory(found: Bench) -> str:
    if found.peak_memory is None:
        return "unknown on this system"
    of = "of the process" if found.device == "cpu" else "allocated on the GPU"
    return f"{found.peak_memory / 2**20:.0f} MiB {of}"


def _console(found: Bench) -> str:
    table = Table(header_style="bold", caption="\n".join(_notes(found)), caption_justify="left")
    for position, head in enumerate(_HEAD):
        table.add_column(head, justify="left" if position < 2 else "right")
    for part in found.parts:
        table.add_row(*map(Text, _cells(found, part, "\n{}")))
    table.add_section()
    for part in (found.whole, *found.exported):
        table.add_row(*map(Text, _cells(found, part, "\n{}")))
    return tables.printed(table)


def _rows(found: Bench) -> list[list[str]]:
    return [list(_HEAD), *(_cells(found, part) for part in (*found.parts, found.whole, *found.exported))]


def _csv(found: Bench) -> str:
    columns = ("ms_per_clip", "ms_per_clip_least", "ms_per_clip_most", "ms_per_frame")
    rows: list[list[object]] = [["recipe", "part", "components", "parameters", "flops", *columns]]
    for part in (*found.parts, found.whole, *found.exported):
        taken = part.milliseconds
        times = [taken.median, taken.least, taken.most] if taken else [None] * 3
        rows.append([found.name, part.name, part.what, part.parameters, part.flops, *times, found.per_frame(part)])
    return comma(rows)


_FORMATS: Mapping[str, Callable[[Bench], str]] = {
    "console": _console,
    "csv": _csv,
    "markdown": lambda found: markdown(_rows(found), _notes(found)),
    "latex": lambda found: latex(_rows(found), _notes(found)),
    "json": lambda found: json.dumps({**asdict(found), "frames_per_second": found.frames_per_second}, indent=2) + "\n",
}
renderer = partial(tables.maker, _FORMATS)
"""Gives the function that writes measurements in a format; a VadkitError for an unknown format."""
