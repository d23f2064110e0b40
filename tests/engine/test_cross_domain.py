"""Trained on one data set, tested on another: what is read from which, what is made anew, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vadkit
from vadkit.core.errors import CheckpointError, DataError, RecipeError
from vadkit.core.progress import NoProgress
from vadkit.data.opening import CrossDomain, open_data
from vadkit.data.tools import check_dataset, open_target
from vadkit.engine.sweep import sweep
from vadkit.plugin.registry import Registry
from vadkit.recipe import loads
from vadkit.store.run_folder import stage_digests

ELSEWHERE = {"use": "walkway", "seed": 5, "size": [48, 64], "test_videos": 3, "frames": 36}


class Stages(NoProgress):
    """Which stages had something to do, and what was said."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.lines: list[str] = []
        self._stage = ""

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        self._stage = stage

    def advance(self, done: int, *, amount: int = 0, values: Any = None) -> None:
        if amount and self._stage.startswith(("model", "density", "score")) and self._stage not in self.did:
            self.did.append(self._stage)

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    from tiny_runs import TINY

    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.getbasetemp() / "frames"))
    done = vadkit.run(TINY, out=tmp_path_factory.mktemp("home") / "run")
    patch.undo()
    return done


def manifest_of(run: vadkit.Run) -> dict[str, Any]:
    return json.loads((run.path / "manifest.json").read_text())


def test_each_split_comes_from_its_own_data_set(tiny: dict[str, Any]) -> None:
    tiny["data"]["test_on"] = ELSEWHERE
    data = loads(tiny, registry=Registry.discover()).data
    joined = open_data(data, None)
    assert isinstance(joined, CrossDomain)
    assert len(joined.videos("train")) == 2
    tests = joined.videos("test")
    assert [video.frames for video in tests] == [36, 36, 36]
    labels = joined.labels(tests[0])
    assert labels is not None
    assert len(labels.frames) == 36
    assert {video.fingerprint for video in tests}.isdisjoint(v.fingerprint for v in joined.source.videos("test"))


def test_model_and_densities_do_not_depend_on_what_is_tested_on(tiny: dict[str, Any]) -> None:
    before = stage_digests(tiny)
    tiny["data"]["test_on"] = None
    assert stage_digests(tiny) == before
    tiny["data"]["test_on"] = ELSEWHERE
    after = stage_digests(tiny)
    assert [stage for stage in before if before[stage] != after[stage]] == ["scores"]


