"""Scores that anybody made, against the labels of a data set or of a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import forked
import numpy as np
import pytest
from PIL import Image

import vadkit
from vadkit.core.errors import DataError, RecipeError, VadkitError
from vadkit.evaluation.external_scores import ExternalScores, evaluate_external_all_protocols
from vadkit.report.remarks import result_warnings

LABELS = {"a": [0, 0, 1, 1], "b": [0, 1, 0, 0, 0]}
SCORES = {"a": [1.0, 2, 3, 4], "b": [10.0, 40, 20, 30, 10]}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.savez(tmp_path / "labels.npz", **{name: np.array(values) for name, values in LABELS.items()})  # pyright: ignore
    np.savez(tmp_path / "scores.npz", **{name: np.array(values) for name, values in SCORES.items()})  # pyright: ignore
    return tmp_path


def test_scores_against_a_label_file_by_hand(files: Path) -> None:
    result = vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz")
    # Abnormal 3, 4, 40 against normal 1, 2, 10, 20, 30, 10: 2 + 2 + 6 of 18 pairs in order.
    assert result.metrics["micro_auc"] == pytest.approx(10 / 18)
    assert result.metrics["macro_auc"] == 1.0
    assert result.metrics.keys() == {
        *("micro_auc", "macro_auc", "macro_auc_padded", "eer", "average_precision", "decidability")
    }
    assert result.protocol["labels"] == "labels.npz"
    assert result.protocol["components"] == {"score": {"weight": 1.0, "transform": []}}
    by_video = vadkit.evaluate_scores(
        files / "scores.npz", labels=files / "labels.npz", overrides=["evaluate.protocol=ffp"]
    )
    # Between each video's extremes: 2/3, 1, 1 against 0, 1/3, 0, 1/3, 2/3, 0.
    assert by_video.metrics["micro_auc"] == pytest.approx(17.5 / 18)
    assert not list(files.glob("metrics*"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.csv", "video,start_frame,end_frame\na,2,3\nb,1,1\n"),
        ("labels.csv", "video,start_seconds,end_seconds,fps\na,1,2,2\nb,0.5,1,2\n"),
        ("labels.json", '{"a": [[2, 3]], "b": [[1, 1]]}'),
        ("labels.json", '{"a": [0, 0, 1, 1], "b": {"frames": 5, "abnormal": [[1, 1]]}}'),
    ],
)
def test_labels_without_lengths_take_them_from_the_scores(files: Path, name: str, content: str) -> None:
    (files / name).write_text(content)
    result = vadkit.evaluate_scores(files / "scores.npz", labels=files / name)
    assert result.metrics["micro_auc"] == pytest.approx(10 / 18)
    assert result.protocol["labels"] == name
    np.savez(files / "short.npz", a=np.array([3.0, 4]), b=np.array([20.0, 30, 10]))
    kept = vadkit.evaluate_scores(files / "short.npz", labels=files / name, dropped=(2, 0))
    assert kept.summary.frames == 9
    np.save(files / "flat.npy", np.arange(9.0))
    if "frames" not in content:
        with pytest.raises(DataError, match="the scores do not say where each of the 2 videos ends") as caught:
            vadkit.evaluate_scores(files / "flat.npy", labels=files / name)
        assert "'frames'" in caught.value.fix


def test_labels_and_scores_of_one_video_need_no_names(files: Path) -> None:
    np.save(files / "one.npy", np.array([1.0, 2, 3, 4]))
    np.save(files / "truth.npy", np.array([[0, 0, 1, 1]]))
    assert vadkit.evaluate_scores(files / "one.npy", labels=files / "truth.npy").metrics["micro_auc"] == 1.0


def test_high_may_mean_normal(files: Path) -> None:
    result = vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", high="normal")
    assert result.metrics["micro_auc"] == pytest.approx(8 / 18)


def test_high_of_each_component(files: Path) -> None:
    for name, scores in SCORES.items():
        (files / "parts").mkdir(exist_ok=True)
        np.savez(files / "parts" / f"{name}.npz", psnr=-np.array(scores), error=np.array(scores))
    result = vadkit.evaluate_scores(files / "parts", labels=files / "labels.npz", high={"psnr": "normal"})
    assert result.components["psnr"] == result.components["error"]
    assert result.metrics["micro_auc"] == pytest.approx(10 / 18)
    assert result.summary.scores_input["high"] == {"psnr": "normal"}


def test_full_lists_without_their_first_frames(files: Path) -> None:
    given: dict[str, Any] = {"labels": files / "labels.npz", "overrides": ["evaluate.protocol=ffp"]}
    kept = vadkit.evaluate_scores(files / "scores.npz", drop=(1, 0), **given)
    np.savez(files / "short.npz", **{name: np.array(s[1:]) for name, s in SCORES.items()})  # pyright: ignore
    assert kept.metrics == vadkit.evaluate_scores(files / "short.npz", dropped=(1, 0), **given).metrics
    assert kept.summary.frames == 7


def test_a_part_of_the_videos_is_named(files: Path) -> None:
    one = vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", videos=["b*"])
    assert [video.name for video in one.videos] == ["b"]
    assert one.metrics["micro_auc"] == 1.0
    assert "only a part of the test videos: b*" in result_warnings(one)
    with pytest.raises(DataError, match="no test video is named 'c'"):
        vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", videos=["c"])


def test_every_value_of_a_video(files: Path) -> None:
    result = vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz")
    assert result.groups["video"]["a"] == {
        "micro_auc": 1.0, "eer": 0.0, "average_precision": 1.0, "decidability": pytest.approx(4.0)
    }  # fmt: skip


@pytest.mark.parametrize("rule", ["nearest", "drop"])
def test_scores_of_every_other_frame_need_a_flag(files: Path, rule: str) -> None:
    scores = {name: np.where(np.arange(len(s)) % 2, np.nan, s) for name, s in SCORES.items()}
    np.savez(files / "some.npz", **scores)  # pyright: ignore
    given: dict[str, Any] = {"labels": files / "labels.npz", "overrides": [f"evaluate.protocol.missing_scores={rule}"]}
    with pytest.raises(DataError, match="3 of 9 frames between scored frames have no score") as caught:
        vadkit.evaluate_scores(files / "some.npz", **given)
    assert "--allow-gaps" in caught.value.fix
    result = vadkit.evaluate_scores(files / "some.npz", allow_gaps=True, **given)
    assert result.summary.frames_without_score == 4
    change = ["evaluate.protocol.missing_scores=error"]
    with pytest.raises(DataError, match="2 of 4 frames have no score") as caught:
        vadkit.evaluate_scores(files / "some.npz", labels=files / "labels.npz", overrides=change)
    assert "score_stride" not in caught.value.fix


def test_scores_that_end_early_in_one_video_are_no_missing_frames(files: Path) -> None:
    labels = {name: np.arange(30) % 3 == 0 for name in "abc"}
    scores = {name: np.arange(30.0) for name in labels}
    for each in scores.values():
        each[:4] = np.nan  # in all videos: a method that needs four frames
    np.savez(files / "long.npz", **labels)  # pyright: ignore
    np.savez(files / "some.npz", **scores)  # pyright: ignore
    given: dict[str, Any] = {"labels": files / "long.npz"}
    assert vadkit.evaluate_scores(files / "some.npz", **given).summary.uneven_ends == ()
    scores["b"][-3:] = np.nan
    np.savez(files / "some.npz", **scores)  # pyright: ignore
    few = vadkit.evaluate_scores(files / "some.npz", **given)
    assert any(line.endswith("did not fail there: b (last 3 frames)") for line in result_warnings(few))
    scores["b"][-4:] = np.nan
    np.savez(files / "some.npz", **scores)  # pyright: ignore
    with pytest.raises(DataError, match="the last 4 frames more than in the other videos have no score") as caught:
        vadkit.evaluate_scores(files / "some.npz", **given)
    assert caught.value.where == f"{files / 'some.npz'}, video 'b'"
    assert vadkit.evaluate_scores(files / "some.npz", allow_gaps=True, **given).summary.frames_without_score == 16
    alone: dict[str, Any] = given | {"videos": ["b"]}
    with pytest.raises(DataError, match="the first 4 and last 4 frames have no score, and would be filled in"):
        vadkit.evaluate_scores(files / "some.npz", **alone)
    assert vadkit.evaluate_scores(files / "some.npz", drop=(4, 4), **alone).summary.frames_without_score == 8


def test_labels_of_a_data_set_in_one_array(files: Path) -> None:
    np.save(files / "ped2.npy", np.arange(2010) % 2)
    np.save(files / "flat.npy", np.arange(2010.0))
    with pytest.raises(DataError, match="the labels of all test videos of UCSD Ped2") as caught:
        vadkit.evaluate_scores(files / "flat.npy", labels=files / "ped2.npy")
    assert "--data" in caught.value.fix


def test_boxes_and_maps_through_the_metrics_of_runs(files: Path) -> None:
    masks = np.zeros((4, 20, 30), bool)
    masks[2:, 5:10, 10:20] = True
    for frame, mask in enumerate(masks):
        (files / "masks/a").mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(files / f"masks/a/{frame}.png")
    rows = ["video,frame,x,y,w,h,score", "a,0,0,0,3,3,0.1", "a,2,10,5,10,5,0.9", "a,3,11,5,10,5,0.8", "a,3,0,0,3,3,0.2"]
    (files / "boxes.csv").write_text("\n".join(rows))
    np.savez(files / "a.npz", a=np.arange(4.0))
    maps = np.zeros((4, 20, 30), np.float32)
    maps[0, :3, :3], maps[3, :3, :3] = 0.1, 0.2
    maps[2, 5:10, 10:20], maps[3, 5:10, 11:21] = 0.9, 0.8
    np.save(files / "maps.npy", maps)
    given: dict[str, Any] = {
        "labels": files / "masks", "overrides": ["evaluate.metrics=[micro_auc,rbdc_tbdc,pixel_auc]"]
    }  # fmt: skip
    of_boxes = vadkit.evaluate_scores(files / "boxes.csv", **given)
    assert of_boxes.metrics == {"micro_auc": 1.0, "rbdc": 1.0, "tbdc": 1.0, "pixel_auc": 1.0}
    assert vadkit.evaluate_scores(files / "maps.npy", **given).metrics == of_boxes.metrics
    assert of_boxes.summary.chance["rbdc"] < 1
    for maps_of in ("boxes.csv", "maps.npy"):
        with_maps = vadkit.evaluate_scores(files / "a.npz", maps=files / maps_of, **given)
        assert with_maps.metrics == of_boxes.metrics
    with pytest.raises(DataError, match="holds neither anomaly maps nor boxes"):
        vadkit.evaluate_scores(files / "a.npz", maps=files / "a.npz", **given)


def test_all_protocols_and_why_not(files: Path) -> None:
    found = evaluate_external_all_protocols(ExternalScores(files / "scores.npz", labels=files / "labels.npz"))
    refused = {name: str(one) for name, one in found.items() if isinstance(one, VadkitError)}
    assert refused.keys() == {"hf2vad", "accivad", "deployable"}
    assert "--normal" in refused["deployable"]
    memae = found["memae"]
    assert not isinstance(memae, VadkitError)
    assert memae.metrics["micro_auc"] == pytest.approx(17.5 / 18)


def test_normal_scores_make_every_protocol_possible(files: Path) -> None:
    np.savez(files / "normal.npz", n1=np.array([1.0, 3, 2]), n2=np.array([2.0, 5]))
    given: dict[str, Any] = {"labels": files / "labels.npz", "normal": files / "normal.npz"}
    found = evaluate_external_all_protocols(ExternalScores(files / "scores.npz", **given))
    assert not [name for name, one in found.items() if isinstance(one, VadkitError)]
    change = ["evaluate.protocol=deployable", "evaluate.metrics=[{use: alarms, fps: 1}]"]
    result = vadkit.evaluate_scores(files / "scores.npz", **given, overrides=change)
    assert result.summary.normal_videos == ("n1", "n2")
    # Above 5 lies all of b: one alarm, which touches its event. a's event is missed.
    assert result.metrics == {
        "false_alarms_per_hour": 0.0,
        "events_detected": 0.5,
        "detection_delay": 0.0,
        "precision": pytest.approx(1 / 5),
        "recall": pytest.approx(1 / 3),
    }
    with pytest.raises(DataError, match=r"frame rate of video 'a' is unknown"):
        vadkit.evaluate_scores(files / "scores.npz", **given, overrides=["evaluate.metrics=[alarms]"])


def test_two_scores_are_fused_as_told(files: Path) -> None:
    rows = ["video,frame,pose,motion"]
    rows += [f"{name},{i},{s},{-s}" for name, scores in SCORES.items() for i, s in enumerate(scores)]
    (files / "scores.csv").write_text("\n".join(rows))
    both = vadkit.evaluate_scores(
        files / "scores.csv", labels=files / "labels.npz", overrides=["fuse={pose: {weight: 2}, motion: {weight: 1}}"]
    )
    assert both.metrics["micro_auc"] == pytest.approx(10 / 18)
    assert both.components["motion"]["micro_auc"] == pytest.approx(8 / 18)
    one = vadkit.evaluate_scores(
        files / "scores.csv", labels=files / "labels.npz", overrides=["fuse.motion.weight=0.5"]
    )
    weights = {name: part["weight"] for name, part in one.protocol["components"].items()}
    assert weights == {"pose": 1.0, "motion": 0.5}  # what is not named keeps its weight


def test_labels_come_from_one_place(files: Path) -> None:
    with pytest.raises(VadkitError, match="either from a data set or from a label file"):
        vadkit.evaluate_scores(files / "scores.npz")
    with pytest.raises(VadkitError, match="one of the two"):
        vadkit.evaluate_scores(files / "scores.npz", data="walkway", labels=files / "labels.npz")


def test_faults_are_told_before_anything_is_read(files: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'avenue'"):
        vadkit.evaluate_scores(files / "scores.npz", data="avenu")
    with pytest.raises(RecipeError, match="did you mean 'memae'"):
        vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", overrides=["evaluate.protocol=memea"])
    with pytest.raises(DataError, match="does not exist"):
        vadkit.evaluate_scores(files / "none.npz", labels=files / "labels.npz")
    change = ["evaluate.protocol={use: itae, weights: test}"]
    with pytest.raises(VadkitError, match="--allow-test-tuning"):
        vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", overrides=change)
    change = ["evaluate.metrics=[pixel_auc]"]
    with pytest.raises(DataError, match="needs anomaly maps or boxes, but these scores have neither"):
        vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", overrides=change)


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"dropped": "8:7"}, "not a pair of counts"),
        ({"dropped": (8.0, 7)}, "not a pair of counts"),
        ({"high": "hi"}, "cannot mean 'hi'"),
        ({"overrides": "seed=1"}, "give a list"),
        ({"report": ["json"]}, "writes files"),
        ({"overrides": ["report=[figures]"]}, "writes files"),
    ],
)
def test_wrong_arguments_are_one_message(files: Path, keys: dict[str, Any], word: str) -> None:
    with pytest.raises(VadkitError, match=word):
        vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", **keys)
    assert not Path("metrics.json").exists()


def test_a_run_is_not_written_over(files: Path) -> None:
    (files / "run").mkdir()
    (files / "run" / "recipe.yaml").touch()
    with pytest.raises(VadkitError, match="its results would be overwritten"):
        vadkit.evaluate_scores(files / "scores.npz", labels=files / "labels.npz", report=["json"], out=files / "run")


def test_what_is_set_goes_after_the_preset(files: Path) -> None:
    smooth = "evaluate.protocol.smoothing=[{use: gaussian, sigma: 3}]"
    options = ["--labels", str(files / "labels.npz"), "--protocol", "deployable", "--set", smooth]
    done = command(str(files / "scores.npz"), *options)
    assert done.returncode == 2
    assert "does not allow transform Gaussian" in done.stderr


def test_reports_go_where_they_are_told(files: Path) -> None:
    vadkit.evaluate_scores(
        files / "scores.npz", labels=files / "labels.npz", report=("json", "figures"), out=files / "out"
    )
    stored = json.loads((files / "out/metrics.json").read_text())
    assert stored["name"] == "scores"
    assert (files / "out/figures/roc.png").is_file()


def test_a_drawn_data_set_needs_no_root(tmp_path: Path) -> None:
    data = {"use": "walkway", "size": [32, 48], "frames": 30, "test_videos": 2}
    np.save(tmp_path / "flat.npy", np.arange(60.0))
    assert vadkit.evaluate_scores(tmp_path / "flat.npy", data=data).summary.frames == 60


@pytest.mark.parametrize(
    ("name", "data", "root", "expected"),
    [
        ("ped2", "ucsd_ped", "ucsd_ped2", 0.934060),
        ("ped2", "ucsd_ped", "ucsd_ped2/labels", 0.934060),  # label files alone
        ("avenue", {"use": "avenue", "labels": "masks"}, "avenue_part", 0.809908),
    ],
)
def test_published_scores_of_memae(
    shared_data: Path, name: str, data: str | dict[str, str], root: str, expected: float
) -> None:
    result = vadkit.evaluate_scores(
        shared_data / "scores/memae" / f"{name}.npy",
        data=data,
        data_root=shared_data / root,
        dropped=(8, 7),
        overrides=["evaluate.protocol=memae"],
    )
    assert result.metrics["micro_auc"] == pytest.approx(expected, abs=1e-6)


CODE = """
import sys
from vadkit.cli import main
sys.argv = ["vadkit", *sys.argv[1:]]
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CODE, "eval", *arguments], capture_output=True, text=True)


def test_the_command_prints_a_table_without_torch(files: Path) -> None:
    done = command(str(files / "scores.npz"), "--labels", str(files / "labels.npz"), "--protocol", "ffp")
    assert done.returncode == 0, done.stderr
    assert "protocol ffp" in done.stdout
    assert "95 % interval" in done.stdout
    table = command(str(files / "scores.npz"), "--labels", str(files / "labels.npz"), "--all-protocols")
    assert table.returncode == 0, table.stderr
    assert "hf2vad, deployable: the transform ZScore is fitted on normal videos" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dropped", "8"], "--dropped"),
        (["--drop", "8"], "--drop"),
        (["--high", "score=up"], "--high"),
        (["--high", "up"], "--high"),
        (["--data", "{use: avenue"], "--data"),
        (["--data", "avenue"], "the folder of its videos is not given"),
        ([], "--labels PATH"),
    ],
)
def test_a_wrong_command_is_exit_code_2_and_one_message(files: Path, arguments: list[str], message: str) -> None:
    done = forked.command("eval", files / "scores.npz", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
