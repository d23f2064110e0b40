"""Scores of other methods: what each mistake is told."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import Labels
from vadkit.store.external.reading import Reading
from vadkit.store.external.scores import read_external_scores
from vadkit.store.scores import write_labels

TWO = {"01": 3, "02": 4}


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def npz(path: Path, first: int, second: int) -> Path:
    np.savez(path / "s.npz", **{"1": np.zeros(first), "2": np.zeros(second)})  # type: ignore[arg-type]
    return path / "s.npz"


def folder(path: Path) -> None:
    for name, frames in TWO.items():
        np.save(path / f"{name}.npy", np.zeros(frames))


def error_of(path: Path, lengths: Mapping[str, int] = TWO, dropped: tuple[int, int] = (0, 0)) -> DataError:
    with pytest.raises(DataError) as caught:
        read_external_scores(path, lengths, Reading(dropped=dropped))
    assert caught.value.where
    assert caught.value.what
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "where", "what", "fix"),
    [
        ("s.csv", "", "", "is empty", "one number per frame"),
        ("s.csv", "\n# made by me\n", "", "is empty", "one number per frame"),
        ("s.csv", "video,frame,score\n", "", "holds a header and no rows", "one row per frame"),
        ("s.csv", "video,frame,score\n01,0,1\n01,1,high\n", ", line 3", "'high' is not a number", "a cell without"),
        ("s.csv", "video,frame,score\n01,0.5,1\n", ", line 2", "'0.5' is not a whole number", "in the first line"),
        ("s.csv", "video,frame,score\n01,,1\n", ", line 2", "'' is not a whole number", "in the first line"),
        ("s.csv", "video,frame,score\n01,1e300,1\n", ", line 2", "is not a whole number", "in the first line"),
        ("s.csv", "video,frame,score\n,0,1\n", ", line 2", "the column 'video' is empty", "name the video"),
        (
            "s.csv",
            "video,frame,score\n01,0\n",
            ", line 2",
            "has 2 cells, the rows before it have 3",
            "one cell per column",
        ),
        ("s.csv", "video,frame\n01,0\n", ", line 1", "names no column of scores", "video, frame, then"),
        ("s.csv", "video,frame,a,A\n01,0,1,2\n", ", line 1", "names a more than once", "rename"),
        ("s.csv", "video,frame,score,label\n01,0,1,2\n", "", "'label' seems to hold labels", "leave it out"),
        ("s.csv", "01,0,0.5\n", ", line 1", "3 columns and no header", "video, frame, then"),
        ("s.csv", "01_0014,0,0.5\n", ", line 1", "'01_0014' is not a number", "video, frame, then"),
        ("s.txt", "0.1.2\n0.3\n", ", line 1", "'0.1.2' is not a number", "video, frame, then"),
        ("s.txt", "0.1\n0.2\n\nhigh\n", ", line 4", "'high' is not a number", "decimals with a point"),
        ("s.txt", "0.1\n1_0\n", ", line 2", "'1_0' is not a number", "decimals with a point"),
        ("s.csv", "video,frame,score\n01,0,inf\n02,0,1", ", video '01'", "1 of 1 scores are infinite", "nan where"),
        ("s.csv", "video,frame,score\n01,1,1\n01,1,2\n02,0,1", ", video '01'", "frame 1 is there more", "one row"),
        ("s.csv", "video,frame,score\n01,-1,1\n02,0,1", ", video '01'", "frame -1 is not among", "release"),
        ("s.csv", "video,frame,score\n01,1,1\n01,3,2\n02,0,1", ", video '01'", "they are 0 to 2", "subtract 1"),
        ("s.csv", "frame,score\n0,1\n2,2\n", "", "the 2 videos are not named", "a column 'video'"),
        ("s.csv", "video,score\n01,1\n01,1\n02,2\n", ", video '01'", "holds 2 scores, expected 3", "check that"),
        (
            "s.csv",
            "video,score\n01,1\n03,1\n",
            "",
            "missing: 02; 1 of 2 videos here are not in the data set: 03",
            "same numbers",
        ),
        ("s.json", "", "", "is empty", "one number per frame"),
        ("s.json", " \n", "", "is empty", "write {"),
        ("s.json", "[]", "", "is empty", "write {"),
        ("s.json", "{}", "", "is empty", "write {"),
        ("s.json", "3", "", "holds a number", "write {"),
        ("s.json", '{"01": []}', "", "holds an empty list", "one number per frame"),
        ("s.json", '{\n"01": [1,],\n}', ", line 2", "is not JSON", "write {"),
        ("s.json", '{"01": [1, "x", 3]}', ", '01'", "'x' is not a number", "and null for"),
        ("s.json", '{"01": [[1], [2]]}', ", '01'", "a list is not a number", "one number per frame"),
        ("s.json", '{"01": 3}', ", '01'", "is a number, not a list of numbers", "write {"),
        ("s.json", '{"01": {"a": [1], "b": [1, 2]}}', ", '01'", "differ in length", "one score per frame"),
        ("s.json", '{"01": [1, 2, 3], "01": [1, 2, 3]}', ", line 1", "'01' is there more than once", "correct it"),
        ("s.json", '{"01": [1' + "0" * 400 + "]}", ", '01'", "too large", "finite"),
        (
            "s.json",
            '{"01": [1, 2, Infinity], "02": [1, 2, 3, 4]}',
            ", video '01'",
            "the first is number 2",
            "nan where",
        ),
        ("s.json", "[" * 100_000, "", "nested too deeply", "write {"),
        ("s.jsonl", '{"video": "01", "frame": 0, "score": 1}\n\n{"video"', ", line 3", "is not JSON", "write {"),
        ("s.jsonl", "1\n2", ", line 1", "is a number, not an object", "write {"),
        ("s.jsonl", '{"video": "01", "scores": [1]}\n[1]', ", line 2", "is a list, not an object", "write {"),
        (
            "s.jsonl",
            '{"video": "01", "scores": [1]}\n{"scores": [1]}',
            ", line 2",
            "keys scores, the objects",
            "write {",
        ),
        ("s.jsonl", '{"video": 1, "scores": [1]}', ", line 1", "'video' is not a name", "write {"),
        ("s.jsonl", '{"video": "01", "frame": 0.5, "score": 1}', ", line 1", "not a whole number", "from 0"),
        ("s.jsonl", '{"video": "01", "frame": null, "score": 1}', ", line 1", "not a whole number", "from 0"),
        ("s.jsonl", '{"video": "01", "frame": 0}', ", line 1", "only the keys video, frame", "write {"),
        ("s.jsonl", '{"video": "01", "scores": [1]}\n' * 2, "", "more than once: 01", "one of each"),
        ("s.csv", "0,5;1,5\n", ", line 1", "'0,5' is not a number", "write decimals with a point, not with a comma"),
        ("s.csv", "video;score\n01;0,5\n", ", line 2", "'0,5' is not a number", "write decimals with a point"),
        ("s.xlsx", "x", "", "the suffix '.xlsx' is not known", "known are .npz, .npy, .csv"),
        ("scores", "x", "", "no suffix", "known are .npz"),
        ("s.npy", "0.5\n", "", "is not a NumPy file", "np.save"),
        ("s.npz", "PK damaged", "", "is not a NumPy file", "np.save"),
        ("s.npy", "", "", "is empty", "one number per frame"),
        ("s.pkl", "x", "", "is a pickle", "does not open pickles"),
        ("s.PICKLE", "x", "", "is a pickle", "does not open pickles"),
        ("s.mat", "x", "", "is a MATLAB file", "scipy.io.loadmat"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, content: str, where: str, what: str, fix: str) -> None:
    path = text(tmp_path / name, content)
    error = error_of(path)
    assert error.where == f"{path}{where}"
    assert what in error.what
    assert fix in error.fix


@pytest.mark.parametrize(
    ("array", "what", "fix"),
    [
        (np.array([1.0, None], object), "holds Python objects, which are pickled", "np.save"),
        (np.zeros((1, 7)), "shape (1, 7), not (frames,)", "array.ravel()"),
        (np.zeros((7, 2)), "shape (7, 2), not (frames,)", "one number per frame"),
        (np.array(3.0), "shape (), not (frames,)", "array.ravel()"),
        (np.array(["0.5"] * 7), "holds <U3, not numbers", "as floats"),
        (np.zeros(7, complex), "holds complex128, not numbers", "as floats"),
        (np.zeros(0), "empty list", "one number per frame"),
    ],
)
@pytest.mark.parametrize("archive", [False, True])
def test_arrays_that_are_no_scores(
    tmp_path: Path, array: NDArray[np.generic], what: str, fix: str, archive: bool
) -> None:
    path = tmp_path / ("s.npz" if archive else "s.npy")
    np.savez(path, array) if archive else np.save(path, array)
    error = error_of(path)
    assert str(path) in error.where
    assert what in error.what
    assert fix in error.fix


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return pytest.fail, ("it was unpickled",)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pkl", ".pt"])
def test_nothing_is_unpickled(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"s{suffix}"
    path.write_bytes(pickle.dumps(Bomb()))
    assert error_of(path).what == "is a pickle"
    if suffix == ".npy":
        np.save(path, np.array([Bomb()], object))
        assert "pickled" in error_of(path).what
    if suffix == ".npz":
        np.savez(path, kind=np.array(Bomb(), object), version=np.array(1))
        assert "pickled" in error_of(path).what


def test_truncated_and_foreign_archives(tmp_path: Path) -> None:
    path = npz(tmp_path, 3, 4)
    path.write_bytes(path.read_bytes()[:-40])
    assert "cannot be read" in error_of(path).what
    write_labels(path, {"01": Labels(np.zeros(3, bool))})
    assert error_of(path).what == "holds vadkit labels, not scores"
    np.savez(path)
    assert "no list of numbers" in error_of(path).what


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    for name, encoding in itertools.product(("s.csv", "s.json"), ("utf-16", "utf-16-le")):
        (tmp_path / name).write_bytes("video,score\n01,0.5\n".encode(encoding))
        assert error_of(tmp_path / name).what == "is text in UTF-16, or not text"
    (tmp_path / "s.csv").write_bytes("video,score\nStraße,1\n".encode("latin-1"))
    assert "Latin-1 or Windows-1252: 'Straße,1'" in error_of(tmp_path / "s.csv").what
    (tmp_path / "s.csv").write_text("video,score\nStraße,1\n", encoding="utf-8-sig")
    assert read_external_scores(tmp_path / "s.csv", {"Straße": 1})[0].components["score"].tolist() == [1]


def test_folders_that_are_not_scores(tmp_path: Path) -> None:
    assert error_of(tmp_path / "none").what == "the file or folder does not exist"
    (tmp_path / "run/scores").mkdir(parents=True)
    error = error_of(tmp_path / "run")
    assert error.what == "the folder holds no files"
    assert error.fix == f"name {tmp_path / 'run/scores'}"
    assert "one file per video" in error_of(tmp_path / "run/scores").fix
    folder(tmp_path)
    text(tmp_path / "03.txt", "1")
    assert error_of(tmp_path).what == "the folder mixes formats: 2 .npy, 1 .txt"
    (tmp_path / "03.txt").rename(tmp_path / "README.md")
    assert error_of(tmp_path).where == str(tmp_path / "README.md")


def test_components_of_a_video_have_one_length(tmp_path: Path) -> None:
    for name, frames in TWO.items():
        np.savez(tmp_path / f"{name}.npz", rec=np.zeros(frames), flow=np.zeros(frames + 1))
    error = error_of(tmp_path)
    assert error.where == str(tmp_path / "01.npz")
    assert error.what == "the components differ in length (rec: 3, flow: 4)"
    path = tmp_path / "all.npz"
    np.savez(path, **{"01:rec": np.zeros(3), "01:flow": np.zeros(2), "02:rec": np.zeros(4)})  # type: ignore[arg-type]
    assert error_of(path).where == f"{path}, '01'"


def test_a_video_of_nan_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", **{"01": np.zeros(3), "02": np.full(4, np.nan)})  # type: ignore[arg-type]
    error = error_of(tmp_path / "s.npz")
    assert error.where == f"{tmp_path / 's.npz'}, video '02'"
    assert error.what == "all 4 scores are NaN"
    assert "training" not in error.fix


def test_names_that_count_from_0(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", **{"0": np.zeros(3), "1": np.zeros(4)})  # type: ignore[arg-type]
    assert error_of(tmp_path / "s.npz").fix.startswith("the names count from 0 here and from 1 there")


def test_components_after_a_slash(tmp_path: Path) -> None:
    arrays = {f"{name}/{key}": np.zeros(frames) for name, frames in TWO.items() for key in ("img", "fea")}
    np.savez(tmp_path / "s.npz", **arrays)  # type: ignore[arg-type]
    assert "'01:img', '01:fea'" in error_of(tmp_path / "s.npz").fix


def test_full_arrays_with_dropped(tmp_path: Path) -> None:
    error = error_of(npz(tmp_path, 3, 4), dropped=(1, 0))
    assert "replace it by '--drop 1:0'" in error.fix


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("video,frame,x,y,w,h\n01,0,1,1,2,2\n", "no column 'score'"),
        ("video,x,y,w,h,score\n01,1,1,2,2,0.5\n", "no column 'frame'"),
        ("video,frame,x,y,w,h,score\n01,0,1,1,0,2,0.5\n", "1 of 1 boxes are empty"),
        ("video,frame,x_min,y_min,x_max,y_max,score\n01,0,3,1,2,2,0.5\n", "1 of 1 boxes are empty"),
        ("video,frame,x,y,w,h,score\n01,3,1,1,2,2,0.5\n", "frame 3 is not among the video's 3"),
        ("video,frame,x,y,w,h,score\n03,3,1,1,2,2,0.5\n", "1 of 1 videos here are not in the data set: 03"),
    ],
)
def test_what_is_wrong_with_boxes(tmp_path: Path, content: str, what: str) -> None:
    assert what in error_of(text(tmp_path / "s.csv", content)).what


def test_numbered_frames_must_not_be_among_those_dropped(tmp_path: Path) -> None:
    path = text(tmp_path / "s.csv", "video,frame,score\n01,1,1\n02,0,1\n")
    error = error_of(path, dropped=(1, 0))
    assert error.what == "frame 0 has a score, but is among those that '--dropped' leaves out"
    assert (
        read_external_scores(text(path, "video,frame,score\n01,1,1\n02,3,1\n"), TWO, Reading(dropped=(1, 0)))[
            1
        ].coverage.sum()
        == 1
    )


@pytest.mark.parametrize(
    ("size", "dropped", "what", "fix"),
    [
        (
            27,
            (0, 0),
            "holds 27 scores, but the 3 videos have 30 frames",
            "1 frame a video is missing: try --dropped 1:0",
        ),
        (18, (0, 0), "holds 18", "4 frames a video are missing: try --dropped 4:0"),
        (18, (1, 2), "frames, 21 without the first 1 and last 2 of each", "try --dropped 4:0"),
        (30, (1, 2), "holds 30 scores", "leave '--dropped 1:2' away"),
        (29, (0, 0), "holds 29 scores", "check that"),
        (31, (0, 0), "holds 31 scores", "shows which video differs"),
        (2010, (0, 0), "holds 2010 scores", "the count fits UCSD Ped2: are"),
        (2010 - 12 * 15, (0, 0), "holds 1830 scores", "fits UCSD Ped2, with '--dropped 15:0'"),
        (40791, (0, 0), "holds 40791 scores", "fits ShanghaiTech: are"),
    ],
)
def test_a_flat_array_of_another_length(
    tmp_path: Path, size: int, dropped: tuple[int, int], what: str, fix: str
) -> None:
    np.save(tmp_path / "s.npy", np.zeros(size))
    error = error_of(tmp_path / "s.npy", {"01": 8, "02": 12, "03": 10}, dropped)
    assert error.where == str(tmp_path / "s.npy")
    assert what in error.what
    assert fix in error.fix


@pytest.mark.parametrize(
    ("sizes", "dropped", "what", "fix"),
    [
        ((28, 44), (0, 0), "28 scores, expected 32: one per frame (2 of 2 videos", "4 frames a video are missing: try"),
        ((28, 44), (4, 1), "28 scores, expected 27: one per frame without the first 4 and last 1 (2", "--dropped 4:0"),
        ((32, 48), (8, 7), "expected 17", "leave '--dropped 8:7' away"),
        ((2, 3), (0, 0), "2 scores, expected 32", "np.repeat(scores, 16)[:frames]"),
        ((32, 47), (0, 0), "holds 47 scores, expected 48: one per frame", "check that"),
        ((33, 49), (0, 0), "holds 33", "check that"),
    ],
)
def test_videos_of_another_length(
    tmp_path: Path, sizes: tuple[int, int], dropped: tuple[int, int], what: str, fix: str
) -> None:
    path = npz(tmp_path, *sizes)
    error = error_of(path, {"01": 32, "02": 48}, dropped)
    assert error.where in (f"{path}, video '01'", f"{path}, video '02'")
    assert what in error.what
    assert fix in error.fix


def test_lengths_and_dropped_that_make_no_sense(tmp_path: Path) -> None:
    path = npz(tmp_path, 3, 4)
    with pytest.raises(DataError, match="no test videos"):
        read_external_scores(path, {})
    assert "less than no frames" in error_of(path, dropped=(-1, 0)).what
    assert error_of(path, dropped=(2, 1)).what == "of the 3 frames of video '01' none is left"
