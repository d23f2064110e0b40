"""Where a recipe's videos lie on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
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
    """Trained on one data set, tested on another.

    Args:
        source: whose training videos are trained on.
        target: whose test videos and labels are judged.
    """

    def __init__(self, source: Dataset, target: Dataset) -> None:
        self.source, self.target = source, target

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Of the data set that the split comes from."""
        return (self.target if split == "test" else self.source).videos(split)

    def labels(self, video: VideoRef) -> Labels | None:
        """The target's."""
        return self.target.labels(video)

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """The target's."""
        return self.target.ground_truth()

    def expected(self) -> Mapping[str, int]:
        """Totals of the source's training videos and of the target's test videos."""
        train = {key: total for key, total in self.source.expected().items() if key.startswith("train")}
        return train | {key: total for key, total in self.target.expected().items() if not key.startswith("train")}


def open_data(data: Data, data_root: str | Path | None) -> Dataset:
    """What a recipe's `data:` names, at its place on disk: one data set, or two that are trained and tested on.

    Raises:
        DataError: as `open_dataset`, of either; or two data sets of different kinds do not lie in folders of their own.
    """
    if data.test_on is None:
        return open_dataset(data.dataset, data_root)
    return open_pair(data.dataset, data.test_on, data_root)


def open_pair(source: ComponentConfig, target: ComponentConfig, data_root: str | Path | None) -> CrossDomain:
    """A data set to train on and one to test on; errors as of `open_data`."""
    if source.component != target.component:
        for chosen in (source, target):
            _check_own_folder(chosen, data_root)
    return CrossDomain(open_dataset(source, data_root), open_dataset(target, data_root))


def _check_own_folder(chosen: ComponentConfig, data_root: str | Path | None) -> None:
    """Refuse one folder for two kinds of data sets: some have the same layout, and would be read as each other."""
    default = getattr(chosen.component.load(), "default_root", "")
    root = _base(data_root)
    if not default or root is None:
        return
    with reading(f"data set {chosen.component.name}"):
        alone = root.is_dir() and not (root / default).is_dir()
    if alone:
        raise DataError(
            f"there is no folder {default!r} in {root}",
            where=f"data set {chosen.component.name}",
            fix="of two data sets, --data-root names the folder that holds both, each in a folder (or link) of its own",
        )


def open_dataset(chosen: ComponentConfig, data_root: str | Path | None) -> Dataset:
    """A data set, at its place on disk.

    Raises:
        DataError: it needs files, and nobody said where they lie or they are not there.
    """
    found = chosen.component.load()
    default, layout = getattr(found, "default_root", ""), getattr(found, "layout", "")
    if not getattr(found, "needs_root", True):
        return build(chosen, None)
    root = _base(data_root)
    where = f"data set {chosen.component.name}"
    if root is None:
        raise DataError(
            "nobody said where the data lies", where=where, fix=f"give --data-root or set {DATA_ROOT}.\n{layout}"
        )
    with reading(where):
        if not root.is_dir():
            fix = f"mend --data-root or {DATA_ROOT}.\n{layout}"
            raise DataError(f"there is no folder {root}", where=where, fix=fix)
        inner = bool(default) and (root / default).is_dir()
    return build(chosen, root / default if inner else root)


def _base(data_root: str | Path | None) -> Path | None:
    base = data_root if data_root is not None else os.environ.get(DATA_ROOT)
    return Path(base).expanduser() if base else None
