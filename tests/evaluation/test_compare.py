"""Runs side by side, made by hand: score files, labels, a recipe."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from made_runs import VIDEOS, make

import vadkit
from vadkit.cli.render.compare import renderer
from vadkit.core.errors import DataError, PluginError, VadkitError
from vadkit.core.values import Labels
from vadkit.evaluation.compare import compare
from vadkit.store.manifest import Count, Manifest, write_manifest
from vadkit.store.scores import write_labels


def test_runs_with_different_strides_are_ranked(tiny: dict[str, Any], tmp_path: Path) -> None:
    """Stride and the number of windows that follows from it belong to the systems that are compared."""
    coarse = make(tmp_path / "coarse", tiny, 2.0)
    fine = make(tmp_path / "fine", tiny | {"engine": {"score_stride": 1, "threads": 1}}, 1.0)
    found = compare([coarse, fine], rounds=0)
    assert {entry.protocol["min_windows"] for entry in found.entries} == {1, 4}
    assert not found.differ


def test_the_best_is_told_from_chance(tiny: dict[str, Any], tmp_path: Path) -> None:
    good, alike, bad = (
        make(tmp_path / name, tiny, strength, seed=seed)
        for name, strength, seed in (("good", 2.0, 0), ("alike", 1.95, 1), ("bad", 0.3, 2))
    )
    found = compare([bad, good, alike], rounds=200)
    best = found.best("micro_auc")
    assert best is not None
    assert best.name in ("good", "alike")
    by_name = {entry.name: entry for entry in found.entries}
    assert [entry.name for entry in found.entries] == ["bad", "good", "alike"]
    assert by_name["bad"].behind["micro_auc"][0] > 0
    other = by_name[{"good": "alike", "alike": "good"}[best.name]]
    assert other.behind["micro_auc"][0] < 0 < other.behind["micro_auc"][1]
    assert not best.behind.get("micro_auc")
    lowest = found.best("eer")
    assert lowest is not None
    assert lowest.values["eer"] == min(entry.values["eer"] for entry in found.entries)
    assert by_name["bad"].behind["eer"][1] < 0  # the best's EER is lower


def test_runs_of_several_sweeps_are_told_apart(tiny: dict[str, Any], tmp_path: Path) -> None:
    for sweep in ("one", "two"):
        (tmp_path / sweep).mkdir()
    runs = [make(tmp_path / sweep / "run", tiny, 1.0, seed=n) for n, sweep in enumerate(("one", "two"))]
    runs.append(make(tmp_path / "alone", tiny, 1.0))
    names = [entry.name for entry in compare(runs, rounds=20).entries]
    assert names == ["one/run", "two/run", "alone"]


def test_different_protocols_are_not_ranked(tiny: dict[str, Any], tmp_path: Path) -> None:
    one, other = (
        make(tmp_path / "one", tiny, 1),
        make(tmp_path / "other", tiny, 1, protocol={"use": "itae", "eer": "nearest"}),
    )
    with pytest.raises(VadkitError, match=r"(?s)different protocols: eer differ.*--any-protocol"):
        compare([one, other], rounds=0)
    found = compare([one, other], rounds=0, any_protocol=True)
    assert found.best("micro_auc") is None
    assert found.differ == ["eer"]
    assert "not ranked: the protocols differ in eer" in renderer("markdown")(found)
    assert compare([one, other], rounds=0, overrides=["evaluate.protocol=ffp"]).differ == []


def test_a_transform_of_a_shared_component_is_part_of_the_rules(tiny: dict[str, Any], tmp_path: Path) -> None:
    one, other = make(tmp_path / "one", tiny, 1), make(tmp_path / "other", tiny, 1)
    recipe = yaml.safe_load((other / "recipe.yaml").read_text())
    recipe["fuse"] = {"reconstruction": {"weight": 3.0}}
    (other / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(VadkitError, match="transform of reconstruction differ"):
        compare([one, other], rounds=0)
    recipe["fuse"]["reconstruction"]["transform"] = ["minmax"]
    (other / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert compare([one, other], rounds=0).differ == []  # another weight is another system


def test_other_videos_or_labels_are_refused(tiny: dict[str, Any], tmp_path: Path) -> None:
    one, other = make(tmp_path / "one", tiny, 1), make(tmp_path / "other", tiny, 1)
    write_labels(other / "labels.npz", {f"{n:02}": Labels(np.arange(60) > 30) for n in range(VIDEOS)})
    with pytest.raises(VadkitError, match="other test videos or labels"):
        compare([one, other], any_protocol=True, rounds=0)


def test_a_tuned_run_is_marked_under_any_protocol(tiny: dict[str, Any], tmp_path: Path) -> None:
    one = make(tmp_path / "one", tiny, 1)
    tuned = make(tmp_path / "tuned", tiny, 2, protocol={"use": "itae", "test_tuned": True})
    text = renderer("markdown")(compare([one, tuned], rounds=0, overrides=["evaluate.protocol=ffp"]))
    assert "| tuned TEST-TUNED |" in text
    assert "| one |" in text


def test_every_form_holds_every_run(tiny: dict[str, Any], tmp_path: Path) -> None:
    found = compare([make(tmp_path / "a_b", tiny, 2), make(tmp_path / "c", tiny, 0.5, seed=3)], rounds=50)
    value = found.entries[0].values["micro_auc"]
    rows = list(csv.DictReader(io.StringIO(renderer("csv")(found))))
    assert [row["run"] for row in rows] == ["a_b", "c"]
    assert float(rows[0]["micro_auc"]) == value
    assert rows[0]["micro_auc_behind_low"] == ""
    assert float(rows[1]["micro_auc_behind_low"]) > 0
    markdown, latex = renderer("markdown")(found), renderer("latex")(found)
    assert f"**{100 * value:.2f} (" in markdown
    assert rf"\textbf{{{100 * value:.2f} (" in latex
    assert r"a\_b" in latex
    assert r"micro\_auc \%" in latex
    console = renderer("console")(found)
    assert f"{100 * value:.2f}" in console
    assert "paired bootstrap" in console


@pytest.mark.parametrize(("columns", "heads"), [(80, 2), (200, 1)])
def test_what_a_run_costs_is_a_table_of_its_own_where_the_terminal_is_narrow(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int, heads: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = renderer("console")(
        compare([make(tmp_path / f"a_long_name_of_a_run_{n}", tiny, n) for n in (1, 2)], rounds=50)
    )
    assert sum(line.split()[:1] == ["run"] for line in text.splitlines()) == heads
    assert sum("a_long_name_of_a_run_1" in line for line in text.splitlines()) == heads
    assert max(map(len, text.splitlines())) <= columns


def test_a_long_name_costs_no_number(tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = [
        f"seed_0_fuse_likelihood_weight_0.1_and_what_else_there_is_to_tell_of_a_run_of_a_sweep_{n}" for n in (1, 2)
    ]
    found = compare([make(tmp_path / name, tiny, n) for n, name in enumerate(names, 1)], rounds=50)
    text = renderer("console")(found)
    for entry in found.entries:
        for metric in found.metrics:
            assert f"{100 * entry.values[metric]:.2f}" in text
    folded = "".join(line.split()[0] for line in text.splitlines() if line.split() and "_" in line.split()[0])
    assert all(name in folded for name in names)


def test_a_folder_of_runs_stands_for_all_of_them(tiny: dict[str, Any], tmp_path: Path) -> None:
    for name in ("b", "a"):
        make(tmp_path / "sweep" / name, tiny, 1)
    (tmp_path / "sweep" / "sweep.csv").touch()
    one = make(tmp_path / "one", tiny, 1)
    assert [entry.name for entry in compare([one, tmp_path / "sweep"], rounds=0).entries] == ["one", "a", "b"]


def test_few_videos_cannot_show_a_difference(tiny: dict[str, Any], tmp_path: Path) -> None:
    found = compare([make(tmp_path / "good", tiny, 3), make(tmp_path / "bad", tiny, 0)], rounds=200)
    good, bad = found.entries
    assert found.videos == VIDEOS >= 6
    assert not found.by_chance(bad, "micro_auc")
    assert not found.by_chance(good, "micro_auc")
    few = replace(found, videos=5)
    assert few.by_chance(bad, "micro_auc")
    assert not few.by_chance(good, "micro_auc")
    assert "5 videos are too few" in renderer("markdown")(few)


def test_runs_of_sweeps_are_called_by_what_tells_them_apart(tiny: dict[str, Any], tmp_path: Path) -> None:
    runs = [make(tmp_path / sweep / seed, tiny, 1) for sweep, seed in (("a", "s0"), ("b", "s0"), ("b", "s1"))]
    assert [entry.name for entry in compare(runs[:2], rounds=0).entries] == ["a", "b"]
    assert [entry.name for entry in compare(runs, rounds=0).entries] == ["a/s0", "b/s0", "s1"]


def test_misuse_is_explained(tiny: dict[str, Any], tmp_path: Path) -> None:
    one = make(tmp_path / "one", tiny, 1)
    with pytest.raises(VadkitError, match="at least two runs"):
        compare([one])
    with pytest.raises(DataError, match="does not exist"):
        compare([one, tmp_path / "nowhere"])
    with pytest.raises(DataError, match="is a file, not a run folder"):
        compare([one, one / "recipe.yaml"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"is not a run folder.*\n.*give the path of a run"):
        compare([one, tmp_path / "empty"])
    half = make(tmp_path / "half", tiny, 1)
    next((half / "scores").glob("*.npz")).unlink()
    with pytest.raises(DataError, match=r"half: 1 of \d+ labelled videos have no scores"):
        compare([one, half])
    with pytest.raises(PluginError, match="micro_auc"):
        compare([one, one], metrics=["micro_acu"])


def test_the_command_needs_no_torch(tiny: dict[str, Any], tmp_path: Path) -> None:
    runs = [str(make(tmp_path / "one", tiny, 1)), str(make(tmp_path / "two", tiny, 2, seed=4))]
    code = "import sys\nfrom vadkit.cli import main\ntry:\n    main()\nfinally:\n    assert 'torch' not in sys.modules"
    table = tmp_path / "table.md"
    arguments = [*runs, "--format", "markdown", "--out", str(table)]
    done = subprocess.run([sys.executable, "-c", code, "compare", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| two |" in table.read_text()
    wrong = subprocess.run(
        [sys.executable, "-c", code, "compare", *runs, "--format", "pdf"], capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert "console, csv, markdown, latex" in wrong.stderr


def test_test_labels_and_scores_themselves_are_out_of_reach(tiny: dict[str, Any], tmp_path: Path) -> None:
    runs = [make(tmp_path / "one", tiny, 1), make(tmp_path / "two", tiny, 2, seed=4)]
    tuning = ["evaluate.protocol={use: itae, weights: test}"]
    with pytest.raises(VadkitError, match="--allow-test-tuning"):
        compare(runs, overrides=tuning, rounds=0)
    marked = compare(runs, overrides=tuning, rounds=0, allow_test_tuning=True)
    assert all(entry.protocol["test_tuned"] for entry in marked.entries)
    with pytest.raises(VadkitError, match="changes the scores themselves"):
        compare(runs, overrides=["engine.score_stride=1"], rounds=0)


def test_intervals_are_those_of_the_run(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["seed"] = 11
    runs = [make(tmp_path / "one", tiny, 1), make(tmp_path / "two", tiny, 2, seed=4)]
    alone = vadkit.load_run(runs[0]).evaluate()
    assert compare(runs, rounds=0).entries[0].intervals["micro_auc"] == alone.intervals["micro_auc"]


def test_what_a_run_costs_stands_beside_it(tiny: dict[str, Any], tmp_path: Path) -> None:
    old, new = make(tmp_path / "old", tiny, 1), make(tmp_path / "new", tiny, 2, seed=4)
    manifest = Manifest(flops={"encoder": 1_200_000_000, "decoder": 300_000_000, "scores": 0})
    manifest = manifest.with_stage("model", parameters=1_500_000).with_stage("density.static", parameters=500_000)
    manifest = manifest.with_stage("scores", seconds=20.0).with_data(counts={"test": Count(2, 500)})
    write_manifest(new / "manifest.json", manifest)
    found = compare([old, new], rounds=0)
    entry = found.entries[1]
    assert (entry.parameters, entry.flops, entry.frames_per_second) == (2_000_000, 1_500_000_000, 25.0)
    markdown = renderer("markdown")(found).splitlines()
    assert markdown[0].endswith("| parameters | GFLOPs | frames/s |")
    assert markdown[2].endswith("| - | - | - |")  # a run of a version that did not measure them
    assert markdown[3].endswith("| 2.00 M | 1.5 | 25.0 |")
    rows = list(csv.DictReader(io.StringIO(renderer("csv")(found))))
    assert [row["flops"] for row in rows] == ["", "1500000000"]
    for form in ("console", "latex"):
        assert "GFLOPs" in renderer(form)(found)
