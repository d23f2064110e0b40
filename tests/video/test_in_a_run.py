"""Runs with damaged, short and augmented videos, and the frame cache of a run."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filmed import noise, write
from safetensors.numpy import load_file
from torch import nn

import vadkit
from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, ShapeError
from vadkit.core.progress import NoProgress
from vadkit.core.values import Labels, Split, VideoRef
from vadkit.data.opening import open_dataset
from vadkit.engine.dry_run import dry_run
from vadkit.engine.experiment import Experiment
from vadkit.engine.session import record_data
from vadkit.plugin.registry import Registry
from vadkit.recipe import loads
from vadkit.store.run_folder import RunFolder, stage_digests
from vadkit.video.cache import FrameCache


class Told(NoProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


class Files(Dataset):
    """One video for each split; the test video may have labels."""

    def __init__(self, train: Path, test: Path, labels: int = 0) -> None:
        self.paths, self.count = {"train": train, "test": test}, labels

    def videos(self, split: Split) -> Sequence[VideoRef]:
        return [VideoRef("v", self.paths[split])]

    def labels(self, video: VideoRef) -> Labels | None:
        return Labels(np.zeros(self.count, bool), source="made up") if self.count else None


def small(tiny: dict[str, Any], **data: Any) -> dict[str, Any]:
    """A small model without densities, trained for a few steps."""
    tiny["densities"], tiny["fuse"] = {}, {}
    tiny["scores"] = {"reconstruction": tiny["scores"]["reconstruction"]}
    tiny["model"]["fit"]["steps"] = 6
    tiny["data"].update(data)
    return tiny


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Callable[..., Experiment]]:
    with contextlib.ExitStack() as stack:

        def build(recipe: dict[str, Any], dataset: Dataset, told: Told) -> Experiment:
            checked = loads(recipe, registry=Registry.discover())
            cache = stack.enter_context(contextlib.closing(FrameCache(tmp_path / "cache")))
            return Experiment(checked, dataset, RunFolder(tmp_path / "run"), cache, told)

        yield build


@pytest.fixture
def videos(tmp_path: Path) -> tuple[Path, Path]:
    """An undamaged video of 40 frames, and a truncated one."""
    sound, broken = (write(tmp_path / name, noise(40), "mpeg4") for name in ("sound.avi", "broken.avi"))
    broken.write_bytes(broken.read_bytes()[: int(0.7 * broken.stat().st_size)])
    return sound, broken


def test_a_damaged_video_is_reported_and_recorded(
    tiny: dict[str, Any], videos: tuple[Path, Path], tmp_path: Path, experiment: Callable[..., Experiment]
) -> None:
    sound, broken = videos
    for _ in range(2):  # decoded, then from the cache
        told = Told()
        made = experiment(small(tiny), Files(broken, sound), told)
        made.datamodule.check()
        [line] = [line for line in told.lines if "damaged" in line]
        assert line.startswith(f"warning: train video {broken} is damaged, the rest is used: frame ")
        (tmp_path / "run").mkdir(exist_ok=True)
        record_data(made.folder, made.datamodule, regions=False)
        manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
        [*_, last] = manifest["data"]["damaged"]["train"]["v"]
        assert (
            last == f"frame {manifest['data']['counts']['train']['frames']}: breaks off; the file announces 40 frames"
        )


def test_a_damaged_video_is_refused_with_on_corrupt_error(
    tiny: dict[str, Any], videos: tuple[Path, Path], tmp_path: Path, experiment: Callable[..., Experiment]
) -> None:
    sound, broken = videos
    made = experiment(small(tiny, on_corrupt="error"), Files(sound, broken), Told())
    with pytest.raises(DataError, match=r"(?s)broken\.avi: is damaged: frame.*fetch the file again"):
        made.datamodule.check()


class Rates(Files):
    """Three training videos of two frame rates."""

    def videos(self, split: Split) -> Sequence[VideoRef]:
        rates = [25.0, 12.5, 25.1] if split == "train" else [50.0]
        return [VideoRef(str(number), self.paths[split], fps=rate) for number, rate in enumerate(rates)]


def test_videos_of_different_rates_are_reported_or_refused(
    tiny: dict[str, Any], tmp_path: Path, experiment: Callable[..., Experiment]
) -> None:
    path = write(tmp_path / "a.avi", noise(20), "mpeg4")
    told = Told()
    experiment(small(tiny), Rates(path, path), told).datamodule.check()
    assert [line.split(";")[0] for line in told.lines] == [
        "warning: training videos have different frame rates: 12.5 (1 video), 25 (1 video), 25.1 (1 video) "
        "frames per second",
        "warning: test videos have 50 (1 video) frames per second, but training videos have 12.5, 25, 25.1",
    ]
    assert "at a lower rate, motion looks faster" in told.lines[0]
    with pytest.raises(DataError, match=r"different frame rates[\s\S]*or set data.mixed_rates: warn"):
        experiment(small(tiny, mixed_rates="error"), Rates(path, path), Told()).datamodule.check()


def test_labels_of_a_damaged_video_are_never_shifted(
    tiny: dict[str, Any], videos: tuple[Path, Path], tmp_path: Path, experiment: Callable[..., Experiment]
) -> None:
    sound, broken = videos
    made = experiment(small(tiny), Files(sound, broken, labels=40), Told())
    with pytest.raises(DataError, match=r"(?s)40 labels.*the video is damaged: fetch it again"):
        made.datamodule.check()


def test_short_videos_run_with_short_repeat(tiny: dict[str, Any], tmp_path: Path) -> None:
    done = vadkit.run(small(tiny, frames=5, short="repeat"), out=tmp_path / "run")
    for video in done.scores():
        assert video.coverage.tolist() == [1] * 5
        assert all(np.isfinite(scores).all() for scores in video.components.values())


class Interrupts(NoProgress):
    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        if values and done >= 4:
            raise KeyboardInterrupt


def test_a_resumed_run_with_augmentation_and_scene_sampling_equals_an_uninterrupted_one(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vadkit.model.training.trainer.SAVE_EVERY", 0.0)
    recipe = small(tiny, sampling="scene", augment={"flip": 0.5, "brightness": 0.2})
    with pytest.raises(KeyboardInterrupt):
        vadkit.run(recipe, out=tmp_path / "broken", progress=Interrupts())
    assert (tmp_path / "broken" / "checkpoints" / "state.pt").exists()
    ends = [
        load_file(vadkit.run(recipe, out=tmp_path / out, resume=out == "broken").path / "checkpoints/model.safetensors")
        for out in ("broken", "unbroken")
    ]
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[1])


STEAL = {"use": "steal", "loss": {"use": "l2"}}


def test_a_resumed_run_with_pseudo_anomalies_equals_an_uninterrupted_one(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interruption is in the middle of the first pass; the pseudo-anomalies change the weights."""
    monkeypatch.setattr("vadkit.model.training.trainer.SAVE_EVERY", 0.0)
    pseudo = {"use": "skip_frames", "probability": 0.4, "steps": [2, 3]}
    recipe = small(tiny, augment=["flip", pseudo])
    recipe["model"]["losses"] = [STEAL]
    with pytest.raises(KeyboardInterrupt):
        vadkit.run(recipe, out=tmp_path / "broken", progress=Interrupts())
    done = [vadkit.run(recipe, out=tmp_path / out, resume=out == "broken") for out in ("broken", "unbroken")]
    pseudo["probability"] = 0.0
    done.append(vadkit.run(recipe, out=tmp_path / "plain"))
    broken, unbroken, plain = (load_file(run.path / "checkpoints/model.safetensors") for run in done)
    assert all(np.array_equal(broken[name], unbroken[name]) for name in unbroken)
    assert not all(np.array_equal(plain[name], unbroken[name]) for name in unbroken)
    scored = [{video.name: video.coverage.tolist() for video in run.scores()} for run in done]
    assert scored[1] == scored[2]  # pseudo-anomalies cost no test frames


