"""UBnormal: a made-up tree, and the real tracks of both forms."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vadkit.api import DataError
from vadkit_datasets.ubnormal import UBnormal, read_tracks

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
REAL = DATA / "labels/ubnormal"
needs_labels = pytest.mark.skipif(not REAL.is_dir(), reason="needs tracks of UBnormal (set VADKIT_TEST_DATA)")
ABNORMAL, NORMAL = "abnormal_scene_2_scenario_1_fog", "normal_scene_10_scenario_2"


def frames(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for n in range(count):
        (folder / f"{n:04}.jpg").touch()


@pytest.fixture
def extracted(tmp_path: Path) -> Path:
    frames(tmp_path / "training/frames/normal_scene_1_scenario1_3", 3)
    frames(tmp_path / "training/frames/abnormal_scene_1_scenario_3", 3)
    frames(tmp_path / f"testing/frames/{ABNORMAL}", 6)
    frames(tmp_path / f"testing/frames/{NORMAL}", 4)
    (tmp_path / "gt").mkdir()
    (tmp_path / f"gt/{ABNORMAL}_tracks.txt").write_text("1,0,1\r\n7,1,3\r\n")
    return tmp_path


def test_tracks_count_from_zero_and_include_both_ends(extracted: Path) -> None:
    dataset = UBnormal(extracted)
    assert [(video.name, video.scene) for video in dataset.videos("train")] == [("normal_scene_1_scenario1_3", "1")]
    abnormal, normal = dataset.videos("test")
    assert (abnormal.scene, normal.scene) == ("2", "10")
    labels, none = dataset.labels(abnormal), dataset.labels(normal)
    assert labels
    assert none
    assert labels.frames.tolist() == [True, True, True, True, False, False]
    assert labels.masks is None
    assert none.frames.tolist() == [False] * 4
    assert dataset.labels(dataset.videos("train")[0]) is None


def test_own_layout_with_maps_of_objects(tmp_path: Path) -> None:
    folder = tmp_path / f"Scene2/{ABNORMAL}_annotations"
    folder.mkdir(parents=True)
    (tmp_path / f"Scene2/{ABNORMAL}.mp4").touch()
    (tmp_path / "Scene2/normal_scene_2_scenario_3.mp4").touch()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/abnormal_test_video_names.txt").write_text(f"{ABNORMAL}\nabnormal_scene_9_scenario_1\n")
    (tmp_path / "scripts/normal_test_video_names.txt").write_text(f"{NORMAL}\n")
    (tmp_path / "scripts/normal_training_video_names.txt").write_text("normal_scene_2_scenario_3")
    dataset = UBnormal(tmp_path)
    assert [video.name for video in dataset.videos("train")] == ["normal_scene_2_scenario_3"]
    (video,) = dataset.videos("test")
    assert video.source == tmp_path / f"Scene2/{ABNORMAL}.mp4"
    (folder / f"{ABNORMAL}_tracks.txt").write_text("3,1,2\n")
    for n in range(4):
        objects = np.zeros((4, 5), np.uint8)
        objects[0, 0], objects[1:3, 1:3] = 1, 3
        Image.fromarray(objects).save(folder / f"{ABNORMAL}_{n:04}_gt.png")
    labels = dataset.labels(replace(video, frames=4))  # the file itself is empty
    assert labels
    assert labels.masks
    masks = labels.masks()
    assert masks.shape == (4, 4, 5)
    assert masks.sum(axis=(1, 2)).tolist() == [0, 4, 4, 0]
    (folder / f"{ABNORMAL}_0002_gt.png").unlink()
    with pytest.raises(DataError, match=r"0002_gt.png: cannot be decoded"):
        labels.masks()


def test_what_does_not_fit_is_named(extracted: Path) -> None:
    dataset = UBnormal(extracted)
    video = dataset.videos("test")[0]
    tracks = extracted / f"gt/{ABNORMAL}_tracks.txt"
    for content, what in [
        (b"1,4,6\n", "video has the frames 0 to 5"),
        (b"1,4\n", "neither rows of 'object,first,last' nor"),
        (b"", "neither rows"),
        (b"a,b,c\n", "cannot be read as tracks"),
        (b"1,2,3\n1,2\n", "cannot be read as tracks"),
        (b"\x93NUMPYbroken", "cannot be read as tracks"),
    ]:
        tracks.write_bytes(content)
        with pytest.raises(DataError, match=what) as caught:
            dataset.labels(video)
        assert tracks.name in str(caught.value)
    with tracks.open("wb") as file:
        np.save(file, np.ones(5))
    with pytest.raises(DataError, match="labels 5 frames, the video has 6"):
        dataset.labels(video)
    tracks.unlink()
    with pytest.raises(DataError, match=f"no tracks of this video; looked for {ABNORMAL}_tracks.txt in Scene2"):
        dataset.labels(video)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="contains none of") as caught:
        UBnormal(tmp_path).videos("test")
    assert "lilygeorgescu" in caught.value.fix
    (tmp_path / "Scene1").mkdir()
    with pytest.raises(DataError, match=r"no list of videos: looked for abnormal_test_video_names.txt"):
        UBnormal(tmp_path).videos("test")
    for name in ("abnormal_test", "normal_test", "normal_training"):
        (tmp_path / f"{name}_video_names.txt").write_text("normal_scene_1_scenario_1\n")
    with pytest.raises(DataError, match="none of the listed test videos"):
        UBnormal(tmp_path).videos("test")
    with pytest.raises(DataError, match="no normal training videos"):
        UBnormal(tmp_path).videos("train")
    frames(tmp_path / "testing/frames/holiday", 2)
    with pytest.raises(DataError, match="'holiday': the name has no scene"):
        UBnormal(tmp_path).videos("test")


@needs_labels
def test_real_tracks_of_both_forms() -> None:
    """In the arrays 1 is normal: those of normal videos are all 1."""
    read = {path.name.removesuffix("_tracks.txt"): read_tracks(path) for path in REAL.glob("*_tracks.txt")}
    arrays = {name: values for name, values in read.items() if values.ndim == 1}
    assert (len(read), len(arrays)) == (15, 10)
    assert {name for name, values in arrays.items() if values.all()} == {
        name for name in read if name.startswith("normal")
    }
    assert read["abnormal_scene_28_scenario_6"].tolist() == [[1, 94, 225], [1, 288, 420], [2, 177, 303], [2, 360, 450]]
    assert read["abnormal_scene_21_scenario_6"].tolist()[2] == [3, 230, 285]


@needs_labels
def test_real_tracks_through_the_data_set(tmp_path: Path) -> None:
    """Of 451 frames: tracks from 94 to 225, 177 to 303, 288 to 420 and 360 to 450, which overlap."""
    frames(tmp_path / "testing/frames/abnormal_scene_28_scenario_6", 451)
    frames(tmp_path / "testing/frames/abnormal_scene_11_scenario_8", 451)
    (tmp_path / "gt").symlink_to(REAL)
    dataset = UBnormal(tmp_path)
    from_array, from_text = (dataset.labels(video) for video in dataset.videos("test"))
    assert from_text
    assert from_array
    assert np.flatnonzero(from_text.frames).tolist() == list(range(94, 451))
    assert (from_array.frames.sum(), from_array.frames[124:126].tolist()) == (451 - 237, [False, True])


@needs_labels
def test_real_lists() -> None:
    listed = (REAL / "abnormal_test_video_names.txt").read_text().split()
    assert len(listed) + 53 == UBnormal(REAL).expected()["test videos"]  # 53 by the authors' list of normal ones
