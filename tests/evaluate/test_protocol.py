from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.component import Component
from vadkit.contracts import Transform
from vadkit.errors import VadkitError
from vadkit.protocol import PRESETS, Protocol, ProtocolForm
from vadkit.recipe.build import spelled_out
from vadkit.recipe.model import Chosen

ITAE = PRESETS["itae"]


class Scale(Transform):
    needs_future = False

    def __init__(self, *, by: float = 2.0, over: str = "video") -> None:
        self.by, self.over = by, over

    def fit(self, normal: Any) -> None: ...

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores * self.by


OTHER: dict[str, Any] = {
    "name": "mine",
    "labels": "masks",
    "uncovered": "drop",
    "stride": 2,
    "overlap": "calibrated",
    "eer": "nearest",
    "test_tuned": True,
    "components": {"likelihood": {"weight": 0.7, "transform": [{"use": "minmax", "over": "video"}]}},
}
ONE_CHOICE_SO_FAR = {"averaging", "coverage", "fusion", "smoothing", "single_class"}


def test_every_field_enters_the_digest() -> None:
    base = ITAE
    assert OTHER.keys() | ONE_CHOICE_SO_FAR == {key.name for key in fields(Protocol)}
    digests = {base.digest(), *(replace(base, **{key: value}).digest() for key, value in OTHER.items())}
    assert len(digests) == 1 + len(OTHER)


def test_weights_and_transforms_enter_the_digest() -> None:
    def digest(weight: float, over: str) -> str:
        part = {"weight": weight, "transform": [{"use": "minmax", "over": over}]}
        return replace(ITAE, components={"likelihood": part}).digest()

    assert len({digest(0.7, "video"), digest(0.3, "video"), digest(0.7, "training")}) == 3


def test_digest_does_not_depend_on_the_order_of_components() -> None:
    a, b = {"weight": 1.0}, {"weight": 0.7}
    one = replace(ITAE, components={"a": a, "b": b})
    assert one.digest() == replace(one, components={"b": b, "a": a}).digest()


def test_dict_holds_every_field_and_the_digest() -> None:
    protocol = replace(ITAE, eer="nearest")
    stored = protocol.as_dict()
    assert stored.keys() == {key.name for key in fields(Protocol)} | {"digest"}
    assert (stored["eer"], stored["digest"]) == ("nearest", protocol.digest())


def test_every_preset_can_be_written() -> None:
    assert get_args(get_type_hints(ProtocolForm)["use"]) == tuple(PRESETS)
    assert all(name == preset.name for name, preset in PRESETS.items())


def test_what_is_written_differs_from_the_preset_and_nothing_else() -> None:
    assert ProtocolForm().meaning() == ITAE
    assert ProtocolForm(uncovered="drop", test_tuned=True).meaning() == replace(ITAE, uncovered="drop", test_tuned=True)


def test_every_field_with_a_choice_can_be_written() -> None:
    filled_in = {"name", "labels", "stride", "overlap", "components"}
    written = {key.name for key in fields(ProtocolForm)} - {"use"}
    assert written == {key.name for key in fields(Protocol)} - filled_in - ONE_CHOICE_SO_FAR


def test_the_protocol_fixes_the_method_of_the_eer() -> None:
    nearest = replace(ITAE, eer="nearest")
    assert nearest.metric_keys("eer", {}) == {"method": "nearest"}
    assert nearest.metric_keys("micro_auc", {"a": 1}) == {"a": 1}
    with pytest.raises(VadkitError, match="eer: interpolated"):
        nearest.metric_keys("eer", {"method": "interpolated"})


def test_description_holds_defaults_too() -> None:
    card = Component("transform", "scale", f"{__name__}:Scale", "For this test.")
    assert spelled_out(Chosen(card, {"over": "training"}, "fuse.a.transform[0]")) == {
        "use": "scale",
        "by": 2.0,
        "over": "training",
    }
