"""`vadkit data convert`: the written frames and labels are read back and compared."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from data.conftest import Made, noise, spans, write_images
from PIL import Image

from vadkit.api import DataError, Dataset, Labels, RunFolderError, VadkitError, VideoRef
from vadkit.data.tools import convert_dataset, open_target
from vadkit.data.tools import writing as writing_module
from vadkit.video.decode import decode
from vadkit_datasets.shanghaitech import ShanghaiTech
from vadkit_datasets.ucsd_ped import UCSDPed

Images = Callable[..., VideoRef]


def pixels(video: VideoRef) -> np.ndarray:
    return np.stack(list(decode(video, color="rgb"))).astype(int)


def named(dataset: Dataset, scene: str = "01", most: int = 2) -> Made:
    """Some videos of a data set under names as ShanghaiTech's, so that its reader takes them."""
    train = [replace(video, name=f"{scene}_{i:03d}") for i, video in enumerate(dataset.videos("train")[:most])]
    found = list(itertools.islice(dataset.videos("test"), most))
    test = [replace(video, name=f"{scene}_{i:04d}") for i, video in enumerate(found)]
    truth = {new.name: labels for new, old in zip(test, found, strict=True) if (labels := dataset.labels(old))}
    return Made(train, test, truth)


def cut(made: Made, part: slice) -> Made:
    """The same videos, shorter."""

    def shorter(video: VideoRef) -> VideoRef:
        assert isinstance(video.source, tuple)
        return replace(video, source=video.source[part], frames=len(video.source[part]))

    truth: dict[str, Labels | Exception] = {}
    for name, labels in made.truth.items():
        assert isinstance(labels, Labels)
        assert labels.masks
        truth[name] = replace(labels, frames=labels.frames[part], masks=partial(_part_of, labels.masks, part))
    return Made([shorter(video) for video in made.train], [shorter(video) for video in made.test], truth)


def _part_of(masks: Callable[[], np.ndarray], part: slice) -> np.ndarray:
    return masks()[part]


def same(one: Dataset, other: Dataset, tolerance: float) -> None:
    """The same names, frames, labels and masks."""
    for split in ("train", "test"):
        ours, theirs = one.videos(split), other.videos(split)
        assert [video.name for video in ours] == [video.name for video in theirs]
        for a, b in zip(ours, theirs, strict=True):
            first, second = pixels(a), pixels(b)
            assert first.shape == second.shape
            assert np.abs(first - second).mean() <= tolerance
            if split == "test":
                known, read = one.labels(a), other.labels(b)
                assert known
                assert read
                assert known.frames.tolist() == read.frames.tolist()
                assert (known.masks is None) == (read.masks is None)
                if known.masks and read.masks:
                    assert np.array_equal(known.masks(), read.masks())


@pytest.mark.parametrize(("form", "tolerance"), [("frames", 2.0), ("avi", 0)])
def test_the_converted_walkway_is_equal(tmp_path: Path, form: str, tolerance: float) -> None:
    keys = {"use": "walkway", "frames": 24, "train_videos": 1, "test_videos": 2, "size": [32, 48]}
    made = named(open_target(keys).dataset)
    done = convert_dataset(made, tmp_path / "out", to=form)
    assert (done.videos, done.frames) == (3, 72)
    same(made, ShanghaiTech(tmp_path / "out"), tolerance)
    flat = np.load(tmp_path / "out/frame_labels.npy")
    assert flat.shape == (1, 48)
    assert flat.sum() == sum(labels.frames.sum() for labels in made.truth.values() if not isinstance(labels, Exception))
    assert json.loads((tmp_path / "out/conversion.json").read_text())["complete"] is True


@pytest.mark.parametrize("form", ["frames", "avi"])
def test_the_data_set_folder_reads_it_without_keys(images: Images, tmp_path: Path, form: str) -> None:
    truth = {"b": spans(6, (1, 3), (5, 6)), "c": spans(6)}
    made = Made([images("a")], [images("b"), images("c")], truth)
    convert_dataset(made, tmp_path / "out", to=form)
    same(made, open_target("folder", tmp_path / "out").dataset, 20)  # noise is the worst case for JPEG


@pytest.mark.parametrize("form", ["frames", "avi"])
def test_a_converted_clip_of_ped2_is_equal(shared_data: Path, tmp_path: Path, form: str) -> None:
    made = cut(named(UCSDPed(shared_data / "ucsd_ped2"), most=1), slice(50, 80))  # the cyclist comes in at 60
    convert_dataset(made, tmp_path / "out", to=form)
    same(made, ShanghaiTech(tmp_path / "out"), 0)
    assert made.test[0].frames == 30
    if form == "frames":
        source = made.train[0].source
        assert isinstance(source, tuple)
        assert (tmp_path / "out/training/frames/01_000/000.jpg").read_bytes() == source[0].read_bytes()


