from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.component import Component
from vadkit.contracts import Transform
from vadkit.errors import RecipeError
from vadkit.evaluate import Protocol, describe, from_preset
from vadkit.recipe.model import Chosen


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
    "averaging": "macro",
    "eer": "nearest",
    "test_tuned": True,
    "components": {"likelihood": {"weight": 0.7, "transform": [{"use": "minmax", "over": "video"}]}},
}
ONE_CHOICE_SO_FAR = {"coverage", "overlap", "fusion", "smoothing", "single_class"}


def test_every_field_enters_the_digest() -> None:
    base = from_preset("itae")
    assert OTHER.keys() | ONE_CHOICE_SO_FAR == {key.name for key in fields(Protocol)}
    digests = {base.digest(), *(replace(base, **{key: value}).digest() for key, value in OTHER.items())}
    assert len(digests) == 1 + len(OTHER)


def test_weights_and_transforms_enter_the_digest() -> None:
    def digest(weight: float, over: str) -> str:
        part = {"weight": weight, "transform": [{"use": "minmax", "over": over}]}
        return replace(from_preset("itae"), components={"likelihood": part}).digest()

    assert len({digest(0.7, "video"), digest(0.3, "video"), digest(0.7, "training")}) == 3


def test_digest_does_not_depend_on_the_order_of_components() -> None:
    a, b = {"weight": 1.0}, {"weight": 0.7}
    one = replace(from_preset("itae"), components={"a": a, "b": b})
    assert one.digest() == replace(one, components={"b": b, "a": a}).digest()


def test_dict_holds_every_field_and_the_digest() -> None:
    protocol = from_preset("itae", {"eer": "nearest"})
    stored = protocol.as_dict()
    assert stored.keys() == {key.name for key in fields(Protocol)} | {"digest"}
    assert (stored["eer"], stored["digest"]) == ("nearest", protocol.digest())


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("itea", {}, "did you mean 'itae'"),
        ("itae", {"erp": 1, "eerr": "nearest"}, "did you mean 'eer'"),
        ("itae", {"eer": "neares"}, "did you mean 'nearest'"),
        ("itae", {"uncovered": 3}, "choices: drop, edge, error"),
        ("itae", {"uncovered": ["edge"]}, "choices: drop, edge, error"),
        ("itae", {"test_tuned": "yes"}, "not bool"),
        ("itae", {"stride": 2}, "engine.score_stride"),
        ("itae", {"labels": "x"}, "comes from the data set"),
    ],
)
def test_mistakes_are_explained(name: str, override: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        from_preset(name, override)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        from_preset("itae", {"erp": 1, "smooth": "none"})
    assert [problem.where for problem in caught.value.problems] == ["evaluate.erp", "evaluate.smooth"]


@pytest.mark.parametrize("stride", [0, True, 1.5])
def test_stride_is_a_positive_whole_number(stride: Any) -> None:
    with pytest.raises(RecipeError, match="stride"):
        replace(from_preset("itae"), stride=stride)


def test_the_protocol_fixes_the_method_of_the_eer() -> None:
    nearest = from_preset("itae", {"eer": "nearest"})
    assert nearest.metric_keys("eer", {}) == {"method": "nearest"}
    assert nearest.metric_keys("micro_auc", {"a": 1}) == {"a": 1}
    with pytest.raises(RecipeError, match="eer: interpolated"):
        nearest.metric_keys("eer", {"method": "interpolated"})


def test_description_holds_defaults_too() -> None:
    card = Component("transform", "scale", f"{__name__}:Scale", "For this test.")
    assert describe(Chosen(card, {"over": "training"}, "fuse.a.transform[0]")) == {
        "use": "scale",
        "by": 2.0,
        "over": "training",
    }
