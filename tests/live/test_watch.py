"""A run that looks at video as it comes gives the scores that evaluating the whole video gives."""

from __future__ import annotations

import copy
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import filmed
import numpy as np
import pytest
from tiny_runs import make_run
from typer.testing import CliRunner

import vadkit
from vadkit.cli.app import app
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.progress import NoProgress
from vadkit.core.watching import FrameScore
from vadkit.live import watch as watch_module
from vadkit.live.fusion import HISTORY
from vadkit.live.stream import Gap, SourceFrames
from vadkit.live.watch import Watch
from vadkit.store.run_folder import RunFolder


def _score(watch: Watch, source: Path) -> list[FrameScore]:
    return list(watch.run(watch.open(str(source))))


@pytest.mark.parametrize("live", [False, True], ids=["in batches", "one window at a time"])
def test_scores_are_those_of_the_whole_video(run: vadkit.Run, film: Path, live: bool) -> None:
    watch = Watch(run.path)
    seen = list(watch.run(replace(watch.open(str(film)), live=live)))
    judged = run.evaluate()
    assert [one.frame for one in seen] == list(range(40))
    np.testing.assert_allclose([one.score for one in seen], judged.videos[0].fused, rtol=1e-4, atol=1e-5)
    assert watch.threshold == judged.summary.alarm_threshold
    assert HISTORY > 40


def test_a_frame_is_known_within_a_clip_and_a_stride(run: vadkit.Run, film: Path) -> None:
    watch = Watch(run.path)
    whole, taken = watch.open(str(film)), []
    clip = run.recipe.data.clip

    def counted() -> SourceFrames:
        for frame in whole.frames():
            taken.append(frame)
            yield frame

    source = replace(whole, frames=counted, live=True)
    late = [len(taken) - one.frame for one in watch.run(source) if len(taken) < 40]
    assert late
    assert max(late) <= clip.span + run.recipe.engine.score_stride


def test_another_protocol_gives_way_to_the_deployable_one(tiny: dict[str, Any], tmp_path: Path, film: Path) -> None:
    recipe = copy.deepcopy(tiny)
    recipe["data"] |= {"train_videos": 4, "held_out": 0.25}
    done = make_run(recipe, tmp_path / "run")
    watch = Watch(done.path)
    assert watch.protocol.name == "deployable"
    judged = done.evaluate(["evaluate.protocol=deployable"])
    scores = [one.score for one in _score(watch, film)]
    np.testing.assert_allclose(scores, judged.videos[0].fused, rtol=1e-4, atol=1e-5)


def test_a_wanted_rate_and_a_stated_threshold(run: vadkit.Run, film: Path) -> None:
    usual = Watch(run.path).threshold
    assert Watch(run.path, false_alarms_per_hour=3000.0).threshold < usual
    low = Watch(run.path, threshold=-100.0)
    alarms = [alarm for one in _score(low, film) for alarm in one.alarms]
    assert [(alarm.frame, alarm.until) for alarm in alarms] == [(0, None), (0, pytest.approx(39 / 25))]
    with pytest.raises(VadkitError, match="0 or more alarms"):
        Watch(run.path, false_alarms_per_hour=-1.0)
    with pytest.raises(VadkitError, match="finite number"):
        Watch(run.path, threshold=float("nan"))


def test_the_command_prints_alarms_and_writes_both_files(run: vadkit.Run, film: Path, tmp_path: Path) -> None:
    alarms, scores = tmp_path / "alarms.jsonl", tmp_path / "scores.csv"
    options = ["--threshold", "-100", "--alarms", str(alarms), "--scores", str(scores)]
    done = CliRunner().invoke(app, ["watch", str(run.path), str(film), *options], catch_exceptions=False)
    assert done.exit_code == 0
    assert "00:00:00.0  alarm begins" in done.output
    assert "40 frames, 1 alarm" in done.output
    begin, end = (json.loads(line) for line in alarms.read_text().splitlines())
    assert (begin["event"], begin["frame"], end["event"], end["threshold"]) == ("begin", 0, "end", -100.0)
    assert {begin["source"], end["source"]} == {str(film)}
    with scores.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(40))
    assert {row["source"] for row in rows} == {str(film)}
    assert float(rows[25]["seconds"]) == pytest.approx(1.0)
    same = ["--alarms", str(scores), "--scores", str(scores)]
    with pytest.raises(VadkitError, match="both name"):
        CliRunner().invoke(app, ["watch", str(run.path), str(film), *same], catch_exceptions=False)
    again = CliRunner().invoke(app, ["watch", str(run.path), str(film), *options], catch_exceptions=False)
    assert again.exit_code == 0
    assert len(scores.read_text().splitlines()) == 81  # appended, under one head


