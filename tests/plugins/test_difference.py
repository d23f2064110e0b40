"""The frame difference against a change made by hand."""

from __future__ import annotations

import pytest
import torch

from vadkit.api import ClipOutputs, ClipSpec, ShapeError
from vadkit_baselines.difference import FrameDifference


def _of(clips: torch.Tensor, spec: ClipSpec) -> ClipOutputs:
    return ClipOutputs(spec=spec, clips=clips, target=clips)


def test_a_changed_patch_scores_in_the_frame_that_it_changes_in_and_in_the_next() -> None:
    spec = ClipSpec(frames=4, height=16, width=24, color="gray")
    clips = torch.zeros(2, 1, 4, 16, 24)
    clips[1, :, 2, 4:8, 8:12] = 0.5  # one clip alone, one frame alone, a whole patch of 4
    scores = FrameDifference(patch=4, step=4)(_of(clips, spec))
    assert scores.shape == (2, 4)
    assert torch.isnan(scores[:, 0]).all()
    assert scores[0, 1:].tolist() == [0.0, 0.0, 0.0]
    assert scores[1, 1:].tolist() == [0.0, 0.5, 0.5]


def test_the_map_shows_where_and_channels_are_averaged() -> None:
    spec = ClipSpec(frames=2, height=16, width=16)
    clips = torch.zeros(1, 3, 2, 16, 16)
    clips[0, 0, 1, 3, 5] = 0.9
    maps = FrameDifference().anomaly_maps(_of(clips, spec))
    assert maps.shape == (1, 2, 16, 16)
    assert torch.isnan(maps[0, 0]).all()
    assert maps[0, 1].nonzero().tolist() == [[3, 5]]
    assert maps[0, 1, 3, 5].item() == pytest.approx(0.3)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least 1 pixel"):
        FrameDifference(step=0)
    single = ClipSpec(frames=1, height=16, width=16)
    with pytest.raises(ShapeError, match="clips of two frames"):
        FrameDifference()(_of(torch.zeros(1, 3, 1, 16, 16), single))
    small = ClipSpec(frames=2, height=8, width=8)
    with pytest.raises(ShapeError, match="does not fit"):
        FrameDifference()(_of(torch.zeros(1, 3, 2, 8, 8), small))
