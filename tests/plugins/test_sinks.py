"""Sinks that write files, run programs and send requests, with real files, programs and servers."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import watched
from hooks import Hook
from PIL import Image

from vadkit.api import AlarmRules, RunFolderError, SourceStatus, VadkitError
from vadkit_sinks.clip import Clip
from vadkit_sinks.command import Command
from vadkit_sinks.files import JsonLines, Scores
from vadkit_sinks.folder import Folder
from vadkit_sinks.snapshot import Snapshot
from vadkit_sinks.terminal import Terminal
from vadkit_sinks.webhook import Webhook


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


def test_the_terminal_says_on_how_much_video_the_result_rests(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Terminal()
    sink.open(replace(watched.source(), protocol="deployable", test_tuned=True, normal_hours=0.25))
    sink.alarm(watched.begin(live=False))
    sink.alarm(watched.end(live=False))
    sink.close(watched.summary())
    assert capsys.readouterr().out.splitlines() == [
        "alarm threshold 2.5, from 15.0 min of held-out normal video; protocol deployable, TEST-TUNED",
        "00:00:02.0  alarm begins  score 3",
        "00:00:03.0  alarm ends    after 1.0 s, peak 5 at 00:00:02.2",
        "100 frames, 1 alarm in 4.0 s of video; 7 frames lost; 25 frames/s",
    ]


def test_the_terminal_prints_the_states_of_a_live_source(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Terminal()
    sink.open(watched.source())
    sink.status(SourceStatus("losing_frames", 5.0, "3 frames damaged"))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \S+  source losing frames: 3 frames damaged", capsys.readouterr().out.splitlines()[1]
    )


def test_json_lines_have_the_clock_of_a_live_source(tmp_path: Path) -> None:
    path = tmp_path / "new" / "alarms.jsonl"
    for _ in range(2):  # a second start appends
        sink = JsonLines(file=path)
        sink.open(watched.source())
        sink.alarm(watched.begin())
        sink.alarm(watched.end())
        sink.close(watched.summary())
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["begin", "end"] * 2
    assert lines[1] == {
        "source": "rtsp://camera/door", "event": "end", "number": 1, "frame": 50, "seconds": 2.0, "peak": 5.0,
        "peak_frame": 55, "peak_seconds": 2.2, "until_frame": 75, "until": 3.0, "threshold": 2.5,
        "box": [16, 8, 32, 16], "picture_size": [64, 48], "time": "2026-03-01T12:00:03.000+00:00",
    }  # fmt: skip


def test_scores_are_one_table_with_one_header(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    for _ in range(2):
        sink = Scores(file=path)
        sink.open(watched.source("a, b.mp4"))
        sink.frame(watched.score(3, 0.25))
        sink.close(watched.summary())
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"source": "a, b.mp4", "frame": "3", "seconds": "0.120", "score": "0.25"}] * 2


def test_a_file_that_cannot_be_written_is_refused_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for sink in (JsonLines(file=tmp_path), Scores(file=tmp_path / "file" / "scores.csv")):
        with pytest.raises(RunFolderError, match="cannot be written"):
            sink.open(watched.source())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is not here")
def test_a_line_that_a_crash_cut_stays_apart_from_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "alarms.jsonl"
    path.write_text('{"event": "end"}\n{"event": "beg')
    sink = JsonLines(file=path)
    sink.open(watched.source())
    sink.alarm(watched.begin())
    sink.close(watched.summary())
    whole, cut, new = path.read_text().splitlines()
    assert (whole, cut) == ('{"event": "end"}', '{"event": "beg')
    assert json.loads(new)["event"] == "begin"


def test_a_full_disk_is_an_error_of_the_sink() -> None:
    sink = JsonLines(file=Path("/dev/full"))
    sink.open(watched.source())
    with pytest.raises(RunFolderError, match="No space left on device"):
        sink.alarm(watched.begin())
    sink.close(watched.summary())


PROGRAM = """
import json, os, sys
values = json.load(sys.stdin)
print(values["peak"], os.environ["VADKIT_EVENT"], os.environ["VADKIT_TIME"], sys.argv[2:], file=open(sys.argv[1], "w"))
"""


def test_a_command_gets_the_event_and_no_shell(tmp_path: Path) -> None:
    out = tmp_path / "out"
    sink = Command(run=[sys.executable, "-c", PROGRAM, str(out), "$(id); rm -rf *"], on=["end"])
    sink.alarm(watched.begin())
    assert not out.exists()
    sink.alarm(watched.end())
    assert out.read_text() == "5.0 end 2026-03-01T12:00:03.000+00:00 ['$(id); rm -rf *']\n"


def test_a_command_that_fails_or_hangs_is_reported_and_killed(tmp_path: Path) -> None:
    with pytest.raises(VadkitError, match="cannot be started: No such file"):
        Command(run=["no-such-program"]).alarm(watched.begin())
    with pytest.raises(VadkitError, match=r"failed with exit code 3: no ink$"):
        Command(run=["sh", "-c", "echo paper; echo no ink >&2; exit 3"]).alarm(watched.begin())
    mark = tmp_path / "pid"
    began = time.monotonic()
    with pytest.raises(VadkitError, match=r"did not end within 0.3 s and was killed"):
        Command(run=["sh", "-c", f"sleep 60 & echo $! > {mark}; wait"], timeout=0.3).alarm(watched.begin())
    assert time.monotonic() - began < 30
    child = int(mark.read_text())
    for _ in range(500):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
        pytest.fail("the child of the program was not killed")


@pytest.mark.parametrize(
    ("keys", "message"),
    [({"run": []}, "names no program"), ({"run": ["x"], "on": []}, "empty"), ({"run": ["x"], "timeout": 0.0}, "above")],
)
def test_a_command_that_is_not_possible_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(VadkitError, match=message):
        Command(**keys)


def test_a_webhook_sends_the_event_and_tries_again(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "hidden")
    hook.answers = [503, 429]
    sink = Webhook(
        url=f"{hook.url}/a?key=${{HOOK_TOKEN}}", headers={"Authorization": "Bearer ${HOOK_TOKEN}"}, pause=0.0
    )
    sink.alarm(watched.begin())
    assert [path for path, _, _ in hook.requests] == ["/a?key=hidden"] * 3
    _, headers, body = hook.requests[-1]
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer hidden", "application/json")
    assert body == watched.begin().as_dict()


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (302, 1), (500, 3)])
def test_a_webhook_that_fails_names_no_secret(hook: Hook, status: int, requests: int) -> None:
    hook.answers = [status] * 9
    sink = Webhook(url=f"{hook.url.replace('//', '//me:hidden@')}/hidden?key=hidden", retries=2, pause=0.0)
    with pytest.raises(VadkitError) as caught:
        sink.alarm(watched.begin())
    assert caught.value.what == f"{hook.url} answers with status {status}"
    assert "hidden" not in str(caught.value)
    assert len(hook.requests) == requests
    assert hook.requests[0][1]["Authorization"] == "Basic bWU6aGlkZGVu"


def test_a_webhook_without_a_server_or_an_answer(hook: Hook) -> None:
    sink, told = Webhook(url="http://127.0.0.1:9/", retries=1, pause=0.0), list[str]()
    sink.tell = told.append
    with pytest.raises(VadkitError, match=r"127\.0\.0\.1:9 cannot be reached: Connection refused"):
        sink.alarm(watched.begin())
    assert told == ["http://127.0.0.1:9 cannot be reached: Connection refused; trying again"]
    hook.server.shutdown()  # connections are accepted, but not answered
    with pytest.raises(VadkitError, match=r"does not answer within 0.05 s"):
        Webhook(url=hook.url, retries=0, timeout=0.05).alarm(watched.begin())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"url": "file:///etc/passwd"}, "not an http or https URL"),
        ({"url": "http://"}, "not an http or https URL"),
        ({"url": "http://host:99999999/"}, "not an http or https URL"),
        (
            {"url": "http://h/${NO_SUCH_VARIABLE}"},
            "'url': the environment variable NO_SUCH_VARIABLE is not set",
        ),
        ({"url": "http://h/", "timeout": 0.0}, "must be above 0"),
    ],
)
def test_a_webhook_that_is_not_possible_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(VadkitError, match=message):
        Webhook(**keys)


def test_a_line_break_in_a_header_is_refused_without_the_secret(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "hidden\n")  # as a mounted file of a secret ends
    Webhook(url=hook.url, headers={"X-Token": "${HOOK_TOKEN}"}).alarm(watched.begin())
    assert hook.requests[0][1]["X-Token"] == "hidden"
    for value in ("hidden\nX-Other: 1", "hidden\r", "hidden\0", "hidden\u20ac"):
        with pytest.raises(VadkitError, match="webhook header 'X-Token': has a line break") as caught:
            Webhook(url=hook.url, headers={"X-Token": value})
        assert "hidden" not in str(caught.value)


def _pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_snapshot_shows_the_highest_frame_with_its_heat_map(tmp_path: Path) -> None:
    sink = Snapshot(folder=tmp_path / "pictures", quality=100)
    sink.open(watched.source())
    sink.alarm(watched.begin())
    (path,) = (tmp_path / "pictures").iterdir()
    assert path.name == "vadkit_20260301T120002Z_0001_door.jpg"
    begun = _pixels(path)
    sink.alarm(watched.end())
    assert list((tmp_path / "pictures").iterdir()) == [path]
    ended = _pixels(path)
    assert begun[40, 50] == pytest.approx([90] * 3, abs=3)  # no heat
    assert ended[40, 50] == pytest.approx([40] * 3, abs=3)  # the picture of the highest score
    hot = ended[11:13, 22:26].mean((0, 1))
    assert hot[0] > hot[2] + 40  # yellow in the square, where the map is high
    assert ended[8, 20] == pytest.approx([255] * 3, abs=40)  # the box


def test_a_snapshot_without_maps_or_pictures(tmp_path: Path) -> None:
    sink = Snapshot(folder=tmp_path / "pictures")
    sink.alarm(replace(watched.begin(), peak=watched.score(50, picture=None)))
    assert not (tmp_path / "pictures").exists()
    gray = watched.score(50, 3.0, picture=watched.picture(90, 1), anomaly_map=None)
    sink.alarm(replace(watched.begin(), peak=gray, box=None))
    assert _pixels(next((tmp_path / "pictures").iterdir()))[40, 50] == pytest.approx([90] * 3, abs=3)


def _levels(path: Path) -> list[int]:
    """The gray level of each frame of a video."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return [round(float(frame[40:].mean())) for frame in frames]


