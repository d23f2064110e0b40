"""The recipes of the baselines: each passes an empty clip, and each comparison shares one budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vadkit import recipe
from vadkit.core.errors import ShapeError
from vadkit.engine.run import dry_run
from vadkit.plugin.registry import Registry

FOLDER = Path(__file__).parents[2] / "recipes" / "baselines"
FULL = sorted(FOLDER.glob("*.yaml"))
SMALL = sorted(path for path in FOLDER.glob("*/*.yaml") if path.stem != "budget")
METHODS = {
    *("convae", "convlstm", "ffp", "frame_difference", "lsa", "memae", "mnad_prediction", "mnad_reconstruction", "stae")
}
OURS = [path for path in (*FULL, *SMALL) if path.stem.rsplit("_", 1)[0] in METHODS or path.stem in METHODS | {"itae"}]


@pytest.fixture(scope="module")
def installed() -> Registry:
    return Registry.discover()


def test_each_method_has_its_recipes() -> None:
    for data in ("ped2", "avenue", "st"):
        assert {path.stem.removesuffix(f"_{data}") for path in FULL if path.stem.endswith(f"_{data}")} >= METHODS
    for folder in ("ped2_small", "walkway"):
        assert {path.stem for path in SMALL if path.parent.name == folder} >= METHODS | {"itae"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_recipes_check_and_are_named_after_their_files(path: Path, installed: Registry) -> None:
    found = recipe.load(path, registry=installed)
    assert found.name == (path.stem if path.parent == FOLDER else f"baselines_{path.parent.name}_{path.stem}")
    assert not found.evaluate.protocol.test_tuned
    if path.parent != FOLDER:
        assert found.data.clip.color == "gray"


@pytest.mark.parametrize("path", SMALL, ids=lambda path: str(path.relative_to(FOLDER)))
def test_small_recipes_differ_in_method_alone(path: Path, installed: Registry) -> None:
    itae = recipe.load(path.with_name("itae.yaml"), registry=installed)
    found = recipe.load(path, registry=installed)
    assert (found.data.clip.height, found.data.clip.width) == (itae.data.clip.height, itae.data.clip.width)
    for one, other in ((found.data, itae.data), (found.evaluate, itae.evaluate)):
        assert _but(one, "clip", "protocol") == _but(other, "clip", "protocol")
    if found.model is not None:
        assert itae.model is not None
        assert _but(found.model.fit, "optimizer") == _but(itae.model.fit, "optimizer")


@pytest.mark.parametrize("path", [path for path in SMALL if path.stem in METHODS], ids=lambda path: path.parts[-2:])
def test_an_empty_clip_passes(path: Path) -> None:
    assert set(dry_run(path)) == (set() if path.stem == "frame_difference" else {"model"})


def test_a_stride_that_leaves_holes_is_refused_before_training() -> None:
    path = FOLDER / "walkway" / "memae.yaml"
    with pytest.raises(ShapeError, match="scores 1 of a window's 16 frames: windows 2 frames apart"):
        dry_run(path, overrides=["engine.score_stride=2"])
    for stride in (2, 3):  # every frame of a window has a score
        dry_run(path.with_name("convae.yaml"), overrides=[f"engine.score_stride={stride}"])


def _but(section: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(section, name) for name in section.__slots__ if name not in names}
