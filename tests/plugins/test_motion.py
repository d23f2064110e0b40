"""Motion on squares that move at known speeds."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from vadkit.api import ClipOutputs, ClipSpec, Samples, ShapeError
from vadkit_motion import windows
from vadkit_motion.energy import MotionEnergy
from vadkit_motion.optical_flow import OpticalFlow

CLIP = ClipSpec(5, 60, 96, "gray")
STATISTICS = ["speed", "share", "energy", "velocity", "directions"]


def clips(right: float, down: float = 0.0, *, frames: int = 5, color: int = 1) -> Tensor:
    """A textured square of 36 x 36 pixels in the middle of a still frame. Speeds in pixels per frame."""
    random = np.random.default_rng(0)
    ground = cv2.GaussianBlur(random.uniform(80, 120, (60, 96)).astype(np.float32), (5, 5), 0)
    square = cv2.GaussianBlur(random.uniform(0, 255, (36, 36)).astype(np.float32), (3, 3), 0)
    video = []
    for frame in range(frames):
        shift = np.array([[1, 0, 26 + right * frame], [0, 1, 12 + down * frame]], np.float32)
        moved = cv2.warpAffine(square, shift, (96, 60))
        cover = cv2.warpAffine(np.ones_like(square), shift, (96, 60))
        video.append((ground * (1 - cover) + moved).round())
    made = torch.from_numpy(np.stack(video)) / 127.5 - 1
    return made[None, None].repeat(1, color, 1, 1, 1)


def samples(feature: OpticalFlow, video: Tensor) -> tuple[Tensor, Tensor]:
    found = feature(video, {})
    assert isinstance(found, Samples)
    assert found.values.shape == (len(video), *feature.spec.axes, *feature.spec.shape)
    return found.values, found.present


def test_a_moving_square_has_its_speed_and_its_direction() -> None:
    feature = OpticalFlow(CLIP, {}, window=12, stride=6, statistics=STATISTICS)
    values, present = samples(feature, clips(1.5))
    inside = values[0, 0, 4, 6]  # rows 24 to 35, columns 36 to 47: always in the square
    assert present[0, 0, 4, 6]
    assert inside[0].item() == pytest.approx(1.5, abs=0.15)
    assert inside[1].item() > 0.95
    assert inside[2].item() == pytest.approx(1.5, abs=0.15)
    assert inside[3:5].tolist() == pytest.approx([1.5, 0.0], abs=0.15)
    assert inside[5].item() > 0.9 * inside[2].item()  # to the right
    assert values[..., 5:].sum(-1) == pytest.approx(values[..., 2], abs=1e-4)
    assert not present[0, 0, 0, 0]


def test_directions_go_clockwise() -> None:
    feature = OpticalFlow(CLIP, {}, window=12, statistics=["directions"], least=0)
    for number, (right, down) in enumerate([(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]):
        found = feature(clips(right, down), {})
        assert isinstance(found, Tensor)
        assert int(found[0, 0].sum((0, 1)).argmax()) == number


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "balanced", "medium"])
def test_every_preset_finds_the_speed(preset: Any) -> None:
    values, _ = samples(OpticalFlow(CLIP, {}, window=12, preset=preset), clips(1.0))
    assert values[0, 0, 4, 6, 0].item() == pytest.approx(1.0, abs=0.3)


def test_the_speed_does_not_depend_on_the_gap() -> None:
    for gap in (1, 2, 4):
        values, _ = samples(OpticalFlow(CLIP, {}, gap=gap, window=12), clips(1.0))
        assert values[0, 0, 4, 6, 0].item() == pytest.approx(1.0, abs=0.15)


def test_nothing_moves_so_there_is_no_sample() -> None:
    _, present = samples(OpticalFlow(CLIP, {}), clips(0.0))
    assert not present.any()
    everywhere = OpticalFlow(CLIP, {}, statistics=["speed", "energy"], least=0)(clips(0.0), {})
    assert isinstance(everywhere, Tensor)
    assert float(everywhere.abs().max()) == 0


def test_colour_counts_as_its_luma() -> None:
    feature = OpticalFlow(CLIP, {}, window=12)
    gray, colour = samples(feature, clips(1.0))[0], samples(feature, clips(1.0, color=3))[0]
    assert gray == pytest.approx(colour, abs=0.05)


def test_a_window_is_the_sum_of_its_pixels() -> None:
    """The windows of integral images against a loop."""
    video = clips(1.5, frames=3)
    feature = OpticalFlow(ClipSpec(3, 60, 96, "gray"), {}, window=13, stride=5, statistics=["share", "energy"], least=0)
    found = feature(video, {})
    assert isinstance(found, Tensor)
    frames = ((video[0, 0] + 1) * 127.5).round().byte().numpy()
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(frames[0], frames[2], None)  # pyright: ignore
    length = np.hypot(flow[..., 0], flow[..., 1])
    length[length <= 0.5] = 0
    grid = feature.spec.grid
    assert grid is not None
    assert (grid.rows, grid.columns) == ((60 - 13) // 5 + 1, (96 - 13) // 5 + 1)
    for row in range(grid.rows):
        for column in range(grid.columns):
            window = length[row * 5 : row * 5 + 13, column * 5 : column * 5 + 13]
            expected = [(window > 0).mean(), window.mean() / 2]
            assert found[0, 0, row, column].tolist() == pytest.approx(expected, abs=1e-5)


def test_neighbouring_clips_share_their_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_KEPT", OrderedDict())
    feature = OpticalFlow(CLIP, {}, window=12)
    video = clips(1.0, frames=7)
    counted: list[Any] = []
    original = feature.sums._sum
    monkeypatch.setattr(feature.sums, "_sum", lambda *given: counted.append(1) or original(*given))
    together = torch.cat([video[:, :, first : first + 5] for first in range(3)])
    values = samples(feature, together)[0]
    assert len(counted) == 5  # the pairs 0-2, 1-3, ..., 4-6
    assert len(windows._KEPT) == 5
    windows._KEPT.clear()
    alone = samples(OpticalFlow(CLIP, {}, window=12), together[2:])[0]
    assert torch.equal(values[2:], alone)


def test_the_kept_sums_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_KEPT", OrderedDict())
    monkeypatch.setattr(windows, "_REMEMBERED", 1)
    video = clips(1.0, frames=9)
    OpticalFlow(CLIP, {}, window=12)(torch.cat([video[:, :, :5], video[:, :, 4:]]), {})
    assert len(windows._KEPT) == 3  # the pairs of one clip


def test_the_position_is_appended() -> None:
    feature = OpticalFlow(CLIP, {}, window=12, position=True)
    values, _ = samples(feature, clips(1.0))
    assert feature.spec.position
    assert values[0, 0, 3, 7, 1:].tolist() == [3.0, 7.0]


def test_opencv_keeps_its_threads_and_is_imported_on_use_only() -> None:
    before = cv2.getNumThreads()
    OpticalFlow(CLIP, {})(clips(1.0), {})
    assert cv2.getNumThreads() == before
    look = (
        "import sys; from vadkit.api import ClipSpec; from vadkit_motion.optical_flow import OpticalFlow; "
        "OpticalFlow(ClipSpec(3, 48, 48), {}); print('cv2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_energy_is_that_of_the_windows_with_most_motion() -> None:
    def of(video: Tensor) -> ClipOutputs:
        return ClipOutputs(CLIP, video, video)

    scorer = MotionEnergy(top=2, window=12)
    assert scorer(of(clips(0.0))).tolist() == [[0.0] * 5]
    assert scorer(of(clips(1.0))) == pytest.approx(torch.full((1, 5), 1.0), abs=0.15)
    assert scorer(of(clips(2.0))).mean() > scorer(of(clips(1.0))).mean()
    maps = scorer.anomaly_maps(of(clips(1.0)))
    assert maps.shape == (1, 5, 60, 96)
    assert maps[0, 0, 30, 46] > 0.8
    assert maps[0, 0, :6, :6].max() == 0


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"gap": 5}, "gap is 5, but a clip has 5 input frames"),
        ({"gap": 0}, "gap must be at least 1"),
        ({"window": 61}, "larger than the frame of 60 x 96"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"gate": -1.0}, "gate must not be negative"),
        ({"least": 1.5}, "least must be between 0 and 1"),
        ({"statistics": []}, "statistics is empty"),
        ({"statistics": ["pace"]}, "choose among: speed, share"),
        ({"statistics": ["speed", "speed"]}, "names one twice"),
    ],
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ShapeError) as error:
        OpticalFlow(CLIP, {}, **keys)
    assert told in str(error.value)


def test_frames_that_are_too_small_are_refused() -> None:
    with pytest.raises(ShapeError, match="too small for optical flow"):
        OpticalFlow(ClipSpec(3, 8, 96), {}, window=8)
    with pytest.raises(ShapeError, match="top must be at least 1"):
        MotionEnergy(top=0)
