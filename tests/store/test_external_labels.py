"""Labels without a data set: every form, and what each mistake is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import Labels
from vadkit.store.external.labels import read_label_file
from vadkit.store.scores import VideoScores, write_labels, write_scores

Frames = Mapping[str, NDArray[np.bool_]]


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def spans(frames: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(int), [0]])))
    return [(int(first), int(stop) - 1) for first, stop in edges.reshape(-1, 2)]


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


def npz(path: Path, labels: Frames) -> Path:
    np.savez(path / "l.npz", **dict(labels))  # type: ignore[arg-type]
    return path / "l.npz"


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
    *(npy_folder, txt_folder, csv_folder, npz, rows, json_lists, json_intervals, csv_intervals),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("writer", WRITERS)
def test_every_form_gives_what_was_written(tmp_path: Path, writer: Callable[[Path, Frames], Path], seed: int) -> None:
    rng = np.random.default_rng(seed)
    written = {f"{n}": rng.random(rng.integers(1, 40)) < 0.4 for n in range(1, 12)}
    written["12"] = np.zeros(5, bool)
    path = writer(tmp_path, written)
    read = read_label_file(path)
    assert list(read) == list(written)
    for name, labels in read.items():
        assert labels.frames.dtype == bool
        np.testing.assert_array_equal(labels.frames, written[name])
        assert labels.source == path.name
        assert labels.masks is None


def test_intervals_count_from_zero_and_include_both_ends(tmp_path: Path) -> None:
    table = text(tmp_path / "l.csv", "video,first,last,frames\n01,0,1,6\n01,4,4,\n02,,,2\n")
    mapping = '{"01": {"frames": 6, "abnormal": [[0, 1], [4, 4]]}, "02": {"frames": 2, "abnormal": []}}'
    for path in (table, text(tmp_path / "l.json", mapping)):
        read = read_label_file(path)
        assert read["01"].frames.tolist() == [True, True, False, False, True, False]
        assert read["02"].frames.tolist() == [False, False]


def test_labels_of_a_run_keep_their_source(tmp_path: Path) -> None:
    path = tmp_path / "labels.npz"
    write_labels(path, {"b": Labels(np.ones(2, bool), source="published"), "a": Labels(np.zeros(3, bool))})
    read = read_label_file(path)
    assert list(read) == ["a", "b"]
    assert read["b"].source == "published"


def error_of(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_label_file(path)
    assert caught.value.where
    assert caught.value.what
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "where", "what", "fix"),
    [
        ("l.txt", "0\n1\n", "", "holds 2 labels, but does not say of which videos", "npz with one array a video"),
        ("l.csv", "video,label\n01,0\n01,2\n01,2\n", ", video '01'", "frame 1 is 2, not 0 or 1 (2 of 3", "write 1 for"),
        ("l.csv", "video,label\n01,0\n01,\n", ", video '01'", "frame 1 is empty, not 0 or 1", "write 1 for"),
        ("l.csv", "video,label\n01,0\n01,yes\n", ", line 3", "'yes' is not a number", "a first line"),
        ("l.csv", "video,frame,a,b\n01,0,1,0\n", ", video '01'", "has 2 columns of numbers: a, b", "one column"),
        (
            "l.csv",
            "video,frame,label\n01,0,1\n01,2,0\n",
            ", video '01'",
            "first to differ is frame 1",
            "one row a frame",
        ),
        ("l.csv", "video,frame,label\n01,1,1\n01,1,0\n", ", video '01'", "not 0 to 1, each once", "one row a frame"),
        ("l.csv", "video,first,last\n01,1,1\n", ", video '01'", "no column 'frames'", "video, first, last, frames"),
        ("l.csv", "video,first,frames\n01,1,1\n", ", video '01'", "no column 'last'", "video, first, last, frames"),
        (
            "l.csv",
            "video,first,last,frames\n1,1,1,5\n1,3,3,6",
            ", video '1'",
            "'frames' says 5, 6",
            "in each of its rows",
        ),
        ("l.csv", "video,first,last,frames\n1,1,1,\n", ", video '1'", "'frames' says nothing", "in each of its rows"),
        ("l.csv", "video,first,last,frames\n1,1,5,5\n", ", video '1'", "frames 1 to 5 are no interval", "from 0"),
        ("l.csv", "video,first,last,frames\n1,3,2,5\n", ", video '1'", "frames 3 to 2 are no interval", "from 0"),
        ("l.csv", "video,first,last,frames\n1,0.5,2,5\n", ", video '1'", "frames 0.5 to 2 are no interval", "from 0"),
        ("l.csv", "video,first,last,frames\n1,2,,5\n", ", video '1'", "frames 2 to nan are no interval", "from 0"),
        ("l.csv", "video,first,last,frames\n1,,,0\n", ", video '1'", "0 is not a number of frames", "from 0"),
        ("l.csv", "video,first,last,frames\n1,,,1e15\n", ", video '1'", "1e+15 is not a number of frames", "from 0"),
        ("l.json", '{"01": {"frames": 5}}', ", '01'", "has the keys frames", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": 3}}', ", '01'", "'abnormal' is not a list", '"abnormal"'),
        ("l.json", '{"01": {"frames": "5", "abnormal": []}}', ", '01'", "'frames' is not a number", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": [1, 2]}}', ", '01'", "1 is not [first, last]", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": [[1, null]]}}', ", '01'", "is not [first, last]", '"abnormal"'),
        ("l.json", '{"01": {"frames": 5, "abnormal": [[1, 5]]}}', ", '01'", "frames 0 to 4", "both ends"),
        ("l.json", '{"01": {"frames": NaN, "abnormal": []}}', ", '01'", "'frames' is not a number", '"abnormal"'),
        ("l.jsonl", '{"video": "1", "scores": [1]}\n' * 2, "", "more than once: 1", "one of each"),
        ("l.pkl", "x", "", "is a pickle", "np.save"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, content: str, where: str, what: str, fix: str) -> None:
    path = text(tmp_path / name, content)
    error = error_of(path)
    assert error.where == f"{path}{where}"
    assert what in error.what
    assert fix in error.fix


def test_a_flat_array_and_masks_of_pixels_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.zeros(7))
    assert "name the data set" in error_of(tmp_path / "l.npy").fix
    np.save(tmp_path / "l.npy", np.zeros((7, 4, 4)))
    assert "shape (7, 4, 4), not (frames,)" in error_of(tmp_path).what


def test_a_value_in_a_folder_names_its_file(tmp_path: Path) -> None:
    npy_folder(tmp_path, {"01": np.ones(3, bool), "02": np.ones(3, bool)})
    np.save(tmp_path / "02.npy", np.array([0, 255, 0], np.uint8))
    error = error_of(tmp_path)
    assert error.where == f"{tmp_path / '02.npy'}, video '02'"
    assert error.what == "frame 1 is 255, not 0 or 1 (1 of 3 frames)"


def test_one_video_in_two_files(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        text(tmp_path / name, "video,label\n01,1\n")
    error = error_of(tmp_path)
    assert error.where == str(tmp_path / "b.csv")
    assert "more than once: 01" in error.what


def test_scores_are_no_labels(tmp_path: Path) -> None:
    path = write_scores(tmp_path, VideoScores("01", "", {"nll": np.zeros(3)}, np.ones(3, np.int64)))
    assert error_of(path).what == "holds vadkit scores, not labels"


def test_published_labels_of_shanghaitech(shared_data: Path) -> None:
    labels = read_label_file(shared_data / "labels/shanghaitech/test_frame_mask")
    assert len(labels) == 107
    frames = np.concatenate([label.frames for label in labels.values()])
    assert (frames.size, int(frames.sum())) == (40791, 17326)
    flat = np.load(shared_data / "labels/shanghaitech/frame_labels_shanghai.npy").ravel()
    np.testing.assert_array_equal(frames, flat == 1)
    assert {label.source for label in labels.values()} == {"test_frame_mask"}