def _play(sink: Clip, frames: range, events: dict[int, Any], *, rules: AlarmRules | None = None) -> None:
    sink.open(watched.source(rules=rules))
    for frame in frames:
        sink.frame(watched.score(frame, picture=watched.picture(frame)))
        if frame in events:
            sink.alarm(events[frame])
    sink.close(watched.summary())


def test_a_clip_has_the_seconds_before_and_after_the_alarm(tmp_path: Path) -> None:
    sink = Clip(folder=tmp_path, before=1.0, after=1.0, quality=10)
    _play(sink, range(200), {50: watched.begin(50), 100: watched.end(50, 75)})
    (path,) = tmp_path.iterdir()
    assert path.name == "vadkit_20260301T120002Z_0001_door.mp4"
    assert _levels(path) == pytest.approx(range(25, 102), abs=4)


def test_a_clip_begins_before_an_alarm_that_is_raised_late(tmp_path: Path) -> None:
    sink = Clip(folder=tmp_path, before=1.0, after=0.0, quality=10)
    events = {100: watched.begin(50), 120: watched.end(50, 110)}
    _play(sink, range(130), events, rules=AlarmRules(min_duration=2.0))
    assert _levels(next(tmp_path.iterdir())) == pytest.approx(range(25, 122), abs=4)


