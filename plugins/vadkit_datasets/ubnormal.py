"""UBnormal (Acsintoae et al., CVPR 2022)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.api import DataError, IntervalLabels, Labels, Split, VideoRef
from vadkit_datasets.benchmark import Benchmark, published
from vadkit_datasets.layout import check_length, names_in

_LISTS: dict[Split, tuple[str, ...]] = {
    "train": ("normal_training_video_names.txt",),
    "test": ("abnormal_test_video_names.txt", "normal_test_video_names.txt"),
}
_LIST_FOLDERS = ("", "scripts/", "labels/")


class UBnormal(Benchmark):
    """UBnormal, rendered scenes: trained on the normal training videos only, scored on the test videos.

    Args:
        root: the data set's folder, or one that contains it.

    Example:
        >>> UBnormal(Path("ubnormal")).expected()["test frames"]
        92640
    """

    default_root: ClassVar[str] = "ubnormal"
    layout: ClassVar[str] = (
        "needed: Scene1/normal_scene_1_scenario_1.mp4, Scene1/abnormal_scene_1_scenario_1_annotations/"
        "abnormal_scene_1_scenario_1_tracks.txt (or gt/..._tracks.txt), and the lists normal_training_video_names.txt, "
        "normal_test_video_names.txt, abnormal_test_video_names.txt, here or in scripts/; or training/frames/NAME/, "
        "testing/frames/NAME/. Videos, tracks and lists are at github.com/lilygeorgescu/UBnormal"
    )
    inside = ("ubnormal", "UBnormal")
    signs = ("Scene1", "gt", "scripts", *_LISTS["test"])
    fps = 30.0
    scene, example = r"[^_]*_scene_([^_]+)_", "normal_scene_1_scenario_1"
    normal = "normal"
    missing: ClassVar[Mapping[Split, str]] = {
        "train": "no normal training videos (normal_scene_...)",
        "test": "none of the listed test videos exists",
    }
    # By the authors' lists, with the normal training videos only.
    totals = published(train_videos=186, test_videos=211, test_frames=92_640)

    def _labels(self, video: VideoRef) -> Labels:
        source = "ubnormal tracks"
        folders = (f"Scene{video.scene}/{video.name}_annotations", "gt", f"testing/{video.name}_annotations")
        file = self._first(f"{folder}/{video.name}_tracks.txt" for folder in folders)
        if file is None and video.name.startswith("normal"):
            return Labels(np.zeros(self._length(video), np.bool_), source=source)
        if file is None:
            what = f"no tracks of this video; looked for {video.name}_tracks.txt in {', '.join(folders)}"
            raise DataError(what, where=str(self._base), fix=self.layout)
        read = read_tracks(file)
        if read.ndim == 1:
            check_length(len(read), video.frames, where=video.name, source=str(file))
            return Labels(read == 0, source=source)
        length = self._length(video)
        spans = [(int(first), int(last)) for _, first, last in read]
        frames = IntervalLabels(f"{file}, {video.name}", in_frames=spans).frames(length)
        maps = file.parent / f"{video.name}_0000_gt.png"
        masks = partial(_read_masks, file.parent, video.name, read, length) if maps.is_file() else None
        return Labels(frames, masks, self._tracks(video, length), source=source)

    def _listed(self, split: Split) -> Sequence[VideoRef]:
        names: list[str] = []
        for name in _LISTS[split]:
            names += names_in(self._file([folder + name for folder in _LIST_FOLDERS], "list of videos"))
        return self._those_there(names)


def read_tracks(path: Path) -> NDArray[np.int64]:
    """(K, 3) of object, first and last frame; or (F,) with 1 for normal and 0 for abnormal.

    The authors' tracks are text. Those of STG-NF have the same names and are mostly NumPy arrays.

    Raises:
        DataError: the file is unreadable, or has neither format.
    """
    try:
        content = path.read_bytes()
        if content.startswith(b"\x93NUMPY"):
            values = np.load(io.BytesIO(content), allow_pickle=False)
            fits = values.ndim == 1 and values.size > 0 and bool(np.isin(values, (0, 1)).all())
        else:
            lines = content.decode().split()
            values = np.array([[float(word) for word in line.split(",")] for line in lines])
            fits = values.ndim == 2 and values.shape[1] == 3 and bool((values == np.floor(values)).all())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as tracks: {error}", where=str(path), fix="download it again") from error
    if not fits:
        what = "neither rows of 'object,first,last' nor an array with a 0 or 1 per frame"
        raise DataError(what, where=str(path), fix="download it again")
    return values.astype(np.int64)


def _read_masks(folder: Path, name: str, tracks: NDArray[np.int64], frames: int) -> NDArray[np.bool_]:
    """(F, H, W), True where the object map shows an object that is abnormal in that frame by its track."""
    masks: list[NDArray[np.bool_]] = []
    for frame in range(frames):
        path = folder / f"{name}_{frame:04}_gt.png"
        try:
            with Image.open(path, formats=("PNG",)) as image:
                objects = np.asarray(image.convert("L"))
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"cannot be decoded: {error}", where=str(path), fix="download it again") from error
        now = (tracks[:, 1] <= frame) & (frame <= tracks[:, 2])
        masks.append(np.isin(objects, tracks[now, 0]))
    return np.stack(masks)
