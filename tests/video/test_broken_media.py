"""A slice of the corpus of broken videos and images; `benchmarks/broken_media.py` is the long form."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from vadkit.core.errors import DataError
from vadkit.core.values import VideoRef
from vadkit.video import media
from vadkit.video.decode import decode

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "broken_media.py"


@pytest.fixture(scope="module")
def broken() -> ModuleType:
    spec = importlib.util.spec_from_file_location("broken_media", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_none_of_forty_crashes_hangs_or_needs_much_memory(broken: ModuleType, tmp_path: Path) -> None:
    counts, faults, _ = broken.decode_all(broken.corpus(tmp_path, 40))
    assert faults == []
    assert sum(counts.values()) == 40
    assert counts["refused"]
    assert counts["frames"] + counts["frames, damage reported"]


def test_pictures_that_are_too_large_are_refused_before_they_are_decoded(
    broken: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = broken.valid(tmp_path)[0]
    monkeypatch.setattr(media, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(DataError, match=r"states pictures of 64x48 pixels; at most 3071 are read"):
        next(iter(decode(VideoRef("a", path), color="rgb")))


def test_a_program_of_postscript_with_the_suffix_of_an_image_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(DataError, match=r"1\.png"):
        next(iter(decode(VideoRef("a", (path,)), color="rgb")))
