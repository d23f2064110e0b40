"""Files that nobody would write: readers return or say what is wrong, and nothing else.

`benchmarks/fuzz.py` is the long form.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vadkit.core.errors import VadkitError
from vadkit.core.protocol import Protocol
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import loads
from vadkit.recipe.node import plain
from vadkit.recipe.presets import PRESETS
from vadkit.recipe.source import parse
from vadkit.store.external.labels import read_label_file
from vadkit.store.external.scores import read_external_scores
from vadkit.store.scores import VideoScores, read_score_file, write_scores

FUZZ = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"
QUICK = settings(
    max_examples=30, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
REGISTRY = Registry.discover()
SECTIONS = ("data", "model", "densities", "scores", "fuse", "evaluate", "report", "engine", "seed")
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(10**20), 10**20)


@pytest.mark.parametrize(("target", "runs"), [("recipe", 60), ("labels", 400), ("scores", 400)])
def test_mutations_of_valid_files(target: str, runs: int, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("fuzz", FUZZ)
    assert spec is not None
    assert spec.loader is not None
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    counts = fuzz.plain(target, runs, tmp_path)
    assert 0 < counts["accepted"] < runs


def problem(call: Callable[[], Any]) -> str:
    """The message of a VadkitError; empty if the call returns."""
    try:
        call()
    except VadkitError as error:
        return str(error)
    return ""


@QUICK
@given(VALUES)
def test_json_is_yaml_with_the_same_values(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False) if _finite(value) else "1"
    if why := problem(lambda: parse(text, "x")):
        assert "YAML: " in why or "twice" in why
    elif not isinstance(value, float):
        assert plain(parse(text, "x")) == json.loads(text)


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or bool(np.isfinite(value))


@QUICK
@given(st.sampled_from(SECTIONS), VALUES)
def test_a_section_of_anything_is_a_list_of_problems(section: str, value: Any) -> None:
    recipe = {"vadkit": 1, "name": "a", "data": {"use": "walkway"}, "scores": {"e": "motion_energy"}, section: value}
    assert problem(lambda: loads(recipe, registry=REGISTRY)) or value in (None, {}) or section in ("seed", "report")


@QUICK
@given(st.sampled_from([".csv", ".json", ".txt", ".jsonl", ".m"]), st.lists(NUMBERS | st.text(max_size=5), max_size=6))
def test_labels_and_scores_of_anything(tmp_path: Path, suffix: str, cells: list[Any]) -> None:
    path = tmp_path / f"x{suffix}"
    text = json.dumps(cells) if suffix == ".json" else "\n".join(map(str, cells))
    path.write_text(text, encoding="utf-8", errors="replace")
    problem(lambda: read_label_file(path, "v"))
    problem(lambda: read_external_scores(path, {"a": 3}))


@QUICK
@given(
    st.text(min_size=1, max_size=60),
    st.lists(st.floats(allow_infinity=False), min_size=1, max_size=9),
    st.none() | st.floats(0.1, 1000),
)
def test_a_score_file_keeps_every_name_and_number(
    tmp_path: Path, name: str, scores: list[float], fps: float | None
) -> None:
    if "\x00" in name or any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        return
    array = np.array(scores)
    written = VideoScores(name, name, {"e": array}, np.ones(len(array), np.int64), fps)
    path = write_scores(tmp_path / "scores", written)
    assert path.parent == tmp_path / "scores"
    found = read_score_file(path)
    assert (found.name, found.scene, found.fps) == (name, name, fps)
    np.testing.assert_array_equal(found.components["e"], array)


@QUICK
@given(st.sampled_from(sorted(PRESETS)), st.floats(0.01, 100), st.integers(1, 50))
def test_a_protocol_is_known_by_its_digest(preset: str, alarms: float, stride: int) -> None:
    one = PRESETS[preset]
    values = {key: value for key, value in one.as_dict().items() if key != "digest"}
    assert Protocol(**values).digest() == one.digest()
    other = Protocol(**{**values, "false_alarms_per_hour": alarms, "stride": stride})
    same = (alarms, stride) == (one.false_alarms_per_hour, one.stride)
    assert (other.digest() == one.digest()) == same
