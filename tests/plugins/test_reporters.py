from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from vadkit.api import Event, Reporter, ResultSummary, RunResult, VideoResult
from vadkit_standard.reporters.console import Console
from vadkit_standard.reporters.figures import Figures
from vadkit_standard.reporters.fonts import make_drawable
from vadkit_standard.reporters.json_file import Json


def result(videos: int = 2, *, labelled: bool = True) -> RunResult:
    random = np.random.default_rng(0)
    made = []
    for index in range(videos):
        labels = np.arange(50) > 30
        parts = {"reconstruction": random.random(50) + labels, "likelihood": random.random(50) + 0.5 * labels}
        fused = parts["reconstruction"] + 0.7 * parts["likelihood"]
        made.append(VideoResult(f"clip/{index:02}", fused, parts, labels if labelled else None))
    metrics = {"micro_auc": 0.98125, "eer": 0.0625, "decidability": 2.5} if labelled else {}
    return RunResult(
        name="itae[st]",
        folder=Path("run"),
        metrics=metrics,
        components={"reconstruction (raw)": {"micro_auc": 0.9, "eer": 0.1}} if labelled else {},
        protocol={"name": "itae", "digest": "0123456789ab", "missing_scores": "nearest", "test_tuned": False},
        videos=made,
        summary=ResultSummary(
            videos=videos,
            frames=50 * videos,
            labelled_frames=50 * videos if labelled else 0,
            abnormal_frames=19 * videos if labelled else 0,
            coverage_min=1,
            coverage_mean=7.5,
            single_class_videos=("clip/01",),
            constant=("likelihood in clip/00",),
            chance={"micro_auc": 0.5, "eer": 0.5, "decidability": 0.1} if labelled else {},
            vadkit="0.1.0",
        ),
        units={"decidability": ""},
    )


