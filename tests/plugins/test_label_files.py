"""Real interval files of a data set without a reader."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vadkit_datasets.label_files import read_intervals

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
SUBWAY = DATA / "labels/subway/labels"


@pytest.mark.skipif(not SUBWAY.is_dir(), reason="needs the label files of Subway (set VADKIT_TEST_DATA)")
def test_subways_intervals_are_of_pieces_and_count_from_0_in_one_file_and_from_1_in_the_other() -> None:
    """Why `subway` has no reader: how the two videos were cut into these pieces, the files do not say."""
    enter, original, leave = (read_intervals(SUBWAY / name) for name in ("enter.mat", "enter_original.mat", "exit.mat"))
    assert [spans.shape[1] for spans in enter] == [13, 10, 16, 17, 11, 9]
    assert [spans.shape[1] for spans in leave] == [13, 3, 8, 6]
    for one, other in zip(enter, original, strict=True):
        np.testing.assert_array_equal(one, other + 1)
    assert min(int(spans.min()) for spans in original) == 0
    assert [int(spans.max()) for spans in enter] == [19595, 19100, 19999, 19235, 19335, 23000]
