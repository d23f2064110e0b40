"""Models that keep something from clip to clip: reset for each video, one window at a time, and said so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import Flat, Habit, Mean, registry

import vadkit
from vadkit.core.errors import ShapeError
from vadkit.core.progress import NoProgress
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.engine.dry_run import dry_run
from vadkit.live.scorer import OnlineScorer
from vadkit.model.autoencoder import Autoencoder
from vadkit.model.compute import compute_of
from vadkit.model.inference.sliding_window import measure_position_stats, score_video
from vadkit.model.pipeline import Pipeline
from vadkit.recipe.model import Engine
from vadkit.video.clips import Clips
from vadkit_standard.bottleneck import BottleneckScore

SPEC = ClipSpec(2, 8, 8, "gray")
SCORERS = {"surprise": BottleneckScore(score="surprise")}
WHY = "scores depend on the order of frames: a running mean"


@pytest.fixture
def habitual(tiny: dict[str, Any]) -> dict[str, Any]:
    """The tiny recipe with a model that gets used to what it sees."""
    tiny["data"]["clip"]["frames"] = 2
    tiny["engine"]["score_stride"] = 2
    tiny["model"] = {
        "encoder": "mean",
        "bottleneck": "habit",
        "decoder": "flat",
        "losses": ["l2"],
        "fit": {"steps": 2, "batch_size": 2, "optimizer": "adam"},
    }
    tiny["densities"], tiny["fuse"] = {}, {}
    tiny["scores"] = {"surprise": {"use": "bottleneck", "score": "surprise"}}
    return tiny


def pipeline() -> Pipeline:
    encoder = Mean(SPEC)
    bottleneck = Habit(encoder.latents)
    decoder = Flat(bottleneck.latents or {}, SPEC)
    return Pipeline(SPEC, Autoencoder(SPEC, encoder, decoder, bottleneck), {}, decode=False)


def habit(model: Pipeline) -> Habit:
    assert model.autoencoder is not None
    assert isinstance(model.autoencoder.bottleneck, Habit)
    return model.autoencoder.bottleneck


def film(seed: int, frames: int = 9) -> np.ndarray:
    levels = np.random.default_rng(seed).integers(0, 255, frames, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (frames, 8, 8, 1)).copy()


def scored(model: Pipeline, name: str, frames: np.ndarray, batch: int = 4) -> np.ndarray:
    compute = compute_of(Engine(accelerator="cpu"))
    ref = VideoRef(name, Path(f"{name}.avi"))
    options: dict[str, Any] = {"batch": batch, "stride": 1, "progress": NoProgress()}
    return score_video(ref, frames, model, SCORERS, compute, **options).components["surprise"]


def test_scores_are_those_of_a_memory_that_saw_this_videos_past_alone() -> None:
    frames, model = film(0), pipeline()
    levels = frames[:, 0, 0, 0] / 127.5 - 1
    pairs = np.lib.stride_tricks.sliding_window_view(levels, 2)
    kept = np.array([0, *(pairs.mean(1).cumsum() / np.arange(1, 9))[:-1]])
    surprise = np.abs(pairs - kept[:, None])
    sums, counts = np.zeros(9), np.zeros(9)
    for place in (0, 1):
        sums[place : place + 8] += surprise[:, place]
        counts[place : place + 8] += 1
    np.testing.assert_allclose(scored(model, "a", frames), sums / counts, rtol=1e-5)


def test_a_videos_scores_depend_on_no_other_video_and_on_no_batch_size() -> None:
    model = pipeline()
    first, second = scored(model, "a", film(0)), scored(model, "b", film(1))
    np.testing.assert_array_equal(scored(model, "b", film(1), batch=7), second)
    np.testing.assert_array_equal(scored(model, "a", film(0), batch=1), first)
    assert set(habit(model).sizes) == {1}
    assert not np.allclose(scored(pipeline(), "a", film(0)[::-1].copy()), first[::-1])  # the order does count


def test_frames_that_come_one_by_one_have_the_scores_of_the_whole_video() -> None:
    model, compute = pipeline(), compute_of(Engine(accelerator="cpu"))
    whole = scored(model, "a", film(0))
    for _ in range(2):  # a second stream begins anew
        online = OnlineScorer(model, SCORERS, compute, stride=1, batch=4)
        parts = [online.push(frame) for frame in film(0)] + [online.finish()]
        found = np.concatenate([part.components["surprise"] for part in parts if part is not None])
        np.testing.assert_array_equal(found, whole)


def test_training_clips_that_calibrate_are_seen_each_alone() -> None:
    model, compute = pipeline(), compute_of(Engine(accelerator="cpu"))
    options: dict[str, Any] = {"batch": 5, "progress": NoProgress()}
    found = measure_position_stats(Clips([("t", film(2))], SPEC), model, SCORERS, compute, **options)["surprise"]
    levels = np.lib.stride_tricks.sliding_window_view(film(2)[:, 0, 0, 0] / 127.5 - 1, 2)
    np.testing.assert_allclose(found.mean, np.abs(levels).mean(0), rtol=1e-5)


def test_a_run_says_it_in_the_manifest_and_on_the_terminal_and_resumes_to_the_same(
    habitual: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    habitual["report"] = ["console", "json"]
    done = vadkit.run(habitual, out=tmp_path / "run", registry=registry())
    assert json.loads((done.path / "manifest.json").read_text())["stateful"] == "a running mean"
    assert WHY in capsys.readouterr().out
    assert json.loads((done.path / "metrics.json").read_text())["summary"]["run"]["stateful"]
    before = {video.name: video.components["surprise"] for video in done.scores()}
    (done.path / "scores" / "test_01.npz").unlink()
    again = vadkit.run(habitual, out=done.path, resume=True, registry=registry(), overrides=["engine.score_batch=3"])
    for video in again.scores():
        np.testing.assert_array_equal(video.components["surprise"], before[video.name])


def test_a_model_that_does_not_depend_on_order_says_nothing(tiny: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    tiny["densities"], tiny["fuse"], tiny["report"] = {}, {}, ["console"]
    tiny["scores"] = {"reconstruction": tiny["scores"]["reconstruction"]}
    vadkit.run(tiny, out=tmp_path / "run", overrides=["model.fit.steps=1"])
    assert "depend on the order" not in capsys.readouterr().out


def test_a_deployable_protocol_takes_it_for_it_looks_back_alone(habitual: dict[str, Any], tmp_path: Path) -> None:
    habitual["evaluate"] = {"protocol": "deployable", "metrics": ["micro_auc"]}
    habitual["data"] |= {"train_videos": 3, "held_out": 0.3}
    done = vadkit.run(habitual, out=tmp_path / "run", registry=registry())
    assert done.metrics["protocol"]["deployable"] is True


def test_what_a_bottleneck_hands_on_is_what_it_declares(habitual: dict[str, Any]) -> None:
    dry_run(habitual, registry=registry())
    habitual["model"]["bottleneck"] = {"use": "habit", "honest": False}
    with pytest.raises(ShapeError, match=r"model\.bottleneck, latent mean: returns \(1, 2, .* declares \(1, 1, "):
        dry_run(habitual, registry=registry())


def test_a_score_that_no_bottleneck_gives_is_named(habitual: dict[str, Any]) -> None:
    habitual["scores"]["surprise"]["score"] = "surprize"
    with pytest.raises(ShapeError, match=r"(?s)scores\.surprise: .*no score named 'surprize'.*'surprise'"):
        dry_run(habitual, registry=registry())


def test_the_decoder_is_built_for_what_the_bottleneck_hands_on() -> None:
    model = pipeline()
    assert model.autoencoder is not None
    assert isinstance(model.autoencoder.decoder, Flat)
    assert model.autoencoder.decoder.given["mean"].channels == 2
    out = model(torch.zeros(1, 1, 2, 8, 8))
    assert out.output is not None  # what is observed has an output, whether or not a scorer reads it
