from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.core.contracts import ScoreTransform
from vadkit.core.errors import VadkitError
from vadkit.core.protocol import FILLED_IN, Protocol, differences
from vadkit.plugin.component import Component
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build, with_defaults
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.presets import PRESETS, SOURCES
from vadkit.recipe.protocol_section import ProtocolForm

ITAE = PRESETS["itae"]


class Scale(ScoreTransform):
    needs_future = False

    def __init__(self, *, by: float = 2.0, over: str = "video") -> None:
        self.by, self.over = by, over

    def fit(self, normal: Any) -> None: ...

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores * self.by


OTHER: dict[str, Any] = {
    "name": "mine",
    "labels": "masks",
    "missing_scores": "drop",
    "stride": 2,
    "overlap": "calibrated",
    "min_windows": 4,
    "transform": ({"use": "minmax", "over": "video"},),
    "fusion": "rank",
    "weights": "normal",
    "smoothing": ({"use": "median", "size": 3},),
    "averaging": "macro",
    "eer": "nearest",
    "single_class": "pad",
    "deployable": True,
    "false_alarms_per_hour": 2.0,
    "held_out": 0.1,
    "test_tuned": True,
    "components": {"likelihood": {"weight": 0.7, "transform": [{"use": "minmax", "over": "video"}]}},
}


def test_every_field_enters_the_digest() -> None:
    base = ITAE
    assert OTHER.keys() == {key.name for key in fields(Protocol)}
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
    assert SOURCES.keys() == PRESETS.keys()


def test_every_preset_names_transforms_that_exist_with_keys_that_they_take() -> None:
    registry = Registry.discover()
    for preset in PRESETS.values():
        for described in (*(preset.transform or ()), *preset.smoothing):
            keys = {name: value for name, value in described.items() if name != "use"}
            made = build(ComponentConfig(registry.get("score_transform", described["use"]), keys, ""))
            assert not (preset.deployable and made.needs_future)


def test_weights_fitted_to_test_labels_mark_the_result() -> None:
    assert ProtocolForm(weights="test").meaning().test_tuned
    assert not ProtocolForm(weights="synthetic").meaning().test_tuned


def test_differences_name_fields_and_both_values() -> None:
    assert differences(ITAE, replace(ITAE, name="mine", eer="nearest")) == {"eer": ("interpolated", "nearest")}


def test_what_a_component_goes_through() -> None:
    own = ({"use": "minmax", "over": "scene"},)
    assert ITAE.of_component(own) == own
    assert PRESETS["ffp"].of_component(own) == ({"use": "minmax", "over": "video"},)
    assert PRESETS["stgnf"].of_component(own) == ()
    assert replace(PRESETS["ffp"], fusion="rank").of_component(own) == ({"use": "rank"},)


def test_what_is_written_differs_from_the_preset_and_nothing_else() -> None:
    assert ProtocolForm().meaning() == ITAE
    assert ProtocolForm(missing_scores="drop", test_tuned=True).meaning() == replace(
        ITAE, missing_scores="drop", test_tuned=True
    )


def test_every_field_with_a_choice_can_be_written() -> None:
    written = {key.name for key in fields(ProtocolForm)} - {"use"}
    assert written == {key.name for key in fields(Protocol)} - {"name", *FILLED_IN}


def test_the_protocol_fixes_the_method_of_the_eer() -> None:
    nearest = replace(ITAE, eer="nearest")
    assert nearest.metric_keys("eer", {}) == {"method": "nearest"}
    assert nearest.metric_keys("micro_auc", {"a": 1}) == {"a": 1}
    with pytest.raises(VadkitError, match="eer: interpolated"):
        nearest.metric_keys("eer", {"method": "interpolated"})


def test_description_holds_defaults_too() -> None:
    card = Component("score_transform", "scale", f"{__name__}:Scale", "For this test.")
    assert with_defaults(ComponentConfig(card, {"over": "training"}, "fuse.a.transform[0]")) == {
        "use": "scale",
        "by": 2.0,
        "over": "training",
    }
