"""A sweep trains and scores once what its values do not change, and goes on where it stopped."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import vadkit
from vadkit.core.errors import RecipeError, RunFolderError, VadkitError
from vadkit.core.progress import NoProgress
from vadkit.engine import sweep as module
from vadkit.engine.sweep import compare_with_paper, parse, summarize_seeds, sweep
from vadkit.recipe.variants import family_of


class Heard(NoProgress):
    """All messages."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, text: str) -> None:
        self.texts.append(text)


class Stages(NoProgress):
    """Which stages had something to do."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self._stage = ""

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        self._stage = stage

    def advance(self, done: int, *, amount: int = 0, values: Any = None) -> None:
        if amount and self._stage.startswith(("model", "density", "score")) and self._stage not in self.did:
            self.did.append(self._stage)


@pytest.fixture
def small(tiny: dict[str, Any]) -> dict[str, Any]:
    tiny["data"] |= {"train_videos": 3, "held_out": 0.3}
    tiny["model"]["fit"]["steps"] = 4
    for density in tiny["densities"].values():
        density["fit"]["steps"] = 3
    return tiny


def test_fusion_weights_train_and_score_once(small: dict[str, Any], tmp_path: Path) -> None:
    progress = Stages()
    varied = {"fuse.likelihood.weight": ["0", "0.5", "2"]}
    trials = sweep(small, varied, out=tmp_path / "sweep", progress=progress)
    assert progress.did == ["model", "density.static", "density.dynamic", "score held out", "score test"]
    assert [trial.path.name for trial in trials] == ["weight=0", "weight=0.5", "weight=2"]
    assert len({trial.protocol["digest"] for trial in trials}) == 3
    alone = vadkit.run(small, out=tmp_path / "alone", overrides=["fuse.likelihood.weight=2"])
    assert dict(trials[2].metrics) == alone.metrics["metrics"]
    progress.did.clear()
    (again,) = sweep(
        small, {"fuse.likelihood.weight": ["3"]}, out=tmp_path / "on", reuse=[alone.path], progress=progress
    )
    assert progress.did == []
    assert again.metrics != trials[2].metrics
    for one, other in zip(alone.scores(), vadkit.load_run(trials[2].path).scores(), strict=True):
        for name, scores in one.components.items():
            np.testing.assert_array_equal(scores, other.components[name])
    lines = (tmp_path / "sweep" / "sweep.csv").read_text().splitlines()
    assert lines[0].startswith("fuse.likelihood.weight,run,protocol,digest,test_tuned,micro_auc")
    assert len(lines) == 4


def test_a_sweep_goes_on_under_changed_code_with_a_warning(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    sweep(small, {"seed": ["0"]}, out=tmp_path / "sweep", progress=heard)
    sweep(small, {"seed": ["0"]}, out=tmp_path / "sweep", progress=heard)
    assert not any("warning" in text for text in heard.texts)
    monkeypatch.setattr(module, "code_of", lambda recipe: {"model": {"vadkit_itae": "other"}})
    sweep(small, {"seed": ["0"]}, out=tmp_path / "sweep", progress=heard)
    (told,) = (text for text in heard.texts if "warning" in text)
    assert "the code of vadkit_itae has changed since stage model was started" in told


def test_what_a_component_refuses_is_said_before_the_first_run(small: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(VadkitError, match=r"densities.static.*5 levels"):
        sweep(small, {"densities.static.levels": ["1", "5"]}, out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_a_folder_that_is_no_sweeps_is_left_alone(small: dict[str, Any], tmp_path: Path) -> None:
    out, varied = tmp_path / "sweep", {"seed": ["0"]}
    out.write_text("mine")
    with pytest.raises(RunFolderError, match="is a file"):
        sweep(small, varied, out=out)
    out.unlink()
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(RunFolderError, match=r"holds 'notes.txt', which is not a run"):
        sweep(small, varied, out=out)
    (out / "notes.txt").unlink()
    (out / "seed=0").mkdir()
    (out / "seed=0" / ".lock").touch()  # a sweep that was stopped as its first run began goes on
    (trial,) = sweep(small, varied, out=out)
    with pytest.raises(RunFolderError, match="is a run, not a folder of runs"):
        sweep(small, varied, out=trial.path)
    sweep(small, {"name": ["one", "two"]}, out=tmp_path / "names")
    sweep(small, {"name": ["one", "two"]}, out=tmp_path / "names")
    before = (out / "sweep.csv").read_text()
    with pytest.raises(RunFolderError, match="holds runs of another recipe, 'tiny'"):
        sweep(small | {"name": "other"}, varied, out=out)
    assert (out / "sweep.csv").read_text() == before


def test_one_density_is_trained_again_and_the_model_is_not(small: dict[str, Any], tmp_path: Path) -> None:
    progress = Stages()
    sweep(small, {"densities.static.hidden": ["8"]}, out=tmp_path / "sweep")
    sweep(small, {"densities.static.hidden": ["8", "4"]}, out=tmp_path / "sweep", progress=progress)
    assert progress.did == ["density.static", "score held out", "score test"]


def test_an_interrupted_sweep_goes_on(small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    varied = {"seed": ["0", "1"]}
    small["engine"]["precision"] = "auto"  # the recipe of a finished run names the precision that this took
    real, calls = module.run, []

    def broken(*arguments: Any, **keys: Any) -> Any:
        calls.append(keys["out"].name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **keys)

    monkeypatch.setattr(module, "run", broken)
    with pytest.raises(KeyboardInterrupt):
        sweep(small, varied, out=tmp_path / "sweep")
    trials = sweep(small, varied, out=tmp_path / "sweep")
    assert calls == ["seed=0", "seed=1", "seed=1"]
    [spread] = summarize_seeds(trials)
    values = [trial.metrics["micro_auc"] for trial in trials]
    assert spread.seeds == 2
    assert spread.means["micro_auc"] == pytest.approx(np.mean(values))
    assert spread.deviations["micro_auc"] == pytest.approx(np.std(values, ddof=1))
    assert spread.values == {}


def test_every_combination_is_checked_before_the_first_runs(small: dict[str, Any], tmp_path: Path) -> None:
    before = copy.deepcopy(small)
    with pytest.raises(RecipeError, match="should be a valid number"):
        sweep(small, {"fuse.likelihood.weight": ["0", "much"]}, out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
    assert small == before
    with pytest.raises(VadkitError, match="--allow-test-tuning"):
        sweep(small, {"evaluate.protocol.weights": ["fixed", "test"]}, out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
    with pytest.raises(VadkitError, match="nothing is varied"):
        sweep(small, {})


def test_folders_of_different_values_have_different_names() -> None:
    long = "[" + ", ".join(["{use: median, size: 3}"] * 9) + "]"
    values = ["a b", "a_b", long, long.replace("3}]", "5}]")]
    names = {module._name({"evaluate.protocol.smoothing": value}) for value in values}
    assert len(names) == 4
    assert max(map(len, names)) < 120


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("gaussian", "gaussian"),
        ("0.5", "0.5"),
        ("[64, 96]", "[64, 96]"),
        ("{use: gaussian, covariance: diagonal}", "gaussian+covariance=diagonal"),
        ("[minmax, {use: median, size: 5}]", "minmax-then-median+size=5"),
        ("{use: itae, channels: [8, 8]}", "{use: itae, channels: [8, 8]}"),
        ("{use: a, note: 'b+c=d'}", "{use: a, note: 'b+c=d'}"),
        ("[]", "[]"),
    ],
)
def test_a_component_has_a_readable_name(value: str, shown: str) -> None:
    assert module.readable(value) == shown


def test_the_folder_of_a_component_is_readable() -> None:
    values = {"densities.static": "{use: gaussian, covariance: diagonal}"}
    assert module._name(values) == "static=gaussian+covariance=diagonal"


def test_values_are_yaml_and_brackets_hold_together() -> None:
    found = parse(["seed=0,1", "evaluate.protocol={use: itae, eer: nearest},ffp", "data.clip.size=[64, 96],[32, 48]"])
    assert found == {
        "seed": ["0", "1"],
        "evaluate.protocol": ["{use: itae, eer: nearest}", "ffp"],
        "data.clip.size": ["[64, 96]", "[32, 48]"],
    }


@pytest.mark.parametrize("text", ["seed", "seed=", "=1,2", "a=[1,2", "a={b"])
def test_malformed_values_are_explained(text: str) -> None:
    with pytest.raises(VadkitError, match=r"key=a,b,c"):
        parse([text])


def test_a_value_twice_is_refused() -> None:
    with pytest.raises(VadkitError, match=r"--vary seed=0,1,0: has the value 0 twice"):
        parse(["seed=0,1,0"])


def test_a_key_twice_is_refused() -> None:
    with pytest.raises(VadkitError, match="is there twice"):
        parse(["seed=0", "seed=1"])


def table(folder: Path, base: dict[str, Any], **paper: Any) -> Path:
    """A recipe file of three variants, two of which share one model."""
    alone = {"densities": None, "scores": {"likelihood": None, "static": None}, "fuse": {"likelihood": None}}
    variants = {"alone": alone, "both": None, "errors": {"fuse": {"likelihood": None}}}
    path = folder / "table.yaml"
    path.write_text(yaml.safe_dump(base | {"variants": variants, "paper": paper}, sort_keys=False))
    return path


def test_variants_run_and_share_what_they_can(small: dict[str, Any], tmp_path: Path) -> None:
    small["evaluate"]["metrics"].append("decidability")
    rows = {"both": {"micro_auc": 70.0, "reconstruction.micro_auc": 60.5, "decidability": 0.1}}
    path = table(tmp_path, small, source="Someone 2020, Table 1", rows=rows)
    progress = Stages()
    trials = sweep(path, out=tmp_path / "sweep", progress=progress)
    assert [trial.values for trial in trials] == [{"variant": name} for name in ("alone", "both", "errors")]
    assert [trial.path.name for trial in trials] == ["alone", "both", "errors"]
    assert progress.did == ["model", "score held out", "score test", "density.static", "density.dynamic"]
    both = trials[1]
    assert "micro_auc" in both.intervals
    assert dict(both.metrics) == vadkit.run(f"{path}/both", out=tmp_path / "one", reuse=[both.path]).metrics["metrics"]
    found = {one.metric: one for one in compare_with_paper(trials, family_of(path).paper)}
    assert list(found) == list(rows["both"])
    assert found["micro_auc"].ours == pytest.approx(100 * both.metrics["micro_auc"])
    assert found["micro_auc"].difference == pytest.approx(100 * both.metrics["micro_auc"] - 70.0)
    assert found["micro_auc"].interval == tuple(100 * end for end in both.intervals["micro_auc"])
    assert found["reconstruction.micro_auc"].ours == pytest.approx(100 * both.components["reconstruction"]["micro_auc"])
    assert (found["decidability"].unit, found["decidability"].ours) == ("", both.metrics["decidability"])
    assert (tmp_path / "sweep" / "sweep.csv").read_text().startswith("variant,run,protocol")
    progress.did.clear()
    (again,) = sweep(path, variants=["both"], out=tmp_path / "sweep", progress=progress)
    assert not progress.did
    assert again == both


def test_a_mean_over_seeds_is_compared_with_the_paper(small: dict[str, Any], tmp_path: Path) -> None:
    path = table(tmp_path, small, rows={"alone": {"micro_auc": 70.0}})
    trials = sweep(path, {"seed": ["0", "1"]}, variants=["alone"], out=tmp_path / "sweep")
    assert [trial.path.name.rpartition("-")[0] for trial in trials] == ["alone_seed=0", "alone_seed=1"]
    values = [100 * trial.metrics["micro_auc"] for trial in trials]
    (one,) = compare_with_paper(trials, family_of(path).paper)
    assert one.values == {"variant": "alone"}
    assert (one.ours, one.deviation) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert one.interval is None


def test_wrong_variants_and_numbers_are_said_before_the_first_run(small: dict[str, Any], tmp_path: Path) -> None:
    path = table(tmp_path, small, rows={"both": {"micro_acu": 70.0, "recon.eer": 1.0}})
    with pytest.raises(RecipeError) as caught:
        sweep(path, out=tmp_path / "sweep")
    first, second = caught.value.problems
    assert first.where.startswith(f"{path}:")
    assert "'micro_acu', which is not in 'evaluate.metrics'" in first.what
    assert "did you mean 'micro_auc'" in first.fix
    assert "the component 'recon', which is not in 'scores'" in second.what
    with pytest.raises(RecipeError, match="there is no variant 'bath' here"):
        sweep(path, variants=["bath"], out=tmp_path / "sweep")
    with pytest.raises(RecipeError, match="should be a valid number"):
        sweep(path, overrides=["fuse.reconstruction.weight=much"], out=tmp_path / "sweep")
    with pytest.raises(VadkitError, match="a mapping has no variants"):
        sweep(small, variants=["both"])
    assert not (tmp_path / "sweep").exists()
