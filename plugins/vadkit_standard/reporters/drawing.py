"""What all figures share: colours, titles, quiet drawing. Figures are objects: pyplot's state is not touched."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vadkit.api import atomic_write

# Okabe and Ito's colours, which the colour-blind tell apart; green, blue and red as in the paper's Fig. 6.
NORMAL = "#0072B2"
ABNORMAL = "#D55E00"
TOTAL = ABNORMAL
BAND = "#f4b6b6"
GRAY = "#777777"
FUSED = ""  # no component can have this name
_NAMED = {"reconstruction": "#009E73", "likelihood": NORMAL}
_OTHERS = ("#009E73", NORMAL, "#CC79A7", "#E69F00", "#56B4E9", "#000000")


@contextmanager
def quiet() -> Iterator[None]:
    """Names are no formulas, and a character that the font lacks is no reason to complain."""
    with rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def save(figure: Figure, path: Path, dpi: int) -> None:
    """Write a picture, aside then renamed.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    with atomic_write(path) as aside:
        figure.savefig(aside, dpi=dpi)


def colors_of(components: Collection[str]) -> dict[str, str]:
    """Component -> its colour."""
    colors = {name: _NAMED[name] for name in components if name in _NAMED}
    free = [color for color in _OTHERS if color not in colors.values()]
    rest = [name for name in components if name not in colors]
    return colors | {name: free[index % len(free)] for index, name in enumerate(rest)}


def rules(protocol: Mapping[str, Any]) -> str:
    """What a number must be read beside."""
    mark = "   TEST-TUNED" if protocol.get("test_tuned") else ""
    return f"protocol {protocol.get('name', '?')} #{protocol.get('digest', '?')}{mark}"


def plain_frame(axes: Axes) -> None:
    """Axes with two lines around them instead of four."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
