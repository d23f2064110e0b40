"""Scores of other methods: every format, and what a published run holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.core.errors import DataError, VadkitError
from vadkit.evaluation.coverage import impute
from vadkit.store.external.reading import Reading
from vadkit.store.external.scores import read_external_scores, read_normal
from vadkit.store.scores import VideoScores, write_scores

Scores = Mapping[str, NDArray[np.float64]]
Writer = Callable[[Path, Scores], Path]

NAN = float("nan")
TWO = {"01": 3, "02": 4}


def scores_of(lengths: Mapping[str, int], seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=frames) for name, frames in lengths.items()}


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def npz(path: Path, scores: Scores) -> Path:
    np.savez(path / "s.npz", **dict(scores))  # type: ignore[arg-type]
    return path / "s.npz"


def npz_folder(path: Path, scores: Scores) -> Path:
    for name, values in scores.items():
        np.savez(path / f"{name}.npz", values)
    return path


def npy(path: Path, scores: Scores) -> Path:
    np.save(path / "s.npy", np.concatenate(list(scores.values())))
    return path / "s.npy"


def npy_folder(path: Path, scores: Scores) -> Path:
    for name, values in scores.items():
        np.save(path / f"{name}.npy", values)
    return path


def table(separator: str, suffix: str) -> Writer:
    def write(path: Path, scores: Scores) -> Path:
        rows = [("video", "frame", "score")]
        rows += [(name, str(n), repr(float(x))) for name, values in scores.items() for n, x in enumerate(values)]
        return text(path / f"s{suffix}", "\n".join(separator.join(row) for row in rows) + "\n")

    return write


def rows_in_order(path: Path, scores: Scores) -> Path:
    rows = [f"{name},{float(x)!r}" for name, values in scores.items() for x in values]
    return text(path / "s.csv", "\r\n".join(["video,anomaly score", *rows]))


def column(path: Path, scores: Scores) -> Path:
    np.savetxt(path / "s.txt", np.concatenate(list(scores.values())), fmt="%.17g", header="made by a method")
    return path / "s.txt"


def column_folder(path: Path, scores: Scores) -> Path:
    for name, values in scores.items():
        np.savetxt(path / f"{name}.txt", values, fmt="%.17g")
    return path


def framed_folder(path: Path, scores: Scores) -> Path:
    for name, values in scores.items():
        np.savetxt(path / f"{name}.csv", np.stack([np.arange(values.size), values], 1), fmt="%.17g", delimiter=";")
    return path


def commented_folder(path: Path, scores: Scores) -> Path:
    for name, values in scores.items():
        columns = np.stack([values, np.arange(values.size)], 1)
        np.savetxt(path / f"{name}.txt", columns, fmt="%.17g", header="score frame")
    return path


def json_rows(path: Path, scores: Scores) -> Path:
    rows = [
        {"video": name, "frame": n, "score": float(x)} for name, values in scores.items() for n, x in enumerate(values)
    ]
    return text(path / "s.jsonl", "\n".join(map(json.dumps, reversed(rows))))


def json_lists(path: Path, scores: Scores) -> Path:
    rows = [{"video": name, "scores": values.tolist()} for name, values in scores.items()]
    return text(path / "s.jsonl", "\n\n".join(map(json.dumps, rows)))


def json_lines_by_another_name(path: Path, scores: Scores) -> Path:
    return json_rows(path, scores).rename(path / "s.json")


def json_mapping(path: Path, scores: Scores) -> Path:
    content = {name: values.tolist() for name, values in scores.items()}
    return text(path / "s.json", json.dumps(content, indent=1))


def json_array(path: Path, scores: Scores) -> Path:
    rows = [{"video": name, "scores": values.tolist()} for name, values in scores.items()]
    return text(path / "s.json", json.dumps(rows))


def json_folder(path: Path, scores: Scores) -> Path:
    for n, (name, values) in enumerate(scores.items()):
        content = values.tolist() if n % 2 else {"scores": values.tolist()}
        text(path / f"{name}.json", json.dumps(content))
    return path


def own_folder(path: Path, scores: Scores) -> Path:
    for name, values in scores.items():
        write_scores(path, VideoScores(name, "", {"score": values}, np.ones(values.size, np.int64)))
    return path


WRITERS: dict[str, Writer] = {
    **{f.__name__: f for f in (npz, npz_folder, npy, npy_folder, rows_in_order, column, column_folder, framed_folder)},
    **{f.__name__: f for f in (commented_folder, json_rows, json_lists, json_lines_by_another_name, json_mapping)},
    **{f.__name__: f for f in (json_array, json_folder, own_folder)},
    "commas": table(",", ".csv"),
    "semicolons": table(";", ".csv"),
    "tabs": table("\t", ".tsv"),
    "blanks": table("  ", ".txt"),
    "commas and blanks": table(", ", ".txt"),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_every_format_gives_what_was_written(tmp_path: Path, writer: Writer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = {f"{n:02d}": int(rng.integers(1, 60)) for n in range(1, int(rng.integers(2, 14)))}
    written = scores_of(lengths, seed)
    read = read_external_scores(writer(tmp_path, written), lengths)
    assert [video.name for video in read] == list(lengths)
    for video in read:
        assert list(video.components) == ["score"]
        assert video.components["score"].dtype == np.float64
        np.testing.assert_array_equal(video.components["score"], written[video.name])
        assert video.coverage.tolist() == [1] * lengths[video.name]


@pytest.mark.parametrize("writer", [npz, npz_folder, npy, npy_folder, column, column_folder, rows_in_order, json_lists])
def test_dropped_frames_have_no_score_and_no_coverage(tmp_path: Path, writer: Writer) -> None:
    lengths = {"01": 20, "02": 16, "03": 31}
    written = scores_of({name: frames - 15 for name, frames in lengths.items()})
    for video in read_external_scores(writer(tmp_path, written), lengths, Reading(dropped=(8, 7))):
        scores = video.components["score"]
        assert scores.size == lengths[video.name]
        np.testing.assert_array_equal(scores[8:-7], written[video.name])
        assert np.isnan(scores[:8]).all()
        assert np.isnan(scores[-7:]).all()
        np.testing.assert_array_equal(video.coverage, ~np.isnan(scores))
        assert impute([video], "nearest")[0].without.sum() == 15


def test_a_high_score_of_normal_frames_is_turned(tmp_path: Path) -> None:
    path = text(tmp_path / "psnr.csv", "video,frame,psnr\n01,0,30\n01,2,28.5\n")
    (video,) = read_external_scores(path, {"01": 3}, Reading(high="normal"))
    np.testing.assert_array_equal(video.components["score"], [-30, NAN, -28.5])


def test_gaps_and_empty_cells_are_no_scores_and_can_be_judged(tmp_path: Path) -> None:
    path = text(tmp_path / "s.csv", "video,frame,a,b\n02,3,0.5,\n01,0,1,2\n01,2,nan,4\n02,0,7,8\n02,1,,\n")
    first, second = read_external_scores(path, TWO)
    np.testing.assert_array_equal(first.components["a"], [1, NAN, NAN])
    np.testing.assert_array_equal(first.components["b"], [2, NAN, 4])
    np.testing.assert_array_equal(second.components["a"], [7, NAN, NAN, 0.5])
    assert first.coverage.tolist() == [1, 0, 0]
    assert second.coverage.tolist() == [1, 0, 0, 0]
    assert impute([second], "nearest")[0].components["a"].tolist() == [7, 7, 0.5, 0.5]


def test_null_and_empty_lines_are_no_scores(tmp_path: Path) -> None:
    (video,) = read_external_scores(text(tmp_path / "a.json", '{"01": [1, null, 3]}'), {"01": 3})
    np.testing.assert_array_equal(video.components["score"], [1, NAN, 3])
    (video,) = read_external_scores(text(tmp_path / "b.txt", '1\n\n""\n3\n\n\n'), {"01": 4})
    np.testing.assert_array_equal(video.components["score"], [1, NAN, NAN, 3])


def test_columns_and_json_keys_are_components(tmp_path: Path) -> None:
    frame = text(tmp_path / "a.csv", ',video,frame,"rec, loss",flow\n0,01,0,1,2\n1,01,1,3,4\n')
    rows = text(
        tmp_path / "b.jsonl", '{"frame": 0, "rec, loss": 1, "flow": 2}\n{"frame": 1, "flow": 4, "rec, loss": 3}'
    )
    lists = text(tmp_path / "c.json", '{"01": {"rec, loss": [1, 3], "flow": [2, 4]}}')
    for path in (frame, rows, lists):
        (video,) = read_external_scores(path, {"01": 2})
        assert {name: scores.tolist() for name, scores in video.components.items()} == {
            "rec, loss": [1, 3],
            "flow": [2, 4],
        }


def test_keys_of_npz_files_are_components(tmp_path: Path) -> None:
    arrays = {"01": {"img": np.arange(3.0), "fea": -np.arange(3.0)}, "02": {"img": np.ones(4), "fea": np.zeros(4)}}
    for name, components in arrays.items():
        np.savez(tmp_path / f"{name}.npz", **components)  # type: ignore[arg-type]
    one = tmp_path / "one" / "scores.npz"
    one.parent.mkdir()
    flat = {f"{name}:{key}": numbers for name, found in arrays.items() for key, numbers in found.items()}
    np.savez(one, **flat)  # type: ignore[arg-type]
    for path in (one, one.parent):
        for video in read_external_scores(path, TWO, Reading(high={"img": "normal"})):
            np.testing.assert_array_equal(video.components["img"], -arrays[video.name]["img"])
            np.testing.assert_array_equal(video.components["fea"], arrays[video.name]["fea"])
    one.unlink()
    one.parent.rmdir()
    assert list(read_external_scores(tmp_path, TWO)[1].components) == ["img", "fea"]
    with pytest.raises(DataError, match="no component 'imag'") as caught:
        read_external_scores(tmp_path, TWO, Reading(high={"imag": "normal"}))
    assert "'img'" in caught.value.fix


def test_scores_of_the_first_and_last_frames_can_be_dropped(tmp_path: Path) -> None:
    first, second = read_external_scores(
        npz(tmp_path, {"01": np.arange(3.0), "02": np.arange(4.0)}), TWO, Reading(drop=(1, 1))
    )
    np.testing.assert_array_equal(first.components["score"], [NAN, 1, NAN])
    assert second.coverage.tolist() == [0, 1, 1, 0]
    with pytest.raises(VadkitError, match="cannot lack the scores"):
        Reading(dropped=(1, 0), drop=(1, 0))


@pytest.mark.parametrize("form", ["sized", "ends", "json"])
def test_boxes_give_frame_scores(tmp_path: Path, form: str) -> None:
    rows = [("01", 0, 2, 3, 4, 5, 0.5), ("01", 0, 0, 0, 1, 1, 0.7), ("01", 2, 1, 1, 2, 2, 0.2)]
    if form == "json":
        keys = ("video", "frame", "x", "y", "w", "h", "score")
        path = text(tmp_path / "b.json", json.dumps([dict(zip(keys, row, strict=True)) for row in rows]))
    else:
        head = "video,frame,x,y,w,h,score" if form == "sized" else "video,frame,x_min,y_min,x_max,y_max,score"
        moved = rows if form == "sized" else [(v, f, x, y, x + w, y + h, s) for v, f, x, y, w, h, s in rows]
        path = text(tmp_path / "b.csv", "\n".join([head, *(",".join(map(str, row)) for row in moved)]))
    first, second = read_external_scores(path, TWO)
    assert first.components["score"].tolist() == [0.7, 0.2, 0.2]
    assert second.components["score"].tolist() == [0.2] * 4  # no box: the lowest score of all boxes
    assert first.detections is not None
    assert first.detections.boxes.tolist() == [[2, 3, 6, 8], [0, 0, 1, 1], [1, 1, 3, 3]]
    assert second.detections is not None
    assert second.detections.frames.size == 0


@pytest.mark.parametrize("folder", [True, False])
def test_maps_give_frame_scores(tmp_path: Path, folder: bool) -> None:
    maps = {name: np.random.default_rng(0).normal(size=(frames - 1, 2, 3)) for name, frames in TWO.items()}
    path = tmp_path if folder else tmp_path / "maps.npz"
    if folder:
        npy_folder(path, maps)
    else:
        np.savez(path, **maps)  # type: ignore[arg-type]
    read = read_external_scores(path, TWO, Reading(dropped=(1, 0)))
    for video in read:
        assert video.anomaly_maps is not None
        assert np.isnan(video.anomaly_maps()[0]).all()
        np.testing.assert_array_equal(video.anomaly_maps()[1:], maps[video.name])
        np.testing.assert_array_equal(video.components["score"], [NAN, *maps[video.name].max((1, 2))])
    (low, _) = read_external_scores(path, TWO, Reading(dropped=(1, 0), high="normal"))
    np.testing.assert_array_equal(low.components["score"][1:], -maps["01"].min((1, 2)))
    with pytest.raises(DataError, match=r"has the shape \(2, 2, 3\), not \(3, height, width\)"):
        read_external_scores(path, TWO)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", ">f8"])
def test_any_type_of_number_will_do(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "s.npy", np.array([0, 1, 1, 0, 1, 0, 0]).astype(dtype))
    first, second = read_external_scores(tmp_path / "s.npy", TWO)
    assert first.components["score"].tolist() == [0, 1, 1]
    assert second.components["score"].tolist() == [0, 1, 0, 0]


def test_own_score_files_keep_scene_coverage_and_components(tmp_path: Path) -> None:
    components = {"nll": np.array([1.0, NAN, 3.0]), "l2": np.zeros(3)}
    path = write_scores(tmp_path, VideoScores("Test001", "hall", components, np.array([2, 1, 4])))
    for source in (path, tmp_path):
        (video,) = read_external_scores(source, {"01": 3})
        assert (video.name, video.scene, list(video.components)) == ("01", "hall", ["nll", "l2"])
        assert video.coverage.tolist() == [2, 1, 4]
    np.testing.assert_array_equal(
        read_external_scores(path, {"01": 3}, Reading(high="normal"))[0].components["nll"], [-1, NAN, -3]
    )


def test_a_folder_with_one_file_of_all_videos(tmp_path: Path) -> None:
    npy(tmp_path, scores_of(TWO))
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "figures").mkdir()
    assert [video.coverage.size for video in read_external_scores(tmp_path, TWO)] == [3, 4]


def test_rows_numbered_over_all_videos_are_flat(tmp_path: Path) -> None:
    path = text(tmp_path / "s.csv", "frame,score\n" + "\n".join(f"{n},{n / 8}" for n in range(7)))
    assert read_external_scores(path, TWO)[1].components["score"].tolist() == [0.375, 0.5, 0.625, 0.75]


def test_published_scores_of_memae(shared_data: Path) -> None:
    folders = sorted((shared_data / "ucsd_ped2/testing/frames").iterdir())
    lengths = {folder.name: sum(1 for _ in folder.iterdir()) for folder in folders}
    videos = read_external_scores(shared_data / "scores/memae/ped2.npy", lengths, Reading(dropped=(8, 7)))
    assert len(videos) == 12
    assert sum(video.coverage.size for video in videos) == 2010
    assert sum(int(video.coverage.sum()) for video in videos) == 1830
    flat = np.load(shared_data / "scores/memae/ped2.npy")
    assert videos[-1].components["score"][-8] == flat[-1]
    with pytest.raises(DataError, match="15 frames a video are missing: try --dropped 15:0"):
        read_external_scores(shared_data / "scores/memae/ped2.npy", lengths)


def test_normal_videos_tell_their_own_lengths(tmp_path: Path) -> None:
    np.savez(tmp_path / "normal.npz", n1=np.array([1.0, 2]), n2=np.array([3.0]))
    found = read_normal(tmp_path / "normal.npz", Reading(dropped=(1, 2), high="normal"))
    assert [(one.name, one.components["score"].tolist()) for one in found] == [
        ("n1", pytest.approx([np.nan, -1, -2, np.nan, np.nan], nan_ok=True)),
        ("n2", pytest.approx([np.nan, -3, np.nan, np.nan], nan_ok=True)),
    ]
    np.save(tmp_path / "flat.npy", np.array([1.0, 2]))
    assert [one.name for one in read_normal(tmp_path / "flat.npy")] == ["normal"]
    (tmp_path / "rows.csv").write_text("video,frame,score\na,0,1\na,3,2\n")
    [one] = read_normal(tmp_path / "rows.csv")
    assert one.coverage.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("header", "row", "word"),
    [
        ("video_name,frame_id,score", "a,0,0.5", "seems to name the video"),
        ("video,frame_idx,score", "a,0,0.5", "seems to number the frame"),
        ("video,frame,score,target", "a,0,0.5,1", "seems to hold labels"),
        ("video,frame,score,mine", "a,0,0.5,1\na,1,0.5,0", "seems to hold labels"),
    ],
)
def test_columns_that_are_no_scores_are_not_judged_as_such(tmp_path: Path, header: str, row: str, word: str) -> None:
    if header.startswith("video_name"):
        row = row.replace("a", "7")
    (tmp_path / "s.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(DataError, match=word):
        read_external_scores(tmp_path / "s.csv", {"a": 2})
