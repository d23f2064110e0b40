"""One's own video, from the recipe on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from owned import film, names, two_videos

import vadkit
from vadkit.api import DataError
from vadkit.core.progress import NoProgress
from vadkit.data.opening import open_dataset
from vadkit.plugin.registry import Registry
from vadkit.recipe import loads


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_videos(tmp_path)


class Told(NoProgress):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def recipe(tiny: dict[str, Any], **keys: Any) -> dict[str, Any]:
    tiny["data"] = {"use": "folder", "clip": {"frames": 8, "size": [32, 48], "color": "gray"}, "stride": 4} | keys
    tiny["model"]["fit"]["steps"] = 2
    del tiny["densities"], tiny["fuse"], tiny["scores"]["likelihood"], tiny["scores"]["static"]
    tiny["evaluate"]["metrics"] = ["micro_auc", "alarms"]
    return tiny


def test_a_run_from_files_to_numbers(tiny: dict[str, Any], tmp_path: Path) -> None:
    for name in ("train/a.mp4", "train/b.mp4"):
        film(tmp_path / "my video" / name, 24)
    film(tmp_path / "my video/test/näch/tür 1.mp4", 24, jump=12)
    film(tmp_path / "my video/test/x.mp4", 24)
    (tmp_path / "my video/test/notes.xyz").touch()
    (tmp_path / "my video/labels.csv").write_text("video,start_seconds,end_seconds\ntür 1.mp4,1.2,2.4\n")
    told = Told()
    run = vadkit.run(recipe(tiny, held_out=0.5), data_root=tmp_path / "my video", out=tmp_path / "run", progress=told)
    assert "warning: test files ignored because of their suffix: notes.xyz" in told.messages
    assert {"micro_auc", "events_detected"} <= set(run.metrics["metrics"])
    assert run.metrics["summary"]["labelled_frames"] == 24
    assert run.metrics["summary"]["abnormal_frames"] == 12
    assert run.metrics["summary"]["unlabelled_videos"] == ["x"]
    assert {scores.name: scores.fps for scores in run.scores()} == {"näch/tür 1": 10, "x": 10}


def test_labelled_images_without_a_frame_rate_are_refused_before_they_are_decoded(
    tiny: dict[str, Any], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(root / "train/second.mp4", 24)
    (root / "labels.csv").write_text("video,start_frame,end_frame\ndoor,2,4\n")
    cache = tmp_path / "cache"
    monkeypatch.setenv("VADKIT_CACHE", str(cache))
    with pytest.raises(DataError, match="these test videos have no known frame rate: door") as caught:
        vadkit.run(recipe(tiny, held_out=0.5), data_root=root, out=tmp_path / "run")
    assert "--set data.fps=25" in caught.value.fix
    assert not list(cache.rglob("*.npy"))


def test_the_data_root_is_the_folder_itself(tiny: dict[str, Any], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = loads(json.dumps(recipe(tiny)), registry=Registry.discover()).data.dataset
    assert names(open_dataset(chosen, root).videos("test")) == ["door", "gate"]
    with pytest.raises(DataError, match="the folder of its videos is not given") as caught:
        open_dataset(chosen, None)
    assert "train/ with normal video" in caught.value.fix
    monkeypatch.setenv("VADKIT_DATA", str(root))
    assert names(open_dataset(chosen, None).videos("train")) == ["normal"]