def test_a_second_alarm_extends_the_clip_and_the_longest_clip_is_cut(tmp_path: Path) -> None:
    events = {50: watched.begin(50), 60: watched.end(50, 55), 70: watched.begin(70, number=2), 95: watched.end(70, 90)}
    _play(Clip(folder=tmp_path, before=0.0, after=1.0), range(200), events)
    (path,) = tmp_path.iterdir()
    assert len(_levels(path)) == 115 - 50 + 1
    path.unlink()
    _play(Clip(folder=tmp_path, before=0.0, longest=1.0), range(200), {50: watched.begin(50)})
    assert len(_levels(path)) == 26


def test_a_clip_of_a_slower_camera_has_its_speed(tmp_path: Path) -> None:
    sink = Clip(folder=tmp_path, before=1.0)
    sink.open(watched.source())  # 25 frames per second in training
    for frame in range(40):
        sink.frame(replace(watched.score(frame), seconds=frame / 10))
    sink.alarm(watched.begin(75))  # at 3 s
    sink.close(watched.summary())
    with av.open(str(next(tmp_path.iterdir()))) as container:
        assert float(container.streams.video[0].average_rate or 0) == pytest.approx(10, abs=0.1)


def test_a_clip_that_is_open_at_the_end_is_complete(tmp_path: Path) -> None:
    _play(Clip(folder=tmp_path, before=0.4), range(60), {50: watched.begin(50)})
    (path,) = tmp_path.iterdir()
    assert len(_levels(path)) == 20