def test_a_trained_run_is_tested_elsewhere_without_training(
    at_home: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(at_home.path, tmp_path / "run")
    tiny["data"]["test_on"] = ELSEWHERE
    progress = Stages()
    moved = vadkit.run(tiny, out=tmp_path / "run", resume=True, progress=progress)
    assert progress.did == ["score test"]
    assert [len(video.coverage) for video in moved.scores()] == [36, 36, 36]
    assert {len(labels.frames) for labels in moved.labels().values()} == {36}
    manifest = manifest_of(moved)
    assert manifest["data"]["tested_on"] == ELSEWHERE
    assert manifest["data"]["counts"]["test"] == {"videos": 3, "frames": 108}
    assert manifest["data"]["fingerprints"]["train"] == manifest_of(at_home)["data"]["fingerprints"]["train"]
    assert moved.metrics["summary"]["run"]["tested_on"] == ELSEWHERE
    # From the run folder alone, as 'vadkit eval' judges.
    again = moved.evaluate(["fuse.likelihood.weight=0"])
    assert again.summary.frames == 108
    # And from scratch it comes to the same.
    fresh = vadkit.run(tiny, out=tmp_path / "fresh")
    assert fresh.metrics["metrics"] == moved.metrics["metrics"]
    # Back at home, what was scored elsewhere is gone.
    del tiny["data"]["test_on"]
    home = vadkit.run(tiny, out=tmp_path / "run", resume=True)
    assert home.metrics["metrics"] == at_home.metrics["metrics"]
    assert manifest_of(home)["data"]["tested_on"] is None
    for one, other in zip(home.scores(), at_home.scores(), strict=True):
        np.testing.assert_array_equal(one.components["reconstruction"], other.components["reconstruction"])


def test_other_test_videos_of_the_same_data_set_are_still_refused(
    at_home: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(at_home.path, tmp_path / "run")
    manifest = manifest_of(at_home)
    manifest["data"]["fingerprints"]["test"] = "0" * 12
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="the test videos differ"):
        vadkit.run(tiny, out=tmp_path / "run", resume=True)


def test_a_sweep_over_test_sets_trains_once(tiny: dict[str, Any], tmp_path: Path) -> None:
    progress = Stages()
    values = ["null", "{use: walkway, seed: 5, size: [48, 64], frames: 36, test_videos: 2}"]
    trials = sweep(tiny, {"data.test_on": values}, out=tmp_path / "sweep", progress=progress)
    assert progress.did == ["model", "density.static", "density.dynamic", "score test"]
    assert [line for line in progress.lines if line.startswith("reused stages")] == [
        "reused stages: density.dynamic, density.static, model"
    ]
    frames = [sum(len(video.coverage) for video in vadkit.load_run(trial.path).scores()) for trial in trials]
    assert frames == [80, 72]


def test_gray_is_repeated_where_the_model_saw_colour(tiny: dict[str, Any], tmp_path: Path, shared_data: Path) -> None:
    """A model of three channels on UCSD Ped2, whose frames have one: as section 5.2 of the paper has it."""
    from vadkit.video.cache import FrameCache

    tiny["data"]["clip"] |= {"color": "rgb", "size": [32, 48]}
    tiny["data"]["test_on"] = {"use": "ucsd_ped", "subset": "ped2"}
    data = loads(tiny, registry=Registry.discover()).data
    [video, *_] = open_data(data, shared_data).videos("test")
    assert isinstance(video.source, tuple)
    frames = np.asarray(FrameCache(None).frames(video, data.clip)[:2])
    assert frames.shape == (2, 32, 48, 3)
    assert frames.std() > 0
    np.testing.assert_array_equal(frames[..., 0], frames[..., 1])
    np.testing.assert_array_equal(frames[..., 0], frames[..., 2])


def test_ped2_and_a_part_of_avenue(tiny: dict[str, Any], tmp_path: Path, shared_data: Path) -> None:
    """Trained on frames of Avenue, tested on all of Ped2: 2010 frames, 1648 of them abnormal."""
    root = tmp_path / "data"
    root.mkdir()
    (root / "avenue").symlink_to(shared_data / "avenue_part")
    (root / "ucsd_ped2").symlink_to(shared_data / "ucsd_ped2")
    tiny["data"] = {
        "use": "avenue",
        "clip": {"frames": 8, "size": [32, 48], "color": "rgb"},
        "stride": 200,
        "test_on": {"use": "ucsd_ped", "subset": "ped2"},
    }
    tiny["model"]["fit"]["steps"] = 2
    for density in tiny["densities"].values():
        density["fit"]["steps"] = 2
    tiny["engine"]["score_stride"] = 8
    done = vadkit.run(tiny, out=tmp_path / "run", data_root=root)
    assert done.metrics["summary"]["frames"] == 2010
    assert done.metrics["summary"]["abnormal_frames"] == 1648
    assert manifest_of(done)["data"]["counts"]["test"] == {"videos": 12, "frames": 2010}
    assert "micro_auc" in done.evaluate(["fuse.likelihood.weight=0"]).metrics


def test_data_check_looks_at_the_training_videos_of_one_and_the_test_videos_of_the_other() -> None:
    small = [
        "data.train_videos=2",
        "data.frames=40",
        "data.test_on={use: walkway, seed: 5, test_videos: 3, frames: 36}",
    ]
    report = check_dataset(open_target("recipes/quickstart.yaml", None, small))
    assert [(row.split, row.videos, row.frames) for row in report.rows] == [("train", 2, 80), ("test", 3, 108)]


def test_what_is_wrong_is_said(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["data"]["test_on"] = "walkwya"
    with pytest.raises(RecipeError, match="walkway"):
        loads(tiny, registry=Registry.discover())
    tiny["data"]["test_on"] = {"use": "ucsd_ped", "subset": "ped2"}
    with pytest.raises(DataError, match="data set 'ucsd_ped': the folder of its videos is not given"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_data_sets_are_not_read_from_one_folder(tiny: dict[str, Any], tmp_path: Path, shared_data: Path) -> None:
    """Avenue's reader would take Ped2's training videos for Avenue's."""
    tiny["data"] = {"use": "avenue", "clip": tiny["data"]["clip"], "test_on": {"use": "ucsd_ped", "subset": "ped2"}}
    with pytest.raises(DataError, match=r"(?s)data set 'avenue': .*has no folder.*folder that holds both"):
        vadkit.run(tiny, out=tmp_path / "run", data_root=shared_data / "ucsd_ped2")
