"""Made-up trees of every benchmark, just large enough to be read: what the conformance kit looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from filmed import noise, write
from scipy.io import savemat

SPANS = "Abuse028_x264.mp4  Abuse  3  5  -1  -1  \nNormal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1  \n"
UBNORMAL = "abnormal_scene_2_scenario_1_fog"


def frames(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir(parents=True)
    for n in range(first, first + count):
        (folder / f"{n:04d}.jpg").touch()


def folder(root: Path) -> Path:
    frames(root / "train/walk", 4)
    frames(root / "test/run", 6)
    frames(root / "test/stand", 5)
    (root / "labels.csv").write_text("video,start_frame,end_frame\nrun,2,4\n")
    return root


def ucsd_ped(root: Path) -> Path:
    frames(root / "training/frames/01", 3, first=1)
    frames(root / "testing/frames/01", 6, first=1)
    frames(root / "testing/frames/02", 5, first=1)
    spans = ("[1:2, 5:6]", "[3]")
    (root / "UCSDped2.m").write_text("".join(f"TestVideoFile{{end+1}}.gt_frame = {span};\n" for span in spans))
    return root


def avenue(root: Path) -> Path:
    frames(root / "training/frames/01", 3)
    frames(root / "testing/frames/08", 36)
    spans = np.empty((1, 21), object)
    for index in range(21):
        spans[0, index] = np.array([[3, 36], [5, 36]] if index == 7 else [[1], [1]], np.uint16)
    savemat(root / "avenue.mat", {"gt": spans})
    return root


def shanghaitech(root: Path) -> Path:
    frames(root / "training/frames/01_002", 3)
    frames(root / "testing/frames/01_0014", 5)
    masks = np.zeros((5, 6, 8), np.uint8)
    masks[1:3, 2, 2] = 1
    for kind, content in {"frame": masks.any(axis=(1, 2)).astype(np.uint8), "pixel": masks}.items():
        (root / f"testing/test_{kind}_mask").mkdir()
        np.save(root / f"testing/test_{kind}_mask/01_0014.npy", content)
    return root


def ucf_crime(root: Path) -> Path:
    frames(root / "training/frames/Normal_Videos001_x264", 3)
    frames(root / "testing/frames/Abuse028_x264", 9)
    frames(root / "testing/frames/Normal_Videos_003_x264", 4)
    (root / "Temporal_Anomaly_Annotation.txt").write_text(SPANS)
    return root


def ubi_fights(root: Path) -> Path:
    for name in ("normal/N_0_0_0_1_0", "normal/N_0_0_0_2_0", "fight/F_10_1_2_0_0"):
        (root / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"videos/{name}.mp4").touch()
    (root / "annotation").mkdir()
    (root / "annotation/F_10_1_2_0_0.csv").write_text("0\n0\n1\n1\n0\n")
    (root / "annotation/N_0_0_0_2_0.csv").write_text("0\n0\n0\n")
    (root / "test_videos.csv").write_text("F_10_1_2_0_0\nN_0_0_0_2_0.mp4\n")
    return root


def ubnormal(root: Path) -> Path:
    frames(root / "training/frames/normal_scene_1_scenario1_3", 3)
    frames(root / f"testing/frames/{UBNORMAL}", 6)
    frames(root / "testing/frames/normal_scene_10_scenario_2", 4)
    (root / "gt").mkdir()
    (root / f"gt/{UBNORMAL}_tracks.txt").write_text("1,0,1\r\n7,1,3\r\n")
    return root


def street_scene(root: Path) -> Path:
    frames(root / "Train/Train001", 3, first=1)
    frames(root / "Test/Test001", 5, first=1)
    (root / "Test/Test001/Test001_gt.txt").write_text("00002.jpg 0 640 360 20 11\n00003.jpg 0 642.5 360 20 11\n")
    return root


def nwpu_campus(root: Path) -> Path:
    for name in ("Train/D001_01", "Test/D001_01"):
        (root / f"videos/{name}").parent.mkdir(parents=True)
        write(root / f"videos/{name}.avi", noise(8)[:: 1 if "Train" in name else -1], "mpeg4")
    (root / "groundtruth").mkdir()
    np.savez(root / "groundtruth/NWPU_Campus_gt.npz", D001_01=np.arange(8) > 5)
    return root


_ALL = (folder, ucsd_ped, avenue, shanghaitech, ucf_crime, ubi_fights, ubnormal, street_scene, nwpu_campus)
TREES = {tree.__name__: tree for tree in _ALL}
"""Data set -> what writes its tree into a folder."""
