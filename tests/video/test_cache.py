"""The frame cache: built once, rebuilt if stale or damaged, and equal for every source."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import filmed
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.errors import DataError, RunFolderError
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.video.cache import FrameCache, default_cache, fingerprint

CLIP = ClipSpec(4, 16, 24)


class Drawn:
    """Draws frames, and counts the calls."""

    def __init__(self, clip: NDArray[np.uint8]) -> None:
        self.clip, self.calls = clip, 0

    def __call__(self, start: int, stop: int) -> NDArray[np.uint8]:
        self.calls += 1
        return self.clip[start:stop]


def noise(frames: int = 5, height: int = 48, width: int = 72) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def images(folder: Path, clip: NDArray[np.uint8]) -> VideoRef:
    folder.mkdir(parents=True, exist_ok=True)
    for n, frame in enumerate(clip):
        Image.fromarray(frame).save(folder / f"{n:03d}.png")
    return VideoRef("v", tuple(sorted(folder.iterdir())))


@pytest.fixture(params=["disk", "memory"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "cache" if request.param == "disk" else None)


@pytest.mark.parametrize(("color", "channels"), [("rgb", 3), ("gray", 1)])
def test_shape_and_antialiasing(cache: FrameCache, color: str, channels: int) -> None:
    stripes = np.zeros((5, 48, 72, 3), np.uint8)
    stripes[:, :, ::3] = 255  # one column in three: nearest or plain bilinear sampling would give 0 or 255
    video = VideoRef("v", Drawn(stripes), frames=5, fingerprint="stripes")
    stored = cache.frames(video, replace(CLIP, color=color))
    frames = np.asarray(stored)
    assert stored.shape == frames.shape == (5, 16, 24, channels)
    assert frames.dtype == np.uint8
    np.testing.assert_allclose(frames[:, :, 2:-2], 85, atol=12)


def test_frames_of_the_right_size_are_unchanged(cache: FrameCache) -> None:
    clip = noise(height=16, width=24)
    video = VideoRef("v", Drawn(clip), frames=5, fingerprint="same")
    np.testing.assert_array_equal(cache.frames(video, CLIP), clip)


def test_drawn_once(cache: FrameCache) -> None:
    source = Drawn(noise())
    video = VideoRef("v", source, frames=5, fingerprint="a")
    first, again = cache.frames(video, CLIP), cache.frames(video, replace(CLIP, frames=5, step=2))
    np.testing.assert_array_equal(first, again)
    assert source.calls == 1
    cache.frames(replace(video, fingerprint="b"), CLIP)
    cache.frames(video, replace(CLIP, height=8))
    cache.frames(video, replace(CLIP, color="gray"))
    assert source.calls == 4


def test_disk_and_memory_and_all_sources_give_equal_frames(tmp_path: Path) -> None:
    clip = noise()
    read, drawn = images(tmp_path / "v", clip), VideoRef("v", Drawn(clip), frames=5, fingerprint="a")
    on_disk = FrameCache(tmp_path / "cache").frames(read, CLIP)
    np.testing.assert_array_equal(on_disk, FrameCache(None).frames(drawn, CLIP))


def test_a_second_cache_opens_what_the_first_built(tmp_path: Path) -> None:
    source = Drawn(noise())
    video = VideoRef("v", source, frames=5, fingerprint="a")
    first = FrameCache(tmp_path / "cache").frames(video, CLIP)
    again = FrameCache(tmp_path / "cache").frames(video, CLIP)
    assert source.calls == 1
    np.testing.assert_array_equal(first, again)


def test_a_changed_file_is_read_again(cache: FrameCache, tmp_path: Path) -> None:
    video = images(tmp_path / "v", noise())
    before = np.asarray(cache.frames(video, CLIP))
    assert isinstance(video.source, tuple)
    changed = video.source[2]
    Image.fromarray(255 - noise()[2]).save(changed)
    os.utime(changed, ns=(0, 0))
    after = np.asarray(cache.frames(video, CLIP))
    assert [bool((a == b).all()) for a, b in zip(before, after, strict=True)] == [True, True, False, True, True]


def test_another_version_of_the_decoder_reads_a_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filmed.write(tmp_path / "v.mkv", noise(), "ffv1", "bgr0")
    drawn = Drawn(noise())
    videos = [
        images(tmp_path / "v", noise()),
        VideoRef("f", tmp_path / "v.mkv"),
        VideoRef("d", drawn, 5, fingerprint="a"),
    ]

    def stored() -> int:
        cache = FrameCache(tmp_path / "cache")
        for video in videos:
            cache.frames(video, CLIP)
        return len(list((tmp_path / "cache").glob("*.npy")))

    assert stored() == stored() == 3
    monkeypatch.setattr("av.library_versions", {"libavcodec": (0, 0, 1)})
    assert stored() == 4
    monkeypatch.setattr("PIL.__version__", "0.0.1")
    assert stored() == 5
    assert drawn.calls == 1


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_times_are_stored_if_the_frame_rate_varies(cache: FrameCache, tmp_path: Path, suffix: str) -> None:
    frames = filmed.noise(1).repeat(400, axis=0)
    video = VideoRef("v", filmed.write(tmp_path / f"v{suffix}", frames, "libx264", times=filmed.VARYING))
    assert len(cache.frames(video, CLIP)) == 400
    times = cache.times(video, CLIP)
    assert times is not None
    np.testing.assert_allclose(times, np.array(filmed.VARYING) / 1000, atol=1e-3)
    assert cache.times(replace(video, time_stamps=False), CLIP) is None
    even = VideoRef("even", filmed.write(tmp_path / f"even{suffix}", frames[:50], "libx264"))
    cache.frames(even, CLIP)
    assert cache.times(even, CLIP) is None
    assert cache.damages(even, CLIP) == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:70],
        lambda whole: whole + b"x",
        lambda whole: b"\x93NUMPY\x01\x00" + whole[8:40].replace(b"'", b"(") + whole[40:],
        lambda whole: b"garbage" * 100,
    ],
)
def test_damaged_file_is_rebuilt(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    video = VideoRef("v", Drawn(noise()), frames=5, fingerprint="a")
    cache = FrameCache(tmp_path)
    expected = np.array(cache.frames(video, CLIP))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(damage(whole))
    np.testing.assert_array_equal(cache.frames(video, CLIP), expected)
    assert file.read_bytes() == whole


def test_builders_at_the_same_time_agree_and_leave_one_file(tmp_path: Path) -> None:
    video = images(tmp_path / "v", noise(20))
    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda _: FrameCache(tmp_path / "cache").frames(video, CLIP), range(4)))
    assert all(np.array_equal(built[0], other) for other in built)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_an_unusable_video_leaves_no_files(tmp_path: Path) -> None:
    video = images(tmp_path / "v", noise())
    assert isinstance(video.source, tuple)
    Image.fromarray(noise(1, 10, 10)[0]).save(video.source[3])
    with pytest.raises(DataError, match="frame 3 is 10x10"):
        FrameCache(tmp_path / "cache").frames(video, CLIP)
    assert list((tmp_path / "cache").iterdir()) == []


def test_damage_is_stored_with_the_frames(cache: FrameCache, tmp_path: Path) -> None:
    video = images(tmp_path / "v", noise())
    assert isinstance(video.source, tuple)
    cache.frames(video, CLIP)
    assert cache.damages(video, CLIP) == ()
    video.source[3].write_bytes(b"\0broken")
    for again in (cache, FrameCache(cache.folder)):
        frames = np.asarray(again.frames(video, CLIP))
        np.testing.assert_array_equal(frames[3], frames[2])
        [damage] = again.damages(video, CLIP)
        assert (damage.first, damage.last) == (3, 3)
    Image.fromarray(noise()[3]).save(video.source[3])
    cache.frames(video, CLIP)
    assert cache.damages(video, CLIP) == ()


def test_letterbox_keeps_proportions_between_black_bars(cache: FrameCache) -> None:
    white = np.full((5, 40, 40, 3), 255, np.uint8)
    video = VideoRef("v", Drawn(white), frames=5, fingerprint="white")
    stretched, boxed = (np.asarray(cache.frames(video, replace(CLIP, resize=how))) for how in ("stretch", "letterbox"))
    assert stretched.min() == 255
    assert boxed.shape == stretched.shape
    columns = boxed[0, 8, :, 0]
    assert columns.tolist() == [0] * 4 + [255] * 16 + [0] * 4


def test_indexing_reads_the_selected_frames(tmp_path: Path) -> None:
    clip = noise(20, 16, 24)
    frames = FrameCache(tmp_path).frames(VideoRef("v", Drawn(clip), frames=20, fingerprint="a"), CLIP)
    for where in (slice(3, 9), slice(2, 19, 4), slice(None), slice(18, 40), slice(9, 2), slice(None, None, -3), 7, -1):
        np.testing.assert_array_equal(frames[where], clip[where])
    with pytest.raises(IndexError):
        frames[20]


def test_frames_removed_by_another_process_are_built_again(tmp_path: Path) -> None:
    source = Drawn(noise(height=16, width=24))
    frames = FrameCache(tmp_path).frames(VideoRef("v", source, frames=5, fingerprint="a"), CLIP)
    [file] = tmp_path.iterdir()
    file.unlink()
    np.testing.assert_array_equal(frames[2:4], source.clip[2:4])
    assert source.calls == 2


def test_reading_keeps_no_file_open(tmp_path: Path) -> None:
    here = Path("/proc/self/fd")
    if not here.is_dir():
        pytest.skip("needs /proc")
    cache = FrameCache(tmp_path)
    before = len(list(here.iterdir()))
    all_frames = [
        cache.frames(VideoRef(f"{n}", Drawn(noise(4, 16, 24)), frames=4, fingerprint=f"{n}"), CLIP) for n in range(50)
    ]
    assert all(len(frames[1:3]) == 2 for frames in all_frames)
    assert len(list(here.iterdir())) <= before + 1


def test_a_full_disk_has_an_error_with_a_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    video = VideoRef("v", Drawn(noise()), frames=5, fingerprint="a")
    with pytest.raises(RunFolderError, match="disk is full") as caught:
        FrameCache(tmp_path).frames(video, CLIP)
    assert "VADKIT_CACHE" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_drawn_video_needs_a_fingerprint() -> None:
    with pytest.raises(DataError, match="fingerprint"):
        FrameCache(None).frames(VideoRef("v", Drawn(noise()), frames=5), CLIP)


def test_video_without_frames_is_refused(cache: FrameCache) -> None:
    with pytest.raises(DataError, match="no frames"):
        cache.frames(VideoRef("v", ()), CLIP)


def test_fingerprint_is_independent_of_the_folder_and_changes_with_the_data(tmp_path: Path) -> None:
    here, there = images(tmp_path / "a", noise()), images(tmp_path / "b", noise())
    assert isinstance(there.source, tuple)
    os.utime(there.source[0], ns=(0, 0))
    assert fingerprint([here]) == fingerprint([there])
    assert fingerprint([here]) != fingerprint([replace(here, name="w")])
    there.source[0].write_bytes(there.source[0].read_bytes() + b"x")
    assert fingerprint([here]) != fingerprint([there])
    drawn = VideoRef("v", Drawn(noise()), frames=5, fingerprint="a")
    assert fingerprint([drawn]) != fingerprint([replace(drawn, fingerprint="b")])
    with pytest.raises(DataError, match="does not exist"):
        fingerprint([VideoRef("v", tmp_path / "gone.avi")])


def test_default_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VADKIT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_cache() == tmp_path / ".cache/vadkit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache() == tmp_path / ".cache/vadkit"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg/vadkit"
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "own"))
    assert default_cache() == tmp_path / "own"
