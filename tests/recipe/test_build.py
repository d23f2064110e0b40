from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vadkit.core.errors import PluginError, ShapeError, VadkitError
from vadkit.plugin.component import Component
from vadkit.recipe import build
from vadkit.recipe.model import ComponentConfig

ENC = Component("encoder", "enc", "made_up_parts:Enc", "")
PAIR = Component("encoder", "pair", "made_up_parts:Pair", "")
L2 = Component("loss", "l2", "made_up_parts:L2", "")


def enc(tau: int, path: str = "model.encoder", **keys: Any) -> ComponentConfig:
    return ComponentConfig(ENC, {"tau": tau, **keys}, path)


def test_keys_and_positional_arguments(parts: Path) -> None:
    made = build(enc(4, ratios=(0.1, 0.9)), "clip")
    assert (made.clip, made.tau, made.ratios) == ("clip", 4, (0.1, 0.9))


def test_nested_components_are_built_first(parts: Path) -> None:
    keys = {"first": enc(1), "rest": [enc(2), enc(3)], "named": {"a": ComponentConfig(L2, {}, "")}, "maybe": None}
    made = build(ComponentConfig(PAIR, keys, "model.encoder"), "clip", positional={"loss": ("other",)})
    assert (made.first.tau, made.first.clip) == (1, "clip")
    assert [inner.tau for inner in made.rest] == [2, 3]
    assert made.named["a"].clip == "other"
    assert made.maybe is None


def test_a_refusal_names_the_component_and_its_path(parts: Path) -> None:
    with pytest.raises(VadkitError) as caught:
        build(enc(101), "clip")
    assert type(caught.value) is VadkitError
    assert str(caught.value).startswith("model.encoder (enc): ValueError: tau is beyond the clip\n")


def test_our_own_errors_keep_their_class_and_gain_a_place(parts: Path) -> None:
    with pytest.raises(ShapeError) as caught:
        build(ComponentConfig(PAIR, {"first": enc(51, "model.encoder.first")}, "model.encoder"), "clip")
    assert str(caught.value) == "model.encoder.first (enc): tau does not divide the clip\n  -> choose 4"


def test_arguments_that_are_lacking(parts: Path) -> None:
    with pytest.raises(VadkitError, match=r"^model\.encoder \(enc\): TypeError: .*'clip'"):
        build(enc(4))


def test_a_class_that_is_not_there(parts: Path) -> None:
    with pytest.raises(PluginError, match=r"^encoder 'x': the module 'made_up_parts' has no class 'Absent'"):
        build(ComponentConfig(Component("encoder", "x", "made_up_parts:Absent", ""), {}, "model.encoder"), "clip")


ORIGIN = "plugin made-up (made-up-dist 1.0)"
BROKEN = {
    "class X(Encoder):\n  def forward(self, clips): ...\n  def __init__(self, clip): raise KeyError('gone')": (
        "model.encoder (x): its constructor fails: KeyError: 'gone' (made_up_parts.py:4)"
    ),
    "class X(Encoder):\n  def forward(self, clips): ...\n  def __init__(self, clip): raise SystemExit(3)": (
        "model.encoder (x): its constructor fails: SystemExit: 3 (made_up_parts.py:4)"
    ),
    "class X(Encoder):\n  def forward(self, clips): ...\n  def __init__(self, clip): ...": (
        "model.encoder (x): its constructor does not set latents, which every Encoder must have"
    ),
    "class X(Encoder):\n  def __init__(self, clip): ...": (
        "model.encoder (x): it lacks forward, which every Encoder must define"
    ),
    "class X: ...": f"encoder 'x' of {ORIGIN}: made_up_parts:X is not a subclass of Encoder",
    "raise SystemExit": f"encoder 'x' of {ORIGIN}: made_up_parts:X cannot be imported: SystemExit (made_up_parts.py:2)",
}


@pytest.mark.parametrize(("code", "message"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_component_that_breaks_its_contract_is_one_message(parts: Path, code: str, message: str) -> None:
    parts.write_text(f"from vadkit.api import Encoder\n{code}\n")
    card = Component("encoder", "x", "made_up_parts:X", "", origin=ORIGIN)
    with pytest.raises(PluginError) as caught:
        build(ComponentConfig(card, {}, "model.encoder"), "clip")
    assert str(caught.value).startswith(message)
    assert "made-up-dist 1.0" in str(caught.value) or "cannot be imported" in str(caught.value)
