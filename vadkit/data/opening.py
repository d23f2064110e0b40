"""Opens the data sets of a recipe: finds their folders and builds them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError
from vadkit.core.files import reading
from vadkit.core.values import Labels, Split, VideoRef
from vadkit.recipe.build import build
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.model import Data

DATA_ROOT = "VADKIT_DATA"
"""Environment variable: the folder that holds the data sets' folders."""


class CrossDomain(Dataset):
    """The training videos of the data set `source`, and the test videos and labels of the data set `target`."""

    def __init__(self, source: Dataset, target: Dataset) -> None:
        self.source, self.target = source, target

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split: training videos of the source, test videos of the target."""
        return (self.target if split == "test" else self.source).videos(split)

    def labels(self, video: VideoRef) -> Labels | None:
        """Labels of a test video of the target."""
        return self.target.labels(video)

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """Ground truth of the target."""
        return self.target.ground_truth()

    def expected(self) -> Mapping[str, int]:
        """Totals of the source's training videos and of the target's test videos."""
        train = {key: total for key, total in self.source.expected().items() if key.startswith("train")}
        return train | {key: total for key, total in self.target.expected().items() if not key.startswith("train")}

    def ignored(self, split: Split) -> Sequence[Path]:
        """Files of the source's training folders, or of the target's test folders, that belong to no video."""
        return (self.source if split == "train" else self.target).ignored(split)


class Rated(Dataset):
    """A data set in which videos without a known frame rate, such as folders of images, have the rate `fps`."""

    def __init__(self, dataset: Dataset, fps: float) -> None:
        self._dataset, self._fps = dataset, fps
        self._found: dict[Split, Sequence[VideoRef]] = {}

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split."""
        if split not in self._found:
            videos = self._dataset.videos(split)
            self._found[split] = [replace(video, fps=video.fps or self._fps) for video in videos]
        return self._found[split]

    def labels(self, video: VideoRef) -> Labels | None:
        """Labels of a test video."""
        return self._dataset.labels(video)

    def expected(self) -> Mapping[str, int]:
        """Published totals of the data set."""
        return self._dataset.expected()

    def ignored(self, split: Split) -> Sequence[Path]:
        """Files that belong to no video."""
        return self._dataset.ignored(split)


def open_data(data: Data, data_root: str | Path | None) -> Dataset:
    """Open the data set of a recipe's `data:`, or the pair of data sets for training and test."""
    if data.test_on is None:
        return rated(open_dataset(data.dataset, data_root), data.fps)
    return rated(open_pair(data.dataset, data.test_on, data_root), data.fps)


def rated(dataset: Dataset, fps: float | None) -> Dataset:
    """The data set with the recipe's `data.fps` as the rate of videos without a known one."""
    return dataset if fps is None else Rated(dataset, fps)


def open_pair(source: ComponentConfig, target: ComponentConfig, data_root: str | Path | None) -> CrossDomain:
    """Open a data set for training and another for test.

    Raises:
        DataError: `open_dataset` raises it for one of them, or two data sets of different kinds share a folder.
    """
    if source.component != target.component:
        for config in (source, target):
            _check_own_folder(config, data_root)
    return CrossDomain(open_dataset(source, data_root), open_dataset(target, data_root))


def _check_own_folder(config: ComponentConfig, data_root: str | Path | None) -> None:
    """Refuse one folder for two kinds of data sets: with the same layout, each could read the other's files."""
    default = getattr(config.component.load(), "default_root", "")
    root = _root_folder(data_root)
    if not default or root is None:
        return
    where = f"data set {config.component.name!r}"
    with reading(where):
        if root.is_dir() and not (root / default).is_dir():
            fix = "give both data sets their own folder (or link), and set --data-root to the folder that holds both"
            raise DataError(f"{root} has no folder {default!r}", where=where, fix=fix)


def open_dataset(config: ComponentConfig, data_root: str | Path | None) -> Dataset:
    """Open a data set in its folder, or in the folder that holds it; default: the variable `VADKIT_DATA`.

    Raises:
        DataError: the data set needs files, and no folder is set or the folder does not exist.
    """
    dataset = config.component.load()
    default, layout = getattr(dataset, "default_root", ""), getattr(dataset, "layout", "")
    if not getattr(dataset, "needs_root", True):
        return build(config, None)
    root = _root_folder(data_root)
    where = f"data set {config.component.name!r}"
    if root is None:
        fix = f"give --data-root DIR, or set the environment variable {DATA_ROOT}.\n{layout}"
        raise DataError("the folder of its videos is not given", where=where, fix=fix)
    with reading(where):
        if not root.is_dir():
            fix = f"correct --data-root, or the environment variable {DATA_ROOT}.\n{layout}"
            raise DataError(f"the folder {root} does not exist", where=where, fix=fix)
        has_default = bool(default) and (root / default).is_dir()
    return build(config, root / default if has_default else root)


def _root_folder(data_root: str | Path | None) -> Path | None:
    root = data_root if data_root is not None else os.environ.get(DATA_ROOT)
    return Path(root).expanduser() if root else None
