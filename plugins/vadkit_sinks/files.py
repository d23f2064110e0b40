"""Appends alarms and scores to files, line by line. If the process is killed, every written line is complete."""

from __future__ import annotations

import csv
import json
from io import FileIO, StringIO
from pathlib import Path

from vadkit.api import AlarmEvent, FrameScore, RunFolderError, Sink, WatchedSource, WatchSummary


class JsonLines(Sink):
    """Appends each begin and end of an alarm to a file, as one JSON object per line.

    Args:
        file: the file. It is created if it does not exist.

    Example:
        >>> from datetime import UTC, datetime
        >>> from tempfile import TemporaryDirectory
        >>> from vadkit.api import Alarm
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> with TemporaryDirectory() as folder:
        ...     sink = JsonLines(file=Path(folder, "alarms.jsonl"))
        ...     sink.open(source)
        ...     sink.alarm(AlarmEvent(1, source, Alarm(50, 2.0, 3.5, 50, 2.0)))
        ...     sink.close(WatchSummary(source, "end of the source"))
        ...     json.loads(Path(folder, "alarms.jsonl").read_text())["event"]
        'begin'
    """

    def __init__(self, *, file: Path) -> None:
        self._lines = _AppendedFile(file)

    def open(self, source: WatchedSource) -> None:
        """Open the file."""
        del source
        self._lines.open()

    def alarm(self, event: AlarmEvent) -> None:
        """Append a line."""
        self._lines.write(json.dumps(event.as_dict(), ensure_ascii=False) + "\n")

    def close(self, summary: WatchSummary) -> None:
        """Close the file."""
        del summary
        self._lines.close()


class Scores(Sink):
    """Appends the score of every frame to a CSV file: source, frame, seconds, score.

    Args:
        file: the file. It is created if it does not exist, with a header line.

    Example:
        >>> from datetime import UTC, datetime
        >>> from tempfile import TemporaryDirectory
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> with TemporaryDirectory() as folder:
        ...     sink = Scores(file=Path(folder, "scores.csv"))
        ...     sink.open(source)
        ...     sink.frame(FrameScore(0, 0.0, 0.25, {}))
        ...     sink.close(WatchSummary(source, "end of the source"))
        ...     Path(folder, "scores.csv").read_text().splitlines()
        ['source,frame,seconds,score', 'night.mp4,0,0.000,0.25']
    """

    needs_frames = True

    def __init__(self, *, file: Path) -> None:
        self._table = _AppendedFile(file)
        self._source = ""

    def open(self, source: WatchedSource) -> None:
        """Open the file, and write the header into an empty file."""
        self._source = source.name
        if self._table.open():
            self._table.write("source,frame,seconds,score\n")

    def alarm(self, event: AlarmEvent) -> None:
        """Do nothing: the file has scores only."""
        del event

    def frame(self, score: FrameScore) -> None:
        """Append a line."""
        line = StringIO()
        row = [self._source, score.frame, f"{score.seconds:.3f}", f"{score.score:.6g}"]
        csv.writer(line, lineterminator="\n").writerow(row)
        self._table.write(line.getvalue())

    def close(self, summary: WatchSummary) -> None:
        """Close the file."""
        del summary
        self._table.close()


class _AppendedFile:
    """A text file to which complete lines are appended, without a buffer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._partial = False  # whether a full disk cut the last line

    def open(self) -> bool:
        """Open the file, and return whether it is empty.

        Raises:
            RunFolderError: it cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._partial = self._is_cut()
            self._file = FileIO(self._path, "a")
            return self._file.tell() == 0
        except OSError as error:
            what = f"cannot be written: {error.strerror or error}"
            raise RunFolderError(what, where=str(self._path), fix="choose another file") from error

    def _is_cut(self) -> bool:
        """Whether the file ends within a line, because a full disk or a crash cut it."""
        if not self._path.is_file() or not self._path.stat().st_size:
            return False
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) != b"\n"

    def write(self, line: str) -> None:
        """Append a line.

        Raises:
            RunFolderError: the disk is full, or the file cannot be written.
        """
        assert self._file is not None
        data = (("\n" if self._partial else "") + line).encode()
        try:
            written = self._file.write(data)
        except OSError as error:
            what = f"{self._path} cannot be written: {error.strerror or error}"
            raise RunFolderError(what, where=str(self._path), fix="free some space") from error
        self._partial = written != len(data)
        if self._partial:
            raise RunFolderError(f"{self._path}: the disk is full", where=str(self._path), fix="free some space")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
