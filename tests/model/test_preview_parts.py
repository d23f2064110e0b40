"""What is kept of a video for its preview: every k-th frame, from the window in which it is nearest to the middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vadkit.core.values import ClipOutputs, ClipSpec
from vadkit.model.inference.preview_parts import PartsRecorder
from vadkit.store.previews import PartsWriter, PreviewParts, read_parts


def recorded(
    folder: Path, spec: ClipSpec, frames: int, step: int, *, decoder: bool = True, mapped: int = 0
) -> PreviewParts:
    """Windows at stride 1 in batches of two. The decoder's frame shows the number of its window, as its intensity.

    The first `mapped` frames of a window have no map.
    """
    starts = list(range(frames - spec.span + 1))
    with PartsWriter(folder, "a") as writer:
        recorder = PartsRecorder(writer, spec, frames, step)
        for first in range(0, len(starts), 2):
            batch = starts[first : first + 2]
            output = torch.stack([torch.full((1, spec.target_frames, 16, 16), start / 10 - 1.0) for start in batch])
            clips = torch.zeros(len(batch), *spec.shape)
            out = ClipOutputs(spec, clips, clips[:, :, slice(*spec.target)], output if decoder else None)
            windows = [np.arange(start, start + spec.frames) for start in batch]
            maps = np.stack([np.full((spec.frames, 2, 2), start, np.float32) for start in batch])
            maps[:, :mapped] = np.nan
            recorder.add(windows, out, maps)
        recorder.finish()
    return read_parts(folder, "a")


def windows_shown(parts: PreviewParts) -> list[int]:
    assert parts.outputs is not None
    return [round((frame.mean() / 127.5 - 1 + 1) * 10) for frame in parts.outputs()]


def test_the_decoders_frame_is_that_of_the_middle_of_a_window(tmp_path: Path) -> None:
    parts = recorded(tmp_path, ClipSpec(frames=5, height=16, width=16, color="gray"), frames=12, step=1)
    assert parts.numbers.tolist() == list(range(12))
    assert windows_shown(parts) == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7]


def test_maps_are_means_over_the_windows(tmp_path: Path) -> None:
    parts = recorded(tmp_path, ClipSpec(frames=5, height=16, width=16, color="gray"), frames=12, step=3)
    assert parts.numbers.tolist() == [0, 3, 6, 9]
    assert parts.maps is not None
    wanted = [0, 1.5, 4, 6]  # windows 0; 0 to 3; 2 to 6; 5 to 7
    assert np.abs(parts.maps[:, 0, 0] - wanted).max() <= 6 / 255
    assert windows_shown(parts) == [0, 1, 4, 7]


def test_a_frame_that_is_never_predicted_is_black(tmp_path: Path) -> None:
    spec = ClipSpec(frames=5, height=16, width=16, color="gray", input=(0, 4), target=(4, 5))
    parts = recorded(tmp_path, spec, frames=10, step=2)
    assert windows_shown(parts)[:2] == [0, 0]  # frames 0 and 2
    assert windows_shown(parts)[3:] == [2, 4]  # frames 6 and 8, predicted by windows 2 and 4


def test_without_a_decoder_there_are_only_maps(tmp_path: Path) -> None:
    parts = recorded(tmp_path, ClipSpec(frames=5, height=16, width=16, color="gray"), 12, 1, decoder=False)
    assert parts.outputs is None
    assert parts.maps is not None


def test_a_video_of_which_no_kept_frame_has_a_map_has_none(tmp_path: Path) -> None:
    parts = recorded(tmp_path, ClipSpec(frames=5, height=16, width=16, color="gray"), frames=6, step=10, mapped=4)
    assert parts.numbers.tolist() == [0]
    assert parts.maps is None
