"""ShanghaiTech Campus (Liu et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Labels, Split, VideoRef, list_folder
from vadkit_datasets.benchmark import Benchmark, published
from vadkit_datasets.layout import check_length, read_array

_LABELS = ("testing/test_frame_mask", "test_frame_mask")


class ShanghaiTech(Benchmark):
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
    inside = ("shanghaitech", "ShanghaiTech", "SHANGHAI")
    signs = _LABELS
    fps = 24.0
    scene, example = r"(\d+)_.", "01_001"
    totals = published(
        train_videos=330, train_frames=274_515, test_videos=107, test_frames=40_791, abnormal_frames=17_326
    )

    def __init__(self, root: Path | None, *, scenes: tuple[int, ...] = ()) -> None:
        super().__init__(root)
        self._scenes = scenes
        if scenes:
            self.totals = {}  # they are published for all scenes together

    def _labelled(self, there: Mapping[str, VideoRef]) -> Iterable[VideoRef]:
        folders = [self._base / name for name in _LABELS if (self._base / name).is_dir()]
        files = [file for folder in folders for file in list_folder(folder) if file.suffix == ".npy"]
        kept = self._kept([there.get(file.stem) or self._absent(file.stem) for file in files])
        if not kept:
            what = f"no frame labels; looked for {', '.join(f'{folder}/01_0014.npy' for folder in _LABELS)}"
            raise DataError(what, where=str(self._base), fix=self.layout)
        return kept

    def _labels(self, video: VideoRef) -> Labels:
        names = [f"{folder}/{video.name}.npy" for folder in _LABELS]
        file = self._file(names, "frame labels")
        frames = read_array(file).ravel() != 0
        check_length(len(frames), video.frames, where=video.name, source=str(file))
        masks = self._base / "testing/test_pixel_mask" / f"{video.name}.npy"
        return Labels(
            frames,
            partial(_read_masks, masks, len(frames)) if masks.is_file() else None,
            self._tracks(video, len(frames)),
            source="shanghaitech frame masks",
        )

    def _kept(self, videos: list[VideoRef]) -> list[VideoRef]:
        return [video for video in videos if not self._scenes or int(video.scene) in self._scenes]

    def _find(self, split: Split) -> list[VideoRef]:
        found = super()._find(split)
        kept = self._kept(found)
        if not kept:
            choices = ", ".join(str(scene) for scene in sorted({int(video.scene) for video in found}))
            asked = ", ".join(map(str, self._scenes))
            raise DataError(f"no {split} videos of scene {asked}", where="data.scenes", fix=f"choices: {choices}")
        return kept


def _read_masks(path: Path, frames: int) -> NDArray[np.bool_]:
    masks = read_array(path)
    if masks.ndim != 3:
        raise DataError(f"masks must be (F, H, W), but are {masks.shape}", where=str(path), fix="download it again")
    check_length(len(masks), frames, where=path.stem, source=str(path))
    return masks != 0