@pytest.mark.parametrize("state", ["lost", "waiting", "ended"])
def test_a_clip_is_complete_when_the_camera_goes_away(tmp_path: Path, state: Any) -> None:
    sink = Clip(folder=tmp_path, before=0.4, after=3.0, quality=10)
    sink.open(watched.source())
    for frame in range(60):
        sink.frame(watched.score(frame, picture=watched.picture(frame)))
        if frame == 50:
            sink.alarm(watched.begin(50))
            sink.status(SourceStatus("losing_frames", 2.0))
    sink.alarm(watched.end(50, 59))
    sink.status(SourceStatus(state, 2.4))
    (path,) = tmp_path.iterdir()
    assert _levels(path) == pytest.approx(range(40, 60), abs=4)
    sink.frame(watched.score(90))  # after the return
    sink.close(watched.summary())
    assert len(_levels(path)) == 20


def test_the_memory_of_a_clip_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Clip(folder=tmp_path, before=1.0, longest=4.0, quality=10)
    sink.open(watched.source(rules=AlarmRules(min_duration=3600)))
    for frame in range(200):
        sink.frame(watched.score(frame))
    assert len(sink._recent) == 101  # the longest video
    monkeypatch.setattr("vadkit_sinks.clip._MEMORY", 10 * watched.picture().nbytes)
    sink.frame(watched.score(200))
    assert len(sink._recent) == 10
    sink.alarm(watched.begin(50))  # raised late: its first frames are not there any more
    sink.frame(watched.score(201))
    sink.close(watched.summary())
    assert len(_levels(next(tmp_path.iterdir()))) == 11


def test_a_clip_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vadkit.video.encode import VideoWriter

    write, written = VideoWriter.write, [0]

    def full(self: VideoWriter, frame: Any) -> None:
        written[0] += 1
        if written[0] > 3:
            raise OSError(28, "No space left on device")
        write(self, frame)

    monkeypatch.setattr(VideoWriter, "write", full)
    sink = Clip(folder=tmp_path, before=0.0)
    sink.open(watched.source())
    sink.frame(watched.score(50))
    sink.alarm(watched.begin(50))
    sink.frame(watched.score(51))
    sink.frame(watched.score(52))
    with pytest.raises(RunFolderError, match="the disk is full"):
        sink.frame(watched.score(53))
    sink.frame(watched.score(54))  # the next alarm can start a new video
    sink.close(watched.summary())
    assert list(tmp_path.iterdir()) == []


def test_the_quota_removes_the_oldest_own_files_only(tmp_path: Path) -> None:
    folder = Folder(tmp_path, ".jpg", "2500")
    for number in range(5):
        path = tmp_path / f"vadkit_a_{number}.jpg"
        path.write_bytes(bytes(1000))
        os.utime(path, (number, number))
    for name in ("holiday.jpg", "vadkit_a_9.mp4"):
        (tmp_path / name).write_bytes(bytes(5000))
        os.utime(tmp_path / name, (0, 0))
    folder.clean()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["holiday.jpg", "vadkit_a_3.jpg", "vadkit_a_4.jpg", "vadkit_a_9.mp4"]
    Folder(tmp_path, ".jpg", "1").clean()
    assert (tmp_path / "vadkit_a_4.jpg").exists()  # never the newest
    with pytest.raises(VadkitError, match=r"'quota': '5 apples' is not a size"):
        Folder(tmp_path, ".jpg", "5 apples")


def test_only_old_incomplete_files_are_removed(tmp_path: Path) -> None:
    old, new = tmp_path / ".vadkit_a.00.part.mp4", tmp_path / ".vadkit_b.00.part.mp4"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    Clip(folder=tmp_path).open(watched.source())
    assert list(tmp_path.iterdir()) == [new]


def test_a_file_name_has_no_query(tmp_path: Path) -> None:
    path = Folder(tmp_path, ".jpg", "1GB").file(watched.begin(name="http://camera/door?key=/hidden"))
    assert path.name == "vadkit_20260301T120002Z_0001_door.jpg"


@pytest.mark.parametrize("name", ["../../etc/passwd", "rtsp://h/a?b=../c d", "///", "über/näh.mp4", "x" * 300])
def test_file_names_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    path = Folder(tmp_path, ".jpg", "1GB").file(watched.begin(name=name))
    assert path.parent == tmp_path
    path.touch()
