"""The table of all videos that `vadkit score --table` writes, as a Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vadkit.core.errors import VadkitError
from vadkit.core.files import atomic_write

TABLE = "videos.parquet"


def check_table() -> None:
    """Raise a VadkitError if the library for Parquet files is not installed."""
    if find_spec("pyarrow") is None:
        raise VadkitError("pyarrow is not installed", where="--table", fix="pip install 'vadkit[parquet]'")


def write_table(out: Path, records: Iterable[Mapping[str, Any]], problems: Mapping[str, str]) -> None:
    """Write `OUT/videos.parquet`, with one row for each video.

    Args:
        out: the folder of the results.
        records: of the videos with scores.
        problems: name of a video without scores -> why it has none.

    Raises:
        RunFolderError: `out` cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(record) for record in records]
    rows += [{"video": name, "problem": problem} for name, problem in problems.items()]
    schema = pa.schema(
        [
            ("video", pa.string()),
            ("scores", pa.string()),  # path of the frame scores in `out`
            ("frames", pa.int64()),
            ("fps", pa.float64()),
            ("events", pa.int64()),
            ("peak_score", pa.float64()),  # of the events
            ("problem", pa.string()),  # why the video has no scores
        ]
    )
    with atomic_write(out / TABLE) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    peaks = [event["peak_score"] for event in record["events"]]
    return {
        "video": record["video"],
        "scores": f"scores/{record['video']}.{record['format']}",
        "frames": record["frames"],
        "fps": record["fps"],
        "events": len(peaks),
        "peak_score": max(peaks, default=None),
    }
