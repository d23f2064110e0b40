"""Label files: every form, by both roads that read them, and the message for each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from owned import abnormal, images, two_videos
from scipy.io import savemat

from vadkit.core.errors import DataError
from vadkit.core.values import Labels
from vadkit.store.external.labels import Scored, frame_labels, read_label_file
from vadkit.store.scores import VideoScores, write_labels, write_scores
from vadkit_datasets.folder.dataset import Folder

Frames = Mapping[str, NDArray[np.bool_]]


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def spans(frames: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(int), [0]])))
    return [(int(first), int(stop) - 1) for first, stop in edges.reshape(-1, 2)]


def unknown(names: list[str]) -> Scored:
    raise AssertionError(f"the labels state all lengths, yet these were needed: {names}")


def of_length(frames: int, fps: float | None = None) -> Callable[[list[str]], Scored]:
    return lambda names: dict.fromkeys(names, (frames, fps))


def npy_folder(path: Path, labels: Frames) -> Path:
    for name, frames in labels.items():
        np.save(path / f"{name}.npy", frames.astype(np.uint8))
    return path


def txt_folder(path: Path, labels: Frames) -> Path:
    for name, frames in labels.items():
        np.savetxt(path / f"{name}.txt", frames)
    return path


def csv_folder(path: Path, labels: Frames) -> Path:
    for name, frames in labels.items():
        text(path / f"{name}.csv", "frame,label\n" + "\n".join(f"{n},{int(x)}" for n, x in enumerate(frames)))
    return path


def mask_folder(path: Path, labels: Frames) -> Path:
    for name, frames in labels.items():
        images(path / name, frames.size, white=np.flatnonzero(frames).tolist())
    return path


def npz(path: Path, labels: Frames) -> Path:
    np.savez(path / "l.npz", **dict(labels))  # type: ignore[arg-type]
    return path / "l.npz"


def mat_arrays(path: Path, labels: Frames) -> Path:
    savemat(path / "l.mat", {name: frames.astype(np.int32) for name, frames in labels.items()})
    return path / "l.mat"


def rows(path: Path, labels: Frames) -> Path:
    cells = [f"{name}\t{n}\t{int(x)}" for name, frames in labels.items() for n, x in enumerate(frames)]
    return text(path / "l.tsv", "\n".join(["video\tframe\tlabel", *reversed(cells)]))


def json_lists(path: Path, labels: Frames) -> Path:
    return text(path / "l.json", json.dumps({name: frames.tolist() for name, frames in labels.items()}))


def json_intervals(path: Path, labels: Frames) -> Path:
    content = {name: {"frames": frames.size, "abnormal": spans(frames)} for name, frames in labels.items()}
    return text(path / "l.json", json.dumps(content))


def csv_intervals(path: Path, labels: Frames) -> Path:
    lines = ["video,first,last,frames"]
    for name, frames in labels.items():
        lines += [f"{name},{first},{last},{frames.size}" for first, last in spans(frames)] or [
            f"{name},,,{frames.size}"
        ]
    return text(path / "l.csv", "\n".join(lines))


WRITERS: list[Callable[[Path, Frames], Path]] = [
    *(npy_folder, txt_folder, csv_folder, mask_folder, npz, mat_arrays),
    *(rows, json_lists, json_intervals, csv_intervals),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("writer", WRITERS)
def test_every_form_gives_what_was_written(tmp_path: Path, writer: Callable[[Path, Frames], Path], seed: int) -> None:
    rng = np.random.default_rng(seed)
    written = {f"{n}": rng.random(rng.integers(2, 40)) < 0.4 for n in range(1, 12)}
    written["12"] = np.zeros(5, bool)
    path = writer(tmp_path, written)
    read = frame_labels(path, unknown)
    assert list(read) == list(written)
    for name, labels in read.items():
        assert labels.frames.dtype == bool
        np.testing.assert_array_equal(labels.frames, written[name])
        assert labels.source == path.name
        assert (labels.masks is None) == (writer is not mask_folder)


DOOR, GATE = [2, 3, 4, 6], [1]
BOTH_ROADS: list[tuple[str, str]] = [
    ("l.csv", "video,start_frame,end_frame\ndoor,2,4\ndoor,6,6\ngate,1,1\n"),
    ("l.csv", "video,start_frame,end_frame,frames\ndoor,2,4,8\ndoor,6,6,\ngate,1,1,8\n"),
    ("l.csv", "\ufeffVideo; Start_Frame ;end_frame;note\r\n\r\ndoor;6;6;bicycle\r\ngate;1;1\r\ndoor;2;4;van\r\n"),
    ("l.csv", "frames\tvideo\tfirst\tlast\n8\ttest/door.mp4\t2\t4\n\ttest/door.mp4\t6\t6\n\tgate\t1.0\t1\n"),
    ("l.csv", "video,start_seconds,end_seconds\ndoor,0.5,1.25\ndoor,0:01.5,00:00:01.75\ngate,.25,.5\n"),
    ("l.csv", "video,start_seconds,end_seconds,fps\ndoor,0.5,1.25,4\ndoor,0:01.5,1.75,\ngate,.25,.5,4\n"),
    ("l.csv", "video,start_frame,end_frame,by A;B\ndoor,2,4\ndoor,6,6,A\ngate,1,1,B;A\n"),
    ("l.tsv", "# video first last\ndoor 2 4\ndoor 6 6\ngate 1 1\n"),
    ("l.csv", "video,label\n" + "".join(f"door,{int(n in DOOR)}\ngate,{int(n in GATE)}\n" for n in range(8))),
    ("l.json", '{"door": [[2, 4], [6, 6]], "gate": {"abnormal": [], "abnormal_seconds": [[0.25, 0.5]]}}'),
    ("l.json", '{"door": [0, 0, 1, 1, 1, 0, 1, 0], "gate": {"frames": 8, "abnormal": [[1, 1]]}}'),
    ("l.json", '[{"video": "door", "First": 2, "last": 4}, {"video": "door", "first": 6, "last": 6}]'),
    ("l.jsonl", '{"video": "door", "scores": [0, 0, 1, 1, 1, 0, 1, 0]}\n{"video": "gate", "scores": [0, 1, 0]}'),
    ("l/door.txt", "0 0,1;1\n1,0\n# comment\n\n1 0\n"),
    ("l/door.csv", "0,0\n1,0\n2,1\n3,1\n5,0\n4,1\n6,1\n7,0\n"),
    ("l/door.csv", "start_frame,end_frame,frames\n2,4,8\n6,6,8\n"),
    ("l/door.txt", "# first of two\n" + "0\n0\n1\n1\n1\n0\n1\n0\n"),
    ("l/door.json", "[[2, 4], [6, 6]]"),
    ("l/test/door.txt", "00111010".replace("", "\n")),
]


@pytest.mark.parametrize(("name", "content"), BOTH_ROADS)
def test_both_roads_read_the_same_file(tmp_path: Path, name: str, content: str) -> None:
    """As labels of a data set that knows its videos, and as `--labels` of scores."""
    root = two_videos(tmp_path)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    text(
        root / name, content if "[0, 1, 0]" not in content else content.replace("[0, 1, 0]", "[0, 1, 0, 0, 0, 0, 0, 0]")
    )
    path = root / Path(name).parts[0]
    found = abnormal(Folder(root, labels=Path(path.name), source_fps=None if "fps" in content else 4))
    assert found["door"] == DOOR
    assert found["gate"] in (GATE, None)
    scored = frame_labels(path, of_length(8, None if "fps" in content else 4))
    by_video = {Path(video).stem: np.flatnonzero(labels.frames).tolist() for video, labels in scored.items()}
    assert by_video == {video: frames for video, frames in found.items() if frames is not None}
    assert {labels.frames.size for labels in scored.values()} == {8}


def test_seconds_may_be_written_with_minutes_and_hours(tmp_path: Path) -> None:
    rows = "video,start_seconds,end_seconds\nday,1:01,1:01:00.5\n"  # from 61 s to 3660.5 s, at 1 frame per second
    read = frame_labels(text(tmp_path / "l.csv", rows), of_length(4000, 1))
    assert np.flatnonzero(read["day"].frames).tolist() == list(range(61, 3661))


def test_matlab_files_are_read_by_both_roads(tmp_path: Path) -> None:
    """Intervals count from 1, and cells have no names but their number."""
    for video in ("01", "02"):
        images(tmp_path / "test" / video, 8)
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.array([[3, 7], [5, 7]]), np.zeros((0, 0))
    savemat(tmp_path / "gt.mat", {"gt": cells})
    (tmp_path / "masks_of").mkdir()
    for number, there in enumerate(([2, 3, 4, 6], []), 1):
        masks = np.empty((1, 8), object)
        masks[0, :] = [np.full((2, 3), n in there) for n in range(8)]
        savemat(tmp_path / f"masks_of/{number}_label.mat", {"volLabel": masks})
    text(tmp_path / "gt.m", "TestVideoFile{end+1}.gt_frame = [3:5, 7];\nTestVideoFile{end+1}.gt_frame = [];\n")
    for name in ("gt.mat", "masks_of", "gt.m"):
        assert abnormal(Folder(tmp_path, labels=Path(name))) == {"01": [2, 3, 4, 6], "02": []}
        read = frame_labels(tmp_path / name, of_length(8))
        assert {video: np.flatnonzero(labels.frames).tolist() for video, labels in read.items()} == {
            "1": [2, 3, 4, 6],
            "2": [],
        }
    savemat(tmp_path / "gt.mat", {"truth": "none"})
    assert "no cell array 'gt' or 'volLabel', but truth" in error_of(tmp_path / "gt.mat").what


def test_intervals_count_from_zero_and_include_both_ends(tmp_path: Path) -> None:
    table = text(tmp_path / "l.csv", "video,first,last,frames\n01,0,1,6\n01,4,4,\n02,,,2\n")
    mapping = '{"01": {"frames": 6, "abnormal": [[0, 1], [4, 4]]}, "02": {"frames": 2, "abnormal": []}}'
    for path in (table, text(tmp_path / "l.json", mapping)):
        read = frame_labels(path, unknown)
        assert read["01"].frames.tolist() == [True, True, False, False, True, False]
        assert read["02"].frames.tolist() == [False, False]


def test_labels_of_a_run_keep_their_source(tmp_path: Path) -> None:
    path = tmp_path / "labels.npz"
    write_labels(path, {"b": Labels(np.ones(2, bool), source="published"), "a": Labels(np.zeros(3, bool))})
    read = frame_labels(path, unknown)
    assert list(read) == ["a", "b"]
    assert read["b"].source == "published"


def test_labels_of_one_video_need_no_name(tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.array([[0, 1, 1]]))
    assert "name the data set" in error_of(tmp_path / "l.npy").fix
    assert read_label_file(tmp_path / "l.npy", "door")["door"].length() == 3
    assert list(frame_labels(tmp_path / "l.npy", lambda names: {"cam": (3, None)})) == ["cam"]
    with pytest.raises(DataError, match="does not name the videos"):
        frame_labels(tmp_path / "l.npy", lambda names: {"a": (3, None), "b": (3, None)})


def test_a_folder_reads_its_own_files_first(tmp_path: Path) -> None:
    """Scores are of the videos in the folder; a data set may have videos in folders."""
    npy_folder(tmp_path, {"01": np.ones(3, bool)})
    (tmp_path / "old").mkdir()
    text(tmp_path / "old/readme.txt", "not labels")
    assert list(frame_labels(tmp_path, unknown)) == ["01"]
    assert error_of(tmp_path).where == str(tmp_path / "old/readme.txt")
    text(tmp_path / "old/readme.txt", "0 1")
    text(tmp_path / "notes.json", "{}")
    assert list(read_label_file(tmp_path)) == ["01", "old/readme"]
    (tmp_path / "old/again").symlink_to(tmp_path)
    assert "link points to a folder that contains it" in error_of(tmp_path).what


def read_all(path: Path) -> None:
    for labels in read_label_file(path).values():
        labels.frames(labels.length() or 8)


def error_of(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_all(path)
    assert caught.value.where
    assert caught.value.what
    assert caught.value.fix
    return caught.value


PAIRS = "video,start_frame,end_frame\n"
OF_1, OF_DOOR = ", video '01'", ", video 'door'"


@pytest.mark.parametrize(
    ("name", "content", "where", "what", "fix"),
    [
        ("l.txt", "0\n1\n", "", "does not name the videos", "npz with one array per video"),
        ("l.csv", "video,label\n01,0\n01,2\n01,2\n", OF_1, "frame 1 is 2, not 0 or 1 (2 of 3", "write 1 for"),
        ("l.csv", "video,label\n01,0\n01,\n", OF_1, "frame 1 is empty, not 0 or 1", "write 1 for"),
        ("l.csv", "video,label\n01,0\n01,yes\n", ", line 3", "'yes' is not a number", "in the first line"),
        ("l.csv", "video,frame,a,b\n01,0,1,0\n", OF_1, "has 2 columns of numbers: a, b", "one column"),
        ("l.csv", "video,frame,label\n01,0,1\n01,2,0\n", OF_1, "first to differ is frame 1", "one row per frame"),
        ("l.csv", "video,frame,label\n01,1,1\n01,1,0\n", OF_1, "not 0 to 1, each once", "one row per frame"),
        ("l.csv", "door,2,4\n", ", line 1", "'door' is not a number", "video, frame"),
        ("l.csv", "\n", "", "the table is empty", "start_frame"),
        ("l.csv", "first,last\n2,4\n", ", header", "has no column 'video', but first, last", "write the columns video"),
        ("l.csv", "video,first,frames\n01,1,1\n", ", header", "has no column 'last'", "write the columns video"),
        ("l.csv", "video,start,end\ndoor,2,4\n", "", "whether start and end are frames or sec", "start_seconds"),
        ("l.csv", "video,start_frame,end_frmae\n", ", header", "no column 'end_frame', but", "rename 'end_frmae'"),
        ("l.csv", "video,first,last,start_frame,end_frame\n", "", "several kinds of intervals", "keep one"),
        ("l.csv", "video,first,last,frames\n1,1,1,5\n1,3,3,6", ", line 3", "'frames' is 6 here, but 5", "in each row"),
        ("l.csv", "video,first,last,frames\n1,1,5,5\n", ", video '1'", "frames 1 to 5 are labelled", "subtract 1"),
        ("l.csv", "video,first,last,frames\n1,1,6,5\n", ", video '1'", "frames 1 to 6 are labelled", "version"),
        ("l.csv", "0,5;1,5\n", "", "'0,5' has a decimal comma", "decimals with a point, not with a comma"),
        ("l.csv", "video;start_seconds;end_seconds\nd;0,5;1,5\n", ", line 2", "'0,5', not a number", "with a point"),
        ("l.csv", "video,start_seconds,end_seconds\nd,0,5,1,5\n", ", line 2", "the row has 5 cells", "with a point"),
        ("l.csv", "video,first,last\n1,3,2\n", ", line 2", "frames 3 to 2 are not an interval", "start first"),
        ("l.csv", "video,first,last\n1,0.5,2\n", ", line 2", "frames 0.5 to 2 are not an interval", "whole"),
        ("l.csv", PAIRS + "door,-1,4\n", ", line 2", "frames -1 to 4 are not an interval", "whole"),
        ("l.csv", "video,start_seconds,end_seconds\n1,4,4\n", ", line 2", "seconds 4 to 4 are not an", "start first"),
        ("l.csv", "video,start_seconds,end_seconds\n1,2,4\n", ", video '1'", "frame rate is unknown", "set 'fps'"),
        ("l.csv", PAIRS + "1,2\n", ", line 2", "end_frame is empty", "write the columns"),
        ("l.csv", PAIRS + "1,2,x\n", ", line 2", "end_frame is 'x', not a number", "write the columns"),
        ("l.csv", PAIRS + "1,2,0:04\n", ", line 2", "end_frame is '0:04', not a number", "write the columns"),
        ("l.csv", PAIRS + "\n,2,4\n", ", line 3", "the row names no video", "write the columns"),
        ("l.csv", "video,first,last,frames\n1,,,0\n", ", line 2", "0, not a number of frames", "above 0"),
        ("l.csv", "video,first,last,frames\n1,,,1e15\n", ", line 2", "1e+15, not a number of frames", "above 0"),
        ("l.json", "{", ", line 1", "is not JSON", '"abnormal"'),
        ("l.json", "[]", "", "is empty", '"abnormal"'),
        ("l.json", '{"01": 3}', OF_1, "is 3", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5}}', OF_1, 'is {"frames": 5}', '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": 3}}', OF_1, "'abnormal' is not a list", '"abnormal"'),
        ("l.json", '{"01": {"frames": "5", "abnormal": []}}', OF_1, "'frames' is '5', not a number", '"abnormal"'),
        ("l.json", '{"01": {"frames": NaN, "abnormal": []}}', OF_1, "'frames' is nan, not a number", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": [1, 2]}}', OF_1, "1 is not [start, end]", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": [[1, null]]}}', OF_1, "is not [start, end]", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": [[1, 5]]}}', OF_1, "frames 0 to 4", "subtract 1"),
        ("l.json", '{"door": [[1, 2, 3]]}', OF_DOOR, "[1, 2, 3] is not [start, end]", '"abnormal"'),
        ("l.json", '{"door": [[3, 1]]}', OF_DOOR, "frames 3 to 1 are not an interval", "start first"),
        ("l.json", '{"a": [[1, 2]], "a": []}', ", line 1", "the key 'a' is there more than once", "correct it"),
        ("l.jsonl", '{"video": "1", "scores": [1]}\n' * 2, ", video '1'", "more than once", "keep one"),
        ("l.jsonl", '{"video": "1", "first": [1], "last": 2}', ", line 1", "first is [1], not a number", "write the"),
        ("l.pkl", "x", "", "is a pickle", "np.save"),
        ("l.xls", "x", "", "is not a label file of a known form", ".csv"),
        ("l.npz", "x", "", "is not a NumPy file", "np.savez"),
    ],
)
def test_each_mistake_has_a_message(tmp_path: Path, name: str, content: str, where: str, what: str, fix: str) -> None:
    path = text(tmp_path / name, content)
    error = error_of(path)
    assert error.where == f"{path}{where}"
    assert what in error.what
    assert fix in error.fix


@pytest.mark.parametrize("name", ["l.csv", "l.json"])
def test_the_encoding_of_a_text_that_is_not_utf8_is_named(tmp_path: Path, name: str) -> None:
    content, path = "video,start_frame,end_frame\nTür,1,2\n", tmp_path / name
    for encoding in ("utf-16", "utf-16-le"):
        path.write_text(content, encoding=encoding)
        assert error_of(path).what == "is text in UTF-16, or not text"
    path.write_text(content, encoding="latin-1")
    error = error_of(path)
    assert (error.where, "Latin-1" in error.what, "Tür" in error.what) == (f"{path}, line 2", True, True)
    assert "save it as UTF-8" in error.fix


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.array([0, 255, 0], np.uint8), "frame 1 is 255, not 0 or 1 (1 of 3 frames)"),
        (np.zeros((7, 4, 4)), "one 0 or 1 per frame, not an array of shape (7, 4, 4)"),
        (np.array(list("0000")), "not an array of shape (4,)"),
        (np.zeros(0), "not an array of shape (0,)"),
    ],
)
def test_an_array_in_a_folder_names_its_file(tmp_path: Path, values: NDArray[np.generic], what: str) -> None:
    npy_folder(tmp_path, {"01": np.ones(3, bool)})
    np.save(tmp_path / "02.npy", values)
    error = error_of(tmp_path)
    assert error.where == str(tmp_path / "02.npy")
    assert what in error.what


def test_one_video_in_two_files(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        text(tmp_path / name, "video,label\n01,1\n")
    error = error_of(tmp_path)
    assert error.where == str(tmp_path / "b.csv")
    assert "labels '01' twice" in error.what


def test_scores_are_not_labels(tmp_path: Path) -> None:
    path = write_scores(tmp_path, VideoScores("01", "", {"nll": np.zeros(3)}, np.ones(3, np.int64)))
    assert error_of(path).what == "holds vadkit scores, not labels"


def test_published_labels_of_shanghaitech(shared_data: Path) -> None:
    labels = frame_labels(shared_data / "labels/shanghaitech/test_frame_mask", unknown)
    assert len(labels) == 107
    frames = np.concatenate([label.frames for label in labels.values()])
    assert (frames.size, int(frames.sum())) == (40791, 17326)
    flat = np.load(shared_data / "labels/shanghaitech/frame_labels_shanghai.npy").ravel()
    np.testing.assert_array_equal(frames, flat == 1)
    assert {label.source for label in labels.values()} == {"test_frame_mask"}


def test_published_labels_of_ped2_and_avenue(shared_data: Path) -> None:
    lengths = dict(enumerate((180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180), 1))
    read = frame_labels(
        shared_data / "ucsd_ped2/labels/ped2.mat", lambda names: {name: (lengths[int(name)], None) for name in names}
    )
    frames = np.concatenate([label.frames for label in read.values()])
    np.testing.assert_array_equal(frames, np.load(shared_data / "ucsd_ped2/labels/frame_labels_ped2.npy").ravel())
    masks = frame_labels(shared_data / "ucsd_ped2/testing/pixel_masks", unknown)
    np.testing.assert_array_equal(np.concatenate([label.frames for label in masks.values()]), frames)
    avenue = frame_labels(shared_data / "avenue_part/labels/avenue_framelevel_from_masks_talreiss.mat", unknown)
    assert sum(int(label.frames.sum()) for label in avenue.values()) == 3712


def test_subways_intervals_are_of_pieces_and_count_from_0_in_one_file_and_from_1_in_the_other(
    shared_data: Path,
) -> None:
    """Why `subway` has no reader: the files do not say how the two videos were cut into these pieces."""
    folder = shared_data / "labels/subway/labels"
    enter, original, leave = (
        [getattr(piece, "in_frames", []) for piece in read_label_file(folder / name).values()]
        for name in ("enter.mat", "enter_original.mat", "exit.mat")
    )
    assert [len(piece) for piece in enter] == [13, 10, 16, 17, 11, 9]
    assert [len(piece) for piece in leave] == [13, 3, 8, 6]
    for one, other in zip(enter, original, strict=True):
        np.testing.assert_array_equal(one, np.add(other, 1))
    assert min(first for piece in original for first, _ in piece) == 0
    assert [max(last for _, last in piece) for piece in enter] == [19595, 19100, 19999, 19235, 19335, 23000]
    with pytest.raises(DataError, match="the video has the frames 1 to 20000"):
        frame_labels(folder / "enter_original.mat", of_length(20000))
