"""Scores a video with an exported model, without vadkit: python score_with_onnx.py FOLDER VIDEO SCORES.csv."""

import json
import sys
from pathlib import Path

import av
import numpy as np
import onnxruntime
from PIL import Image

folder, path, out = sys.argv[1:]
about = json.loads(Path(folder, "model.json").read_text(encoding="utf-8"))
frames, clip, alarms = about["frames"], about["clip"], about["alarms"]
model = onnxruntime.InferenceSession(Path(folder, "model.onnx"))

video, seconds = [], []
for picture in av.open(path).decode(video=0):
    image = picture.to_image().convert("L" if frames["color"] == "gray" else "RGB")
    image = image.resize((frames["width"], frames["height"]), Image.Resampling.BILINEAR)
    video.append(np.asarray(image).reshape(frames["height"], frames["width"], -1))
    seconds.append(picture.time)
seconds = np.subtract(seconds, seconds[0])

found = [[] for _ in video]  # the scores of each frame, one for each clip that contains it
last = len(video) - clip["span"]
for start in {*range(0, last, clip["stride"]), last}:
    at = range(start, start + clip["span"], clip["step"])
    [[scores]] = model.run(["score"], {"frames": np.stack([video[frame] for frame in at])[None]})
    for frame, score in zip(at, scores, strict=True):
        found[frame].append(score)
total, clips = np.array([(np.nanmean(each), len(each)) for each in found]).T
high = np.flatnonzero((total >= alarms["threshold"]) & (clips >= alarms["min_windows"]))
for event in filter(len, np.split(high, np.flatnonzero(np.diff(seconds[high]) > alarms["hold_seconds"]) + 1)):
    print(f"{seconds[event[0]]:.2f} s to {seconds[event[-1]]:.2f} s, highest score {total[event].max():.3f}")
np.savetxt(out, np.column_stack([seconds, total]), delimiter=",", header="seconds,score", comments="", fmt="%.6g")
