"""Speed of the feature `optical_flow`, on one CPU core.

    python benchmarks/motion.py
    python benchmarks/motion.py --size 360 640 --frames 200

Textured squares of 24 to 60 pixels move over a still, noisy ground at up to 6 pixels per frame. The program reads
clips of 7 frames in the order of a video, as scoring does, at strides of 1 and 5, and prints the frames of video per
second: conversion of the clip, flow, sums over windows and statistics. The last column is the flow alone.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vadkit.api import optical_flow
from vadkit.core.values import ClipSpec
from vadkit.video.clips import to_clips
from vadkit_motion import windows
from vadkit_motion.optical_flow import OpticalFlow

PRESETS = ("ultrafast", "fast", "balanced", "medium")


def video(frames: int, height: int, width: int) -> NDArray[np.uint8]:
    """Frames (F, H, W, 1) with ten moving squares."""
    random = np.random.default_rng(0)
    ground = cv2.GaussianBlur(random.uniform(60, 160, (height, width)).astype(np.float32), (7, 7), 0)
    squares = []
    for _ in range(10):
        side = int(random.integers(24, min(60, height // 2)))
        texture = cv2.GaussianBlur(random.uniform(0, 255, (side, side)).astype(np.float32), (5, 5), 0)
        squares.append((texture, random.uniform(0, [height, width]), random.uniform(-6, 6, 2)))
    made = np.empty((frames, height, width, 1), np.uint8)
    for number in range(frames):
        frame = ground + random.normal(0, 1, ground.shape).astype(np.float32)
        for texture, start, speed in squares:
            side = len(texture)
            top, left = ((start + number * speed) % (np.array([height, width]) - side)).astype(int)
            frame[top : top + side, left : left + side] = texture
        made[number, ..., 0] = frame.clip(0, 255)
    return made


def frames_per_second(frames: NDArray[np.uint8], preset: str, stride: int) -> float:
    """Score clips in order, and return the new frames of video per second."""
    _, height, width, _ = frames.shape
    clip = ClipSpec(7, height, width, "gray")
    feature = OpticalFlow(clip, {}, preset=preset, statistics=["speed", "energy"], position=True)  # pyright: ignore
    windows._KEPT.clear()
    began = time.perf_counter()
    for start in range(0, len(frames) - clip.frames + 1, stride):
        feature(to_clips([frames[start : start + clip.frames]], clip), {})
    return (len(frames) - clip.frames + 1) / (time.perf_counter() - began)


def flow_alone(frames: NDArray[np.uint8], preset: str) -> float:
    """Pairs of frames per second."""
    began = time.perf_counter()
    with optical_flow(preset) as flow:  # pyright: ignore[reportArgumentType]
        for start in range(len(frames) - 2):
            flow(frames[start, ..., 0], frames[start + 2, ..., 0])
    return (len(frames) - 2) / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(240, 360), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--repeat", type=int, default=3, help="the fastest of so many passes counts")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    frames = video(chosen.frames, *chosen.size)
    print(f"{chosen.size[0]}x{chosen.size[1]}, {chosen.frames} frames, one core; frames of video per second")
    print(f"{'preset':<10} {'stride 1':>9} {'stride 5':>9} {'flow alone':>11}")
    for preset in PRESETS:
        one, five = (max(frames_per_second(frames, preset, n) for _ in range(chosen.repeat)) for n in (1, 5))
        alone = max(flow_alone(frames, preset) for _ in range(chosen.repeat))
        print(f"{preset:<10} {one:>9.1f} {five:>9.1f} {alone:>11.1f}")


if __name__ == "__main__":
    main()
