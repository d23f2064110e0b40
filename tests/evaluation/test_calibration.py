"""Held-out normal video: what it sets, and that nothing of the test set reaches it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import held_out

import vadkit
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.progress import NoProgress
from vadkit.core.values import Labels, VideoRef
from vadkit.engine import scoring
from vadkit.store.scores import read_position_stats, read_scores
from vadkit_datasets.walkway.dataset import Walkway


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    from tiny_runs import TINY

    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.getbasetemp() / "frames"))
    done = vadkit.run(held_out(TINY, weights="synthetic"), out=tmp_path_factory.mktemp("calibrated") / "run")
    patch.undo()
    return done


def test_a_share_of_whole_videos_is_scored_and_not_trained_on(calibrated: vadkit.Run) -> None:
    [video] = read_scores(calibrated.path / "checkpoints" / "held_out")
    facts = calibrated.metrics["summary"]
    assert facts["normal_videos"] == [video.name]
    assert facts["normal_hours"] == pytest.approx(40 / 25 / 3600)
    assert calibrated.metrics["protocol"]["held_out"] == 0.25
    assert video.components.keys() == {"reconstruction", "likelihood", "static"}


def test_the_calibration_stays_with_the_weights(calibrated: vadkit.Run) -> None:
    stored = json.loads((calibrated.path / "checkpoints" / "calibration.json").read_text())
    facts, protocol = calibrated.metrics["summary"], calibrated.metrics["protocol"]
    assert stored["threshold"] == facts["alarm_threshold"]
    assert stored["components"] == protocol["components"]
    assert (stored["videos"], stored["protocol"]) == (facts["normal_videos"], "deployable")
    [video] = read_scores(calibrated.path / "checkpoints" / "held_out")
    scores = video.combined("calibrated").components["likelihood"]
    assert stored["scales"]["likelihood"] == pytest.approx(
        {"mean": scores.mean(), "std": scores.std(), "low": scores.min(), "high": scores.max()}
    )


def test_places_of_calibrated_windows_are_measured_once_and_kept(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = held_out(tiny)
    done = vadkit.run(recipe, out=tmp_path / "run")
    kept = done.path / "checkpoints" / "position_stats.npz"
    before = {video.name: video.components for video in done.scores()}
    for path in (done.path / "scores").glob("*.npz"):
        path.unlink()
    monkeypatch.setattr(scoring, "measure_position_stats", lambda *_, **__: pytest.fail("measured again"))
    again = vadkit.run(recipe, out=done.path, resume=True)
    for video in again.scores():
        for name, scores in video.components.items():
            np.testing.assert_array_equal(scores, before[video.name][name])
    assert read_position_stats(kept, "of something else") is None


def test_a_run_without_calibrated_scores_says_how_to_get_them(tiny: dict[str, Any], tmp_path: Path) -> None:
    done = vadkit.run(tiny, out=tmp_path / "run")
    assert done.scores()[0].calibrated is None
    with pytest.raises(DataError, match=r"(?s)no scores with 'overlap: calibrated'.*--resume"):
        done.evaluate(["evaluate.protocol.overlap=calibrated"])
    again = vadkit.run(tiny, out=done.path, overrides=["evaluate.protocol.overlap=calibrated"], resume=True)
    assert again.scores()[0].calibrated is not None
    assert again.metrics["protocol"]["overlap"] == "calibrated"


def test_training_does_not_see_the_held_out_videos(tiny: dict[str, Any], tmp_path: Path) -> None:
    class Steps(NoProgress):
        def __init__(self) -> None:
            self.messages: list[str] = []

        def message(self, text: str) -> None:
            self.messages.append(text)

    def clips(recipe: dict[str, Any], name: str) -> str:
        steps = Steps()
        vadkit.run(recipe, out=tmp_path / name, progress=steps)
        return next(text for text in steps.messages if "training clips" in text)

    # 17 windows of 8 frames at stride 2 in each video of 40 frames.
    assert "68 training clips" in clips(tiny | {"data": tiny["data"] | {"train_videos": 4}}, "all")
    assert "51 training clips" in clips(held_out(tiny), "some")


def test_no_test_frame_and_no_label_reaches_scale_threshold_and_weights(
    calibrated: vadkit.Run, tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_labels, own_videos = Walkway.labels, Walkway.videos

    def videos(self: Walkway, split: Any) -> list[VideoRef]:
        found = own_videos(self, split)
        if split == "train":
            return list(found)

        def noise(start: int, stop: int) -> Any:
            return np.random.default_rng(start).integers(0, 255, (stop - start, 32, 48, 1), np.uint8)

        return [replace(video, source=noise, fingerprint=f"noise {video.name}") for video in found]

    def labels(self: Walkway, video: VideoRef) -> Labels | None:
        film = next((one for one in own_videos(self, "test") if one.name == video.name), None)
        found = own_labels(self, film) if film else None
        return replace(found, frames=~found.frames) if found else None

    monkeypatch.setattr(Walkway, "videos", videos)
    monkeypatch.setattr(Walkway, "labels", labels)
    other = vadkit.run(held_out(tiny, weights="synthetic"), out=tmp_path / "run")
    assert other.metrics["metrics"]["micro_auc"] != calibrated.metrics["metrics"]["micro_auc"]
    assert other.metrics["summary"]["alarm_threshold"] == calibrated.metrics["summary"]["alarm_threshold"]
    assert other.metrics["protocol"]["components"] == calibrated.metrics["protocol"]["components"]
    stored = [(run.path / "checkpoints" / "calibration.json").read_text() for run in (other, calibrated)]
    assert stored[0] == stored[1]
    for name in ("held_out", "synthetic"):
        pairs = zip(*(read_scores(run.path / "checkpoints" / name) for run in (other, calibrated)), strict=True)
        for a, b in pairs:
            for component, scores in a.components.items():
                np.testing.assert_array_equal(scores, b.components[component])


def test_synthetic_weights_are_fitted_and_stored(calibrated: vadkit.Run) -> None:
    weights = {name: part["weight"] for name, part in calibrated.metrics["protocol"]["components"].items()}
    assert max(weights.values()) == 1.0
    fixed = calibrated.evaluate(["evaluate.protocol.weights=fixed"]).protocol["components"]
    assert {name: part["weight"] for name, part in fixed.items()} == {"reconstruction": 1.0, "likelihood": 0.5}


def test_normal_weights_divide_by_the_deviation_on_held_out_video(calibrated: vadkit.Run) -> None:
    changes = ["evaluate.protocol={use: itae, weights: normal, transform: []}"]
    found = calibrated.evaluate(changes).protocol["components"]
    [video] = read_scores(calibrated.path / "checkpoints" / "held_out")
    for name, weight in {"reconstruction": 1.0, "likelihood": 0.5}.items():
        assert found[name]["weight"] == pytest.approx(weight / video.components[name].std())


@pytest.mark.parametrize("fusion", ["rank", "log_probability"])
def test_fusion_on_the_scale_of_normal_video(calibrated: vadkit.Run, fusion: str) -> None:
    result = calibrated.evaluate([f"evaluate.protocol={{use: deployable, fusion: {fusion}}}"])
    assert [one["use"] for part in result.protocol["components"].values() for one in part["transform"]] == [fusion] * 2
    if fusion == "rank":
        assert all(0 <= s.min() <= s.max() <= 1 for video in result.videos for s in video.components.values())


def test_weights_from_test_labels_are_refused_unless_asked_for_and_marked(calibrated: vadkit.Run) -> None:
    change = ["evaluate.protocol={use: itae, weights: test}"]
    with pytest.raises(VadkitError, match="--allow-test-tuning"):
        calibrated.evaluate(change)
    tuned = calibrated.evaluate(change, allow_test_tuning=True)
    assert tuned.protocol["test_tuned"] is True
    best = max(tuned.components[name]["micro_auc"] for name in ("reconstruction", "likelihood"))
    assert tuned.metrics["micro_auc"] >= best - 1e-9


def test_run_refuses_a_recipe_that_was_tuned_on_the_test_set(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["evaluate"]["protocol"] = {"use": "itae", "test_tuned": True}
    with pytest.raises(VadkitError, match="chosen with test labels"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_needs_normal_video_says_so_before_training(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["fuse"]["reconstruction"]["transform"] = [{"use": "minmax", "over": "training"}]
    with pytest.raises(VadkitError, match=r"(?s)MinMax is fitted on normal videos.*held_out=0.1"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_training_video_cannot_be_split(tiny: dict[str, Any], tmp_path: Path) -> None:
    recipe = held_out(tiny)
    recipe["data"] |= {"train_videos": 1, "frames": 7}  # decoding would find that they are too short
    with pytest.raises(DataError, match="one training video cannot be split"):
        vadkit.run(recipe, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_evaluation_of_a_run_without_held_out_video_says_what_is_missing(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["densities"], tiny["fuse"] = {}, {"reconstruction": {}}
    tiny["scores"] = {"reconstruction": tiny["scores"]["reconstruction"]}
    done = vadkit.run(tiny, out=tmp_path / "run")
    with pytest.raises(DataError, match=r"(?s)no normal video was held out.*run the recipe again"):
        done.evaluate(["evaluate.protocol=hf2vad"])


def test_alarms_need_held_out_video_before_training(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["evaluate"]["metrics"] = ["micro_auc", "alarms"]
    with pytest.raises(VadkitError, match=r"(?s)Alarms takes its threshold from normal videos.*held_out=0.1"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_frame_rate_or_missing_masks_are_told_before_training(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_labels, own_videos = Walkway.labels, Walkway.videos
    monkeypatch.setattr(Walkway, "videos", lambda self, split: [replace(v, fps=None) for v in own_videos(self, split)])
    with pytest.raises(DataError, match="these test videos have no known frame rate: test_00, test_01"):
        vadkit.run(held_out(tiny), out=tmp_path / "run")

    def bare(self: Walkway, video: VideoRef) -> Labels | None:
        found = own_labels(self, video)
        return replace(found, masks=None) if found else None  # its tracks are not enough

    monkeypatch.setattr(Walkway, "labels", bare)
    tiny["evaluate"]["metrics"] = ["pixel_auc"]
    with pytest.raises(DataError, match=r"needs masks, but \d abnormal test videos? (has|have) none"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tracks_alone_find_the_frames_size(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps are coarser than the source: without masks, the decoded video tells its size."""
    own_labels = Walkway.labels
    metrics = ["rbdc_tbdc"]
    tiny["evaluate"]["metrics"] = metrics

    def tracked(self: Walkway, video: VideoRef) -> Labels | None:
        found = own_labels(self, video)
        return replace(found, masks=None) if found else None

    with_masks = vadkit.run(tiny, out=tmp_path / "masks")
    monkeypatch.setattr(Walkway, "labels", tracked)
    without = vadkit.run(tiny, out=tmp_path / "tracks")
    assert without.metrics["metrics"] == with_masks.metrics["metrics"]


