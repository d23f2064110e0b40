"""What a check of a data set came to: findings, and one row of counts a split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from vadkit.core.errors import VadkitError
from vadkit.core.values import Split

Severity = Literal["error", "warning", "note"]
"""An error makes a result wrong or a run fail; a warning may; a note is worth knowing."""

_ORDER = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        severity: how bad it is.
        topic: what it is about, one word that stays the same from version to version.
        where: file, folder or video concerned.
        what: what was found, one sentence.
        fix: what to do about it; empty if nothing need be done.
    """

    severity: Severity
    topic: str
    where: str
    what: str
    fix: str = ""

    @classmethod
    def of(cls, error: VadkitError, topic: str, where: str) -> Finding:
        """An error that was raised, at `where` unless it says better."""
        return cls("error", topic, error.where or where, error.what, error.fix)


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of one split.

    Attributes:
        split: "train" or "test".
        videos: videos found.
        frames: frames of them: decoded, or as announced where nothing was decoded.
        expected_videos: as published; None if unknown.
        expected_frames: as published; None if unknown.
        abnormal: frames labelled abnormal; None without labels.
        expected_abnormal: as published; None if unknown.
        sizes: WxH, the most frequent first.
        fps: frames per second, the most frequent first.
    """

    split: Split
    videos: int
    frames: int
    expected_videos: int | None = None
    expected_frames: int | None = None
    abnormal: int | None = None
    expected_abnormal: int | None = None
    sizes: tuple[str, ...] = ()
    fps: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole check.

    Attributes:
        name: the data set.
        findings: errors first.
        rows: one a split.
        decoded: whether every frame was decoded, or headers were read alone.
    """

    name: str
    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]
    decoded: bool = True

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What must be mended."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def count(self, severity: Severity) -> int:
        """How many findings of a severity there are."""
        return sum(finding.severity == severity for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """As it is written to a JSON file."""
        return asdict(self)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, warnings, notes; each once, else in the order in which they were found."""
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
