from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vadkit.core.errors import DataError
from vadkit.core.values import Labels, Track
from vadkit.store.scores import (
    VideoScores,
    read_labels,
    read_scores,
    score_file,
    write_labels,
    write_regions,
    write_scores,
)


def video(name: str = "01", frames: int = 5) -> VideoScores:
    scores = np.linspace(0, 1, frames)
    scores[-1] = np.nan
    coverage = np.arange(frames)[::-1].copy()
    return VideoScores(name, "hall", {"reconstruction": scores, "nll": -scores}, coverage)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = video()
    write_scores(tmp_path, written)
    (read,) = read_scores(tmp_path)
    assert (read.name, read.scene, list(read.components)) == ("01", "hall", ["reconstruction", "nll"])
    assert read.size is None
    np.testing.assert_array_equal(read.coverage, [4, 3, 2, 1, 0])
    for name, scores in read.components.items():
        assert scores.dtype == np.float64
        np.testing.assert_array_equal(scores, written.components[name])


def test_the_size_of_the_video_is_kept(tmp_path: Path) -> None:
    write_scores(tmp_path, replace(video(), size=(48, 64)))
    assert read_scores(tmp_path)[0].size == (48, 64)


def test_no_label_is_in_a_score_file(tmp_path: Path) -> None:
    with np.load(write_scores(tmp_path, video())) as archive:
        assert set(archive.files) == {
            "kind",
            "version",
            "name",
            "scene",
            "coverage",
            "fps",
            "component/reconstruction",
            "component/nll",
        }


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "..", ".hidden", "Straße 7", "x" * 400, "con:1", "a\\b"])
def test_any_name_comes_back_from_one_file_inside_the_folder(tmp_path: Path, name: str) -> None:
    path = write_scores(tmp_path, video(name))
    assert path.parent == tmp_path
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert read_scores(tmp_path)[0].name == name


def test_different_names_never_share_a_file(tmp_path: Path) -> None:
    names = ["a/b", "a%2Fb", "a_b", "." + "a", "%2Ea", "x" * 400, "x" * 401]
    assert len({score_file(tmp_path, name) for name in names}) == len(names)


def test_natural_order_without_subfolders_and_asides(tmp_path: Path) -> None:
    for name in ("10", "2", "1"):
        write_scores(tmp_path, video(name))
    write_scores(tmp_path / "normal", video("n"))
    (tmp_path / ".2.abc.part.npz").write_bytes(b"killed")
    assert [read.name for read in read_scores(tmp_path)] == ["1", "2", "10"]
    assert [read.name for read in read_scores(tmp_path / "normal")] == ["n"]


def test_writing_again_replaces_and_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_scores(tmp_path, video()).read_bytes()
    assert write_scores(tmp_path, video()).read_bytes() == first
    write_scores(tmp_path, video(frames=7))
    assert read_scores(tmp_path)[0].coverage.size == 7


@pytest.mark.parametrize("share", [0.0, 0.3, 0.97])
def test_truncated_file_is_named(tmp_path: Path, share: float) -> None:
    path = write_scores(tmp_path, video("walk"))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"walk\.npz"):
        read_scores(tmp_path)


def test_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = write_scores(tmp_path, video("walk", frames=400))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"walk\.npz"):
        read_scores(tmp_path)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = write_scores(tmp_path, video())
    with np.load(path) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays["component/nll"] = np.array([{}, 1, 2, 3, 4], dtype=object)
    np.savez(path, allow_pickle=True, **arrays)
    with pytest.raises(DataError, match=r"01\.npz.*(pickle|Object)"):
        read_scores(tmp_path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", scores=np.zeros(3))
    with pytest.raises(DataError, match=r"other\.npz"):
        read_scores(tmp_path)


def test_a_plain_array_named_npz_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"array\.npz"):
        read_scores(tmp_path)


