"""Files of frame scores: CSV, JSON lines, Parquet and NumPy. Only a NumPy file needs all scores in memory."""

from __future__ import annotations

import csv
import json
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from vadkit.core.errors import VadkitError, join_names
from vadkit.core.watching import FrameScore
from vadkit.video.sampling import middle

_ROWS = 8192  # of a row group of a Parquet file
_HEAD = ("frame", "seconds", "score")

Put = Callable[[int, float | None, FrameScore], None]
"""Writes a frame: its number in the file, its time (None if unknown), and its scores."""


def check_format(form: str) -> None:
    """Raise a VadkitError if the format is unknown, or if its library is not installed."""
    if form not in FORMATS:
        raise VadkitError(f"unknown format {form!r}", where="--format", fix=f"choose among {join_names(FORMATS)}")
    if form == "parquet" and find_spec("pyarrow") is None:
        raise VadkitError("pyarrow is not installed", where="--format parquet", fix="pip install 'vadkit[parquet]'")


def writing(form: str, path: Path, components: Sequence[str]) -> AbstractContextManager[Put]:
    """Open a file of frame scores. The context gives a function that writes the next frame."""
    return FORMATS[form](path, components)


def every_frame(scores: Iterable[FrameScore]) -> Iterator[tuple[int, float, FrameScore]]:
    """Each frame of a recording: its number, its seconds, and the score of the nearest scored frame.

    These are the scores as `Sampling.nearest` spreads them, for a video that is scored while it is read.
    """
    last: FrameScore | None = None
    for score in scores:
        if last is not None:
            end = middle(last.seconds, score.seconds)
            yield from ((number, at, last if at <= end else score) for number, at in last.left_out)
        yield score.frame, score.seconds, score
        last = score
    if last is not None:
        yield from ((number, at, last) for number, at in last.left_out)


def _columns(components: Sequence[str]) -> list[str]:
    return [*_HEAD, *(f"component.{name}" if name in _HEAD else name for name in components)]


@contextmanager
def _csv(path: Path, components: Sequence[str]) -> Iterator[Put]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_columns(components))

        def put(number: int, seconds: float | None, scored: FrameScore) -> None:
            time = "" if seconds is None else f"{seconds:.3f}"
            values = (scored.score, *(scored.components[name] for name in components))
            writer.writerow([number, time, *(f"{value:.8g}" for value in values)])

        yield put


@contextmanager
def _jsonl(path: Path, components: Sequence[str]) -> Iterator[Put]:
    with path.open("w", encoding="utf-8") as file:

        def put(number: int, seconds: float | None, scored: FrameScore) -> None:
            parts = {name: _finite(scored.components[name]) for name in components}
            time = None if seconds is None else round(seconds, 6)
            line = {"frame": number, "seconds": time, "score": _finite(scored.score), "components": parts}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

        yield put


class _Rows:
    """Rows as plain arrays, one for each column."""

    def __init__(self, components: Sequence[str]) -> None:
        self._names = list(components)
        kinds = ["q", *"d" * (2 + len(components))]
        self.columns = {name: array(kind) for name, kind in zip(_columns(components), kinds, strict=True)}

    def put(self, number: int, seconds: float | None, scored: FrameScore) -> None:
        """Add a row. An unknown time is NaN."""
        parts = [scored.components[name] for name in self._names]
        row = (number, math.nan if seconds is None else seconds, scored.score, *parts)
        for column, value in zip(self.columns.values(), row, strict=True):
            column.append(value)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns["frame"])


@contextmanager
def _npz(path: Path, components: Sequence[str]) -> Iterator[Put]:
    rows = _Rows(components)
    yield rows.put
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:  # np.savez refuses a component that is named "file"
        for name, column in rows.columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(column), allow_pickle=False)


@contextmanager
def _parquet(path: Path, components: Sequence[str]) -> Iterator[Put]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = _Rows(components)
    schema = pa.schema([(name, pa.int64() if name == "frame" else pa.float64()) for name in rows.columns])
    with pq.ParquetWriter(path, schema) as writer:

        def flush() -> None:
            nonlocal rows
            columns = [pa.array(np.asarray(column), from_pandas=True) for column in rows.columns.values()]  # NaN: null
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            rows = _Rows(components)

        def put(number: int, seconds: float | None, scored: FrameScore) -> None:
            rows.put(number, seconds, scored)
            if len(rows) == _ROWS:
                flush()

        yield put
        flush()


FORMATS: Mapping[str, Callable[[Path, Sequence[str]], AbstractContextManager[Put]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "npz": _npz,
}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
