"""`vadkit data convert`: writes a data set in the layout of ShanghaiTech, which most code of the field reads.

```text
OUT/conversion.json                   source, options, and whether it is complete
OUT/training/frames/01/000.jpg        or training/videos/01.avi
OUT/testing/frames/01/000.jpg         or testing/videos/01.avi
OUT/testing/test_frame_mask/01.npy    (F,) uint8, 1 where abnormal
OUT/testing/test_pixel_mask/01.npy    (F, H, W) uint8, if there are masks
OUT/frame_labels.npy                  (1, all test frames) uint8, the videos in natural order
OUT/labels.csv                        frame labels as intervals, for vadkit's data set `folder`
```
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, RunFolderError, VadkitError, join_names
from vadkit.core.files import LEFTOVERS, atomic_write_text, reading
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.values import Split, VideoRef
from vadkit.core.version import __version__
from vadkit.data.tools.label_writing import filed, write_labels, write_summary
from vadkit.data.tools.target import Target
from vadkit.data.tools.writing import FrameFormat, frame_writer, video_writer
from vadkit.video.cache import fingerprint

Encoding = Literal["frames", "avi"]
MANIFEST = "conversion.json"
_ENCODINGS: dict[Encoding, str] = {
    "frames": "JPEG of quality 95, 4:4:4; JPEG frames copied unchanged",
    "avi": "FFV1, lossless",
}
_HOMES: dict[Split, str] = {"train": "training", "test": "testing"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of a conversion."""

    folder: Path
    videos: int  # number of videos, with those of an interrupted conversion
    frames: int
    form: str  # description of the encoding


def convert_dataset(
    target: Target | Dataset,
    out: str | Path,
    *,
    to: str = "frames",
    splits: Sequence[str] | None = None,
    size: tuple[int, int] | str | None = None,
    gray: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Write a data set as folders of frames or as video files, with its labels.

    A video gets its final name when it is complete. The same call continues an interrupted conversion.

    Args:
        target: the data set.
        out: the folder to write: new, empty, or from an interrupted conversion with the same arguments.
        to: "frames" for JPEG of quality 95 without colour subsampling (JPEG files are copied if neither size nor
            colour changes), or "avi" for FFV1, which is lossless.
        splits: "train", "test"; by default both.
        size: height and width, or "HxW"; by default that of each video.
        gray: convert to gray (ITU-R 601).
        progress: receives the progress.

    Raises:
        DataError: a video or its labels are damaged, or do not match.
        RunFolderError: `out` has other contents or cannot be written.
    """
    known = target if isinstance(target, Target) else Target(type(target).__name__, target)
    if to not in _ENCODINGS:
        raise VadkitError(f"{to!r} is not a form", where="--to", fix=f"choices: {', '.join(_ENCODINGS)}")
    if wrong := [split for split in splits or () if split not in _HOMES]:
        raise VadkitError(f"{wrong[0]!r} is not a split", where="--split", fix="choices: train, test")
    kept: tuple[Split, ...] = tuple(split for split in _HOMES if not splits or split in splits)
    work = _Work(known, Path(out), to, FrameFormat(_size(size), gray), kept)
    try:
        return work.run(progress or NoProgress())
    except RunFolderError as error:
        # The fix of `files` names options of `vadkit run`.
        if "--" in error.fix:
            full = "full" in error.what
            error.fix = "free some space, then repeat the command to continue" if full else "choose another folder"
        raise


@dataclass(frozen=True, slots=True)
class _Work:
    target: Target
    out: Path
    form: Encoding
    format: FrameFormat
    splits: tuple[Split, ...]

    def run(self, progress: Progress) -> Conversion:
        with reading(self.target.name):
            pairs: list[tuple[Split, VideoRef]] = [
                (split, video) for split in self.splits for video in self.target.dataset.videos(split)
            ]
        _refuse_clashes(pairs)
        plan = self._plan([video for _, video in pairs])
        self._begin(plan)
        progress.begin(f"writing {self.form}", len(pairs), unit="frames")
        frames, flat = 0, dict[str, NDArray[np.uint8]]()
        for done, (split, video) in enumerate(pairs, 1):
            with reading(f"video {video.name}"):
                labels = self.target.dataset.labels(video) if split == "test" else None
            home, name = self.out / _HOMES[split], filed(video)
            if self.form == "frames":
                count = frame_writer(video, home / "frames" / name, self.format)
            else:
                count = video_writer(video, home / "videos" / f"{name}.avi", self.format)
            frames += count
            if labels is not None:
                flat[name] = write_labels(self.out, video, labels, count, self.format.size)
            progress.advance(done, amount=count)
        write_summary(self.out, flat, [filed(video) for split, video in pairs if split == "test"])
        atomic_write_text(self.out / MANIFEST, _json(plan | {"complete": True, "frames": frames}))
        progress.end()
        return Conversion(self.out, len(pairs), frames, _ENCODINGS[self.form])

    def _plan(self, videos: Sequence[VideoRef]) -> dict[str, Any]:
        labels = self.target.dataset.labels(videos[-1]) if videos and "test" in self.splits else None
        return {
            "dataset": self.target.name,
            "data": fingerprint(videos),
            "labels": labels.source if labels else "",
            "splits": list(self.splits),
            "form": self.form,
            "encoding": _ENCODINGS[self.form],
            "size": list(self.format.size) if self.format.size else None,
            "gray": self.format.gray,
            "vadkit": __version__,
        }

    def _begin(self, plan: dict[str, Any]) -> None:
        manifest = self.out / MANIFEST
        try:
            if manifest.is_file():
                before = json.loads(manifest.read_text(encoding="utf-8"))
                if differ := [key for key in plan if key != "vadkit" and before.get(key) != plan[key]]:
                    what = f"contains another conversion, with a different {join_names(differ)}"
                    raise RunFolderError(what, where=str(self.out), fix="choose another folder, or remove this one")
            elif self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
                fix = "choose a new or an empty folder"
                raise RunFolderError("is not empty, and not a conversion", where=str(self.out), fix=fix)
        except (OSError, ValueError) as error:
            what = f"cannot be read: {error}"
            raise RunFolderError(what, where=str(manifest), fix="choose another folder") from error
        for left in self.out.rglob(LEFTOVERS):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
        atomic_write_text(manifest, _json(plan | {"complete": False}))


def _refuse_clashes(videos: Sequence[tuple[Split, VideoRef]]) -> None:
    for split in _HOMES:
        names = Counter(filed(video) for its_split, video in videos if its_split == split)
        if twice := [name for name, count in names.items() if count > 1]:
            what = f"several {split} videos would get the file name {join_names(twice)}"
            raise DataError(what, where="names", fix="rename the videos in the source")


def _json(plan: dict[str, Any]) -> str:
    return json.dumps(plan, indent=2, ensure_ascii=False) + "\n"


def _size(given: tuple[int, int] | str | None) -> tuple[int, int] | None:
    if isinstance(given, str):
        found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", given)
        given = (int(found[1]), int(found[2])) if found else (0, 0)
    if given is not None and min(given) < 1:
        fix = "for example --size 240x360: height, then width"
        raise VadkitError("is not 'HxW' in pixels", where="--size", fix=fix)
    return given
