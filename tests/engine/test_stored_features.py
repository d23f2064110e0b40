"""Features of training clips on disk: computed once, found again, and never used for anything else."""

from __future__ import annotations

import copy
import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from tiny_runs import TINY
from torch import Tensor

from vadkit.core.errors import RunFolderError
from vadkit.core.progress import NoProgress
from vadkit.data.opening import open_data
from vadkit.engine.experiment import Experiment
from vadkit.recipe.loading import read_recipe
from vadkit.store import features
from vadkit.store.run_folder import RunFolder
from vadkit.video.cache import FrameCache


class Said(NoProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


class Fits:
    """Fits the densities of recipes, and counts the clips that the encoder sees."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.cache, self.lines, self.encoded, self.number = folder, folder / "cache", list[str](), 0, 0
        plain = toys.Scaled.forward

        def forward(encoder: toys.Scaled, clips: Tensor) -> dict[str, Tensor]:
            self.encoded += len(clips)
            return plain(encoder, clips)

        patch.setattr(toys.Scaled, "forward", forward)

    def __call__(self, recipe: dict[str, Any], limit: int | None = None) -> tuple[dict[str, Any], int]:
        """State of the densities after the fit, and how many clips were encoded for it."""
        checked, told = read_recipe(recipe, (), toys.registry()), Said()
        self.encoded, self.number = 0, self.number + 1
        cache = FrameCache(self.cache, limit)
        place = RunFolder(self.folder / str(self.number))
        experiment = Experiment(checked, open_data(checked.data, None), place, cache, told)
        place.path.mkdir()
        experiment.datamodule.check()  # reserves the frames
        experiment.train_model()
        experiment.fit_densities()
        cache.close()
        self.lines = [line for line in told.lines if "not stored" in line]
        states = {name: head.state_dict() for name, head in experiment.heads.items()}
        return {f"{name}.{key}": it for name, state in states.items() for key, it in state.items()}, self.encoded

    def files(self) -> list[Path]:
        return sorted(self.cache.glob("features-*.npy"))


@pytest.fixture
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fits:
    return Fits(tmp_path, monkeypatch)


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    """A frozen encoder whose only weight is in a file, and a Gaussian of its latent."""
    (tmp_path / "weight.txt").write_text("2.0")
    found = copy.deepcopy(TINY)
    found["data"] |= {"frames": 24, "test_videos": 1}
    found["model"] = {"encoder": {"use": "scaled", "weights": str(tmp_path / "weight.txt")}}
    feature = {"use": "vector_pool", "latent": "mean"}
    found["densities"] = {"static": {"use": "gaussian", "covariance": "diagonal", "feature": feature}}
    found["scores"] = {"likelihood": {"use": "nll", "densities": ["static"]}}
    del found["fuse"]
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(bool((tensor == other[name]).all()) for name, tensor in one.items())


def test_a_second_run_and_another_density_do_not_encode_again(fit: Fits, recipe: dict[str, Any]) -> None:
    first, encoded = fit(recipe)
    assert encoded == 18  # all training clips
    again, encoded = fit(recipe)
    assert (same(first, again), encoded) == (True, 0)
    recipe["densities"]["other"] = {"use": "knn", "neighbours": 2, "feature": recipe["densities"]["static"]["feature"]}
    both, encoded = fit(recipe)
    assert encoded == 0
    assert both["static.density.mean"].equal(first["static.density.mean"])
    assert len(fit.files()) == 1
    shutil.rmtree(fit.cache)  # the values are those of features that are not stored
    assert fit(recipe)[1] == 18
    assert same(fit(recipe)[0], both)


def test_what_the_features_depend_on_changes_the_key(fit: Fits, recipe: dict[str, Any]) -> None:
    fit(recipe)
    weights, density = Path(recipe["model"]["encoder"]["weights"]), recipe["densities"]["static"]
    boxes = {split: weights.with_name(f"{split}.csv") for split in ("train", "test")}
    for split, path in boxes.items():
        path.write_text(f"video,frame,x,y,w,h\n{split}_00,0,1,1,4,4\n")
    changes: list[Callable[[], object]] = [
        lambda: weights.write_text("3.0"),
        lambda: density.update(feature={"use": "latent_cells", "latent": "mean"}),
        lambda: recipe["data"].update(stride=4),
        lambda: recipe["data"].update(mask={"polygons": [[[0, 0], [0.5, 0], [0, 0.5]]]}),
        lambda: recipe["data"].update(held_out=0.5),
        lambda: recipe["data"].update(boxes={split: str(path) for split, path in boxes.items()}),
        lambda: boxes["train"].write_text("video,frame,x,y,w,h\ntrain_00,0,2,1,4,4\n"),
    ]
    for number, change in enumerate(changes, 2):
        change()
        assert fit(recipe)[1] > 0
        assert len(fit.files()) == number


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def foreign(path: Path) -> None:
    np.save(path, np.zeros((272, 1), np.float32))


def pickled(path: Path) -> None:
    np.save(path, np.array([{}]), allow_pickle=True)


def without_notes(path: Path) -> None:
    path.with_suffix(".json").unlink()


def other_counts(path: Path) -> None:
    notes = json.loads(path.with_suffix(".json").read_text())
    notes["counts"][:2] = [notes["counts"][0] + 1, notes["counts"][1] - 1]
    path.with_suffix(".json").write_text(json.dumps(notes))


def test_damaged_and_foreign_files_are_computed_again(fit: Fits, recipe: dict[str, Any]) -> None:
    first, _ = fit(recipe)
    for damage in (half, flipped, foreign, pickled, without_notes, other_counts):
        (path,) = fit.files()
        damage(path)
        again, encoded = fit(recipe)
        assert (same(first, again), encoded) == (True, 18), damage
    assert fit(recipe)[1] == 0


def test_a_full_disk_a_limit_and_little_space_leave_the_features_in_memory(
    fit: Fits, recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = fit(recipe)
    (path,) = fit.files()
    frames = sum(each.stat().st_size for each in fit.cache.glob("*.npy") if each != path)
    path.unlink()
    assert same(fit(recipe, limit=frames + 100)[0], expected)
    assert len(fit.lines) == 1
    assert "the limit of" in fit.lines[0]
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda folder: shutil._ntuple_diskusage(100, 0, 100))  # pyright: ignore
        assert same(fit(recipe)[0], expected)
    assert "more than half of the 100B that are free" in fit.lines[0]

    def full(*given: Any) -> None:
        raise RunFolderError("the disk is full", where=str(path)) from OSError(errno.ENOSPC, "")

    monkeypatch.setattr(features, "write", full)
    found, encoded = fit(recipe)
    assert same(found, expected)
    assert encoded >= 18
    assert fit.lines == [f"the features are not stored on disk: {path}: the disk is full"]
    assert not fit.files()


def test_features_that_were_not_used_for_the_longest_time_are_removed(
    fit: Fits, recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(recipe)
    (first,) = fit.files()
    monkeypatch.setattr(features, "LIMIT", 3 * first.stat().st_size // 2)
    recipe["data"]["stride"] = 3
    fit(recipe)
    assert len(fit.files()) == 1
    assert first not in fit.files()
    assert not first.with_suffix(".json").exists()


def test_a_fit_that_reads_few_clips_and_augmented_clips_are_not_stored(fit: Fits, recipe: dict[str, Any]) -> None:
    gradients = copy.deepcopy(TINY["densities"]["static"])
    gradients["fit"]["steps"] = 4  # of 8 of the 36 samples
    brief = recipe | {"model": {"encoder": TINY["model"]["encoder"]}, "densities": {"static": gradients}}
    fit(brief)
    assert not fit.files()
    gradients["fit"]["steps"] = 5
    fit(brief)
    (path,) = fit.files()
    recipe["data"]["augment"] = {"brightness": 0.1}
    assert fit(recipe)[1] > 18  # in every pass
    assert fit.files() == [path]
