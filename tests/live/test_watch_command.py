"""`vadkit watch` as a command: its outputs, its signals, its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import filmed
import mjpeg
import pytest
from hooks import Hook
from PIL import Image
from typer.testing import CliRunner

import vadkit
from vadkit.cli.app import app
from vadkit.core.errors import DataError, RecipeError, VadkitError
from vadkit.live.following import follow
from vadkit.live.outputs import NamedSink, Outputs
from vadkit.live.stop import Stop
from vadkit.live.stream import Source, SourceFrames
from vadkit.live.watch import Watch
from vadkit_sinks.files import JsonLines


def watch(run: vadkit.Run, source: Path | str, *options: str | float | Path) -> Any:
    arguments = ["watch", str(run.path), str(source), *map(str, options)]
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_sinks_come_from_a_file_and_from_options(run: vadkit.Run, film: Path, tmp_path: Path) -> None:
    sinks = tmp_path / "sinks.yaml"
    sinks.write_text(
        f"sinks:\n  - {{use: jsonl, file: {tmp_path}/a.jsonl}}\n"
        f"  - use: snapshot\n    folder: {tmp_path}/pictures\n  - {{use: clip, folder: {tmp_path}/clips}}\n"
    )
    more = f"{{use: jsonl, file: {tmp_path}/b.jsonl}}"
    summary = tmp_path / "summary.json"
    done = watch(run, film, "--threshold", -100, "--sinks", sinks, "--sink", more, "--summary", summary, "--threads", 1)
    assert done.exit_code == 0
    assert "40 frames, 1 alarm in 1.6 s of video" in done.output
    assert lines(tmp_path / "a.jsonl") == lines(tmp_path / "b.jsonl")
    assert [line["event"] for line in lines(tmp_path / "a.jsonl")] == ["begin", "end"]
    (picture,) = (tmp_path / "pictures").iterdir()
    with Image.open(picture) as opened:
        assert opened.size == (48, 32)  # not enlarged
    (clip,) = (tmp_path / "clips").iterdir()
    with av.open(str(clip)) as container:
        assert len(list(container.decode(video=0))) == 40
    written = json.loads(summary.read_text())
    assert written["frames"] == 40
    assert written["seconds"] == pytest.approx(1.6)
    assert (written["alarms"], written["end"]) == (1, "end of the source")
    assert list(written["outputs"]) == ["terminal", "jsonl", "snapshot", "clip", "jsonl 2"]


def test_problems_of_all_sinks_are_reported_together(run: vadkit.Run, film: Path, tmp_path: Path) -> None:
    sinks = tmp_path / "sinks.yaml"
    sinks.write_text("sinks:\n  - {use: webhok, url: x}\n  - {use: clip, folder: a, befor: 3}\n")
    with pytest.raises(RecipeError) as caught:
        watch(run, film, "--sinks", sinks, "--sink", "jsonl", "--sink", "{use: command, run: notify}")
    text = str(caught.value)
    assert f"{sinks}:2:11: unknown sink 'webhok'\n  -> did you mean 'webhook'?" in text
    assert f"{sinks}:3:28: sink 'clip' has no key 'befor'\n  -> did you mean 'before'?" in text
    assert "--sink 1: 'sink' (jsonl) lacks 'file'\n  -> write {use: jsonl, file: ...}; 'vadkit list jsonl' " in text
    assert "--sink 2: " in text  # the text of a sink can contain a password
    assert "'sink.run' should be a list, not 'notify'" in text
    sinks.write_text("- terminal\n")
    with pytest.raises(RecipeError, match="mapping"):
        watch(run, film, "--sinks", sinks)
    with pytest.raises(VadkitError, match="'url' is not an http or https URL"):
        watch(run, film, "--sink", "{use: webhook, url: ftp://x}")


def test_rules_of_alarms_are_options(run: vadkit.Run, film: Path, tmp_path: Path) -> None:
    alarms = tmp_path / "alarms.jsonl"
    done = watch(run, film, "--threshold", -100, "--min-duration", 1.0, "--alarms", alarms)
    assert "00:00:00.0  alarm begins" in done.output  # its first frame, although it is raised later
    assert [line["frame"] for line in lines(alarms)] == [0, 0]
    done = watch(run, film, "--threshold", -100, "--min-duration", 10)
    assert "40 frames, 0 alarms" in done.output
    with pytest.raises(VadkitError, match="--end-threshold: is 3, which is above the alarm threshold -100"):
        watch(run, film, "--threshold", -100, "--end-threshold", 3)
    with pytest.raises(VadkitError, match=r"--cool-down: is -1\.0"):
        watch(run, film, "--cool-down", -1)


def test_an_incomplete_output_of_a_recording_is_an_error(run: vadkit.Run, film: Path) -> None:
    failing = "{use: command, run: [sh, -c, 'exit 7']}"
    done = watch(run, film, "--threshold", -100, "--sink", failing)
    assert done.exit_code == 1
    assert "output command: 'sh' failed with exit code 7" in done.output
    assert "warning: output command: failed calls: 1" in done.output
    assert "40 frames, 1 alarm" in done.output


def test_scores_have_pictures_maps_and_the_peak_so_far(run: vadkit.Run, film: Path) -> None:
    ready = Watch(run.path, threshold=-100.0)
    maps = ready.map_scorer()
    assert maps == "reconstruction"
    found: list[Any] = list(ready.run(ready.open(str(film)), anomaly_maps=maps, pictures=True))
    assert {scored.picture.shape for scored in found} == {(32, 48, 1)}
    assert all(scored.anomaly_map is not None for scored in found)
    peaks = [scored.frame for scored in found if scored.is_peak]
    assert peaks[0] == 0
    assert peaks[-1] == max(found, key=lambda scored: scored.score).frame
    assert {scored.active for scored in found} == {True}


def test_pictures_are_larger_than_what_the_model_sees(run: vadkit.Run, tmp_path: Path) -> None:
    path = filmed.write(tmp_path / "a.mkv", filmed.noise(12), "ffv1", "bgr0")
    ready = Watch(run.path)
    with_pictures = list(ready.run(ready.open(str(path), picture_size=56), pictures=True))
    without = list(ready.run(ready.open(str(path))))
    assert {scored.picture.shape for scored in with_pictures if scored.picture is not None} == {(42, 56, 3)}
    assert all(scored.picture is None for scored in without)
    assert [scored.score for scored in with_pictures] == [scored.score for scored in without]


def endless(ready: Watch, film: Path, after: int, then: Any, *, live: bool) -> Source:
    """The film again and again; `then` is called in the wait for frame `after`."""
    source = ready.open(str(film))

    def frames() -> SourceFrames:
        number = 0
        while True:
            for frame in source.frames():
                if number == after:
                    then()
                assert number < after + 20, "the signal did not end the source"
                number += 1
                yield frame

    return replace(source, frames=frames, live=live)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_source_and_the_alarm(run: vadkit.Run, film: Path, tmp_path: Path, name: str) -> None:
    ready = Watch(run.path, threshold=-100.0)
    outputs = Outputs([NamedSink("jsonl", JsonLines(file=tmp_path / "a"))], ready.recipe.data.clip, pytest.fail)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with Stop() as stop:
        source = endless(ready, film, 25, lambda: signal.raise_signal(signal.Signals[name]), live=True)
        done = follow(ready, source, outputs, stop)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a second signal has its usual effect
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert (done.stopped_by, done.error, done.summary.end) == (name, None, name)
    assert done.summary.frames == 25
    begin, end = lines(tmp_path / "a")
    assert (begin["event"], end["event"], end["until_frame"]) == ("begin", "end", 24)


def test_a_signal_in_the_first_clip_is_not_an_error(run: vadkit.Run, film: Path) -> None:
    ready = Watch(run.path)
    with Stop() as stop:
        source = endless(ready, film, 3, lambda: signal.raise_signal(signal.SIGTERM), live=True)
        done = follow(ready, source, Outputs([], ready.recipe.data.clip, pytest.fail), stop)
    assert (done.error, done.stopped_by, done.summary.alarms) == (None, "SIGTERM", 0)


@pytest.mark.parametrize(
    ("live", "name", "code"), [(True, "SIGINT", 0), (False, "SIGINT", 130), (False, "SIGTERM", 143)]
)
def test_exit_codes_of_signals(
    run: vadkit.Run, film: Path, monkeypatch: pytest.MonkeyPatch, live: bool, name: str, code: int
) -> None:
    opened = Watch.open

    def stopping(ready: Watch, source: str, **keys: Any) -> Source:
        monkeypatch.setattr(Watch, "open", opened)
        return endless(ready, film, 12, lambda: signal.raise_signal(signal.Signals[name]), live=live)

    monkeypatch.setattr(Watch, "open", stopping)
    done = watch(run, film, "--threshold", -100)
    assert done.exit_code == code
    assert "12 frames, 1 alarm" in done.output
    assert ("interrupted by" in done.output) == (not live)


def test_a_source_that_fails_ends_alarms_and_has_a_summary(
    run: vadkit.Run, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Watch.open

    def fail() -> None:
        raise DataError("was lost for good", where="camera")

    def failing(ready: Watch, source: str, **keys: Any) -> Source:
        monkeypatch.setattr(Watch, "open", opened)
        return endless(ready, film, 20, fail, live=True)

    monkeypatch.setattr(Watch, "open", failing)
    alarms, summary = tmp_path / "a", tmp_path / "s"
    with pytest.raises(DataError, match="was lost for good"):
        watch(run, film, "--threshold", -100, "--alarms", alarms, "--summary", summary)
    assert lines(alarms)[-1]["until_frame"] == 19
    assert json.loads(summary.read_text())["end"] == "was lost for good"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


def test_sigterm_ends_an_open_alarm_in_every_sink_of_a_real_process(
    run: vadkit.Run, film: Path, tmp_path: Path, hook: Hook
) -> None:
    """A camera and all sinks. The broker of `mqtt` is away: that must not delay the others."""
    sinks = [
        {"use": "command", "run": ["sh", "-c", f"echo $VADKIT_EVENT >> {tmp_path}/command"], "on": ["begin", "end"]},
        {"use": "webhook", "url": hook.url},
        {"use": "snapshot", "folder": f"{tmp_path}/pictures"},
        {"use": "clip", "folder": f"{tmp_path}/clips"},
    ]
    if paho_is_here():
        sinks.append({"use": "mqtt", "host": "127.0.0.1", "port": 9})
    file = tmp_path / "sinks.yaml"
    file.write_text(json.dumps({"sinks": sinks}))
    pictures = mjpeg.encoded([Image.open(path) for path in sorted(film.iterdir())])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    out, alarms = tmp_path / "out", tmp_path / "alarms.jsonl"
    with mjpeg.camera(pictures, fps=25.0) as url, out.open("w") as text:
        process = subprocess.Popen(
            [sys.executable, "-m", "vadkit", "watch", str(run.path), url, "--threshold", "-100", "--sinks", str(file),
             "--alarms", str(alarms), "--http", "127.0.0.1:0", "--summary", str(tmp_path / "summary")],
            stdout=text, stderr=text, env={**environment, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            for _ in range(6000):
                if "begin" in hook.events and list((tmp_path / "pictures").glob("*.jpg")):
                    break
                assert process.poll() is None, out.read_text()
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, out.read_text()
        finally:
            process.kill()
            process.wait()
    said = out.read_text()
    assert re.search(r"\d+ frames, 1 alarm in [\d.]+ s of video", said), said
    assert "alarm ends" in said
    assert [line["event"] for line in lines(alarms)] == ["begin", "end"]
    assert hook.events == ["begin", "end"]
    assert (tmp_path / "command").read_text().split() == ["begin", "end"]
    (clip,) = (tmp_path / "clips").glob("*.mp4")
    with av.open(str(clip)) as container:
        assert len(list(container.decode(video=0))) > 5
    summary = json.loads((tmp_path / "summary").read_text())
    assert summary["end"] == "SIGTERM"
    assert {name for name, state in summary["outputs"].items() if any(state.values())} <= {"mqtt"}


def paho_is_here() -> bool:
    try:
        import paho.mqtt  # noqa: F401
    except ImportError:
        return False
    return True