def test_a_conversion_can_be_read_as_ucsd_ped(images: Images, tmp_path: Path) -> None:
    made = Made([images("1")], [images("1b"), images("2b", frames=4)], {"1b": spans(6, (1, 4)), "2b": spans(4)})
    convert_dataset(made, tmp_path / "out")
    back = UCSDPed(tmp_path / "out", subset="ped1", label_file=Path("frame_labels.npy"))
    labels = [back.labels(video) for video in back.videos("test")]
    assert [each.frames.tolist() for each in labels if each] == [[False, True, True, True, False, False], [False] * 4]


def test_size_gray_and_split(images: Images, tmp_path: Path) -> None:
    masks = np.zeros((6, 24, 32), bool)
    masks[2, 5, 5] = True
    made = Made([images("a", channels=3)], [images("b")], {"b": replace(spans(6, (2, 3)), masks=lambda: masks)})
    convert_dataset(made, tmp_path / "out", size="12x16", gray=True, splits=["test"])
    assert not (tmp_path / "out/training").exists()
    with Image.open(tmp_path / "out/testing/frames/b/000.jpg") as image:
        assert (image.mode, image.size) == ("L", (16, 12))
    small = np.load(tmp_path / "out/testing/test_pixel_mask/b.npy")
    assert small.shape == (6, 12, 16)
    assert small.any(axis=(1, 2)).tolist() == [False, False, True, False, False, False]


def test_names_with_folders_become_flat_file_names(images: Images, tmp_path: Path) -> None:
    a = images("a")
    convert_dataset(Made([replace(a, name="cam 1/ä")]), tmp_path / "out")
    assert (tmp_path / "out/training/frames/cam 1_ä/005.jpg").is_file()
    with pytest.raises(DataError, match="would get the file name x_y"):
        convert_dataset(Made([replace(a, name="x/y"), replace(a, name="x_y")]), tmp_path / "two")


def test_frame_names_sort_as_text_for_any_number_of_frames(tmp_path: Path) -> None:
    ticks = np.zeros((1001, 4, 4, 1), np.uint8)
    video = VideoRef("v", lambda start, stop: ticks[start:stop], frames=1001, fingerprint="ticks")
    convert_dataset(Made([video]), tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out/training/frames/v").iterdir())
    assert (names[0], names[-1], len(names)) == ("0000.jpg", "1000.jpg", 1001)


@pytest.mark.parametrize("form", ["frames", "avi"])
def test_an_interrupted_conversion_continues(
    images: Images, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made([images("a"), images("b")], [images("c")], {"c": spans(6, (1, 2))})
    whole = writing_module.decode
    began: list[str] = []

    def interrupted(video: VideoRef, **how: object) -> object:
        began.append(video.name)
        for index, frame in enumerate(whole(video, **how)):  # type: ignore[arg-type]
            if video.name == "b" and index == 3 and began.count("b") == 1:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(writing_module, "decode", interrupted)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        convert_dataset(made, out, to=form)
    home = out / "training" / ("frames" if form == "frames" else "videos")
    assert [path.stem for path in home.iterdir()] == ["a"], "no partial file remains or has its final name"
    assert json.loads((out / "conversion.json").read_text())["complete"] is False
    (home / ".b.1234.part").mkdir()  # of a process that was killed
    done = convert_dataset(made, out, to=form)
    assert (done.videos, done.frames) == (3, 18)
    assert began.count("a") == 1
    assert sorted(path.stem for path in home.iterdir()) == ["a", "b"]


def test_existing_files_are_never_overwritten(images: Images, tmp_path: Path) -> None:
    made, out = Made([images("a")]), tmp_path / "out"
    out.mkdir()
    convert_dataset(made, out)
    with pytest.raises(RunFolderError, match="contains another conversion, with a different form, encoding"):
        convert_dataset(made, out, to="avi")
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").touch()
    with pytest.raises(RunFolderError, match="not empty"):
        convert_dataset(made, full)
    with pytest.raises(RunFolderError, match="not empty"):
        convert_dataset(made, full / "thesis.tex")


def test_damaged_videos_and_labels_of_another_length_are_refused(images: Images, tmp_path: Path) -> None:
    bad = write_images(tmp_path / "bad", noise(4, 1), ".jpg")
    bad[2].write_text("no image")
    with pytest.raises(DataError, match="frame 2"):
        convert_dataset(Made([VideoRef("bad", bad)]), tmp_path / "one")
    assert not (tmp_path / "one/training/frames/bad").exists()
    with pytest.raises(DataError, match="7 labels for 6 frames"):
        convert_dataset(Made([], [images("c")], {"c": spans(7)}), tmp_path / "two")
    with pytest.raises(DataError, match="no frames"):
        convert_dataset(Made([VideoRef("none", ())]), tmp_path / "three")


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"to": "mp4"}, "choices: frames, avi"),
        ({"size": "24"}, "HxW"),
        ({"size": "0x3"}, "HxW"),
        ({"splits": ["val"]}, "choices: train, test"),
    ],
)
def test_mistakes_are_one_message(images: Images, tmp_path: Path, keys: dict[str, object], what: str) -> None:
    with pytest.raises(VadkitError, match=what):
        convert_dataset(Made([images("a")]), tmp_path / "out", **keys)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
