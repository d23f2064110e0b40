"""`vadkit data check` as a command: its arguments, its output and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from data.conftest import noise, write_images
from typer.testing import CliRunner

from vadkit.cli.app import app
from vadkit.core.errors import VadkitError


def vadkit(*arguments: str) -> tuple[int, str]:
    try:
        done = CliRunner().invoke(app, list(arguments), catch_exceptions=False, env={"COLUMNS": "400"})
    except VadkitError as error:
        return error.exit_code, str(error)
    return done.exit_code, done.output


def test_the_command_prints_everything_and_writes_json(tmp_path: Path) -> None:
    for name, frames in (("training/frames/01", 4), ("testing/frames/01", 5)):
        write_images(tmp_path / name, noise(frames, frames))
    (tmp_path / "training/frames/01/002.png").unlink()
    (tmp_path / "testing/frames/01/001.png").write_bytes(b"")
    code, text = vadkit(
        "data",
        "check",
        "{use: ucsd_ped, subset: ped1}",
        "--data-root",
        str(tmp_path),
        "--json",
        str(tmp_path / "f.json"),
    )
    assert code == 2
    assert "frame number is missing: 2" in text
    assert "1 of 5 frames are empty files" in text
    assert "no label file" in text
    assert "2 errors, 3 warnings" in text
    written = json.loads((tmp_path / "f.json").read_text())
    assert {finding["topic"] for finding in written["findings"]} >= {"numbering", "files", "labels"}
    assert [row["split"] for row in written["rows"]] == ["train", "test"]


def test_the_command_accepts_names_recipes_and_changes() -> None:
    small = ["--set", "data.frames=24", "--set", "data.train_videos=1", "--set", "data.test_videos=1"]
    code, text = vadkit("data", "check", "recipes/quickstart.yaml", *small)
    assert code == 2, text
    assert "one training video cannot be divided" in text
    code, text = vadkit("data", "check", "recipes/quickstart.yaml", *small, "--set", "data.held_out=0")
    assert code == 0, text
    assert "every frame was decoded" in text
    code, text = vadkit("data", "check", "walkway", *small, "--set", "data.size=[32, 48]", "--no-decode")
    assert code == 0
    assert "only headers" in text


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("walkwey", "did you mean 'walkway'"),
        ("{use: walkway, sise: [32, 48]}", "did you mean 'size'"),
        ("{use: walkway", "cannot be read"),
        ("tests", "is a folder, not a data set"),
        ("nothere.yaml", "nothere.yaml"),
    ],
)
def test_an_unknown_target_is_one_message(target: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    code, text = vadkit("data", "check", target)
    assert code == 2
    assert what in text


def test_the_recipe_decides_about_short_and_damaged_videos(tmp_path: Path) -> None:
    for name, frames in (("train/a", 40), ("train/b", 40), ("test/c", 5)):
        write_images(tmp_path / name, noise(frames, ord(name[-1]), (96, 144)))
    (tmp_path / "train/a/007.png").write_bytes(b"")
    changes: dict[tuple[str, ...], tuple[int, str]] = {
        (): (2, "1 error"),
        ("data.short=repeat",): (0, "2 warnings"),
        ("data.short=repeat", "data.on_corrupt=error"): (2, "1 error"),
        ("data.clip.frames=5",): (0, "2 warnings"),
    }
    for change, (expected, said) in changes.items():
        sets = [word for each in change for word in ("--set", each)]
        code, text = vadkit("data", "check", "recipes/own_video.yaml", "--data-root", str(tmp_path), *sets)
        assert (code, said in text) == (expected, True), text
