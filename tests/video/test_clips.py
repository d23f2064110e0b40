"""Clips: numbering, orders, augmentation, and videos shorter than a clip."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vadkit.core.contracts import Augmentation
from vadkit.core.errors import DataError, PluginError
from vadkit.core.values import ClipSpec, TrainingClip
from vadkit.video.augmenter import Augmenter
from vadkit.video.clips import Clips, read_window, to_clips, window_frames, window_starts
from vadkit_standard.augmentations import Brightness, Flip, SkipFrames


def numbered(frames: int, first: int = 0) -> NDArray[np.uint8]:
    """(F, 8, 8, 1): every pixel of frame n is `first` + n."""
    return np.arange(first, first + frames, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(8, 1).repeat(8, 2)


def values(clips: torch.Tensor) -> list[list[int]]:
    """The pixel value of each frame of each clip (C, T, H, W)."""
    return ((clips[:, 0, :, 0, 0] + 1) * 127.5).round().int().tolist()


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 50])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_every_clip_of_every_video_has_one_number(stride: int, step: int) -> None:
    spec = ClipSpec(3, 8, 8, "gray", step=step)
    videos = [("a", numbered(12)), ("b", numbered(spec.span, 50)), ("c", numbered(20, 100))]
    clips = Clips(videos, spec, stride)
    expected = [
        [first + int(start) + step * k for k in range(3)]
        for (name, frames), first in zip(videos, (0, 50, 100), strict=True)
        for start in window_starts(len(frames), spec, stride, video=name)
    ]
    assert len(clips) == len(expected)
    assert values(clips.read(range(len(clips)))) == expected


SPEC = ClipSpec(3, 8, 8, "gray")


def augmenter(*augmentations: Augmentation) -> Augmenter:
    return Augmenter([(f"data.augment.{number}", each) for number, each in enumerate(augmentations)])


def many(**options: object) -> Clips:
    videos = [(f"{n}", numbered(10 + 40 * (n == 0))) for n in range(4)]
    return Clips(videos, ClipSpec(3, 8, 8, "gray"), scenes=["big", "small", "small", "tiny"], **options)  # pyright: ignore


def test_random_order_is_the_permutation_of_older_versions() -> None:
    assert many().order(7, 2).tolist() == np.random.default_rng([7, 2]).permutation(72).tolist()


def test_sequential_order() -> None:
    assert many(sampling="sequential").order(7, 2).tolist() == list(range(72))


def test_scenes_have_equal_shares() -> None:
    clips = many(sampling="scene")
    order = clips.order(7, 2)
    assert len(order) == len(clips) == 48 + 3 * 8
    scene = np.repeat([0, 1, 2], [48, 16, 8])[order]
    assert np.bincount(scene).tolist() == [24, 24, 24]
    assert all(sorted(scene[first : first + 3]) == [0, 1, 2] for first in range(0, 72, 3))
    times = Counter(order.tolist())
    assert {times[n] for n in range(48)} == {0, 1}  # no clip of the large scene occurs twice
    assert {times[n] for n in range(48, 64)} == {1, 2}
    assert {times[n] for n in range(64, 72)} == {3}
    assert order.tolist() == clips.order(7, 2).tolist() != clips.order(7, 3).tolist()


@pytest.mark.parametrize("sampling", ["random", "sequential", "scene"])
def test_an_epoch_can_start_at_any_batch(sampling: str) -> None:
    clips = many(sampling=sampling, augmenter=augmenter(Flip(SPEC), Brightness(SPEC, amount=0.3)))
    whole = [batch.clips for batch in clips.batches(5, seed=1, epoch=3)]
    rest = [batch.clips for batch in clips.batches(5, seed=1, epoch=3, start=6)]
    assert sum(map(len, whole)) == len(clips)
    assert all(torch.equal(a, b) for a, b in zip(whole[6:], rest, strict=True))
    early = [batch.clips for batch in clips.batches(5, seed=1, epoch=3, start=6, ahead=True)]
    assert all(torch.equal(a, b) for a, b in zip(early, rest, strict=True))
    assert list(clips.batches(5, seed=1, epoch=3, start=99, ahead=True)) == []
    left = clips.batches(5, seed=1, epoch=3, ahead=True)
    assert torch.equal(next(left).clips, whole[0])
    left.close()  # pyright: ignore


def test_pixels_are_scaled_as_in_older_versions() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    expected = torch.from_numpy(every).permute(3, 0, 1, 2).float() / 127.5 - 1
    assert torch.equal(to_clips([every], ClipSpec(1, 16, 16, "gray"))[0], expected)
    colour = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    expected = torch.from_numpy(colour).permute(3, 0, 1, 2).float() / 127.5 - 1
    assert torch.equal(to_clips([colour, colour], ClipSpec(4, 5, 6))[1], expected)


NOISE = np.random.default_rng(0).integers(0, 256, (40, 8, 9, 3), dtype=np.uint8)
WIDE = ClipSpec(3, 8, 9)


@pytest.mark.parametrize(
    ("flip", "brightness", "digest"),
    [(0.5, 0.3, "dfc6ec7a4f773410"), (0.5, 0.0, "70291edcb127a7a1"), (0.0, 0.3, "9fa3c414a8624a40")],
)
def test_flip_and_brightness_give_the_clips_of_older_versions(flip: float, brightness: float, digest: str) -> None:
    """The digests are from the code before augmentations were components."""
    both = augmenter(Flip(WIDE, probability=flip), Brightness(WIDE, amount=brightness))
    clips = Clips([("v", NOISE)], WIDE, augmenter=both)
    found = clips.read_augmented(range(38), seed=3, epoch=2).clips
    assert hashlib.sha256(found.numpy().tobytes()).hexdigest()[:16] == digest


def test_augmentation_depends_on_seed_epoch_and_clip_and_skips_calibration() -> None:
    plain = Clips([("v", NOISE)], WIDE)
    clips = Clips([("v", NOISE)], WIDE, augmenter=augmenter(Flip(WIDE)))
    numbers = list(range(38))
    one = augmented(clips, numbers)
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(one, plain.read(numbers), strict=True)]
    assert 8 < sum(mirrored) < 30
    assert all(m or torch.equal(a, b) for m, a, b in zip(mirrored, one, plain.read(numbers), strict=True))
    assert torch.equal(one[5:9], augmented(clips, [5, 6, 7, 8]))
    assert not torch.equal(one, augmented(clips, numbers, epoch=1))
    assert not torch.equal(one, augmented(clips, numbers, seed=1))
    assert torch.equal(clips.read(numbers), plain.read(numbers))
    assert torch.equal(augmented(plain, numbers), plain.read(numbers))


def augmented(clips: Clips, numbers: list[int], *, seed: int = 0, epoch: int = 0) -> torch.Tensor:
    return clips.read_augmented(numbers, seed=seed, epoch=epoch).clips


def test_pseudo_anomalies_have_a_tag_and_change_no_window() -> None:
    videos = [("a", numbered(40)), ("b", numbered(15, 100))]
    plain = Clips(videos, SPEC)
    clips = Clips(videos, SPEC, augmenter=augmenter(SkipFrames(SPEC, probability=0.5, steps=[2, 4, 8])))
    assert len(clips) == len(plain)
    batch = clips.read_augmented(range(len(clips)), seed=0, epoch=0)
    found = values(batch.clips)
    assert found == values(clips.read_augmented(range(len(clips)), seed=0, epoch=0, normal=False).clips)
    distances = [{b - a, c - b} for a, b, c in found]
    assert all(len(each) == 1 for each in distances)
    skipped = [each.pop() for each in distances]
    assert set(skipped[:38]) == {1, 2, 4, 8}
    assert set(skipped[38:]) == {1, 2, 4}  # a step of 8 spans 17 frames, and the second video has 15
    assert [step > 1 for step in skipped] == batch.tags["pseudo"].bool().tolist()
    assert 15 < sum(step > 1 for step in skipped) < 36
    assert all(frames[-1] < 40 for frames in found[:38])
    assert all(100 <= frames[0] < frames[-1] < 115 for frames in found[38:])
    normal = clips.read_augmented(range(len(clips)), seed=0, epoch=0, normal=True)
    assert torch.equal(normal.clips, plain.read(range(len(clips))))
    assert normal.tags == {}


def test_augmentations_that_read_the_video_come_first() -> None:
    spec = ClipSpec(3, 8, 9, "rgb")
    for order in ((0, 1), (1, 0)):
        parts = (Flip(spec, probability=1.0), SkipFrames(spec, probability=1.0, steps=[5]))
        clips = Clips([("v", NOISE)], spec, augmenter=augmenter(*(parts[number] for number in order)))
        expected = to_clips([NOISE[0:11:5, :, ::-1]], spec)
        assert torch.equal(augmented(clips, [0]), expected)


def test_an_augmentation_must_keep_the_shape_and_declare_its_tags() -> None:
    class Cuts(Flip):
        def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
            return replace(clip, frames=clip.frames[1:])

    class Marks(Flip):
        def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
            return replace(clip, tags={"odd": 1.0})

    for wrong, what in ((Cuts(SPEC), r"returns frames \(2, 8, 8, 1\) of uint8"), (Marks(SPEC), "sets the tag odd")):
        clips = Clips([("v", numbered(9))], SPEC, augmenter=augmenter(wrong))
        with pytest.raises(PluginError, match=f"data.augment.0: {what}"):
            augmented(clips, [0])


def test_a_video_shorter_than_a_clip_is_refused_or_repeats_its_last_frame() -> None:
    spec = ClipSpec(4, 8, 8, "gray", step=2)
    for frames in (1, 6):
        with pytest.raises(DataError, match=rf"has {frames} frames?, but a clip spans 7") as caught:
            Clips([("a", numbered(9)), ("b", numbered(frames))], spec)
        assert "data.short: repeat" in caught.value.fix
    clips = Clips([("a", numbered(9)), ("b", numbered(6, 50)), ("c", numbered(1, 90))], spec, short="repeat")
    assert values(clips.read(range(len(clips)))) == [
        *([start, start + 2, start + 4, start + 6] for start in range(3)),
        [50, 52, 54, 55],
        [90, 90, 90, 90],
    ]
    assert window_frames(6, spec, 0).tolist() == [0, 2, 4, 5]
    assert read_window(numbered(6), spec, 0)[:, 0, 0, 0].tolist() == [0, 2, 4, 5]


def test_memory_does_not_grow_with_the_length_of_videos() -> None:
    class Endless:
        shape = (10**9, 8, 8, 1)

        def __len__(self) -> int:
            return 10**9

        def __getitem__(self, where: slice) -> NDArray[np.uint8]:
            return np.full((len(range(*where.indices(10**9))), 8, 8, 1), where.start % 251, np.uint8)

    clips = Clips([("a", numbered(3)), ("b", Endless())], ClipSpec(3, 8, 8, "gray"), 10)  # pyright: ignore
    assert len(clips) == 1 + 10**8 + (10**9 - 3) % 10 // 7
    assert values(clips.read([10**7])) == [[(10**8 - 10) % 251] * 3]
