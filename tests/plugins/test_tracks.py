"""Tracks beside the labels of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vadkit.api import DataError, Track
from vadkit_datasets.shanghaitech import ShanghaiTech
from vadkit_datasets.tracks import read_tracks
from vadkit_datasets.ucsd_ped import UCSDPed


def test_rows_of_boxes_become_tracks(tmp_path: Path) -> None:
    (tmp_path / "01.txt").write_text("0,3,10,20,14,26\n0,4,11,20,15,26\n1.0, 0, 0, 0, 5, 5\n")
    assert read_tracks(tmp_path / "01.txt", 5) == (
        Track("0", {3: (10, 20, 14, 26), 4: (11, 20, 15, 26)}),
        Track("1", {0: (0, 0, 5, 5)}),
    )
    (tmp_path / "01.txt").write_text("\n")
    assert read_tracks(tmp_path / "01.txt", 5) == ()


@pytest.mark.parametrize(
    "row", ["0,5,1,1,2,2", "0,-1,1,1,2,2", "0,1,2,1,2,2", "0,1,2,3", "0,1,2,3,4,x", "0,1,2,3,4,nan"]
)
def test_rows_that_are_none_are_named(tmp_path: Path, row: str) -> None:
    (tmp_path / "01.txt").write_text(f"0,3,10,20,14,26\n{row}\n")
    with pytest.raises(DataError, match=r"01.txt, line 2: not a") as caught:
        read_tracks(tmp_path / "01.txt", 5)
    assert "with frames from 0" in caught.value.fix


@pytest.mark.parametrize("folder", ["tracks", "testing/tracks"])
def test_data_sets_take_tracks_where_they_lie(tmp_path: Path, folder: str) -> None:
    for name in ("testing/frames/01_0014", "testing/frames/01_0015", "testing/test_frame_mask", folder):
        (tmp_path / name).mkdir(parents=True)
    for name in ("01_0014", "01_0015"):
        for n in range(4):
            (tmp_path / f"testing/frames/{name}/{n}.jpg").touch()
        np.save(tmp_path / f"testing/test_frame_mask/{name}.npy", np.array([0, 1, 1, 0]))
    (tmp_path / folder / "01_0014.txt").write_text("7,1,0,0,3,4\n7,2,1,0,4,4\n")
    shanghai = ShanghaiTech(tmp_path)
    first, second = (shanghai.labels(video) for video in shanghai.videos("test"))
    assert first
    assert second
    assert first.tracks == (Track("7", {1: (0, 0, 3, 4), 2: (1, 0, 4, 4)}),)
    assert second.tracks is None
    np.save(tmp_path / "flat.npy", np.tile([0, 1, 1, 0], 2))
    ped = UCSDPed(tmp_path, label_file=Path("flat.npy"))
    labels = ped.labels(ped.videos("test")[0])
    assert labels
    assert labels.tracks == first.tracks
