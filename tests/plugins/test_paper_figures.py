"""The figures' contents against numbers that are known, what is said where something is missing, and pixels drawn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.image import imread
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import vadkit
from vadkit.api import (
    DataError,
    PluginError,
    Reporter,
    ResultSummary,
    RunOrigin,
    RunResult,
    VideoResult,
    worst_frames,
)
from vadkit.core.progress import NoProgress
from vadkit.evaluation import reporting
from vadkit_standard.reporters.console import Console
from vadkit_standard.reporters.error_maps import ErrorMaps, above_mean
from vadkit_standard.reporters.histograms import Histograms, bits_per_dimension, shares
from vadkit_standard.reporters.weight_curve import WeightCurve, weight_curves
from vadkit_standard.reporters.worst_frames import WorstFrames

DIMENSIONS = {"likelihood": 24, "static": 12}


class Told(NoProgress):
    """What was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


def look(name: str, numbers: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Frames whose brightness is their number."""
    return [np.full((24, 32, 1), number, np.uint8) for number in numbers]


def made(videos: int = 2, *, frames: int = 60) -> RunResult:
    random = np.random.default_rng(3)
    found = []
    for index in range(videos):
        labels = np.arange(frames) >= frames // 2
        raw = {"reconstruction": random.random(frames) + 0.5 * labels}
        raw |= {name: 10 * random.random(frames) + 3 * labels for name in DIMENSIONS}
        parts = {name: raw[name] / (10 if name in DIMENSIONS else 1) for name in raw}
        fused = parts["reconstruction"] + 0.3 * parts["likelihood"]
        anomaly_maps = np.zeros((frames, 6, 8), np.float32)
        anomaly_maps[:, 2:4, 3:6] = 1.0
        numbers = np.arange(frames) + 4  # the first four have no score
        found.append(
            VideoResult(f"v{index}", fused, parts, labels, raw, numbers, lambda anomaly_maps=anomaly_maps: anomaly_maps)
        )
    weights = {"reconstruction": 1.0, "likelihood": 0.3, "static": 0.0}
    return RunResult(
        name="made",
        folder=Path("run"),
        metrics={"micro_auc": 0.5},
        components={},
        protocol={
            "name": "itae", "digest": "0123456789ab", "overlap": "mean", "smoothing": [],
            "components": {name: {"weight": weight, "transform": []} for name, weight in weights.items()},
        },
        videos=found,
        summary=ResultSummary(run=RunOrigin(dimensions=DIMENSIONS)),
        read_frames=look,
    )  # fmt: skip


def drawn(path: Path) -> int:
    """Colours in a picture."""
    return len(np.unique(imread(path).reshape(-1, 4), axis=0))


def test_bits_per_dimension_of_a_standard_normal() -> None:
    """Of D independent standard normals at 0 the density is (2 pi)^(-D/2): -1.3257 bits a dimension."""
    nll = np.array([0.5 * 7 * np.log(2 * np.pi)])
    assert bits_per_dimension(nll, 7)[0] == pytest.approx(-1.3257480647)


def test_shares_are_percent_of_the_class() -> None:
    edges = np.array([0.0, 1.0, 2.0, 3.0])
    assert shares(np.array([0.5, 1.5, 1.6, 3.0]), edges).tolist() == [25.0, 50.0, 25.0]


def test_histograms_are_drawn_of_both_classes_and_of_each_video(tmp_path: Path) -> None:
    Histograms(dpi=40).report(made(), tmp_path)
    names = {path.relative_to(tmp_path / "figures").as_posix() for path in tmp_path.rglob("*.png")}
    assert names == {"histograms.png", "histograms/v0.png", "histograms/v1.png"}
    assert all(drawn(path) > 20 for path in tmp_path.rglob("*.png"))


def test_the_axis_says_what_calibrated_windows_have_no_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    said: list[str] = []
    real = Axes.set_xlabel
    monkeypatch.setattr(Axes, "set_xlabel", lambda self, text, **keys: (said.append(text), real(self, text, **keys))[1])
    Histograms(each=False, dpi=40).report(made(), tmp_path)
    calibrated = made()
    calibrated = replace(calibrated, protocol={**calibrated.protocol, "overlap": "calibrated"})
    Histograms(scores=["static"], each=False, dpi=40).report(calibrated, tmp_path)
    assert [("bits" in text) for text in said] == [True, True, False]


def test_weight_curves_are_scikit_learns_aucs() -> None:
    result = made()
    weights = (0.0, 0.3, 1.0)
    curves, rest = weight_curves(result, ["likelihood", "static"], weights)
    labels = np.concatenate([video.labels for video in result.videos if video.labels is not None])

    def auc(name: str, weight: float) -> float:
        totals = [video.components["reconstruction"] + weight * video.components[name] for video in result.videos]
        return float(roc_auc_score(labels, np.concatenate(totals)))

    for name, values in curves.items():
        assert values == pytest.approx([auc(name, weight) for weight in weights])
    assert rest == pytest.approx(auc("static", 0.0))
    assert curves["likelihood"][1] == pytest.approx(
        roc_auc_score(labels, np.concatenate([video.fused for video in result.videos]))
    )


def test_the_weight_curve_is_drawn_and_refuses_what_it_cannot_tell(tmp_path: Path) -> None:
    WeightCurve(dpi=40).report(made(), tmp_path)
    assert drawn(tmp_path / "figures/weight_curve.png") > 20
    smoothed = made()
    smoothed = replace(smoothed, protocol={**smoothed.protocol, "smoothing": [{"use": "median"}]})
    with pytest.raises(DataError, match="the final score is smoothed"):
        WeightCurve().report(smoothed, tmp_path)
    with pytest.raises(DataError, match=r"'dynamic' is not fused(?s:.*)likelihood"):
        WeightCurve(vary=["dynamic"]).report(made(), tmp_path)


def test_pixels_above_the_mean_of_their_frame() -> None:
    error = np.array([[0.0, 0.0], [0.2, 0.6]])
    above = above_mean(error)  # the mean is 0.2, and what equals it is not above it
    assert np.isnan(above).tolist() == [[True, True], [True, False]]
    assert above[1, 1] == 0.6


def test_error_maps_show_the_frames_that_their_scores_belong_to(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def noted(name: str, numbers: Sequence[int]) -> list[NDArray[np.uint8]]:
        seen.extend((name, number) for number in numbers)
        return look(name, numbers)

    result = replace(made(), read_frames=noted)
    ErrorMaps(dpi=40).report(result, tmp_path)
    highest = {v.name: 4 + 30 + int(np.argmax(v.fused[30:])) for v in result.videos}
    assert dict(seen) == highest
    assert drawn(tmp_path / "figures/error_maps.png") > 20
    seen.clear()
    ErrorMaps(frames=["v1:10"], dpi=40).report(result, tmp_path)
    assert seen == [("v1", 10)]


def test_error_maps_say_what_is_missing(tmp_path: Path) -> None:
    bare = replace(made(), videos=[replace(video, anomaly_maps=None) for video in made().videos])
    with pytest.raises(DataError, match=r"the run has no maps(?s:.*)--resume"):
        ErrorMaps().report(bare, tmp_path)
    for frames, what in (("v9:1", "no video is named"), ("v1:2", "no scored frame 2"), ("v1", "is not 'VIDEO:NUMBER'")):
        with pytest.raises(DataError, match=what):
            ErrorMaps(frames=[frames]).report(made(), tmp_path)


def test_the_worst_frames_of_each_class_apart_from_each_other() -> None:
    scores = np.array([0.1, 0.9, 0.8, 0.2, 0.3, 0.7])
    labels = np.array([False, False, False, True, True, True])
    one = VideoResult("one", scores, {}, labels)
    two = VideoResult("two", scores - 0.05, {}, labels)
    other = VideoResult("unlabelled", scores + 5, {}, None)

    def places(**keys: Any) -> list[tuple[str, int]]:
        return [(video.name, index) for video, index in worst_frames([one, two, other], **keys)]

    assert places(abnormal=False, count=3, apart=1) == [("one", 1), ("two", 1), ("one", 2)]
    assert places(abnormal=False, count=3, apart=2) == [("one", 1), ("two", 1)]
    assert places(abnormal=True, count=2, apart=2) == [("two", 3), ("one", 3)]


def test_the_contact_sheet_is_drawn(tmp_path: Path) -> None:
    WorstFrames(count=3, dpi=40).report(made(), tmp_path)
    assert drawn(tmp_path / "figures/worst_frames.png") > 20


@pytest.mark.parametrize("reporter", [ErrorMaps(), WorstFrames()])
def test_scores_without_a_data_set_have_no_frames_to_show(reporter: Reporter, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="these scores have no data set"):
        reporter.report(replace(made(), read_frames=None), tmp_path)


@pytest.mark.parametrize("reporter", [Histograms(), WeightCurve(), ErrorMaps(), WorstFrames()])
def test_pictures_are_the_same_each_time(reporter: Any, tmp_path: Path) -> None:
    reporter.dpi = 40
    for name in ("one", "two"):
        reporter.report(made(), tmp_path / name)
    for path in (tmp_path / "one").rglob("*.png"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_what_draws_needs_neither_torch_nor_pyplot() -> None:
    names = [f"vadkit_standard.reporters.{n}" for n in ("histograms", "weight_curve", "error_maps", "worst_frames")]
    heavy = "{'torch', 'matplotlib.pyplot'}"
    code = f"import sys, vadkit.data.frame_reader, {', '.join(names)}; sys.exit(bool({heavy} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_console_says_that_it_was_tested_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    tested = {"use": "ucsd_ped", "subset": "ped2"}
    Console().report(replace(made(), summary=ResultSummary(run=RunOrigin(tested_on=tested))), Path("run"))
    assert "tested on a data set that the model was not trained on: ucsd_ped (subset ped2)" in capsys.readouterr().out


def test_figures_of_a_run(tiny: dict[str, Any], tmp_path: Path) -> None:
    """The run says how many dimensions a likelihood has, keeps maps if a figure shows them, and is drawn again."""
    tiny["scores"]["dynamic"] = {"use": "nll", "densities": ["dynamic"]}
    tiny["report"] = ["json", "histograms", {"use": "error_maps", "dpi": 40}, {"use": "worst_frames", "dpi": 40}]
    done = vadkit.run(tiny, out=tmp_path / "run")
    figures = done.path / "figures"
    assert {path.name for path in figures.glob("*.png")} == {"histograms.png", "error_maps.png", "worst_frames.png"}
    # Static: maximum, mean and intensity of 8x12 places; dynamic: without the intensity.
    wanted = {"likelihood": 5 * 8 * 12, "static": 3 * 8 * 12, "dynamic": 2 * 8 * 12}
    assert done.metrics["summary"]["run"]["dimensions"] == wanted
    first = (figures / "worst_frames.png").read_bytes()
    (figures / "worst_frames.png").unlink()
    assert reporting.draw(done.path, ["worst_frames", "weight_curve"]) == figures
    assert (figures / "worst_frames.png").read_bytes() == first
    assert (figures / "weight_curve.png").is_file()
    with pytest.raises(PluginError, match="worst_frames"):
        reporting.draw(done.path, ["worst_frame"])
    # Judged again where the videos are not: the numbers are there, and what is missing is told.
    tree = yaml.safe_load((done.path / "recipe.yaml").read_text())
    tree["data"]["test_on"] = "ucsd_ped"
    (done.path / "recipe.yaml").write_text(yaml.safe_dump(tree))
    (done.path / "metrics.json").unlink()
    told = Told()
    reporting.report(done.path, progress=told)
    assert (done.path / "metrics.json").is_file()
    assert ["error_maps is left out" in line or "worst_frames is left out" in line for line in told.lines] == [
        True,
        True,
    ]
    assert "the folder of its videos is not given" in told.lines[0]
    with pytest.raises(DataError, match="the folder of its videos is not given"):
        reporting.draw(done.path, ["worst_frames"])
