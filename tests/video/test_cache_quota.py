"""The cache's limit: what is removed, kept and refused, and several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.video.cache import FrameCache, open_cache
from vadkit.video.cache_quota import bytes_of

CLIP = ClipSpec(2, 10, 10, "gray")
SIZE = 128 + 10 * 100  # bytes of one video: header and ten frames


def video(name: str) -> VideoRef:
    frames = np.full((10, 10, 10, 3), ord(name[0]), np.uint8)
    return VideoRef(name, lambda start, stop: frames[start:stop], frames=10, fingerprint=name)


def used(cache: FrameCache, name: str, when: int) -> Path:
    """Store or open a video as if at that second; returns the file."""
    assert cache.folder is not None
    before = set(cache.folder.glob("*.npy"))
    cache.frames(video(name), CLIP)
    [path] = set(cache.folder.glob("*.npy")) - before or [max(before, key=lambda path: path.stat().st_mtime)]
    os.utime(path, (when, when))
    return path


def test_the_least_recently_used_video_is_removed_first(tmp_path: Path) -> None:
    files = {name: used(FrameCache(tmp_path), name, n + 1) for n, name in enumerate("abc")}
    used(FrameCache(tmp_path), "a", 9)  # a hit counts as a use
    used(FrameCache(tmp_path, 3 * SIZE), "d", 10)
    assert {name for name, path in files.items() if path.exists()} == {"a", "c"}
    assert sum(path.stat().st_size for path in tmp_path.glob("*.npy")) == 3 * SIZE


def test_videos_of_the_run_are_kept_and_a_limit_that_is_too_small_is_refused(tmp_path: Path) -> None:
    old = used(FrameCache(tmp_path), "z", 1)
    cache = FrameCache(tmp_path, 3 * SIZE)
    cache.reserve([video(name) for name in "abcd"], CLIP)
    files = [used(cache, name, n + 2) for n, name in enumerate("abc")]
    assert not old.exists()
    with pytest.raises(DataError, match=r"limit of 3\.4KB .*at least 4\.5KB.*3 of its 4 videos") as caught:
        cache.frames(video("d"), CLIP)
    assert "--cache-limit" in caught.value.fix
    assert all(path.exists() for path in files)
    assert not list(tmp_path.glob(".*.part*"))
    cache.close()
    again = FrameCache(tmp_path, 2 * SIZE)
    with pytest.raises(DataError, match="too small"):
        again.reserve([video(name) for name in "abc"], CLIP)
    again.close()


def test_videos_of_another_run_are_kept_while_it_is_active(tmp_path: Path) -> None:
    other = FrameCache(tmp_path)
    other.reserve([video("a")], CLIP)
    kept = used(other, "a", 1)
    cache = FrameCache(tmp_path, 2 * SIZE)
    loose = used(cache, "b", 2)
    used(cache, "c", 3)
    assert kept.exists()
    assert not loose.exists()
    cache.reserve([video("c"), video("d")], CLIP)
    with pytest.raises(DataError, match=r"other active runs need 1\.1KB"):
        cache.frames(video("d"), CLIP)
    other.close()
    used(cache, "d", 4)
    assert not kept.exists()
    cache.close()
    assert not list(tmp_path.glob("*.claim"))


def test_the_claim_of_a_killed_run_is_void(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path\n"
        "from test_cache_quota import *\n"
        "cache = FrameCache(Path(sys.argv[1])); cache.reserve([video('a')], CLIP); cache.frames(video('a'), CLIP)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent)], check=False)
    assert len(list(tmp_path.glob("*.claim"))) == 1
    cache = FrameCache(tmp_path, SIZE)
    cache.reserve([video("b")], CLIP)
    cache.frames(video("b"), CLIP)
    assert len(list(tmp_path.glob("*.npy"))) == 1
    cache.close()


def test_an_old_partial_file_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    new, old = tmp_path / ".x.01234567.part.npy", tmp_path / ".y.01234567.part.npy"
    new.touch()
    old.touch()
    os.utime(old, (1, 1))
    FrameCache(tmp_path, SIZE).frames(video("a"), CLIP)
    assert new.exists()
    assert not old.exists()


def test_processes_that_build_at_once_under_a_limit_all_get_their_frames(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path\n"
        "from test_cache_quota import *\n"
        "cache = FrameCache(Path(sys.argv[1]), 4 * SIZE)\n"
        "for _ in range(10):\n"
        "    for name in sys.argv[3]:\n"
        "        assert (cache.frames(video(name), CLIP)[3:6] == ord(name)).all()\n"
    )
    folder = str(Path(__file__).parent)
    jobs = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), folder, names], stderr=subprocess.PIPE)
        for names in ("abcdef", "fedcba")
    ]
    for job in jobs:
        _, said = job.communicate(timeout=120)
        assert job.returncode == 0, said.decode()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.npy")) <= 4 * SIZE
    assert not list(tmp_path.glob(".*.part*"))


def test_a_temporary_cache_stores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "cache"))
    with open_cache(keep=False) as cache:
        assert len(cache.frames(video("a"), CLIP)[:]) == 10
        assert len(list(tmp_path.glob("vadkit-frames-*/*.npy"))) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(VadkitError, match="exclude each other"), open_cache(keep=False, limit="1GB"):
        pass


def test_sizes_may_have_units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert bytes_of("50GB") == 50_000_000_000
    assert bytes_of("1.5 GiB") == 3 << 29
    for wrong in ("fifty", "-1", "0", ""):
        with pytest.raises(VadkitError, match=r"--cache-limit: '.*' is not a size"):
            bytes_of(wrong)
    monkeypatch.setenv("VADKIT_CACHE_LIMIT", "much")
    with pytest.raises(VadkitError, match="VADKIT_CACHE_LIMIT"), open_cache():
        pass
