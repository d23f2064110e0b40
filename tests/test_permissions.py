"""What may not be read, really: root, who may read everything, gives that right up before a command runs."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import forked
import numpy as np
import pytest
from filmed import noise, write
from PIL import Image


def give_up_reading() -> None:
    """Give up the right of root to read everything, or end the process with code 77."""
    if os.geteuid() == 0:
        libc, header = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
        rights = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice
        libc.capget(header, rights)
        rights[0], rights[1] = (right & ~0b110 for right in rights[:2])  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.capset(header, rights)
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0)
        if os.access(file.name, os.R_OK, effective_ids=True):
            sys.exit(77)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Own video, frames of a benchmark, and one that is shipped as files and lists."""
    for name in ("own/train/a.avi", "own/train/b.avi", "own/test/c.avi"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, noise(20), "mpeg4")
    (tmp_path / "own/labels.csv").write_text("video,start_frame,end_frame\nc,2,4\n")
    for name in ("ucsd/training/frames/01", "ucsd/testing/frames/01"):
        (tmp_path / name).mkdir(parents=True)
        for number, frame in enumerate(noise(20)):
            Image.fromarray(frame).save(tmp_path / name / f"{number:03}.png")
    np.save(tmp_path / "ucsd/frame_labels_ped1.npy", np.zeros(20, np.uint8))
    (tmp_path / "crime/Videos/Abuse").mkdir(parents=True)
    (tmp_path / "crime/Videos/Abuse/Abuse028_x264.mp4").touch()
    (tmp_path / "crime/Temporal_Anomaly_Annotation.txt").write_text("Abuse028_x264.mp4 Abuse 3 5 -1 -1\n")
    there = list(tmp_path.rglob("*"))
    yield tmp_path
    for path in sorted(there):  # outer folders first; pytest removes them
        path.chmod(0o755)


def vadkit(*arguments: str) -> str:
    """What a command prints that must fail with one message."""
    done = forked.command(*arguments, env={**os.environ, "COLUMNS": "200"}, before=give_up_reading)
    if done.returncode == 77:
        pytest.skip("this user may read everything, and cannot give that up")
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said
    return said


CLOSED = [
    ("own/train/b.avi", "folder", "own"),
    ("own/test", "folder", "own"),
    ("own/labels.csv", "folder", "own"),
    ("own", "folder", "own"),
    ("ucsd/testing/frames/01", "{use: ucsd_ped, subset: ped1}", "ucsd"),
    ("ucsd/testing/frames/01/007.png", "{use: ucsd_ped, subset: ped1}", "ucsd"),
    ("ucsd/training", "{use: ucsd_ped, subset: ped1}", "ucsd"),
    ("crime/Videos/Abuse", "ucf_crime", "crime"),
]


def says(said: str, path: Path) -> bool:
    return str(path) in said and any(why in said for why in ("ermission", "is not readable"))


@pytest.mark.parametrize(("closed", "dataset", "folder"), CLOSED, ids=[case[0] for case in CLOSED])
def test_the_check_names_what_may_not_be_read(root: Path, closed: str, dataset: str, folder: str) -> None:
    (root / closed).chmod(0)
    said = vadkit("data", "check", dataset, "--data-root", str(root / folder))
    assert says(said, root / closed), said


@pytest.mark.parametrize(
    ("closed", "dataset", "folder"),
    [CLOSED[0], CLOSED[2], CLOSED[4], CLOSED[5]],
    ids=["a file", "labels", "a folder of frames", "a frame"],
)
def test_a_run_names_what_may_not_be_read_and_leaves_nothing(
    root: Path, closed: str, dataset: str, folder: str
) -> None:
    (root / closed).chmod(0)
    keys = dataset.strip("{}") if dataset != "folder" else "use: folder"
    small = [
        f"data={{{keys}, clip: {{frames: 8, size: [32, 48], color: gray}}}}",
        "evaluate={protocol: itae, metrics: [micro_auc]}",
    ]
    changes = [word for each in small for word in ("--set", each)]
    out = root / "run"
    said = vadkit("run", "recipes/own_video.yaml", "--data-root", str(root / folder), *changes, "--out", str(out))
    assert says(said, root / closed), said
    assert not (out / "checkpoints").exists()


@pytest.mark.parametrize("command", [["convert", "--to", "frames"], ["preview"]], ids=["convert", "preview"])
def test_convert_and_preview_name_it_too(root: Path, command: list[str]) -> None:
    (root / "ucsd/testing/frames/01").chmod(0)
    name, *options = command
    out = [str(root / "out")] if name == "convert" else []
    rest = ["{use: ucsd_ped, subset: ped1}", *out, *options, "--data-root", str(root / "ucsd")]
    assert says(vadkit("data", name, *rest), root / "ucsd/testing/frames/01")
