"""Makes one HTML file of a page. The file contains everything that it needs, and does not use the network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.core.files import atomic_write
from vadkit.core.version import __version__
from vadkit.report.page import Chart, Charts, DotChart, Histogram, LineChart, Page, Player, VideoPanel

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("library.js", "charts.js", "player.js", "start.js")
_DIGITS = 5  # significant digits of a number in the page


def write_page(page: Page, path: Path) -> None:
    """Write the HTML file of a page.

    Raises:
        RunFolderError: the file cannot be written.
    """
    content = render(page)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def render(page: Page) -> bytes:
    """The HTML file of a page, UTF-8."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    player = next((section for section in page.sections if isinstance(section, Player) and section.videos), None)
    charts = [chart for section in page.sections if isinstance(section, Charts) for chart in section.charts]
    environment = Environment(
        loader=FileSystemLoader(_ASSETS), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["jpeg_address"] = lambda picture: f"data:image/jpeg;base64,{_base64(picture)}"
    environment.filters["chart_id"] = lambda chart: f"chart-{next(n for n, one in enumerate(charts) if one is chart)}"
    script = _script()
    plotly, plotly_hash = _plotly()
    values = {
        "page": page,
        "version": __version__,
        "policy": _policy(_hash(script.encode()), plotly_hash),
        "style": _safe((_ASSETS / "page.css").read_text(encoding="utf-8")),
        "script": _safe(script),
        "plotly": _safe(plotly),
        "data": _safe(_json({
            "player": _player(player) if player else None,
            "charts": {f"chart-{number}": _chart(chart) for number, chart in enumerate(charts)},
        })),
        "strips": _strips(player.videos if player else ()),
        "videos": {video.name for video in player.videos} if player else set[str](),
    }  # fmt: skip
    text = environment.get_template("page.html").render(values)
    return text.encode("utf-8", "replace")  # a name may hold bytes that are not UTF-8


def _safe(text: str) -> Any:
    """Text that needs no escaping."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 (no caller passes text of a user: styles, scripts, base64, and JSON of `_json`)


@dataclass(frozen=True, slots=True)
class _StripElement:
    index: int
    content: Any


def _strips(videos: Sequence[VideoPanel]) -> list[_StripElement]:
    return [
        _StripElement(number, _safe(_base64(video.preview.video)))
        for number, video in enumerate(videos)
        if video.preview is not None
    ]


def _policy(*scripts: str) -> str:
    """The content security policy: only the scripts of the page run, and nothing is loaded from elsewhere."""
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(f"'sha256-{one}'" for one in scripts),
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "media-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


@cache
def _script() -> str:
    parts = [(_ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


@cache
def _plotly() -> tuple[str, str]:
    """plotly.js, compressed and in base64, and its hash."""
    from plotly.offline import get_plotlyjs

    content = get_plotlyjs().encode()
    return _base64(gzip.compress(content, compresslevel=6, mtime=0)), _hash(content)


def _hash(content: bytes) -> str:
    return _base64(hashlib.sha256(content).digest())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _json(value: Any) -> str:
    """JSON without the characters that could end the HTML element around it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _rounded(values: Any) -> list[Any]:
    """Numbers for JSON: with few digits, and None if they are not finite."""
    if isinstance(values, np.ndarray) and np.issubdtype(values.dtype, np.integer):
        return values.tolist()
    return [
        None if value is None or not np.isfinite(value) else float(f"{value:.{_DIGITS}g}")
        for value in (values.tolist() if isinstance(values, np.ndarray) else values)
    ]


def _player(player: Player) -> Mapping[str, Any]:
    return {"threshold": player.threshold, "videos": [_video(video) for video in player.videos]}


def _video(video: VideoPanel) -> Mapping[str, Any]:
    preview = video.preview
    shown = None
    if preview is not None:
        shown = {"numbers": preview.numbers.tolist(), "fps": preview.fps, "parts": list(preview.parts)}
    return {
        "name": video.name,
        "numbers": video.numbers.tolist(),
        "total": _rounded(video.total),
        "parts": {name: _rounded(scores) for name, scores in video.parts.items()},
        "abnormal": None if video.abnormal is None else [list(ends) for ends in video.abnormal],
        "events": [list(event) for event in video.events],
        "seconds": None if video.seconds is None else np.round(video.seconds, 3).tolist(),
        "note": video.note,
        "strip": shown,
    }


def _chart(chart: Chart) -> Mapping[str, Any]:
    if isinstance(chart, LineChart):
        lines = [{"name": line.name, "x": _rounded(line.x), "y": _rounded(line.y)} for line in chart.lines]
        return {"kind": chart.kind, "x": chart.x, "y": chart.y, "square": chart.square, "lines": lines}
    if isinstance(chart, Histogram):
        shares = {name: _rounded(values) for name, values in chart.shares.items()}
        return {"kind": chart.kind, "edges": _rounded(chart.edges), "shares": shares, "threshold": chart.threshold}
    assert isinstance(chart, DotChart)
    points = [
        {"name": one.name, **{key: _rounded(getattr(one, key)) for key in ("values", "low", "high")}}
        for one in chart.points
    ]
    return {"kind": chart.kind, "x": chart.x, "labels": list(chart.labels), "points": points}
