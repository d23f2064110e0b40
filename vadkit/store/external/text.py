"""Text files of others: read as UTF-8, with a message that names the encoding of any other file."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from vadkit.core.errors import DataError

_FIX = "save it as UTF-8 (in a spreadsheet: 'CSV UTF-8')"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def read_utf8(path: Path) -> str:
    """The content of a text file, without a byte-order mark.

    Raises:
        DataError: the file cannot be read, or has another encoding.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    if "\0" in text:
        raise not_utf8(path)
    return text


def not_utf8(path: Path) -> DataError:
    """The error for a file with another encoding, which it names if the bytes tell it."""
    content = path.read_bytes()
    if content.startswith(_UTF_16) or b"\0" in content:
        return DataError("is text in UTF-16, or not text", where=str(path), fix=_FIX)
    for number, line in enumerate(content.split(b"\n"), 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            what = (
                f"is not text in UTF-8, but perhaps in Latin-1 or Windows-1252: {line[:80].decode('latin-1').strip()!r}"
            )
            return DataError(what, where=f"{path}, line {number}", fix=_FIX)
    return DataError("is not text in UTF-8", where=str(path), fix=_FIX)


def decimal_comma(cell: object) -> str:
    """The fix for a number with a decimal comma, to put before another one; empty for any other cell."""
    return "write decimals with a point, not with a comma; " if _DECIMAL_COMMA.fullmatch(str(cell)) else ""
