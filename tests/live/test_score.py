"""`vadkit score`: many files, one list of events; the scores are those of `vadkit run`."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import filmed
import numpy as np
import pytest
from owned import film, images
from PIL import Image
from typer.testing import CliRunner, Result

import vadkit
from vadkit.cli.app import app
from vadkit.core.errors import DataError, RunFolderError, VadkitError
from vadkit.core.files import LEFTOVERS
from vadkit.core.progress import NoProgress
from vadkit.live.score import Settings, score_videos
from vadkit.live.videos import find_videos
from vadkit.live.watch import Watch
from vadkit.store.run_folder import RunFolder
from vadkit.video.damage import Damages
from vadkit.video.video_file import pictures
from vadkit_datasets.walkway.dataset import Walkway

FPS = 10
NAMES = ("door/x", "gate/x")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of one's own: 3 to train on, 2 without labels to score, both named x.mp4."""
    root = tmp_path_factory.mktemp("own")
    for name in ("a", "b", "c"):
        film(root / f"train/{name}.mp4", 40)
    film(root / "test/door/x.mp4", 60, jump=30)
    film(root / "test/gate/x.mp4", 40)
    return root


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[vadkit.Run]:
    """A run with anomaly maps and a held-out video."""
    from tiny_runs import TINY

    recipe: dict[str, Any] = {key: TINY[key] for key in ("vadkit", "name", "model", "engine")}
    recipe["data"] = {
        "use": "folder",
        "clip": {"frames": 8, "size": [32, 48], "color": "gray"},
        "stride": 4,
        "held_out": 0.34,
    }
    recipe["engine"] = {"score_stride": 3, "threads": 1}
    recipe["scores"] = {"reconstruction": {"use": "patch_error", "patch": 8, "step": 4}, "second": {"use": "psnr"}}
    recipe["fuse"] = {"reconstruction": {"weight": 1.0}}
    recipe["evaluate"] = {"protocol": "deployable", "metrics": ["micro_auc"]}
    recipe["report"] = ["console", "json", "error_maps"]
    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.mktemp("frames")))
    yield vadkit.run(recipe, data_root=root, out=tmp_path_factory.mktemp("scored") / "run")
    patch.undo()


def _score(run: vadkit.Run, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["score", str(run.path), *map(str, arguments)], catch_exceptions=False)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_lists_the_events_of_videos_without_labels(run: vadkit.Run) -> None:
    threshold = run.evaluate().summary.alarm_threshold
    events = _rows(run.path / "events.csv")
    assert events
    assert {event["video"] for event in events} <= set(NAMES)
    for event, line in zip(events, (run.path / "events.jsonl").read_text().splitlines(), strict=True):
        assert json.loads(line)["start_frame"] == int(event["start_frame"])
        assert float(event["threshold"]) == pytest.approx(threshold)
        assert float(event["over_threshold"]) == pytest.approx(float(event["peak_score"]) - float(event["threshold"]))
        assert float(event["start_seconds"]) == pytest.approx(int(event["start_frame"]) / FPS)
        assert event["start"] == f"0:00:{int(event['start_frame']) / FPS:06.3f}"
        x0, y0, x1, y1 = (int(event[side]) for side in ("x0", "y0", "x1", "y1"))
        assert 0 <= x0 < x1 <= 48
        assert 0 <= y0 < y1 <= 32


