"""Draws docs/images/overview.png, the picture in README.md, from a finished run of quickstart.

    python docs/readme_picture.py runs/quickstart

It shows one frame of a test video of the built-in scene, the anomaly map of the trained model over this
frame, and the score of every frame of the video. Nothing is drawn by hand: all values come from the run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import vadkit
from vadkit.api import VideoResult, intervals_of
from vadkit.data.tools import open_target

OUT = Path(__file__).parent / "images" / "overview.png"
SCORE, ABNORMAL, GRAY = "#D55E00", "#f4b6b6", "#777777"  # as in the run's own figures


def anomaly_map(run: vadkit.Run, frames: NDArray[np.uint8], frame: int) -> NDArray[np.float32]:
    """Absolute reconstruction error of one frame, averaged over all windows that contain it.

    Args:
        run: the finished run.
        frames: the video, (F, H, W, C).
        frame: index of the frame.

    Returns:
        (H, W), in intensities from -1 to 1.
    """
    model = run.pipeline()
    length, stride = run.recipe.data.clip.frames, run.recipe.engine.score_stride
    last = len(frames) - length
    starts = sorted({*range(0, last, stride), last})
    pixels = torch.from_numpy(frames).permute(3, 0, 1, 2).float() / 127.5 - 1  # (C, F, H, W)
    errors: list[torch.Tensor] = []
    with torch.inference_mode():
        for start in starts:
            if start <= frame < start + length:
                clip = pixels[None, :, start : start + length]  # (1, C, T, H, W)
                output = model(clip.to(next(model.parameters()).device)).output  # (B, C, T, H, W)
                errors.append((output.cpu() - clip).abs()[0, :, frame - start].mean(0))
    return torch.stack(errors).mean(0).numpy()


def draw(run: vadkit.Run, name: str, frame: int | None) -> Figure:
    """The picture.

    Args:
        run: the finished run.
        name: of the test video.
        frame: its index; None takes the abnormal frame with the highest score.
    """
    videos = {video.name: video for video in run.evaluate().videos}
    references = open_target(str(run.path / "recipe.yaml")).dataset.videos("test")
    (source,) = (video.source for video in references if video.name == name)
    assert callable(source), "the built-in scene is drawn in code"
    video = videos[name]
    frames = source(0, video.fused.size)  # (F, H, W, C)
    if frame is None:
        assert video.labels is not None, "the built-in scene has labels"
        frame = int(np.argmax(np.where(video.labels, video.fused, -np.inf)))
    error = anomaly_map(run, frames, frame)

    figure = Figure(figsize=(8.4, 4.9), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(2, 2, height_ratios=(1.75, 1))
    left, right, below = (figure.add_subplot(part) for part in (grid[0, 0], grid[0, 1], grid[1, :]))
    for axes, title in ((left, f"frame {frame} of {name}"), (right, "its anomaly map")):
        axes.imshow(frames[frame, ..., 0], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=11, loc="left")
        axes.set_axis_off()
    share = np.clip(error / error.max(), 0, 1)
    right.imshow(share, cmap="inferno", alpha=np.clip(1.6 * share, 0, 0.9), vmin=0, vmax=1, interpolation="bilinear")
    curve(below, video, frame)
    return figure


def curve(axes: Axes, video: VideoResult, frame: int) -> None:
    """The score over time, the abnormal frames shaded, the frame of the pictures above marked."""
    assert video.labels is not None
    for index, (start, stop) in enumerate(intervals_of(video.labels)):
        label = "" if index else "abnormal (ground truth)"
        axes.axvspan(start - 0.5, stop - 0.5, color=ABNORMAL, alpha=0.6, linewidth=0, label=label)
    axes.plot(video.fused, color=SCORE, linewidth=1.8, label="anomaly score")
    axes.axvline(frame, color=GRAY, linestyle="--", linewidth=1, label="the frame above")
    axes.plot([frame], [video.fused[frame]], "o", color=SCORE, markersize=6)
    axes.set_xlim(-0.5, video.fused.size - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("frame")
    axes.set_ylabel("anomaly score")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def main() -> None:
    """Read the run folder and the choice of the frame, write the picture."""
    parser = argparse.ArgumentParser(description="Draw docs/images/overview.png from a quickstart run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--video", default="test_00")
    parser.add_argument("--frame", type=int)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    draw(vadkit.load_run(options.run), options.video, options.frame).savefig(options.out, dpi=120)


if __name__ == "__main__":
    main()