def test_a_label_file_is_no_score_file(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.npz", {})
    with pytest.raises(DataError, match="vadkit labels"):
        read_scores(tmp_path)


def test_two_files_of_one_video_are_refused(tmp_path: Path) -> None:
    path = write_scores(tmp_path, video("01"))
    (tmp_path / "copy.npz").write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=r"'01' is also in 01\.npz"):
        read_scores(tmp_path)


def test_empty_and_missing_folder_say_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DataError, match="vadkit run"):
            read_scores(folder)


def test_lengths_of_one_video_must_agree() -> None:
    with pytest.raises(DataError, match=r"\(4,\).*\(5,\)"):
        VideoScores("01", "", {"nll": np.zeros(4)}, np.ones(5, int))


def test_labels_come_back(tmp_path: Path) -> None:
    labels = {
        "a/1": Labels(np.array([True, False]), source="masks"),
        "b": Labels(np.array([False, False, True]), source="intervals"),
    }
    write_labels(tmp_path / "labels.npz", labels)
    read = read_labels(tmp_path / "labels.npz")
    assert {name: (label.frames.tolist(), label.source) for name, label in read.items()} == {
        "a/1": ([True, False], "masks"),
        "b": ([False, False, True], "intervals"),
    }


def test_no_labels_at_all_come_back_empty(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.npz", {})
    assert read_labels(tmp_path / "labels.npz") == {}


def test_missing_label_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.npz"):
        read_labels(tmp_path / "labels.npz")


def test_maps_come_back_for_the_scorer_they_are_of(tmp_path: Path) -> None:
    anomaly_maps = np.arange(24, dtype=np.float32).reshape(-1, 2, 3)
    one = video()
    frames = len(one.coverage)
    anomaly_maps = np.resize(anomaly_maps, (frames, 2, 3))
    write_scores(tmp_path, replace(one, anomaly_maps=lambda: anomaly_maps, fps=12.5), anomaly_maps="reconstruction")
    [found] = read_scores(tmp_path, anomaly_maps="reconstruction")
    assert found.fps == 12.5
    assert found.anomaly_maps is not None
    np.testing.assert_array_equal(found.anomaly_maps(), anomaly_maps)
    assert read_scores(tmp_path)[0].anomaly_maps is None
    assert read_scores(tmp_path, anomaly_maps="other")[0].anomaly_maps is None


def test_damaged_maps_say_what_to_do(tmp_path: Path) -> None:
    one = video()
    write_scores(tmp_path, replace(one, anomaly_maps=lambda: np.zeros((len(one.coverage), 2, 2))), anomaly_maps="r")
    file = next((tmp_path / "anomaly_maps" / "r").iterdir())
    file.write_bytes(file.read_bytes()[:20])
    [found] = read_scores(tmp_path, anomaly_maps="r")
    assert found.anomaly_maps is not None
    with pytest.raises(DataError, match="delete it and score that video again"):
        found.anomaly_maps()
    np.save(file, np.zeros((1, 2, 2)))
    with pytest.raises(DataError, match=r"shape \(1, 2, 2\)"):
        found.anomaly_maps()


def test_masks_and_tracks_come_back(tmp_path: Path) -> None:
    masks = np.random.default_rng(0).random((3, 5, 7)) < 0.3
    tracks = (Track("cart", {0: (1, 2, 3, 4), 2: (1, 1, 2, 2)}), Track("empty", {}))
    labels = {
        "a/b": Labels(np.array([1, 0, 1], bool), lambda: masks, tracks, "by hand"),
        "c": Labels(np.zeros(2, bool)),
    }
    write_labels(tmp_path / "labels.npz", labels)
    for name, label in labels.items():
        write_regions(tmp_path / "regions", name, label)
    found = read_labels(tmp_path / "labels.npz", tmp_path / "regions")
    assert found["a/b"].masks is not None
    np.testing.assert_array_equal(found["a/b"].masks(), masks)
    assert found["a/b"].tracks == tracks
    assert (found["c"].masks, found["c"].tracks) == (None, None)
    assert read_labels(tmp_path / "labels.npz")["a/b"].masks is None