def test_metrics_of_an_earlier_recipe_do_not_outlive_a_resume(tiny: dict[str, Any], tmp_path: Path) -> None:
    first = vadkit.run(tiny, out=tmp_path / "run")
    assert first.metrics["metrics"]
    speed = json.loads((first.path / "manifest.json").read_text())["stages"]["scores"]["seconds"]
    again = vadkit.run(tiny, out=first.path, resume=True, overrides=["report=[console]", "evaluate.protocol=ffp"])
    assert not again.metrics
    assert json.loads((first.path / "manifest.json").read_text())["stages"]["scores"]["seconds"] == speed


def test_another_key_of_a_metric_is_another_result(calibrated: vadkit.Run) -> None:
    from vadkit.evaluation import reporting

    places = [
        reporting.report(
            calibrated.path, ["report=[json]", f"evaluate.metrics=[{{use: alarms, threshold: {at}}}]"]
        ).folder
        for at in (0.1, 0.9)
    ]
    stored = [json.loads((place / "metrics.json").read_text())["summary"]["metric_settings"] for place in places]
    assert [one[0]["threshold"] for one in stored] == [0.1, 0.9]


def test_a_weight_of_zero_stays_out_of_fitted_weights(calibrated: vadkit.Run) -> None:
    change = ["fuse={reconstruction: {weight: 1}, likelihood: {weight: 0}}"]
    found = calibrated.evaluate([*change, "evaluate.protocol.weights=synthetic"]).protocol["components"]
    assert found["likelihood"]["weight"] == 0.0


def test_a_preset_gives_transforms_back_to_fuse(calibrated: vadkit.Run) -> None:
    own = calibrated.evaluate(["evaluate.protocol={use: ffp, transform: fuse}"]).protocol
    assert own["transform"] is None
    assert [one["use"] for one in own["components"]["reconstruction"]["transform"]] == ["minmax"]
    spelled = {
        calibrated.evaluate([f"evaluate.protocol={{use: ffp, transform: {text}}}"]).protocol["digest"]
        for text in ("[minmax]", "[{use: minmax, over: video}]", "[{use: minmax, upper: 100}]")
    }
    assert len(spelled) == 1