def test_densities_are_fitted_to_normal_clips_only(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["model"]["fit"]["steps"] = 2
    feature = tiny["densities"]["static"]["feature"]
    tiny["densities"] = {name: {"use": "gaussian", "covariance": "diagonal", "feature": {
        **feature, "latent": name, "intensity": False}} for name in ("static", "dynamic")}  # fmt: skip
    fitted = []
    for augment in ([], [{"use": "skip_frames", "probability": 1.0, "steps": [2]}]):
        recipe = {**tiny, "data": {**tiny["data"], "augment": augment}}
        made = made_of(recipe, tmp_path)
        made.fit_densities()
        density = made.heads["dynamic"].density
        assert isinstance(density, nn.Module)
        fitted.append(density.state_dict())
        assert made.datamodule.augmenter.tags == (("pseudo",) if augment else ())
    assert all(fitted[0][name].equal(fitted[1][name]) for name in fitted[0])


def made_of(recipe: dict[str, Any], folder: Path) -> Experiment:
    """The built recipe, without trained weights."""
    checked = loads(recipe, registry=Registry.discover())
    run = RunFolder(Path(tempfile.mkdtemp(dir=folder)))
    run.checkpoints.mkdir()
    dataset = open_dataset(checked.data.dataset, None)
    made = Experiment(checked, dataset, run, FrameCache(Path(os.environ["VADKIT_CACHE"])), NoProgress())
    made._finish = lambda *_: None  # pyright: ignore
    return made


def test_steps_that_fit_no_training_video_are_refused_before_training(tiny: dict[str, Any], tmp_path: Path) -> None:
    recipe = small(tiny, augment=[{"use": "skip_frames", "steps": [2, 6]}])
    recipe["model"]["losses"] = [STEAL]
    with pytest.raises(DataError) as caught:
        vadkit.run(recipe, out=tmp_path / "run")
    assert str(caught.value).startswith(
        "data.augment.0 (skip_frames): needs a video of 43 frames, but the longest training video has 40"
    )
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_loss_without_the_tag_that_it_reads_is_refused(tiny: dict[str, Any]) -> None:
    recipe = small(tiny, augment={"flip": 0.5})
    recipe["model"]["losses"] = ["l2", STEAL]
    with pytest.raises(ShapeError, match=r"losses.1 \(steal\): reads the tag 'pseudo', but no augmentation sets it"):
        dry_run(recipe)


def test_older_recipes_keep_their_digests(tiny: dict[str, Any]) -> None:
    assert stage_digests(loads(tiny, registry=Registry.discover()).tree) == {
        "model": "4fc6c6c7c176",
        "density.static": "26c86bd544eb",
        "density.dynamic": "1eef17ec170c",
        "scores": "eb64852463a5",
    }


def test_a_run_without_a_cache_stores_no_frames(tiny: dict[str, Any], tmp_path: Path) -> None:
    recipe = small(tiny, seed=77)
    cache = Path(os.environ["VADKIT_CACHE"])
    before = set(cache.glob("*")) if cache.is_dir() else set()
    vadkit.run(recipe, out=tmp_path / "run", keep_cache=False, overrides=["model.fit.steps=1"])
    assert (set(cache.glob("*")) if cache.is_dir() else set()) == before


def test_a_limit_that_is_too_small_is_reported_before_anything_is_written(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"limit of 100\.0KB is too small"):
        vadkit.run(small(tiny), out=tmp_path / "run", cache_limit="100KB")
    assert not (tmp_path / "run").exists()


def test_maps_and_letterbox_exclude_each_other(tiny: dict[str, Any], tmp_path: Path) -> None:
    recipe = small(tiny)
    recipe["data"]["clip"]["resize"] = "letterbox"
    with pytest.raises(ShapeError, match="only letterboxed frames have bars"):
        vadkit.run(recipe, out=tmp_path / "run", overrides=["evaluate.metrics=[pixel_auc]"])
