"""ShanghaiTech Campus (Liu et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Dataset, Labels, Split, VideoRef
from vadkit_datasets import label_files, layout
from vadkit_datasets.tracks import tracks_of

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("training/frames", "training/videos"),
    "test": ("testing/frames", "testing/videos"),
}
_LABELS = ("testing/test_frame_mask", "test_frame_mask")
_FPS = 24.0


class ShanghaiTech(Dataset):
    """ShanghaiTech Campus, 13 scenes; the name of a video is `scene_number`.

    Args:
        root: the data set's folder, or one that contains it.
        scenes: numbers of the scenes to keep, such as [1, 12]; empty keeps all.

    Example:
        >>> ShanghaiTech(Path("shanghaitech")).expected()["test videos"]
        107
    """

    default_root: ClassVar[str] = "shanghaitech"
    layout: ClassVar[str] = (
        "needed: training/videos/01_001.avi (or training/frames/01_001/), testing/frames/01_0014/000.jpg and "
        "testing/test_frame_mask/01_0014.npy; the data set is on the 'ShanghaiTech Campus' page of ShanghaiTech's "
        "SVIP Lab (svip-lab.github.io), and part of the code of Liu et al., 'Future Frame Prediction', CVPR 2018"
    )

    def __init__(self, root: Path | None, *, scenes: tuple[int, ...] = ()) -> None:
        self._root, self._scenes = root, scenes

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split, scene by scene."""
        return self._test if split == "test" else self._find("train")

    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video; None for a training video.

        Raises:
            DataError: the label file is missing or does not fit the video.
        """
        return self._labels(video) if layout.is_among(video, self._test) else None

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """All test videos of the chosen scenes that have frame labels, even if the videos are missing.

        Raises:
            DataError: there are no labels.
        """
        there = {video.name: video for video in layout.found_if_any(self._find, "test")}
        files = [file for folder in _LABELS for file in layout.entries(self._base / folder) if file.suffix == ".npy"]
        everyone = [there.get(file.stem, VideoRef(file.stem, (), fps=_FPS)) for file in files]
        placed = [replace(video, scene=_scene(video)) for video in everyone]
        kept = [video for video in placed if not self._scenes or int(video.scene) in self._scenes]
        if not kept:
            what = f"no frame labels; looked for {', '.join(f'{folder}/01_0014.npy' for folder in _LABELS)}"
            raise DataError(what, where=str(self._base), fix=self.layout)
        return [(video, self._labels(video)) for video in kept]

    def expected(self) -> Mapping[str, int]:
        """Published totals of all 13 scenes; empty if scenes are chosen."""
        if self._scenes:
            return {}
        return {
            "train videos": 330,
            "train frames": 274_515,
            "test videos": 107,
            "test frames": 40_791,
            "abnormal frames": 17_326,
        }

    def _labels(self, video: VideoRef) -> Labels:
        names = [f"{folder}/{video.name}.npy" for folder in _LABELS]
        file = layout.first_file(self._base, names, what="frame labels", layout=self.layout)
        frames = label_files.read_array(file).ravel() != 0
        if video.frames is not None:
            label_files.check_length(len(frames), video.frames, where=video.name, source=str(file))
        masks = self._base / "testing/test_pixel_mask" / f"{video.name}.npy"
        return Labels(
            frames,
            partial(_read_masks, masks, len(frames)) if masks.is_file() else None,
            tracks_of(self._base, video.name, len(frames)),
            source="shanghaitech frame masks",
        )

    @cached_property
    def _base(self) -> Path:
        signs = [*(name for names in _FOLDERS.values() for name in names), *_LABELS]
        return layout.locate(self._root, ("shanghaitech", "ShanghaiTech", "SHANGHAI"), signs, layout=self.layout)

    @cached_property
    def _test(self) -> Sequence[VideoRef]:
        return self._find("test")

    def _find(self, split: Split) -> list[VideoRef]:
        found = layout.find_videos(self._base, _FOLDERS[split], fps=_FPS, layout=self.layout)
        placed = [replace(video, scene=_scene(video)) for video in found]
        kept = [video for video in placed if not self._scenes or int(video.scene) in self._scenes]
        if not kept:
            choices = ", ".join(str(scene) for scene in sorted({int(video.scene) for video in placed}))
            asked = ", ".join(map(str, self._scenes))
            raise DataError(f"no {split} videos of scene {asked}", where="data.scenes", fix=f"choices: {choices}")
        return kept


def _scene(video: VideoRef) -> str:
    scene, _, rest = video.name.partition("_")
    if not (scene.isdigit() and rest):
        fix = "name it scene_number, such as 01_001, or move it out"
        raise DataError("the name does not start with a scene", where=f"video {video.name!r}", fix=fix)
    return scene


def _read_masks(path: Path, frames: int) -> NDArray[np.bool_]:
    masks = label_files.read_array(path)
    if masks.ndim != 3:
        raise DataError(f"masks must be (F, H, W), but are {masks.shape}", where=str(path), fix="download it again")
    label_files.check_length(len(masks), frames, where=path.stem, source=str(path))
    return masks != 0
