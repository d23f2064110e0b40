"""The recipes of the baselines: each passes an empty clip, and each comparison shares one budget."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from killing import differences

import vadkit
from vadkit import recipe
from vadkit.core.errors import ShapeError
from vadkit.engine.dry_run import dry_run
from vadkit.plugin.registry import Registry
from vadkit.recipe.variants import family_of

METHODS = (
    "abnormal_gan",
    "amdn",
    "convae",
    "convlstm",
    "deep_svdd",
    "dissociate",
    "fastano",
    "ffp",
    "frame_difference",
    "lsa",
    "memae",
    "mnad_prediction",
    "mnad_reconstruction",
    "one_class_svm",
    "s2_vae",
    "stack_rnn",
    "stae",
    "stcen",
    "steal",
    "subspace_svdd",
    "tsc",
)
BRING = ("resnet50_ucf101.pth", "resnet152_ucf101.pth")  # files of the user, which full-size recipes name
ON_ITAE = ("deep_svdd", "one_class_svm", "subspace_svdd")  # densities of the latents of ITAE; also for Table 8
COMPARISONS = ("baselines/ped2_small", "baselines/walkway")
FULL = [f"baselines/{method}/{data}" for method in METHODS for data in ("ped2", "avenue", "st")]
FULL += [f"baselines/{method}/ucf_crime" for method in ON_ITAE]
SMALL = [f"{folder}/{variant}" for folder in COMPARISONS for variant in family_of(folder).variants]
SAME_PARTS = [  # as in walkway
    f"baselines/ped2_small/{method}"
    for method in (*ON_ITAE, "abnormal_gan", "amdn", "fastano", "s2_vae", "stack_rnn", "stcen", "tsc")
]
QUICK = "abnormal_gan"  # tests/engine/test_killed.py compares more: ITAE with flows, bfloat16, and a critic
OURS = [name for name in (*FULL, *SMALL) if not name.endswith("itae_nf")]


@pytest.fixture(scope="module")
def installed() -> Registry:
    return Registry.discover()


def test_each_method_has_its_recipes() -> None:
    for method in METHODS:
        more = {"ucf_crime"} if method in ON_ITAE else set()
        assert set(family_of(f"baselines/{method}").variants) == {"ped2", "avenue", "st"} | more
    for folder in COMPARISONS:
        assert set(family_of(folder).variants) == {*METHODS, "itae", "itae_nf"}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in BRING:
        Path(name).touch()


@pytest.mark.parametrize("name", OURS)
def test_recipes_check_and_are_named_after_their_files(name: str, installed: Registry) -> None:
    found = recipe.load(name, registry=installed)
    assert found.name == name.removeprefix("" if name in SMALL else "baselines/").replace("/", "_")
    assert not found.evaluate.protocol.test_tuned
    if name in SMALL:
        assert found.data.clip.color == "gray"


@pytest.mark.parametrize("name", SMALL)
def test_small_recipes_differ_in_method_alone(name: str, installed: Registry) -> None:
    itae = recipe.load(f"{name.rpartition('/')[0]}/itae", registry=installed)
    found = recipe.load(name, registry=installed)
    assert (found.data.clip.height, found.data.clip.width) == (itae.data.clip.height, itae.data.clip.width)
    for one, other in ((found.data, itae.data), (found.evaluate, itae.evaluate)):
        assert _but(one, "clip", "protocol", "augment") == _but(other, "clip", "protocol", "augment")
    if found.model is not None:
        assert itae.model is not None
        assert _but(found.model.fit, "optimizer") == _but(itae.model.fit, "optimizer")


@pytest.mark.parametrize("name", [name for name in SMALL if "itae" not in name and name not in SAME_PARTS])
def test_an_empty_clip_passes(name: str, installed: Registry) -> None:
    densities = {f"density.{each}" for each in recipe.load(name, registry=installed).densities}
    assert set(dry_run(name)) == densities | (set() if name.endswith(("amdn", "frame_difference")) else {"model"})


SAME_SEED = {"fastano": ("data.augment.0.side=8", "data.augment.0.margin=2"), "steal": ("data.frames=80",)}
"""Changes that two methods need for such short and small videos."""


@pytest.mark.parametrize("method", sorted(family_of("baselines/walkway").variants))
def test_the_same_seed_gives_the_same_bits(method: str, installed: Registry, tmp_path: Path) -> None:
    if method != QUICK and "VADKIT_SLOW" not in os.environ:
        pytest.skip("slow: set VADKIT_SLOW=1")
    name = f"baselines/walkway/{method}"
    found = recipe.load(name, registry=installed)
    fitted = [f"densities.{each}" for each, density in found.densities.items() if density.fit is not None]
    changes = [f"{part}.fit.steps=2" for part in (*fitted, *(["model"] if found.model and found.model.fit else []))]
    changes += ["data.train_videos=3", "data.test_videos=2", "data.frames=40", "data.clip.size=[32, 48]"]
    changes += ["evaluate.metrics=[micro_auc]", "report=[json]", "engine.threads=1", *SAME_SEED.get(method, ())]
    runs = [vadkit.run(name, overrides=changes, out=tmp_path / each, registry=installed) for each in ("one", "two")]
    assert runs[0].metrics["metrics"]
    assert differences(*(each.path for each in runs)) == []


def test_a_stride_that_leaves_holes_is_refused_before_training() -> None:
    with pytest.raises(ShapeError, match="scores 1 of the 16 frames of a window: with windows 2 frames apart"):
        dry_run("baselines/walkway/memae", overrides=["engine.score_stride=2"])
    for stride in (2, 3):  # every frame of a window has a score
        dry_run("baselines/walkway/convae", overrides=[f"engine.score_stride={stride}"])


def _but(section: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(section, name) for name in section.__slots__ if name not in names}
