"""Published ROC curves: files with false and true positive rates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.store.external.arrays import load_arrays
from vadkit.store.external.json_files import load_json
from vadkit.store.external.matlab import load_matlab
from vadkit.store.external.tables import read_table

Rates = tuple[NDArray[np.float64], NDArray[np.float64]]

_NAMES = (("fpr", "tpr"), ("false_positive_rate", "true_positive_rate"), ("x", "y"))
_FIX = "write the columns fpr and tpr, each from 0 to 1: a table, JSON, .npz or .mat"


def read_curve(path: Path) -> Rates | None:
    """False and true positive rates of a curve, both (K,) and rising; None if the file holds something else.

    The columns are `fpr` and `tpr`, `false_positive_rate` and `true_positive_rate`, or `x` and `y`.

    Raises:
        DataError: the rates are not those of a ROC curve.
    """
    try:
        columns = {name.lower(): np.asarray(value) for name, value in _columns(path).items() if value is not None}
    except DataError:
        return None  # the reader of scores says what is wrong
    pair = next((pair for pair in _NAMES if set(pair) <= set(columns)), None)
    if pair is None:
        return None
    false, true = (columns[name].ravel() for name in pair)
    if false.dtype.kind not in "biuf" or true.dtype.kind not in "biuf" or false.size != true.size or false.size < 2:
        raise DataError(f"{pair[0]} and {pair[1]} are not two lists of numbers", where=str(path), fix=_FIX)
    false, true = false.astype(np.float64), true.astype(np.float64)
    if false[0] > false[-1]:  # from the lowest threshold up
        false, true = false[::-1], true[::-1]
    inside = ((false >= 0) & (false <= 1) & (true >= 0) & (true <= 1)).all()
    if not inside or (np.diff(false) < 0).any() or (np.diff(true) < 0).any():
        what = f"{pair[0]} and {pair[1]} do not rise together from 0 to 1"
        raise DataError(what, where=str(path), fix="write shares, not percent, in the order of the thresholds")
    return np.concatenate([[0.0], false, [1.0]]), np.concatenate([[0.0], true, [1.0]])


def _columns(path: Path) -> Mapping[str, Any]:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return load_arrays(path)
    if suffix == ".mat":
        return load_matlab(path)
    if suffix in (".csv", ".tsv", ".txt"):
        return read_table(path)[0].columns
    if suffix == ".json":
        content = load_json(path, _FIX, lambda _: False)
        return content if isinstance(content, dict) else {}
    return {}
