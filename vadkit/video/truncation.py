"""Detects truncated video files by the sizes in bytes that their containers state.

A file that was truncated by an interrupted copy or download often decodes without an error: it only
ends earlier. Most containers state sizes that reveal this.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_HEAD = 1 << 16  # bytes
_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"sidx"})
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_TS = ((188, 0), (192, 4))  # bytes of a packet, and the position of its sync byte


def missing_bytes(path: Path) -> int:
    """Least number of bytes that are missing at the file's end; 0 if it is complete or states no size.

    AVI, MP4, MOV, Matroska, WebM and ASF state sizes, and MPEG-TS has packets of a fixed size. MPEG program
    streams and raw streams state nothing.
    """
    try:
        with path.open("rb") as file:
            size, head = os.fstat(file.fileno()).st_size, file.read(_HEAD)
            return max(_stated_end(file, head, size) - size, 0)
    except OSError:
        return 0  # decoding the file reports the error


def _stated_end(file: BinaryIO, head: bytes, size: int) -> int:
    """Size that the file should have, bytes; 0 if unknown."""
    if head[:4] == b"RIFF":
        return _riff(file, size)
    if head[4:8] in _BOXES:
        return _boxes(file, size)
    if head[:4] == _EBML:
        return _matroska(head)
    if head[:16] == _ASF:
        return _asf(head)
    for packet, sync in _TS:
        if all(head[at : at + 1] == b"\x47" for at in range(sync, 4 * packet, packet)):
            return -(-size // packet) * packet
    return 0


def _riff(file: BinaryIO, size: int) -> int:
    """AVI: one RIFF chunk, or several in a large file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        if name != b"RIFF" or length in (0, 0xFFFFFFFF):  # appended data, or a size that was never written
            break
        at += 8 + length
        if at > size:
            return at
        at += length % 2
    return 0


def _boxes(file: BinaryIO, size: int) -> int:
    """MP4 and QuickTime: boxes, each with its size; a size of 0 means up to the end of the file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, name = int.from_bytes(file.read(4), "big"), file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8 or not (name.isascii() and name.decode("ascii", "replace").isprintable()):
            break
        at += length
        if at > size:
            return at
    return 0


def _matroska(head: bytes) -> int:
    """Matroska: a header and one segment; the size of a live recording's segment is unknown."""
    length, at = _vint(head, 4)
    at += length
    if head[at : at + 4] != _SEGMENT:
        return 0
    width = 9 - head[at + 4].bit_length() if len(head) > at + 4 else 0
    length, start = _vint(head, at + 4)
    return 0 if length == (1 << 7 * width) - 1 else start + length


def _vint(head: bytes, at: int) -> tuple[int, int]:
    """A number of variable width and the position after it; the leading zero bits encode its number of bytes."""
    first = head[at] if at < len(head) else 0
    width = 9 - first.bit_length()
    value = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
    return value, at + width


def _asf(head: bytes) -> int:
    at = head.find(_ASF_PROPERTIES)
    return int.from_bytes(head[at + 40 : at + 48], "little") if at >= 0 else 0