def test_console_shows_numbers_floor_protocol_and_path(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("/a") / ("long" * 30) / "run"
    Console().report(result(), folder)
    text = capsys.readouterr().out
    for expected in (
        "itae[st]",
        "protocol itae #0123456789ab",
        "micro_auc %",
        "98.12",
        "6.25",
        "90.00",
        "random scorer",
    ):
        assert expected in text
    assert "decidability %" not in text
    assert "2.500" in text
    assert "2 videos, 100 frames, 38 abnormal" in text
    assert "constant scores: likelihood in clip/00" in text
    assert "excluded from averages over videos: clip/01" in text
    assert text.splitlines()[-1] == str(folder)


def test_console_counts_the_events_of_videos_without_labels(capsys: pytest.CaptureFixture[str]) -> None:
    event = Event("clip/00", 30, 40, 35, None, None, None, 3.0, 2.0)
    for events, expected in (
        ([event, replace(event, start_frame=45)], "2 events in 1 test video, listed in events.csv"),
        ([event, replace(event, video="clip/01")], "2 events in 2 test videos, listed in events.csv"),
        ([], "no events: no score of a test video reaches the alarm threshold"),
    ):
        Console().report(replace(result(labelled=False), events=events), Path("run"))
        text = capsys.readouterr().out
        assert expected in text
        assert "no labels: scores and events without metrics" in text


def test_console_says_on_how_much_data_a_value_rests(capsys: pytest.CaptureFixture[str]) -> None:
    basis = {"false_alarms_per_hour": "from 15 s of normal video, too short for a rate per hour"}
    Console().report(replace(result(), summary=replace(result().summary, basis=basis)), Path("run"))
    shown = " ".join(capsys.readouterr().out.split())
    assert "false_alarms_per_hour: from 15 s of normal video, too short for a rate per hour" in shown


def test_console_marks_what_was_tuned_on_the_test_set(capsys: pytest.CaptureFixture[str]) -> None:
    Console().report(replace(result(), protocol={"name": "itae", "digest": "0", "test_tuned": True}), Path("run"))
    assert "TEST-TUNED" in capsys.readouterr().out


def test_json_is_complete_and_plain(tmp_path: Path) -> None:
    Json().report(result(), tmp_path)
    stored = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert stored["metrics"] == {"micro_auc": 0.98125, "eer": 0.0625, "decidability": 2.5}
    assert stored["components"]["reconstruction (raw)"]["micro_auc"] == 0.9
    assert stored["protocol"]["digest"] == "0123456789ab"
    assert stored["summary"]["frames"] == 100
    assert stored["chance"]["eer"] == 0.5
    assert (stored["name"], stored["vadkit"]) == ("itae[st]", "0.1.0")
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.json"]


def test_figures_are_written_and_not_blank(tmp_path: Path) -> None:
    Figures(dpi=40).report(result(), tmp_path)
    written = {str(path.relative_to(tmp_path / "figures")) for path in tmp_path.rglob("*.png")}
    assert written == {"scores.png", "roc.png", "videos/clip%2F00.png", "videos/clip%2F01.png"}
    for path in tmp_path.rglob("*.png"):
        assert len(np.unique(imread(path).reshape(-1, 4), axis=0)) > 20


def test_ground_truth_is_shaded_only_where_there_is_some(tmp_path: Path) -> None:
    def pink(picture: Path) -> int:
        red, green, blue = (imread(picture)[..., channel] for channel in range(3))
        return int(((red > 0.95) & (green > 0.7) & (green < 0.95) & (np.abs(green - blue) < 0.02)).sum())

    Figures(dpi=40).report(result(1), tmp_path / "with")
    Figures(dpi=40).report(result(1, labelled=False), tmp_path / "without")
    assert pink(tmp_path / "with/figures/scores.png") > 10 * pink(tmp_path / "without/figures/scores.png")


def test_names_in_other_scripts_name_their_files_and_are_drawn(tmp_path: Path) -> None:
    """DejaVu Sans has neither の, which STIX has, nor a private character, which no font has."""
    made = result(1)
    named = replace(made, videos=[replace(made.videos[0], name="監視/の")])
    Figures(dpi=40).report(named, tmp_path)
    assert (tmp_path / "figures/videos/監視%2Fの.png").is_file()
    figure = Figure()
    text = figure.text(0.1, 0.5, "の\n\U0010fff0 x")
    make_drawable(figure)
    assert text.get_text() == "の\n\\U0010fff0 x"
    figure.savefig(tmp_path / "x.png")  # a missing character would be a warning, which is an error in tests


def test_one_file_a_video_only_where_asked_for(tmp_path: Path) -> None:
    Figures(each=False, dpi=40).report(result(13), tmp_path)
    assert not (tmp_path / "figures/videos").exists()
    assert (tmp_path / "figures/scores.png").exists()


@pytest.mark.parametrize("reporter", [Console(), Json(), Figures(dpi=40)])
def test_no_labels_at_all_is_fine(reporter: Reporter, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reporter.report(result(labelled=False), tmp_path)
    if isinstance(reporter, Console):
        assert "no labels" in capsys.readouterr().out
    if isinstance(reporter, Figures):
        assert {path.name for path in (tmp_path / "figures").glob("*.png")} == {"scores.png"}


def test_one_class_and_constant_scores_make_no_roc_and_no_warning(tmp_path: Path) -> None:
    flat = VideoResult("flat", np.zeros(1), {"reconstruction": np.zeros(1)}, np.zeros(1, bool))
    Figures(dpi=40).report(replace(result(), videos=[flat]), tmp_path)
    assert not (tmp_path / "figures/roc.png").exists()


def test_figures_import_matplotlib_when_they_draw_and_never_pyplot() -> None:
    reporters = ("error_maps", "figures", "histograms", "weight_curve", "worst_frames")
    code = f"""
import sys
from vadkit_standard.reporters import drawing, {", ".join(reporters)}
assert "matplotlib" not in sys.modules
drawing.new_figure(4, 3).subplots()
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_right_side_of_the_seam_needs_no_torch() -> None:
    modules = ("evaluation", "store.scores")
    plugins = ("metrics", "transforms", "reporters.console", "reporters.json_file", "reporters.figures")
    names = [f"vadkit.{name}" for name in modules] + [f"vadkit_standard.{name}" for name in plugins]
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_any_name_of_a_video_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A formula that is none, half of a character, an escape sequence."""
    made = result(3)
    names = ["$\\frac{$", "broken \ud800", "\x1b[31mred"]
    videos = [replace(video, name=name) for video, name in zip(made.videos, names, strict=True)]
    summary = replace(made.summary, single_class_videos=tuple(names[2:]))
    named = replace(made, videos=videos, summary=summary)
    Figures(dpi=40).report(named, tmp_path)
    assert len(list((tmp_path / "figures/videos").iterdir())) == 3
    Console().report(named, tmp_path)
    assert "\x1b[31mred" not in capsys.readouterr().out
