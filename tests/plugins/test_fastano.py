"""FastAno against the sizes of its published code, and its changes of patches by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vadkit.api import ClipSpec, LatentSpec, ShapeError, TrainingClip
from vadkit_baselines.fastano import FastAnoDecoder, FastAnoEncoder, PatchTransform

PAPER = ClipSpec(6, 240, 360, "gray", input=(0, 5), target=(5, 6))
SMALL = ClipSpec(6, 20, 16, "gray", input=(0, 5), target=(5, 6))


def test_it_has_the_sizes_of_the_published_code() -> None:
    with torch.device("meta"):
        encoder = FastAnoEncoder(PAPER)
        decoder = FastAnoDecoder(encoder.latents, PAPER)
        assert decoder(encoder(torch.empty(1, 1, 5, 240, 360))).shape == (1, 1, 1, 240, 360)
    assert encoder.latents["code"] == LatentSpec(256, 1, 30, 45)
    down = (27 * 1 + 1) * 64 + (27 * 64 + 1) * 128 + (27 * 128 + 1) * 256
    assert sum(p.numel() for p in encoder.parameters()) == down
    up = (8 * 256 + 1) * 128 + (48 * 256 + 1) * 64 + 4 * 128 + 1
    assert sum(p.numel() for p in decoder.parameters()) == up


def test_a_patch_is_rotated_or_shuffled_and_the_target_stays() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 20, 16, 1), np.uint8)
    clip = TrainingClip(frames, lambda start, stop, step: frames[start:stop:step], start=0, length=6)
    change = PatchTransform(SMALL, side=6, margin=4)
    mixed = 0
    for seed in range(20):
        found = change(clip, np.random.default_rng(seed)).frames
        assert np.array_equal(found[5], frames[5])
        rows, columns = np.nonzero((found != frames).any((0, 3)))
        assert 4 <= rows.min() <= rows.max() < 16
        assert max(np.ptp(rows), np.ptp(columns)) < 6
        within = np.array_equal(np.sort(found.reshape(6, -1), 1), np.sort(frames.reshape(6, -1), 1))  # each frame
        across = np.array_equal(np.sort(found, 0), np.sort(frames, 0))  # each place
        assert within != across
        mixed += across
    assert 5 < mixed < 15
    assert PatchTransform(SMALL, side=6, margin=4, probability=0)(clip, np.random.default_rng(0)) is clip


def test_other_clips_are_refused() -> None:
    with pytest.raises(ShapeError, match="needs 5 or 6 input frames"):
        FastAnoEncoder(ClipSpec(4, 16, 24))
    with pytest.raises(ShapeError, match="does not fit into 20x16"):
        PatchTransform(SMALL)
    clip = ClipSpec(6, 16, 24, "gray")
    encoder = FastAnoEncoder(clip, channels=(4, 4, 8))
    with pytest.raises(ShapeError, match="to one target frame"):
        FastAnoDecoder(encoder.latents, clip)
