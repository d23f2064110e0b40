"""A recipe that runs in seconds, and a place for caches that is not the user's."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import TINY

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers of pytest-xdist share the cores


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
