"""Reads MAT-files of MATLAB 5 to 7: numeric arrays and cell arrays of them.

`scipy.io.loadmat` is not used: it trusts the numbers in a file, and a few changed bytes can crash the process. This
reader checks every number before it uses it, and reads nothing but numbers.

The format: a header of 128 bytes, then elements. An element has a tag (type and number of bytes) and data. An
element of type 15 is another element, compressed with zlib. An element of type 14 is a variable: flags, dimensions,
name, and then the numbers or, for a cell array, one element for each cell. See "MAT-File Format", MathWorks, 2024.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL = 1
_COMPLEX = 0x0800
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_DEEPEST = 4  # cells within cells
_MOST_DIMENSIONS = 8
_MOST_BYTES = 2**32  # of a variable, uncompressed
_START = 1024  # bytes that hold flags, dimensions and name of a variable


_Element = tuple[bytes, Callable[[], memoryview]]


class MatFileError(Exception):
    """The file is damaged, or of another kind. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a file.

    Attributes:
        name: of the variable.
        shape: its dimensions.
        is_cell: whether it is a cell array.
    """

    name: str
    shape: tuple[int, ...]
    is_cell: bool


def list_variables(path: Path) -> list[Variable]:
    """The variables of a file, without their content.

    Raises:
        MatFileError: the file is damaged, or of another kind.
        OSError: the file cannot be read.
    """
    order, elements = _elements(path)
    return [_head(_Bytes(start, order))[0] for start, _ in elements]


def read_variables(path: Path) -> Mapping[str, NDArray[Any] | None]:
    """Name -> array; cells are arrays of objects. None for a variable of another class, such as a text.

    Raises:
        MatFileError: the file is damaged, or of another kind.
        OSError: the file cannot be read.
    """
    order, elements = _elements(path)
    found: dict[str, NDArray[Any] | None] = {}
    for start, content in elements:
        variable, _, _ = _head(_Bytes(start, order))
        found[variable.name] = _array(content(), order, _DEEPEST)
    return found


class _Bytes:
    """Bytes that are read from the start, element by element."""

    def __init__(self, data: bytes | memoryview, order: str) -> None:
        self._data, self._order, self._at = memoryview(data), order, 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._data)

    def element(self) -> tuple[int, memoryview]:
        """Type and data of the next element."""
        kind, size = self._number(0), self._number(4)
        if kind >> 16:  # a small element: both numbers in four bytes, and the data in the next four
            kind, size, start, step = kind & 0xFFFF, kind >> 16, self._at + 4, 8
        else:
            start, step = self._at + 8, 8 + size + (-size % 8 if kind != _COMPRESSED else 0)
        if (step == 8 and size > 4 and start == self._at + 4) or start + size > len(self._data):
            raise MatFileError("an element is longer than the file")
        self._at += step
        return kind, self._data[start : start + size]

    def numbers(self, what: str) -> NDArray[Any]:
        """The next element, which holds numbers."""
        kind, data = self.element()
        if kind not in _STORED:
            raise MatFileError(f"the {what} have the type {kind}, which is not a number")
        stored = np.dtype(self._order + _STORED[kind])
        if len(data) % stored.itemsize:
            raise MatFileError(f"the {what} end within a number")
        return np.frombuffer(data, stored)

    def _number(self, offset: int) -> int:
        first = self._at + offset
        if first + 4 > len(self._data):
            raise MatFileError("it ends within an element")
        return int.from_bytes(self._data[first : first + 4], "little" if self._order == "<" else "big")


def _elements(path: Path) -> tuple[str, Iterator[_Element]]:
    """The order of bytes, and for each variable its start and a function that gives it in full."""
    data = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128], "")
    version = int.from_bytes(data[124:126], "little" if order == "<" else "big")
    if not order or version != 0x0100:
        hdf5 = b"HDF" in data[:_HEADER] or b"MATLAB 7.3" in data[:_HEADER]
        why = "is a file of MATLAB 7.3" if hdf5 else "is not a file of MATLAB 5 to 7"
        raise MatFileError(f"{why}; save it with save(..., '-v7')")
    return order, _iterate(memoryview(data)[_HEADER:], order)


def _iterate(data: memoryview, order: str) -> Iterator[_Element]:
    content = _Bytes(data, order)
    while not content.ended:
        kind, element = content.element()
        if kind == _COMPRESSED:
            start = _decompressed(element, _START, whole=False)
            yield start[8:], partial(_inflated, element, order)  # after the tag of the variable
        elif kind == _MATRIX:
            yield bytes(element[:_START]), partial(memoryview, element)
        else:
            raise MatFileError(f"an element has the type {kind}, and is not a variable")


def _inflated(data: memoryview, order: str) -> memoryview:
    kind, element = _Bytes(_decompressed(data, _MOST_BYTES, whole=True), order).element()
    if kind != _MATRIX:
        raise MatFileError(f"an element has the type {kind}, and is not a variable")
    return element


def _decompressed(data: memoryview, most: int, *, whole: bool) -> bytes:
    reader = zlib.decompressobj()
    try:
        content = reader.decompress(data, most)
    except zlib.error as error:
        raise MatFileError(f"its compressed data is damaged: {error}") from error
    if whole and not reader.eof:
        long = len(content) >= most
        raise MatFileError(f"a variable is larger than {most} bytes" if long else "its compressed data ends too early")
    return content


def _head(content: _Bytes) -> tuple[Variable, int, bool]:
    """The variable, the number of its class, and whether it is complex."""
    flags = content.numbers("flags")
    if not flags.size or flags.dtype.kind == "f":
        raise MatFileError("a variable has no flags")
    flag = int(flags[0])
    dimensions = content.numbers("dimensions")
    if dimensions.dtype.kind == "f":
        raise MatFileError("the dimensions are not whole numbers")
    shape = tuple(int(size) for size in dimensions)
    if not 2 <= len(shape) <= _MOST_DIMENSIONS or min(shape) < 0:
        raise MatFileError(f"a variable has the dimensions {shape}")
    _, name = content.element()
    number = flag & 0xFF
    return Variable(bytes(name).decode("utf-8", "replace"), shape, number == _CELL), number, bool(flag & _COMPLEX)


def _array(data: bytes | memoryview, order: str, deepest: int) -> NDArray[Any] | None:
    if not len(data):
        return np.empty((0, 0))  # MATLAB stores an empty cell without content
    content = _Bytes(data, order)
    variable, number, is_complex = _head(content)
    count = math.prod(variable.shape)
    if variable.is_cell:
        return _cells(content, variable.shape, count, order, deepest)
    if number not in _CLASSES or is_complex:
        return None
    values = content.numbers("numbers") if count else np.empty(0)
    if values.size != count:
        raise MatFileError(f"{variable.name!r} has {values.size} numbers, but its dimensions are {variable.shape}")
    with np.errstate(invalid="ignore", over="ignore"):
        return values.astype(_CLASSES[number]).reshape(variable.shape, order="F")


def _cells(content: _Bytes, shape: tuple[int, ...], count: int, order: str, deepest: int) -> NDArray[Any]:
    if not deepest:
        raise MatFileError("cells are nested too deeply")
    found: list[NDArray[Any] | None] = []
    while not content.ended and len(found) < count:
        kind, element = content.element()
        if kind != _MATRIX:
            raise MatFileError(f"a cell has the type {kind}, and is not a variable")
        found.append(_array(element, order, deepest - 1))
    if len(found) != count:
        raise MatFileError(f"{len(found)} cells, but the dimensions are {shape}")
    cells = np.empty(count, object)
    cells[:] = found if count != 1 else None
    if count == 1:
        cells[0] = found[0]
    return cells.reshape(shape, order="F")
