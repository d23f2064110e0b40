"""The content of a page, as plain values. `render` makes HTML of it.

Texts may contain anything, for example in names of files. The renderer escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadkit.core.values import Preview

Numbers = NDArray[np.floating] | NDArray[np.integer] | Sequence[float]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact at the top of the page: a name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: its content.
        href: relative address of a page; empty for no link.
        strong: whether it is emphasised.
    """

    text: str
    href: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table. The first cell of a row names the row.

    Attributes:
        caption: what it shows.
        heads: titles of the columns.
        rows: the rows, each with one cell for each column.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Tables:
    """A section of tables."""

    kind: ClassVar[str] = "tables"
    title: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class VideoPanel:
    """The scores of one video over time.

    Attributes:
        name: name of the video.
        numbers: frame numbers of the scores in the video, (K,), from 0 and rising.
        total: the final score at these frames, (K,).
        parts: component -> what it adds to the final score, (K,).
        abnormal: half-open ranges of frame numbers that are labelled as abnormal. None without labels.
        events: the first, the highest and the last frame number of each event, in order.
        seconds: time of each of these frames, (K,). None if unknown.
        note: values of this video.
        preview: its pictures. None if the page has none.
    """

    name: str
    numbers: NDArray[np.int64]
    total: NDArray[np.float64]
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    abnormal: Sequence[tuple[int, int]] | None = None
    events: Sequence[tuple[int, int, int]] = ()
    seconds: NDArray[np.float64] | None = None
    note: str = ""
    preview: Preview | None = None


@dataclass(frozen=True, slots=True)
class Player:
    """A section with a score curve for each video, linked to its pictures.

    Attributes:
        title: of the section.
        videos: the videos.
        threshold: alarm threshold. None without one.
        notes: what is shown, and what is missing.
    """

    kind: ClassVar[str] = "player"
    title: str
    videos: Sequence[VideoPanel]
    threshold: float | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A picture with a few lines of text. A click shows the frame in the player.

    Attributes:
        video: name of the video.
        frame: frame number in the video.
        head: first line.
        lines: further lines.
        picture: a JPEG image. None without one.
    """

    video: str
    frame: int
    head: str
    lines: Sequence[str] = ()
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Cards:
    """A section of cards."""

    kind: ClassVar[str] = "cards"
    title: str
    cards: Sequence[Card]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A curve of a chart: x and y, each (K,)."""

    name: str
    x: Numbers
    y: Numbers


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves over a common axis.

    Attributes:
        title: what it shows.
        x: title of the horizontal axis.
        y: title of the vertical axis.
        lines: the curves.
        square: whether both axes run from 0 to 100, with the diagonal of a random scorer.
    """

    kind: ClassVar[str] = "lines"
    title: str
    x: str
    y: str
    lines: Sequence[Line]
    square: bool = False


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of the frames of each class, for one score.

    Attributes:
        title: name of the score.
        edges: edges of the bins, (N + 1,).
        shares: class -> share of its frames in each bin in percent, (N,).
        threshold: alarm threshold. None without one.
    """

    kind: ClassVar[str] = "histogram"
    title: str
    edges: NDArray[np.float64]
    shares: Mapping[str, NDArray[np.float64]]
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """A row of a dot chart: values with optional intervals, one for each label of the chart."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class DotChart:
    """Values of several things side by side, with their intervals.

    Attributes:
        title: what it shows.
        x: title of the axis of the values.
        labels: names of the things, from top to bottom.
        points: one or more rows of values.
    """

    kind: ClassVar[str] = "dots"
    title: str
    x: str
    labels: Sequence[str]
    points: Sequence[Points]


Chart = LineChart | Histogram | DotChart


@dataclass(frozen=True, slots=True)
class Charts:
    """A section of charts."""

    kind: ClassVar[str] = "charts"
    title: str
    charts: Sequence[Chart]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is folded at first."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Texts:
    """A section of folded texts."""

    kind: ClassVar[str] = "texts"
    title: str
    texts: Sequence[Text]
    notes: Sequence[str] = ()


Section = Tables | Player | Cards | Charts | Texts


@dataclass(frozen=True, slots=True)
class Page:
    """A page: title, facts, warnings and sections.

    Attributes:
        title: of the page.
        facts: the most important facts, such as the protocol of the numbers.
        warnings: what a reader must know before the numbers.
        sections: the rest, in order.
    """

    title: str
    facts: Sequence[Fact]
    warnings: Sequence[str]
    sections: Sequence[Section]
