"""Masks: what is left out has no effect on training, scores and maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vadkit
from vadkit.api import ClipSpec, DataError
from vadkit.core.errors import RecipeError, VadkitError
from vadkit.data.tools import open_target, preview_dataset
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.scores import read_scores
from vadkit.video.frame_array import HIDDEN, MaskedFrames
from vadkit.video.mask import draw_mask

CLIP = ClipSpec(4, 8, 16, "gray")
RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


def test_polygons_are_shares_of_the_picture() -> None:
    mask = draw_mask(CLIP, None, [RIGHT_HALF])
    expected = np.zeros((8, 16), bool)
    expected[:, 8:] = True
    assert (mask != expected).sum() <= 8  # a polygon's edge belongs to it
    assert mask[:, 8:].all()
    assert set(mask.view(np.uint8).ravel().tolist()) == {0, 1}  # the byte of True is 1, as other libraries expect


def test_the_white_pixels_of_an_image_are_left_out_at_the_clips_size(tmp_path: Path) -> None:
    pixels = np.zeros((80, 160), np.uint8)
    pixels[:40, :40] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    expected = np.zeros((8, 16), bool)
    expected[:4, :4] = True
    np.testing.assert_array_equal(draw_mask(CLIP, tmp_path / "mask.png", []), expected)
    both = draw_mask(CLIP, tmp_path / "mask.png", [RIGHT_HALF])
    assert both[:4, :4].all()
    assert both[:, 9:].all()


@pytest.mark.parametrize(("value", "what"), [(0, "leaves out nothing"), (255, "leaves out everything")])
def test_a_mask_of_nothing_or_everything_is_refused(tmp_path: Path, value: int, what: str) -> None:
    Image.fromarray(np.full((8, 16), value, np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=what):
        draw_mask(CLIP, tmp_path / "mask.png", [])


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"mask\.png"):
        draw_mask(CLIP, tmp_path / "mask.png", [])


def test_masked_frames_read_like_frames_and_leave_the_originals() -> None:
    frames = np.full((5, 8, 16, 1), 200, np.uint8)
    mask = draw_mask(CLIP, None, [RIGHT_HALF])
    hidden = MaskedFrames(frames, mask)
    for found in (hidden[1:3], np.asarray(hidden), hidden[4][None]):
        assert (found[:, mask] == HIDDEN).all()
        assert (found[:, ~mask] == 200).all()
    assert (len(hidden), hidden.shape) == (5, frames.shape)
    assert (frames == 200).all()


@pytest.fixture
def recipe(tiny: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Videos `same` and `other` differ in the right half of the picture alone, and so do the training videos."""
    random = np.random.default_rng(0)
    shown = random.integers(0, 255, (20, 32, 48), np.uint8)
    for name in ("train/one", "test/same", "test/other"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for number, frame in enumerate(shown):
            frame = frame.copy()
            frame[:, 24:] = 77 if name == "test/same" else random.integers(0, 255, (32, 24))
            Image.fromarray(frame).save(folder / f"{number:03}.png")
    pixels = np.zeros((64, 96), np.uint8)
    pixels[:, 48:] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    tiny["data"] = {"use": "folder", "clip": tiny["data"]["clip"], "mask": {"image": str(tmp_path / "mask.png")}}
    tiny["evaluate"]["metrics"] = ["micro_auc"]
    tiny["report"] = ["error_maps"]  # reads anomaly maps
    return tiny


def test_what_is_left_out_has_no_effect_on_scores_and_maps(recipe: dict[str, Any], tmp_path: Path) -> None:
    done = vadkit.run(recipe, data_root=tmp_path / "data", out=tmp_path / "run")
    other, same = read_scores(done.path / "scores", anomaly_maps="reconstruction")
    for name, scores in same.components.items():
        np.testing.assert_array_equal(scores, other.components[name])
    assert same.anomaly_maps is not None
    assert other.anomaly_maps is not None
    maps = np.asarray(other.anomaly_maps())
    np.testing.assert_array_equal(maps, same.anomaly_maps())
    assert (maps[..., 6:] == maps.min((1, 2), keepdims=True)).all()  # cells of 4 pixels
    assert maps[..., :6].max() > maps.min()
    # The run folder has a copy of the image: the model can be loaded without the original.
    (tmp_path / "mask.png").unlink()
    mask = vadkit.load_run(done.path).pipeline().mask
    assert mask is not None
    assert mask.numpy()[:, 24:].all()


def test_the_mask_belongs_to_the_digest(recipe: dict[str, Any], tmp_path: Path) -> None:
    done = vadkit.run(recipe, data_root=tmp_path / "data", out=tmp_path / "run")
    (tmp_path / "mask.png").write_bytes((tmp_path / "data/test/same/000.png").read_bytes())
    with pytest.raises(VadkitError, match="mask"):
        vadkit.run(recipe, data_root=tmp_path / "data", out=done.path, resume=True)


@pytest.mark.parametrize(
    ("mask", "what"),
    [
        ({}, "a mask needs an image or polygons"),
        ({"polygons": [[[0, 0], [1, 1]]]}, "at least 3 corners"),
        ({"polygons": [[[0, 0], [1, 1], [0, 120]]]}, r"data\.mask\.polygons\.0\.2\.1"),
        ({"image": "none.png"}, r"'none\.png' does not exist"),
    ],
)
def test_mistakes_in_the_recipe_are_named(recipe: dict[str, Any], mask: dict[str, Any], what: str) -> None:
    recipe["data"]["mask"] = mask
    with pytest.raises(RecipeError, match=what):
        read_recipe(recipe, (), Registry.discover(), lambda _: {})


def test_the_preview_draws_the_mask(recipe: dict[str, Any], tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    preview_dataset(open_target(str(path), tmp_path / "data"), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert (200, 90, 220) in {color for _, color in sheet.getcolors(1 << 24) or []}