def test_what_cannot_be_watched_with_is_said(run: vadkit.Run, film: Path, tiny: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a run folder"):
        Watch(tmp_path)
    bare = vadkit.run(copy.deepcopy(tiny), out=tmp_path / "bare")
    with pytest.raises(DataError, match=r"no normal video was held out[\s\S]*data.held_out=0.2"):
        Watch(bare.path)
    short = tmp_path / "short"
    short.mkdir()
    for path in sorted(film.iterdir())[:5]:
        (short / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="has 5 frames, but a clip spans 8"):
        _score(Watch(run.path), short)


def test_another_frame_rate_is_told(run: vadkit.Run, film: Path) -> None:
    class Heard(NoProgress):
        said: ClassVar[list[str]] = []

        def message(self, text: str) -> None:
            self.said.append(text)

    watch = Watch(run.path, progress=Heard())
    watch.open(str(film), fps=10.0)
    assert not Heard.said  # images have the rate that they are said to have
    path = filmed.write(film.parent / "slow.mkv", filmed.steps(8, 32, 48), "ffv1", "bgr0")
    watch.open(str(path), fps=50.0)
    assert "all motion will look faster" in Heard.said[-1]
    assert watch.open(str(path), fps=5.0).used_fps == 5.0
    assert "5 of them are used" in Heard.said[-1]


def test_mixed_rates_of_the_training_videos_are_told(
    run: vadkit.Run, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Heard(NoProgress):
        said: ClassVar[list[str]] = []

        def message(self, text: str) -> None:
            self.said.append(text)

    [normal] = watch_module._read_held_out(RunFolder(run.path))
    mixed = [replace(normal, name=str(fps), fps=fps) for fps in (12.0, 17.0, 25.0)]
    monkeypatch.setattr(watch_module, "_read_held_out", lambda folder: mixed)
    watch = Watch(run.path, progress=Heard())
    watch.open(str(film))
    assert Heard.said == [
        "the training videos have different frame rates: 17 frames per second are used, the median of the held-out "
        "videos; set --fps to choose another rate"
    ]
    watch.open(str(film), fps=12.0)
    assert len(Heard.said) == 1


@pytest.mark.parametrize(("gap", "ended"), [(Gap.LOSS, [19 / 25, 39 / 25]), (Gap.HOLE, [39 / 25])])
def test_after_a_gap_the_model_starts_again(run: vadkit.Run, film: Path, gap: Gap, ended: list[float]) -> None:
    """Lost frames do not end an alarm; a lost connection does, also right after lost frames."""
    watch = Watch(run.path, threshold=-100.0)
    whole = watch.open(str(film))
    frames = list(whole.frames())
    seen = list(watch.run(replace(whole, frames=lambda: iter([*frames[:20], Gap.HOLE, gap, *frames[20:]]))))
    second = list(watch.run(replace(whole, frames=lambda: iter(frames[20:]))))
    assert [one.frame for one in seen] == list(range(40))
    np.testing.assert_allclose([one.score for one in seen[20:]], [one.score for one in second], rtol=1e-4, atol=1e-5)
    ends = [alarm.until for one in seen for alarm in one.alarms if alarm.until is not None]
    assert ends == pytest.approx(ended)


def test_a_start_raises_no_alarm_until_enough_windows_show_a_frame(run: vadkit.Run, film: Path) -> None:
    watch = Watch(run.path, threshold=-100.0)
    watch.protocol = replace(watch.protocol, min_windows=2)  # of at most three: 8 frames, stride 3
    [first, *_] = [alarm for one in watch.run(watch.open(str(film))) for alarm in one.alarms]
    assert first.frame == 3


def test_in_a_short_recording_the_highest_number_of_windows_is_enough(run: vadkit.Run, film: Path) -> None:
    watch = Watch(run.path, threshold=-100.0)
    watch.protocol = replace(watch.protocol, min_windows=3)
    opened = watch.open(str(film))
    short = replace(opened, frames=lambda: iter(list(watch.open(str(film)).frames())[:11]))  # two windows

    def first_alarms(live: bool) -> list[int]:
        return [alarm.frame for one in watch.run(replace(short, live=live)) for alarm in one.alarms][:1]

    assert first_alarms(live=False) == [3]
    assert first_alarms(live=True) == []  # a camera that was on for a moment


def test_a_source_that_dies_is_scored_to_its_last_frame(run: vadkit.Run, film: Path) -> None:
    watch = Watch(run.path, threshold=-100.0)
    whole = watch.open(str(film))

    def dying() -> SourceFrames:
        yield from list(whole.frames())[:20]
        raise DataError("was lost")

    seen: list[FrameScore] = []
    with pytest.raises(DataError, match="was lost"):
        seen.extend(watch.run(replace(whole, frames=dying)))
    assert [one.frame for one in seen] == list(range(20))
    assert [alarm.until for one in seen for alarm in one.alarms] == [None, pytest.approx(19 / 25)]


def test_fields_of_the_protocol_can_be_set_and_another_protocol_is_refused(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    recipe = copy.deepcopy(tiny)
    recipe["data"] |= {"train_videos": 4, "held_out": 0.25}
    done = make_run(recipe, tmp_path / "run")
    watch = Watch(done.path, overrides=["evaluate.protocol.false_alarms_per_hour=5"])
    assert (watch.protocol.name, watch.protocol.false_alarms_per_hour) == ("deployable", 5.0)
    with pytest.raises(VadkitError, match="'ffp' is not deployable"):
        Watch(done.path, overrides=["evaluate.protocol=ffp"])
    long = "evaluate.protocol.smoothing=[{use: exponential, half_life: 5000}]"
    with pytest.raises(VadkitError, match="Exponential needs more than the last"):
        Watch(done.path, overrides=[long])
    Watch(done.path, overrides=[long.replace("5000", "500")])
