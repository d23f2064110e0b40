"""Characters that the figures' font lacks: another installed font, or an escape in ASCII."""

from __future__ import annotations

from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

_BOXES = "Last Resort"  # a font that draws a box for every character

_REGULAR = (400, "normal", "regular", "book")  # weights


def make_drawable(figure: Figure) -> None:
    r"""Draw every character of a figure's texts, with other installed fonts if the default font lacks it.

    A character that no installed font has is written as an escape, such as `\u76e3`.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if not (missing := set(text.get_text()) - _default() - {"\n"}):
            continue
        fonts = _fonts(frozenset(missing))
        text.set_fontfamily([*text.get_fontfamily(), *fonts])
        drawable = set[str]().union(*fonts.values())
        text.set_text("".join(_escaped(c) if c in missing - drawable else c for c in text.get_text()))


@cache
def _default() -> frozenset[str]:
    return _characters(findfont(FontProperties()))


@cache
def _fonts(missing: frozenset[str]) -> dict[str, frozenset[str]]:
    """Fonts that have the most of the missing characters: name -> those of its characters that are missing."""
    chosen: dict[str, frozenset[str]] = {}
    upright = [font for font in fontManager.ttflist if font.style == "normal" and font.weight in _REGULAR]
    others = {font.name: font.fname for font in upright if _BOXES not in font.name}
    while missing:
        found = {name: missing & _characters(path) for name, path in others.items()}
        best = max(sorted(found), key=lambda name: len(found[name]), default="")
        if not best or not found[best]:
            break
        chosen[best] = found[best]
        missing -= found[best]
    return chosen


@cache
def _characters(path: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, get_font(path).get_charmap()))
    except (OSError, RuntimeError):  # the font was removed, or is damaged
        return frozenset()


def _escaped(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")
