"""A component whose code has changed is told of wherever an earlier stage is gone on with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vadkit
from vadkit.api import Component, ShapeError
from vadkit.core.progress import NoProgress
from vadkit.model.training import trainer as loop
from vadkit.plugin.registry import Plugin, Registry
from vadkit.store.provenance import changes

SOURCE = """
import torch
from vadkit.api import Scorer

class Mine(Scorer):
    \"\"\"The mean square of the error.\"\"\"

    def __call__(self, out):
        return (out.output - out.target).square().mean((1, 3, 4))
"""


class Heard(NoProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def message(self, text: str) -> None:
        if text.startswith("warning"):
            self.warnings.append(text)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site" / "vad_mine"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "scorer.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(folder.parent))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "vad_mine"]:
        del sys.modules[name]


def test_changed_code_is_told_of_by_resume_reuse_and_watch(tiny: dict[str, Any], tmp_path: Path, package: Path) -> None:
    mine = Component("scorer", "mine", "vad_mine.scorer:Mine", "Mine.", origin="plugin mine (vad-mine 0.1)")
    registry = Registry([*Registry.discover().plugins, Plugin("mine", "vad-mine 0.1", (mine,))])
    tiny["data"] |= {"train_videos": 3, "held_out": 0.3}
    tiny |= {"densities": {}, "scores": {"mine": {"use": "mine"}}, "fuse": {"mine": {"weight": 1.0}}}

    def warnings(**how: Any) -> list[str]:
        heard = Heard()
        vadkit.run(tiny, registry=registry, progress=heard, **how)
        return heard.warnings

    assert warnings(out=tmp_path / "run") == []
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["stages"]["scores"]["code"].keys() == {"vad_mine"}
    assert "plugin mine (vad-mine 0.1)" in manifest["plugins"]
    assert warnings(out=tmp_path / "run", resume=True) == []
    (package / "scorer.py").write_text(SOURCE.replace("square()", "abs()"))
    for how in ({"out": tmp_path / "run", "resume": True}, {"out": tmp_path / "other", "reuse": [tmp_path / "run"]}):
        [told] = warnings(**how)
        assert "the code of vad_mine has changed since stage scores was started; its earlier results are kept" in told
        assert "--overwrite" in told
    heard = Heard()
    vadkit.Watch(tmp_path / "run", progress=heard, registry=registry)
    assert "vad_mine has changed" in heard.warnings[0]
    assert warnings(out=tmp_path / "run", overwrite=True) == []


class Interrupting(Heard):
    """Ctrl-C in the middle of the model's training."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage, self.now = stage, ""

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        self.now = stage

    def advance(self, done: int, *, amount: int = 0, values: Any = None) -> None:
        if self.now == self.stage and done == 5:
            raise KeyboardInterrupt


def test_changed_code_is_told_of_in_the_middle_of_a_stage(
    tiny: dict[str, Any], tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    loss = "from vadkit.api import Loss\nfrom torch import nn\n\nclass Mine(Loss, nn.Module):\n"
    loss += "    def __init__(self, clip):\n        super().__init__()\n\n"
    loss += "    def forward(self, out):\n        return (out.output - out.target).square().mean()\n"
    (package / "loss.py").write_text(loss)
    mine = Component("loss", "mine", "vad_mine.loss:Mine", "Mine.")
    registry = Registry([*Registry.discover().plugins, Plugin("mine", "vad-mine 0.1", (mine,))])
    tiny["model"]["losses"] = ["mine"]
    interrupting = Interrupting("model")
    with pytest.raises(KeyboardInterrupt):
        vadkit.run(tiny, registry=registry, out=tmp_path / "run", progress=interrupting)
    assert (tmp_path / "run" / "checkpoints" / "state.pt").is_file()
    (package / "loss.py").write_text(loss.replace("square()", "abs()"))
    heard = Heard()
    vadkit.run(tiny, registry=registry, out=tmp_path / "run", resume=True, progress=heard)
    [told] = heard.warnings
    assert "the code of vad_mine has changed since stage model was started" in told


def test_what_was_never_recorded_is_not_told_of() -> None:
    now = {"model": {"a": "1", "b": "2"}, "scores": {"c": "3"}}
    assert changes({}, now) == []
    assert changes({"model": {"a": "1"}, "density.gone": {"x": "9"}}, now) == []
    [told] = changes({"model": {"a": "0", "b": "2"}, "scores": {"c": "3"}}, now)
    assert "the code of a has changed since stage model was started" in told


def test_a_scorer_that_raises_is_one_message_before_any_training(
    tiny: dict[str, Any], tmp_path: Path, package: Path
) -> None:
    (package / "scorer.py").write_text(SOURCE.replace("out.output -", "self.nope -"))
    mine = Component("scorer", "mine", "vad_mine.scorer:Mine", "Mine.")
    registry = Registry([*Registry.discover().plugins, Plugin("mine", "vad-mine 0.1", (mine,))])
    tiny |= {"densities": {}, "scores": {"worst": {"use": "mine"}}, "fuse": {"worst": {"weight": 1.0}}}
    with pytest.raises(ShapeError, match=r"scores.worst: .*AttributeError: 'Mine' .*'nope' \(scorer.py:9\)"):
        vadkit.run(tiny, registry=registry, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
