"""Time and memory of the metrics that read anomaly maps, on synthetic data of growing size.

    python benchmarks/localization.py                     # up to the size of ShanghaiTech
    python benchmarks/localization.py --videos 12 --frames 2010 --size 60

The maps are smooth noise with a blob in front of most anomalies, or random as those of the random scorer. They
are made when a metric reads them, so the seconds and the peak memory of the process include this work.
"""

from __future__ import annotations

import argparse
import resource
import time
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from vadkit.api import Metric, ScoredVideo
from vadkit_standard.localization.pixel_auc import PixelAUC
from vadkit_standard.localization.region_criteria import RegionCriteria

RESAMPLES = 1000
ABNORMAL_SHARE = 0.42  # share of abnormal frames, as in ShanghaiTech


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description="Time and memory of RBDC, TBDC and pixel AUC.")
    parser.add_argument("--videos", type=int, default=107)
    parser.add_argument("--frames", type=int, default=40791, help="of all videos together")
    parser.add_argument("--size", type=int, default=64, help="height and width of a map")
    parser.add_argument("--mask", type=int, nargs=2, default=(120, 214), help="height and width of a mask")
    parser.add_argument("--blur", type=float, default=2.0, help="of the smooth maps, in pixels")
    arguments = parser.parse_args()
    size, mask = (arguments.size, arguments.size), tuple(arguments.mask)
    noise = np.random.default_rng(0).normal(size=(512, *size)).astype(np.float32)
    smooth = gaussian_filter(noise, (0, arguments.blur, arguments.blur))
    pools = {"smooth": smooth / smooth.std(), "random": None}
    print(f"{'maps':7} {'frames':>7} {'metric':15} {'s':>7} {'resamples s':>12} {'peak MiB':>9}  value")
    for share in (0.25, 0.5, 1.0):
        videos = max(1, round(arguments.videos * share))
        frames = round(arguments.frames * share)
        for name, pool in pools.items():
            scored = [make_video(index, frames // videos, size, mask, pool) for index in range(videos)]
            for metric in (RegionCriteria(), PixelAUC()):
                report(f"{name:7} {frames // videos * videos:7}", metric, scored)


def make_video(
    index: int, frames: int, size: tuple[int, int], mask: tuple[int, ...], pool: NDArray[np.float32] | None
) -> ScoredVideo:
    """Make a video with one anomaly; without a pool of smooth noise, its maps are random."""
    labels = np.zeros(frames, bool)
    start = frames // 4
    labels[start : start + round(frames * ABNORMAL_SHARE)] = True
    anomaly_maps = partial(make_maps, index, labels, size, pool)
    return ScoredVideo(
        str(index), np.zeros(frames), labels, anomaly_maps=anomaly_maps, masks=partial(make_masks, index, labels, mask)
    )


def path(index: int, frames: int, size: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Upper left corner of an object that crosses the frame; the object is a quarter of the frame high."""
    along = np.linspace(0.05, 0.7, frames)
    return (along * size[0]).astype(int), (np.roll(along, index * 7) * size[1]).astype(int)


def make_maps(
    index: int, labels: NDArray[np.bool_], size: tuple[int, int], pool: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Anomaly maps (F, h, w): random, or smooth noise with a blob in most abnormal frames."""
    random = np.random.default_rng(index)
    if pool is None:
        return random.random((labels.size, *size), dtype=np.float32)
    anomaly_maps = pool[(np.arange(labels.size) + random.integers(len(pool))) % len(pool)] * np.float32(
        random.uniform(0.7, 1.3)
    )
    top, left = path(index, labels.size, size)
    for frame in np.flatnonzero(labels & (random.random(labels.size) < 0.8)):
        anomaly_maps[frame, top[frame] : top[frame] + size[0] // 5, left[frame] : left[frame] + size[1] // 8] += 4
    return anomaly_maps


def make_masks(index: int, labels: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Masks (F, H, W) of the object in the abnormal frames."""
    masks = np.zeros((labels.size, *size), bool)
    top, left = path(index, labels.size, size)
    for frame in np.flatnonzero(labels):
        masks[frame, top[frame] : top[frame] + size[0] // 4, left[frame] : left[frame] + size[1] // 8] = True
    return masks


def report(label: str, metric: Metric, videos: list[ScoredVideo]) -> None:
    """Measure one metric and print its row of the table."""
    random = np.random.default_rng(0)
    draws = random.multinomial(len(videos), np.full(len(videos), 1 / len(videos)), size=RESAMPLES)
    start = time.perf_counter()
    measure = metric.resampled(videos)
    values = measure(np.ones(len(videos), np.int64))
    measured = time.perf_counter()
    for times in draws:
        measure(times)
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = ", ".join(f"{key} {value:.4f}" for key, value in values.items())
    name = type(metric).__name__
    print(f"{label} {name:15} {measured - start:7.2f} {end - measured:12.2f} {peak:9.0f}  {text}", flush=True)


if __name__ == "__main__":
    main()
