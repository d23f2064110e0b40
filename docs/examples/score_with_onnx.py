"""Scores a video with an exported model, without vadkit: python score_with_onnx.py FOLDER VIDEO [SCORES.npy]."""

import json
import sys
from pathlib import Path

import av
import numpy as np
import onnxruntime

folder, path = Path(sys.argv[1]), sys.argv[2]
about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
frames, clip, alarms, components = (about[key] for key in ("frames", "clip", "alarms", "components"))
model = onnxruntime.InferenceSession(folder / "model.onnx")


def shrink(pixels, size):  # (H, W, C) -> (size, W, C), by the antialiased bilinear filter of Pillow
    scale = len(pixels) / size
    away = np.arange(len(pixels)) + 0.5 - scale * (np.arange(size)[:, None] + 0.5)
    weights = np.maximum(0, 1 - np.abs(away) / max(scale, 1))
    weights = np.round(2**22 * weights / weights.sum(1, keepdims=True))  # Pillow computes with integers
    return np.floor(np.tensordot(weights, pixels, 1) / 2**22 + 0.5)


def prepare(picture):  # a decoded picture -> (H, W, C) at the size of the clip
    pixels = picture.to_ndarray(format="rgb24").astype(int)
    if frames["color"] == "gray":
        pixels = (pixels @ [19595, 38470, 7471] + 32768 >> 16)[..., None]  # ITU-R 601
    wide = shrink(pixels.swapaxes(0, 1), frames["width"]).swapaxes(0, 1)
    return (shrink(wide, frames["height"]) / frames["divide_by"] - frames["subtract"]).astype(np.float32)


seconds, video = map(
    np.stack, zip(*((each.time, prepare(each)) for each in av.open(path).decode(video=0)), strict=True)
)
seconds = seconds - seconds[0]
sums, counts = np.zeros((2, len(components), len(video)))
last, windows = len(video) - clip["span"], np.zeros(len(video))
for start in {*range(0, last + 1, clip["stride"]), last}:
    at = start + clip["step"] * np.arange(clip["frames"])
    found = model.run([each["scores"] for each in components], {"clips": video[at].transpose(3, 0, 1, 2)[None]})
    for row, (each, scores) in enumerate(zip(components, found, strict=True)):
        mean, std = (np.array(each["position"][key], float) for key in ("mean", "std"))
        values = (scores[0] - mean) / std
        sums[row, at] += np.nan_to_num(values)
        counts[row, at] += ~np.isnan(values)
    windows[at] += 1
means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
total = sum(
    each["weight"] * (each["scale"] * mean + each["offset"]) for each, mean in zip(components, means, strict=True)
)
high = np.flatnonzero((total >= alarms["threshold"]) & (windows >= alarms["min_windows"]))
for event in np.split(high, np.flatnonzero(np.diff(seconds[high]) > alarms["hold_seconds"]) + 1):
    if event.size:
        print(f"{seconds[event[0]]:.2f} s to {seconds[event[-1]]:.2f} s, highest score {total[event].max():.3f}")
if sys.argv[3:]:
    np.save(sys.argv[3], total)
