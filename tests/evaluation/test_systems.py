"""Systems over seeds and data sets, and the names, columns and formats of a comparison."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
import yaml
from made_runs import make
from typer.testing import CliRunner

import vadkit
from vadkit.cli.app import app
from vadkit.core.errors import VadkitError
from vadkit.core.values import Labels
from vadkit.evaluation.systems import compare_systems
from vadkit.store.scores import VideoScores, write_labels, write_scores


def seeds(folder: Path, name: str, recipe: dict[str, Any], strength: float) -> list[Path]:
    """Two runs of one recipe with other seeds."""
    runs = [make(folder / f"{name}_{seed}", recipe, strength, seed=seed) for seed in (0, 1)]
    for seed, run in enumerate(runs):
        tree = yaml.safe_load((run / "recipe.yaml").read_text())
        (run / "recipe.yaml").write_text(yaml.safe_dump(tree | {"name": name, "seed": seed}))
    return runs


def elsewhere(run: Path) -> None:
    """Give a run other test videos, as of another data set."""
    tree = yaml.safe_load((run / "recipe.yaml").read_text())
    tree["data"]["use"] = "folder"
    tree["data"] = {key: tree["data"][key] for key in ("use", "clip", "stride")}
    (run / "recipe.yaml").write_text(yaml.safe_dump(tree))
    for file in (run / "scores").glob("*.npz"):
        file.unlink()
    random = np.random.default_rng(3)
    labels = {f"other_{n}": Labels(np.arange(60) % 20 < 6, source="by hand") for n in range(3)}
    for name, label in labels.items():
        scores = random.normal(size=60) + label.frames
        write_scores(run / "scores", VideoScores(name, "", {"reconstruction": scores}, np.ones(60, np.int64), 25.0))
    write_labels(run / "labels.npz", labels)


def test_a_system_has_mean_and_deviation_over_its_seeds(tiny: dict[str, Any], tmp_path: Path) -> None:
    good, bad = seeds(tmp_path, "good", tiny, 2.0), seeds(tmp_path, "bad", tiny, 0.3)[:1]
    found = compare_systems([*bad, *good], metrics=["micro_auc", "eer"], labels={"good": "Ours & all"})
    assert found.systems == ("bad", "Ours & all")
    assert found.data_sets == ("walkway",)
    each = [vadkit.load_run(run).evaluate().metrics["micro_auc"] for run in good]
    assert found.values["Ours & all", "walkway"]["micro_auc"] == each
    cell = found.cell("Ours & all", "walkway", "micro_auc")
    assert cell.text == f"{100 * mean(each):.2f} ± {100 * stdev(each):.2f}"
    assert cell.best
    assert not found.cell("bad", "walkway", "eer").best
    rows = list(csv.DictReader(io.StringIO(found.csv())))
    assert [(row["system"], row["metric"], row["seeds"]) for row in rows][-1] == ("Ours & all", "eer", "2")
    assert rows[0]["deviation"] == ""
    latex = found.with_columns(["eer"]).table().latex(booktabs=True)
    assert r"\toprule" in latex
    assert r"Ours \& all" in latex
    assert r"$\pm$" in latex
    assert "micro" not in latex


def test_data_sets_are_groups_of_columns(tiny: dict[str, Any], tmp_path: Path) -> None:
    runs = [*seeds(tmp_path, "good", tiny, 2.0), make(tmp_path / "bad", tiny, 0.3)]
    other = make(tmp_path / "other", tiny, 1.0)
    elsewhere(other)
    with pytest.raises(VadkitError, match=r"(?s)other test videos.*--by-system"):
        vadkit.compare([*runs, other], rounds=0)
    labels = {"other": "good"}
    found = compare_systems([*runs, other], metrics=["micro_auc", "eer"], labels=labels)
    assert found.data_sets == ("walkway", "folder")
    assert found.systems == ("good", "bad")
    table = found.table()
    assert table.groups == [("walkway", 2), ("folder", 2)]
    assert table.rows[1][-1].text == "-"
    text = table.latex(booktabs=True)
    assert r" & \multicolumn{2}{c}{walkway} & \multicolumn{2}{c}{folder} \\" in text
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}" in text
    assert table.markdown().startswith("| system | walkway micro_auc % | walkway eer % | folder micro_auc %")
    assert '<th colspan="2">folder</th>' in table._repr_html_()


def test_two_recipes_of_one_name_are_no_system(tiny: dict[str, Any], tmp_path: Path) -> None:
    runs = [*seeds(tmp_path, "same", tiny, 2.0)]
    tree = yaml.safe_load((runs[1] / "recipe.yaml").read_text())
    tree["model"]["fit"]["steps"] = 99
    (runs[1] / "recipe.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(
        VadkitError, match=r"(?s)same_1: has the name 'same' as .*same_0 does, but another model.*--label"
    ):
        compare_systems(runs)
    assert compare_systems(runs, labels={"same_1": "longer"}).systems == ("same", "longer")


def test_names_labels_and_columns_of_a_comparison(tiny: dict[str, Any], tmp_path: Path) -> None:
    runs = [make(tmp_path / "one", tiny, 1), make(tmp_path / "two", tiny, 2, seed=4)]
    (tmp_path / "two").rename(tmp_path / "moved")
    runs[1] = tmp_path / "moved"
    found = vadkit.compare(runs, rounds=0, labels={"moved": "Ours"})
    assert [entry.name for entry in found.entries] == ["one", "Ours"]
    assert [entry.name for entry in vadkit.compare(runs, rounds=0).entries] == ["one", "two"]  # names of the recipes
    few = found.with_columns(["eer", "GFLOPs"])
    assert few.table().head == ["run", "eer %", "GFLOPs"]
    assert list(few.figures()) == ["eer", "roc", "each_video"]
    with pytest.raises(VadkitError, match=r"(?s)no column 'err'.*did you mean 'eer'"):
        found.with_columns(["err"])
    with pytest.raises(VadkitError, match=r"(?s)no run is named 'three'.*choices: moved, one, two"):
        vadkit.compare(runs, rounds=0, labels={"three": "x"})


def test_the_options_of_the_command(tiny: dict[str, Any], tmp_path: Path) -> None:
    runs = list(map(str, [*seeds(tmp_path, "good", tiny, 2.0), make(tmp_path / "bad", tiny, 0.3)]))
    keep = ["compare", *runs, "--by-system", "--label", "good=ITAE + NF", "--columns", "micro_auc"]
    done = CliRunner().invoke(app, [*keep, "--format", "booktabs"])
    assert done.exit_code == 0, done.output
    assert r"ITAE + NF & \textbf{" in done.stdout
    assert r"\midrule" in done.stdout
    console = CliRunner().invoke(app, keep)
    assert "mean and standard deviation over 1 to 2 seeds" in console.stdout
    for wrong, told in ((["--html", "a.html"], "combines them"), (["--label", "good"], "is not 'NAME=TEXT'")):
        refused = CliRunner().invoke(app, [*keep, *wrong])
        assert isinstance(refused.exception, VadkitError)
        assert told in str(refused.exception)
