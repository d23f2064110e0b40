"""The result of a data set check: findings, and a row of counts for each split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from vadkit.core.errors import VadkitError
from vadkit.core.values import Split

Severity = Literal["error", "warning", "note"]
"""An error makes results wrong or a run fail, a warning may do so, and a note is information."""

_ORDER = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a check."""

    severity: Severity
    topic: str  # one word that does not change between versions
    where: str  # the file, folder or video
    what: str  # what was found, one sentence
    fix: str = ""  # what to do; empty if nothing

    @classmethod
    def of(cls, error: VadkitError, topic: str, where: str) -> Finding:
        """A finding from a raised error; `where` is used if the error has no place."""
        return cls("error", topic, error.where or where, error.what, error.fix)


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of one split."""

    split: Split
    videos: int
    frames: int  # decoded, or from headers if nothing was decoded
    expected_videos: int | None = None  # published number, as are the other expected ones; None if unknown
    expected_frames: int | None = None
    abnormal: int | None = None  # number of frames labelled abnormal; None without labels
    expected_abnormal: int | None = None
    sizes: tuple[str, ...] = ()  # WxH, the most frequent first
    fps: tuple[float, ...] = ()  # frames per second, the most frequent first


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check."""

    name: str
    findings: tuple[Finding, ...]  # errors first
    rows: tuple[Row, ...]
    decoded: bool = True  # whether every frame was decoded; otherwise only headers were read

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that must be fixed."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def count(self, severity: Severity) -> int:
        """Number of findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """The report as a dictionary, for a JSON file."""
        return asdict(self)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, warnings, notes; without duplicates, and otherwise in the given order."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: _ORDER.index(finding.severity)))


def some(count: int, noun: str) -> str:
    """A count with its noun.

    >>> some(1, "frame"), some(2, "frame")
    ('1 frame', '2 frames')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def ranges(numbers: Iterable[int]) -> list[str]:
    """Sorted numbers as ranges.

    >>> ranges([3, 5, 6, 7])
    ['3', '5-7']
    """
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in spans]
