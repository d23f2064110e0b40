"""Files with the boxes of objects: how they are read, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vadkit.cli.app import app
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.values import ClipSpec
from vadkit.plugin.registry import Registry
from vadkit.recipe import loads
from vadkit.recipe.boxes_section import Boxes
from vadkit.store.external.boxes import box_reader, read_boxes
from vadkit.video.boxes import FrameBoxes

CLIP = ClipSpec(2, 48, 64, "gray")
HEADER = "video,frame,x,y,w,h,score\n"


def table(folder: Path, rows: str, name: str = "boxes.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text(header + rows)
    return path


def test_boxes_are_in_pixels_of_the_clip(tmp_path: Path) -> None:
    rows = read_boxes(table(tmp_path, "01,2,10,20,30,40,0.5\n01,0,0,0,8,8,\n01,2,100,0,28,96,1\n"))["01"]
    boxes = FrameBoxes(rows, np.arange(4), (96, 128), CLIP, most=3).of([2, 1, 0])  # half the size
    assert boxes.shape == (3, 4, 1, 1, 3)
    assert boxes[0, :, 0, 0, 0].tolist() == [5, 10, 20, 30]
    assert boxes[0, :, 0, 0, 1].tolist() == [50, 0, 64, 48]
    assert np.isnan(boxes[0, :, 0, 0, 2]).all()
    assert np.isnan(boxes[1]).all()
    assert boxes[2, :, 0, 0, 0].tolist() == [0, 0, 4, 4]


def test_boxes_follow_letterbox_and_sampled_frames(tmp_path: Path) -> None:
    ends = "video,frame,x_min,y_min,x_max,y_max\n"
    rows = read_boxes(table(tmp_path, "01,4,0,0,64,32\n", header=ends))["01"]
    clip = ClipSpec(2, 48, 64, "gray", resize="letterbox")
    boxes = FrameBoxes(rows, np.array([0, 2, 4]), (32, 64), clip, most=1)
    assert boxes.of([2])[0, :, 0, 0, 0].tolist() == [0, 8, 64, 40]  # bars of 8 rows
    assert np.isnan(boxes.of([0, 1])).all()
    assert np.isnan(FrameBoxes(None, np.arange(3), (32, 64), clip, most=1).of([0])).all()


def test_names_match_as_in_files_of_scores(tmp_path: Path) -> None:
    path = table(tmp_path, "Test001,0,1,1,4,4,1\n")
    reader = box_reader(Boxes(train=path, test=path))
    assert reader is not None
    assert list(reader("test", ["01", "02"])) == ["01"]
    assert box_reader(None) is None


def check_all(path: Path) -> None:
    reader = box_reader(Boxes(train=path, test=path))
    assert reader is not None
    for name, found in reader("train", ["01", "02"]).items():
        found.check(name, size=(48, 64), frames=10, most=2)


@pytest.mark.parametrize(
    ("rows", "line", "what"),
    [
        ("01,0,1,1,4,4,1\n01,1,3,3,0,4,1\n", 3, "the box is empty"),
        ("01,0,1,1,4,,1\n", 2, "the box is empty, or not four numbers"),
        ("01,-1,1,1,4,4,1\n", 2, "frame -1 is below 0"),
        ("01,0,1,1,4,4,1\n01,1,one,1,4,4,1\n", 3, "'one' is not a number"),
        ("01,0,1,1,4,4,1\n03,0,1,1,4,4,1\n", 3, "1 of 1 videos here are not in the data set: 03"),
        ("01,9,1,1,4,4,1\n01,10,1,1,4,4,1\n", 3, "video '01' has no frame 10: its 10 frames are 0 to 9"),
        ("01,0,61,1,4,4,1\n01,0,70,1,4,4,1\n", 3, "the box x 70 to 74, y 1 to 5 is outside of the 64 x 48 pixels"),
        (
            "02,5,1,1,4,4,1\n01,3,1,1,4,4,1\n01,3,2,2,4,4,1\n01,3,3,3,4,4,1\n",
            3,
            "frame 3 of video '01' has more than 2",
        ),
    ],
)
def test_what_is_wrong_has_the_file_and_the_line(tmp_path: Path, rows: str, line: int, what: str) -> None:
    path = table(tmp_path, rows)
    with pytest.raises(DataError) as caught:
        check_all(path)
    assert what in caught.value.what
    assert caught.value.where == f"{path}, line {line}"
    assert caught.value.fix


def test_a_table_of_scores_is_not_one_of_boxes(tmp_path: Path) -> None:
    path = table(tmp_path, "01,0,0.5\n", header="video,frame,score\n")
    with pytest.raises(DataError, match="is not a table of boxes; it has the columns score"):
        read_boxes(path)


RECIPE = """
vadkit: 1
name: objects
data:
  use: walkway
  size: [48, 64]
  train_videos: 1
  test_videos: 1
  frames: 40
  clip: {frames: 2, size: [48, 64], color: gray, flow: 8}
  boxes: {train: TRAIN, test: TEST, most: 20}
densities:
  velocity: {use: gaussian, feature: {use: object_velocity, bins: 1}}
scores:
  velocity: {use: nll, densities: [velocity], pool: max}
evaluate: {metrics: [micro_auc]}
"""


def recipe(folder: Path, *, train: Path, test: Path) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.replace("TRAIN", str(train)).replace("TEST", str(test)))
    return path


def test_the_command_finds_moving_objects_and_check_accepts_them(tmp_path: Path) -> None:
    keys = "{use: walkway, size: [48, 64], train_videos: 1, test_videos: 1, frames: 40}"
    found = CliRunner().invoke(app, ["data", "boxes", keys, str(tmp_path), "--least", "20"])
    assert found.exit_code == 0, found.output
    boxes = read_boxes(tmp_path / "test.csv")
    assert set(boxes) == {"test_00"}
    path = recipe(tmp_path, train=tmp_path / "train.csv", test=tmp_path / "test.csv")
    done = CliRunner().invoke(app, ["check", "--no-build", str(path)])
    assert done.exit_code == 0, done.output
    late = table(tmp_path, "train_00,39,1,1,4,4,1\ntrain_00,40,1,1,4,4,1\n")
    path = recipe(tmp_path, train=late, test=tmp_path / "test.csv")
    wrong = CliRunner().invoke(app, ["check", "--no-build", str(path)])
    assert isinstance(wrong.exception, DataError)
    assert wrong.exception.where == f"{late}, line 3"
    assert wrong.exception.what == "video 'train_00' has no frame 40: its 40 frames are 0 to 39"


def test_the_command_without_objects(tmp_path: Path) -> None:
    keys = "{use: walkway, size: [48, 64], train_videos: 1, test_videos: 1, frames: 4}"
    found = CliRunner().invoke(app, ["data", "boxes", keys, str(tmp_path), "--threshold", "255"])
    assert isinstance(found.exception, DataError)
    assert "no region of the train videos differs" in found.exception.what
    assert not list(tmp_path.iterdir())


def test_boxes_and_augmentations_exclude_each_other(tmp_path: Path) -> None:
    path = table(tmp_path, "train_00,0,1,1,4,4,1\n")
    given = RECIPE.replace("TRAIN", str(path)).replace("TEST", str(path))
    with pytest.raises(VadkitError, match="boxes do not follow augmentations"):
        loads(given.replace("  boxes:", "  augment: [flip]\n  boxes:"), registry=Registry.discover())
