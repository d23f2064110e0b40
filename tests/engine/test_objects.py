"""A run with the boxes of objects: samples inside boxes, from the files to the scores and the maps."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tiny_runs import TINY
from toys import registry

import vadkit
from vadkit.api import ClipOutputs, ClipSpec, FeatureSpec, Grid, LatentSpec, Samples, ShapeError, Split
from vadkit.core.errors import VadkitError
from vadkit.engine.dry_run import dry_run
from vadkit.recipe.loading import read_recipe
from vadkit.store.input_files import records_of
from vadkit.store.run_folder import stage_digests
from vadkit_datasets.walkway.synthetic_video import SyntheticVideo
from vadkit_motion.object_velocity import ObjectVelocity
from vadkit_standard.scorers import NLL

SIZE = (32, 48)
CLIP = ClipSpec(2, *SIZE, "gray", flow=8.0)


def write(folder: Path, split: Split, videos: int, frames: int = 24) -> Path:
    """The boxes of the abnormal objects, and in each frame that of a place where people walk; no box in frame 5."""
    lines = ["video,frame,x,y,w,h"]
    for index in range(videos):
        name, film = f"{split}_{index:02d}", SyntheticVideo(split, index, *SIZE, frames, 0)
        lines += [f"{name},{frame},4,16,20,14" for frame in range(frames) if frame != 5]
        for track in film.tracks() if split == "test" else ():
            lines += [f"{name},{at},{x0},{y0},{x1 - x0},{y1 - y0}" for at, (x0, y0, x1, y1) in track.boxes.items()]
    path = folder / f"{split}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    folder = tmp_path_factory.mktemp("objects")
    recipe = copy.deepcopy(TINY)
    del recipe["model"]
    recipe["data"] |= {
        "train_videos": 3,
        "frames": 24,
        "stride": 2,
        "held_out": 0.3,
        "clip": {"frames": 2, "size": list(SIZE), "color": "gray", "flow": 8},
        "boxes": {"train": str(write(folder, "train", 3)), "test": str(write(folder, "test", 2)), "most": 4},
    }
    (folder / "scale.txt").write_text("2.0")
    crops = {"use": "object_crops", "encoder": {"use": "scaled", "weights": str(folder / "scale.txt")}}
    recipe["densities"] = {
        "velocity": {"use": "gmm", "components": 2, "feature": {"use": "object_velocity", "bins": 1}},
        "deep": {"use": "knn", "neighbours": 1, "samples": 100, "feature": crops},
    }
    recipe["scores"] = {name: {"use": "nll", "densities": [name], "pool": "max"} for name in ("velocity", "deep")}
    recipe["fuse"] = {name: {"transform": [{"use": "minmax", "over": "training"}]} for name in ("velocity", "deep")}
    recipe["evaluate"] = {"protocol": "deployable", "metrics": ["micro_auc", "rbdc_tbdc"], "anomaly_maps": "velocity"}
    recipe["engine"] = {"score_stride": 1, "threads": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VADKIT_CACHE", str(folder / "frames"))
        return vadkit.run(recipe, out=folder / "run", registry=registry())


def test_fast_objects_have_the_highest_scores_inside_their_boxes(done: vadkit.Run) -> None:
    assert done.metrics["metrics"]["micro_auc"] > 0.7
    assert done.metrics["metrics"]["rbdc"] > 0.3
    out = done.outputs("test_00")
    boxes, nll = out.latents["boxes"][:, :, 0, 0], out.nll["velocity"][:, 0, 0]  # (N, 4, 4) and (N, 4)
    both = np.flatnonzero(np.isfinite(boxes[:, 0, 1]))
    assert both.size
    window = both[nll[both, 1].argmax()]
    x0, y0, x1, y1 = boxes[window, :, 1]
    heat = out.anomaly_maps["velocity"][window, 1]  # of the frame that the boxes belong to
    assert heat[int(y0) : int(y1), int(x0) : int(x1)].max() == pytest.approx(float(nll[window].max()))
    assert heat[0, 0] == nll[window].min()
    assert np.isnan(out.scores["velocity"][:, 0]).all()  # the flow belongs to the second frame


def test_a_frame_without_boxes_is_quiet(done: vadkit.Run) -> None:
    out = done.outputs("test_00")
    frame = int(np.flatnonzero(out.windows[:, 1] == 5)[0])
    if np.isfinite(out.latents["boxes"][frame, 0, 0, 0, 1]):
        pytest.skip("an abnormal object is there")
    for name in ("velocity", "deep"):
        assert len(set(out.nll[name][frame].ravel().tolist())) == 1
        assert out.scores[name][frame, 1] <= np.nanquantile(out.scores[name], 0.6)


def test_the_files_belong_to_the_run(done: vadkit.Run) -> None:
    files = json.loads((done.path / "manifest.json").read_text())["files"]
    assert {"data.boxes.train", "data.boxes.test", "densities.deep.feature.encoder.weights"} <= set(files)
    assert {path.suffix for path in (done.path / "checkpoints" / "files").iterdir()} == {".csv", ".txt"}


def test_other_boxes_are_another_recipe(done: vadkit.Run) -> None:
    recipe = read_recipe(str(done.path / "recipe.yaml"), (), registry())
    records = records_of(recipe)
    other = records | {"data.boxes.train": replace(records["data.boxes.train"], sha256="0")}
    before, after = (stage_digests(recipe.tree, each) for each in (records, other))
    assert all(before[stage] != after[stage] for stage in before)


def test_new_videos_are_refused(done: vadkit.Run) -> None:
    with pytest.raises(VadkitError, match="needs the boxes of objects from a file, so it cannot score other videos"):
        vadkit.Watch(done.path, registry=registry())
    with pytest.raises(VadkitError, match="have no boxes"):
        done.outputs(np.zeros((4, *SIZE, 1), np.uint8))


def test_a_histogram_has_the_mean_speed_of_its_direction() -> None:
    feature = ObjectVelocity(CLIP, {"boxes": LatentSpec(4, 1, 1, 2)}, bins=4)
    clips = torch.zeros(1, 3, 2, *SIZE)
    clips[0, 1, 1, 8:16, 8:16] = 4 / 8  # four pixels to the right, and one downwards
    clips[0, 2, 1, 8:16, 8:16] = 1 / 8
    clips[0, 2, 1, 8:16, 16:24] = -2 / 8  # two pixels upwards
    boxes = torch.tensor([[8.0, 8, 24, 16], [40, 20, 60, 60]]).T.reshape(1, 4, 1, 1, 2)
    found = feature(clips, {"boxes": boxes})
    assert isinstance(found, Samples)
    assert found.values[0, 0, 0, 0].tolist() == pytest.approx([2.5, 0, 0, 1.0])  # half of the pixels each
    assert found.values[0, 0, 0, 1].tolist() == [0, 0, 0, 0]
    assert feature.spec.frames == ((1, 2),)


def test_features_of_objects_need_boxes_and_flow() -> None:
    with pytest.raises(ShapeError, match="needs the boxes of objects"):
        ObjectVelocity(CLIP, {})
    with pytest.raises(ShapeError, match="needs clips with optical flow"):
        ObjectVelocity(ClipSpec(2, *SIZE, "gray"), {"boxes": LatentSpec(4, 1, 1, 2)})


def test_overlapping_boxes_have_the_higher_value() -> None:
    spec = FeatureSpec((1,), 1, grid=Grid.even(1, 3, 8, 8), objects=True)
    boxes = torch.tensor([[0.0, 0, 4, 4], [2, 2, 8, 8], [torch.nan] * 4]).T.reshape(1, 4, 1, 1, 3)
    clips = torch.zeros(1, 1, 1, 8, 8)
    nll = {"d": torch.tensor([[[[3.0, 5.0, -1.0]]]])}
    out = ClipOutputs(ClipSpec(1, 8, 8, "gray"), clips, clips, None, {"boxes": boxes}, nll, features={"d": spec})
    heat: Any = NLL(densities=["d"], pool="max").anomaly_maps(out)
    assert heat[0, 0, :, 3].tolist() == [3, 3, 5, 5, 5, 5, 5, 5]
    assert heat[0, 0, 0].tolist() == [3, 3, 3, 3, -1, -1, -1, -1]


def test_the_recipe_of_the_docs_checks(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "objects.md").read_text(encoding="utf-8")
    text = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
    recipe = yaml.safe_load(text)
    recipe["data"]["boxes"] = {split: str(write(tmp_path, split, 1, 1)) for split in ("train", "test")}
    (tmp_path / "scale.txt").write_text("2.0")
    recipe["densities"]["deep"]["feature"]["encoder"] = {"use": "scaled", "weights": str(tmp_path / "scale.txt")}
    stages = dry_run(recipe, registry=registry())
    assert stages["density.velocity"].endswith("samples of up to 32 objects per clip")
