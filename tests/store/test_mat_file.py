"""MAT-files against SciPy's writer, and files that lie about themselves."""

from __future__ import annotations

import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from vadkit.core.errors import DataError
from vadkit.store.external import mat_file
from vadkit.store.external.labels import read_label_file
from vadkit.store.external.mat_file import MatFileError, list_variables, read_variables

ARRAYS: dict[str, Any] = {
    "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "doubles": np.linspace(-1, 1, 12).reshape(3, 4),
    "negative": np.array([[-5, 7, -(2**40)]], np.int64),
    "volume": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
    "flags": np.array([[True, False]]),
    "none": np.empty((0, 3)),
}


def cells() -> Any:
    found = np.empty((1, 3), object)
    found[0] = [np.array([[2], [5]]), np.empty((0, 0)), np.array([[1, 7], [3, 9]])]
    return found


@pytest.mark.parametrize("compressed", [True, False])
def test_it_reads_what_scipy_writes(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.mat"
    savemat(path, ARRAYS | {"gt": cells(), "text": "hello", "struct": {"a": 1.0}}, do_compression=compressed)
    found = read_variables(path)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
    gt = found["gt"]
    assert gt is not None
    for cell, expected in zip(gt[0], cells()[0], strict=True):
        np.testing.assert_array_equal(cell, expected)
    assert found["text"] is None
    assert found["struct"] is None
    listed = {variable.name: (variable.shape, variable.is_cell) for variable in list_variables(path)}
    assert listed["gt"] == ((1, 3), True)
    assert listed["volume"] == ((2, 3, 4), False)


def test_flags_that_crash_scipy_are_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"gt": cells()})
    data = bytearray(path.read_bytes())
    at = data.index(b"gt\x00\x00") + 4 + 16  # the flags of the first cell
    data[at : at + 8] = b"\x0e\xfc\xff\xff\xff\x00\x00\x00"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.mat: 'gt' must hold one 2xK array of intervals per video"):
        read_label_file(path)


@pytest.mark.parametrize("kind", [1, 7, 9, 12])
def test_flags_and_dimensions_of_another_type_are_no_error_of_numpy(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"a": np.ones((2, 2))})
    valid = path.read_bytes()
    for at in (128 + 8, 128 + 24):  # the tags of flags and dimensions
        path.write_bytes(valid[:at] + bytes([kind]) + valid[at + 1 :])
        try:
            read_variables(path)
        except MatFileError:
            continue


@pytest.mark.parametrize("compressed", [True, False])
def test_no_change_of_a_few_bytes_is_more_than_a_message(tmp_path: Path, compressed: bool) -> None:
    path, chance = tmp_path / "a.mat", random.Random(0)
    savemat(path, ARRAYS | {"gt": cells()}, do_compression=compressed)
    valid = path.read_bytes()
    refused = 0
    for _ in range(300):
        changed = bytearray(valid)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(124, len(changed))] = chance.choice((0, 1, 5, 14, 0x7F, 0x80, 0xFF))
        path.write_bytes(changed[: chance.choice((len(changed), chance.randrange(len(changed))))])
        try:
            read_variables(path)
        except MatFileError:
            refused += 1
    assert refused > 100


def test_a_variable_that_inflates_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat_file, "_MOST_BYTES", 1000)
    path = tmp_path / "a.mat"
    savemat(path, {"a": np.zeros((100, 100))}, do_compression=True)
    with pytest.raises(MatFileError, match="larger than 1000 bytes"):
        read_variables(path)
    content = zlib.compress(b"\x0e\x00\x00\x00\xff\xff\xff\xff")
    path.write_bytes(path.read_bytes()[:128] + b"\x0f\x00\x00\x00" + len(content).to_bytes(4, "little") + content)
    with pytest.raises(MatFileError, match="ends within an element"):
        read_variables(path)


def test_another_version_says_how_to_save(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, HDF5".ljust(124) + b"\x00\x02IM")
    with pytest.raises(DataError, match=r"is a file of MATLAB 7\.3; save it with save\(\.\.\., '-v7'\)"):
        read_label_file(path)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x89HDF\r\n".ljust(200), "is a file of MATLAB 7.3"),
        (b"RIFF".ljust(200), "is not a file of MATLAB 5 to 7"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(data)
    with pytest.raises(MatFileError, match=why):
        read_variables(path)


def test_an_element_that_says_it_is_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"doubles": ARRAYS["doubles"]})
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[132:136], "little")
    data[132:136] = (size + 8).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(MatFileError, match="longer than the file"):
        read_variables(path)