def test_scores_and_events_are_those_of_the_run(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    done = _score(run, root / "test", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "2 videos scored" in done.output
    evaluated = run.evaluate()
    for video, name in zip(evaluated.videos, NAMES, strict=True):
        [path] = (tmp_path / "out/scores").rglob(f"{name}.mp4.csv")
        rows = _rows(path)
        assert [int(row["frame"]) for row in rows] == list(range(len(video.fused)))
        np.testing.assert_allclose([float(row["score"]) for row in rows], video.fused, rtol=1e-4, atol=1e-5)
        for component, scores in video.raw.items():
            np.testing.assert_allclose([float(row[component]) for row in rows], scores, rtol=1e-4, atol=1e-5)
        assert float(rows[25]["seconds"]) == pytest.approx(2.5)
    events, wanted = _rows(tmp_path / "out/events.csv"), _rows(run.path / "events.csv")
    assert len(events) == len(wanted) > 0
    for found, event in zip(events, wanted, strict=True):
        assert found["video"].endswith(f"{event['video']}.mp4")
        for key in event.keys() - {"video", "thumbnail", "peak_score", "over_threshold"}:
            assert found[key] == event[key] or float(found[key]) == pytest.approx(float(event[key]), rel=1e-4)


def _events(count: int) -> str:
    return f"{count} event{'s' if count != 1 else ''}"


def test_a_second_call_scores_only_what_is_missing(
    run: vadkit.Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "test")
    out = tmp_path / "out"
    assert "1 video scored" in _score(run, "door/x.mp4", "--out", out).output
    door, gate = (out / "scores" / f"{name}.mp4.csv" for name in NAMES)
    assert door.is_file()  # relative to the current folder
    before, events = door.stat().st_mtime_ns, len(_rows(out / "events.csv"))
    assert events
    other = _score(run, "gate/x.mp4", "--out", out).output
    both = len(_rows(out / "events.csv"))
    assert (
        f"1 video scored\n{_events(both - events)} in 1 video\n{_events(both)} in all 2 videos of the folder: " in other
    )
    gate.with_suffix(".json").unlink()
    again = _score(run, "**/*.mp4", "--out", out)
    assert f"1 video scored; 1 scored before\n{_events(both)}: " in again.output
    assert door.stat().st_mtime_ns == before
    assert gate.is_file()
    assert len(_rows(out / "events.csv")) >= events
    door.write_text("half")
    assert "1 video scored; 1 scored before" in _score(run, ".", "--out", out).output
    assert "2 videos scored" in _score(run, ".", "--out", out, "--threshold", "0").output  # other settings
    assert "2 videos scored" in _score(run, ".", "--out", out, "--threshold", "0", "--format", "jsonl").output
    lines = [json.loads(line) for line in door.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(60))
    assert set(lines[30]["components"]) == {"reconstruction", "second"}


def test_an_interruption_keeps_finished_videos_and_their_events(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    class Interrupting(NoProgress):
        def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
            if done > 60:  # in the second video
                raise KeyboardInterrupt

    videos = find_videos([str(root / "test")]).videos
    with pytest.raises(KeyboardInterrupt):
        score_videos(Watch(run.path), videos, tmp_path, Settings(), Interrupting())
    assert sum(path.suffix == ".json" for path in (tmp_path / "scores").rglob("*.*")) == 1
    assert not list(tmp_path.rglob(LEFTOVERS))
    assert _rows(tmp_path / "events.csv")
    done = score_videos(Watch(run.path), videos, tmp_path, Settings(), NoProgress())
    assert (done.scored, done.skipped, done.failed) == (1, 1, [])


def test_a_damaged_video_does_not_stop_the_others(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"\0" * 4000)
    images(tmp_path / "short", 5)
    listed = tmp_path / "list.txt"
    lines = ("# cameras", str(tmp_path / "broken.mp4"), "", str(root / "test/gate/x.mp4"), str(tmp_path / "short"))
    listed.write_text("\n".join(lines))
    done = _score(run, "--list", listed, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "1 video scored; 2 not scored" in done.output
    [line] = [line for line in done.output.splitlines() if "broken.mp4: not scored: " in line]
    assert "cannot be decoded" in line
    assert "has 5 frames, but a clip spans 8 -> give a longer video" in done.output
    assert not list((tmp_path / "out").rglob("*broken*"))
    assert _score(run, "--list", listed, "--out", tmp_path / "out").exit_code == 1


def test_events_have_thumbnails_and_videos_are_annotated(
    run: vadkit.Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "test")
    out = tmp_path / "out"
    arguments = ("door/x.mp4", "--out", out, "--annotate", "--format", "npz", "--start", "2026-03-01T08:30:00")
    assert "1 video scored" in _score(run, *arguments).output
    assert len(list(pictures(out / "annotated/door/x.mp4.mp4", Damages(strict=True)))) == 60
    events = _rows(out / "events.csv")
    assert events
    for event in events:
        with Image.open(out / event["thumbnail"]) as image:
            assert (image.format, image.size) == ("JPEG", (2 * 240 + 4, 160))
        seconds = datetime.fromisoformat(event["peak_time"]) - datetime(2026, 3, 1, 8, 30)
        assert seconds.total_seconds() == pytest.approx(float(event["peak_seconds"]))
    assert "1 scored before" in _score(run, *arguments).output
    _score(run, "gate/x.mp4", "--out", out, "--start", "2026-03-02T08:30:00")
    assert len(_rows(out / "events.csv")) >= len(events)  # a start of another video keeps the events
    (out / "annotated/door/x.mp4.mp4").unlink()
    assert "1 video scored" in _score(run, *arguments).output
    for event in _rows(run.path / "events.csv"):  # of the run's own test videos
        assert (run.path / event["thumbnail"]).is_file()
        assert event["thumbnail"].startswith(f"thumbnails/{event['video']}/frame_")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_times_are_those_of_the_file_if_the_frame_rate_varies(run: vadkit.Run, tmp_path: Path, suffix: str) -> None:
    times = [*range(0, 3000, 50), *range(3000, 6000, 200)]  # milliseconds: 60 frames, then 15
    frames = np.stack([np.roll(filmed.noise(1)[0], n, axis=1) for n in range(len(times))])
    filmed.write(tmp_path / f"v{suffix}", frames, "libx264", times=times)
    assert _score(run, tmp_path / f"v{suffix}", "--out", tmp_path / "out").exit_code == 0
    [path] = (tmp_path / "out/scores").rglob("*.csv")
    rows = _rows(path)
    assert [float(row["seconds"]) for row in rows] == [times[int(row["frame"])] / 1000 for row in rows]
    assert [int(row["frame"]) for row in rows] == list(range(75))
    # Of the fast frames the model sees every second one, because training had 10 a second.
    assert [row["score"] for row in rows[:60:2]] == [row["score"] for row in rows[1:60:2]]
    for event in _rows(tmp_path / "out/events.csv"):
        assert float(event["peak_seconds"]) == times[int(event["peak_frame"])] / 1000


def test_a_full_disk_advises_to_give_the_same_command_again(
    run: vadkit.Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vadkit.store.frame_scores.csv.writer", full)
    with pytest.raises(RunFolderError, match="the disk is full") as caught:
        _score(run, root / "test", "--out", tmp_path / "out")
    assert caught.value.fix == "free some space, then give the same command again: finished videos are kept"
    assert not list((tmp_path / "out").rglob("*x.mp4*"))


def test_mistakes_are_named_before_the_model_is_loaded(run: vadkit.Run, root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a run folder"):
        _score(vadkit.Run(root, run.recipe, {}), root)
    assert not (root / "scored").exists()
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.cam1").touch()
    with pytest.raises(DataError, match="no videos in"):
        _score(run, tmp_path / "empty")
    with pytest.raises(DataError, match="no videos are named"):
        _score(run)
    with pytest.raises(DataError, match=r"nothing\.mp4 does not exist"):
        _score(run, tmp_path / "nothing.mp4")
    with pytest.raises(DataError, match=r"no file matches '\*.nothing'"):
        _score(run, "*.nothing")
    with pytest.raises(DataError, match="is a URL"):
        _score(run, "rtsp://camera/stream")
    with pytest.raises(VadkitError, match="unknown format 'xml'"):
        _score(run, root, "--format", "xml")
    with pytest.raises(VadkitError, match="is a run; its results"):
        _score(run, root, "--out", run.path)
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="cannot write"):
        _score(run, root, "--out", tmp_path / "file")
    with RunFolder(tmp_path / "busy").locked(), pytest.raises(RunFolderError, match="another vadkit is writing"):
        _score(run, root, "--out", tmp_path / "busy")


def test_every_video_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    for name in ("b/x.mp4", "a/x.mp4", "a/note.txt", "c.cam1", "run/recipe.yaml", "run/figures/curve.png"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).touch()
    (tmp_path / "x.mp4").touch()
    images(here / "frames", 3)
    monkeypatch.chdir(here)
    found = find_videos([".", "a/x.mp4", "../x.mp4", f"{here}/b/*"])
    names = [video.name.as_posix() for video in found.videos]
    assert names[:3] == ["a/x.mp4", "b/x.mp4", "frames"]
    assert names[3].startswith("@/")
    assert names[3].endswith(f"{tmp_path.name}/x.mp4")
    assert len(names) == 4
    assert sorted(path.name for path in found.ignored) == ["c.cam1", "note.txt"]
    assert [video.name.as_posix() for video in find_videos(["c.cam1"]).videos] == ["c.cam1"]


def test_an_encoded_file_has_the_scores_that_the_run_gives_under_the_deployable_protocol(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    tiny["data"] |= {"train_videos": 4, "held_out": 0.25}
    tiny["engine"]["score_batch"] = 5
    run = vadkit.run(tiny, out=tmp_path / "run")
    keys = ("size", "frames", "train_videos", "test_videos")
    for video in Walkway(None, **{key: tiny["data"][key] for key in keys}).videos("test"):
        assert callable(video.source)
        frames = np.repeat(video.source(0, 40), 3, axis=-1)
        filmed.write(tmp_path / f"{video.name}.mkv", frames, "ffv1", "bgr0")
    assert _score(run, tmp_path / "*.mkv", "--format", "jsonl").exit_code == 0
    evaluated = run.evaluate(["evaluate.protocol=deployable"])
    assert len(evaluated.videos) == 2
    for video in evaluated.videos:
        [path] = (run.path / "scored/scores").rglob(f"{video.name}.mkv.jsonl")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        np.testing.assert_allclose([line["score"] for line in lines], video.fused, rtol=1e-4, atol=1e-5)
    events = [json.loads(line) for line in (run.path / "scored/events.jsonl").read_text().splitlines()]
    assert evaluated.events is not None
    assert [event["start_frame"] for event in events] == [event.start_frame for event in evaluated.events]
    assert all(event["x0"] < event["x1"] for event in events)  # although the run keeps no anomaly maps


def test_without_held_out_video_a_run_says_once_why_it_has_no_events(
    tiny: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny["report"] = ["console"]
    run = vadkit.run(tiny, out=tmp_path / "run")
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("no events: without held-out normal video there is no alarm threshold") == 1
    assert "data.held_out=0.2" in said
    assert not (run.path / "events.csv").exists()
