"""`data.augment`: a list of components, or its short form."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from vadkit.core.errors import RecipeError
from vadkit.plugin.registry import Registry
from vadkit.recipe import json_schema, loads


@pytest.fixture(scope="module")
def installed() -> Registry:
    return Registry.discover()


def read(tiny: dict[str, Any], augment: Any, registry: Registry) -> list[dict[str, Any]]:
    recipe = copy.deepcopy(tiny)
    recipe["data"]["augment"] = augment
    return [chosen.plain() for chosen in loads(recipe, registry=registry).data.augment]


FLIP, BRIGHTNESS = {"use": "flip", "probability": 0.5}, {"use": "brightness", "amount": 0.2}


@pytest.mark.parametrize(
    ("augment", "meaning"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ({"flip": 0, "brightness": 0.0}, []),
        ({"flip": 0.5, "brightness": 0.2}, [FLIP, BRIGHTNESS]),
        ({"flip": 0.5}, [FLIP, BRIGHTNESS | {"amount": 0.0}]),
        ({"brightness": 0.2}, [FLIP | {"probability": 0.0}, BRIGHTNESS]),
        (["flip", BRIGHTNESS], [{"use": "flip"}, BRIGHTNESS]),
        (
            [{"use": "skip_frames", "probability": 0.2, "steps": [2, 3]}],
            [{"use": "skip_frames", "probability": 0.2, "steps": [2, 3]}],
        ),
    ],
)
def test_both_forms(tiny: dict[str, Any], augment: Any, meaning: list[Any], installed: Registry) -> None:
    assert read(tiny, augment, installed) == meaning


@pytest.mark.parametrize(
    ("augment", "told"),
    [
        ({"flip": 1.5}, "'data.augment.flip' should be less than or equal to 1, not 1.5"),
        ({"brightness": 1}, "'data.augment.brightness' should be less than 1, not 1"),
        ({"flap": 0.5}, "'data.augment' has no key 'flap'\n  -> did you mean 'flip'?"),
        ("flip", "'data.augment' should be a list, not 'flip'"),
        ([{"use": "flip", "chance": 1}], "augmentation 'flip' has no key 'chance'"),
        (["flop"], "unknown augmentation 'flop'\n  -> did you mean 'flip'?"),
        ([{"probability": 1}], "'data.augment.0' lacks 'use'"),
    ],
)
def test_problems_name_their_place(tiny: dict[str, Any], augment: Any, told: str, installed: Registry) -> None:
    with pytest.raises(RecipeError) as caught:
        read(tiny, augment, installed)
    assert told in str(caught.value)


def test_the_schema_has_both_forms(installed: Registry) -> None:
    defs = json_schema(installed)["$defs"]
    data = next(branch for branch in defs["Data"]["oneOf"] if "properties" in branch)
    forms = data["properties"]["augment"]["oneOf"]
    assert forms[0] == {"$ref": "#/$defs/AugmentForm"}
    assert forms[1]["type"] == "array"
    assert forms[1]["items"] == {"$ref": "#/$defs/augmentation"}
    assert "skip_frames" in str(defs["augmentation"])
