"""A recipe that runs in seconds, and a place for caches that is not the user's."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers of pytest-xdist share the cores

TINY: dict[str, Any] = {
    "vadkit": 1,
    "name": "tiny",
    "data": {
        "use": "walkway",
        "size": [32, 48],
        "train_videos": 2,
        "test_videos": 2,
        "frames": 40,
        "clip": {"frames": 8, "size": [32, 48], "color": "gray"},
        "stride": 2,
    },
    "model": {
        "encoder": {"use": "itae", "tau": 4, "channels": [8, 8, 8, 8], "beta": 2},
        "decoder": {"use": "itae", "channels": [8, 8, 8]},
        "losses": [{"use": "l2"}, {"use": "ms_ssim", "scales": 1, "window": 5}, {"use": "gradient", "weight": 0.5}],
        "fit": {"steps": 12, "batch_size": 4, "optimizer": {"use": "adam", "lr": 1e-3}, "lr_scheduler": "cosine"},
    },
    "densities": {
        name: {
            "use": "glow",
            "feature": {"use": "channel_pool", "latent": name, "intensity": name == "static"},
            "steps": 2,
            "levels": 1,
            "hidden": 8,
            "fit": {"steps": 6, "batch_size": 8, "optimizer": "adam", "warmup": 2, "clip_gradients": 10.0},
        }
        for name in ("static", "dynamic")
    },
    "scores": {
        "reconstruction": {"use": "patch_error", "patch": 8, "step": 4},
        "likelihood": {"use": "nll", "densities": ["static", "dynamic"]},
        "static": {"use": "nll", "densities": ["static"]},
    },
    "fuse": {
        "reconstruction": {"weight": 1.0, "transform": ["minmax"]},
        "likelihood": {"weight": 0.5, "transform": [{"use": "minmax", "over": "video"}]},
    },
    "evaluate": {"protocol": "itae", "metrics": ["micro_auc", "macro_auc", "eer"]},
    "report": ["json"],
    "engine": {"score_stride": 4, "threads": 1},
}


@pytest.fixture
def tiny() -> dict[str, Any]:
    return copy.deepcopy(TINY)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path_factory.getbasetemp() / "frames"))
    monkeypatch.delenv("VADKIT_CACHE_LIMIT", raising=False)
    monkeypatch.delenv("VADKIT_DATA", raising=False)
    monkeypatch.delenv("VADKIT_DISABLE", raising=False)


@pytest.fixture
def shared_data() -> Path:
    """Real video that is not part of the project; without it the test is skipped."""
    root = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not root.is_dir():
        pytest.skip(f"the real data is not here: {root} (set VADKIT_TEST_DATA)")
    return root
