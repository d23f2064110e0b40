"""A small trained run and a film, for tests of live video."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from tiny_runs import TINY, held_out, make_run

import vadkit
from vadkit_datasets.walkway.dataset import Walkway


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    recipe = held_out(TINY)
    recipe["engine"] |= {"score_stride": 3}
    return make_run(recipe, tmp_path_factory.mktemp("watched") / "run")


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's first test video, as a folder of images."""
    keys = {
        key: value for key, value in TINY["data"].items() if key in ("size", "frames", "train_videos", "test_videos")
    }
    video = Walkway(None, **keys).videos("test")[0]
    assert callable(video.source)
    folder = tmp_path_factory.mktemp("film")
    for number, frame in enumerate(video.source(0, 40)):
        Image.fromarray(frame.squeeze()).save(folder / f"{number:03}.png")
    return folder
