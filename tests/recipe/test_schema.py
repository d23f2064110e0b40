from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vadkit.plugin.component import Component
from vadkit.plugin.registry import Plugin, Registry
from vadkit.recipe import json_schema
from vadkit.recipe.merge import resolve
from vadkit.recipe.node import plain

TYPES: Mapping[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


def fits(value: Any, schema: Mapping[str, Any] | bool, root: Mapping[str, Any]) -> bool:
    """A validator of the few words that our schema uses."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema and not fits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root):
        return False
    if "if" in schema:
        return fits(value, schema["then" if fits(value, schema["if"], root) else "else"], root)
    if "type" in schema and (not isinstance(value, TYPES[schema["type"]]) or (
        isinstance(value, bool) and schema["type"] in ("integer", "number"))):  # fmt: skip
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        return False
    if "not" in schema and fits(value, schema["not"], root):
        return False
    if "oneOf" in schema and sum(fits(value, branch, root) for branch in schema["oneOf"]) != 1:
        return False
    if "anyOf" in schema and not any(fits(value, branch, root) for branch in schema["anyOf"]):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        inner = {key: known.get(key, {"not": {}} if rest is False else rest) for key in value}
        return all(key in value for key in schema.get("required", ())) and all(
            fits(value[key], inner[key], root) for key in value
        )
    if isinstance(value, list):
        return all(fits(item, schema.get("items", {}), root) for item in value)
    return True


OVERRIDES: dict[str, bool] = {
    "seed=1": True,
    "model.encoder.tau=x": False,
    "model.encoder.taw=1": False,
    "model.encoder.use=absent": False,
    "model.encoder={use: pair, first: {use: enc, tau: 1}, rest: [{use: enc, tau: 2}]}": True,
    "model.encoder={use: pair, first: {use: pair}}": False,
    "model.decoder=dek": False,
    "model.losses=[{weight: 1}]": False,
    "model.fit.batch_size=0": False,
    "data.stride=2": True,
    "data.strid=2": False,
    "data.subset=three": False,
    "data.clip.size=null": False,
    "evaluate.protocol=itae": True,
    "evaluate.protocol={use: itae, eer: nearest}": True,
    "evaluate.protocol={use: itae, sigma: 3}": False,
    "evaluate.protocol=itea": False,
    "evaluate.protocol=[1]": False,
    "report=[]": True,
    "modle=1": False,
}


@pytest.mark.parametrize(("override", "sound"), OVERRIDES.items(), ids=OVERRIDES)
def test_the_schema_tells_sound_recipes_from_others(
    recipe: Path, registry: Registry, override: str, sound: bool
) -> None:
    schema = json_schema(registry)
    assert fits(plain(resolve(recipe, [override])), schema, schema) == sound


def test_nothing_is_required_of_a_recipe_that_extends_another(recipe: Path, registry: Registry) -> None:
    schema = json_schema(registry)
    child = {"extends": "first.yaml", "model": {"encoder": {"tau": 2}, "fit": {"epochs": 3}}}
    assert fits(child, schema, schema)
    assert not fits({**child, "modle": 1}, schema, schema)
    assert not fits({"extends": "first.yaml", "model": {"encoder": {"use": "enc", "taw": 2}}}, schema, schema)


def test_help_and_defaults(registry: Registry) -> None:
    schema = json_schema(registry)
    branches = [branch for branch in schema["$defs"]["encoder"]["oneOf"] if "properties" in branch]
    enc = next(branch for branch in branches if branch["properties"]["use"] == {"const": "enc"})
    assert enc["description"] == "Clips to one latent."
    assert enc["required"] == ["use", "tau"]
    assert enc["properties"]["width"] == {"type": "integer", "description": "channels.", "default": 64}
    assert enc["properties"]["ratios"]["default"] == [0.5, 0.5]
    fit = schema["$defs"]["Fit"]["properties"]
    assert fit["warmup"]["default"] == 0
    assert fit["batch_size"]["description"].startswith("samples in a batch")
    assert json.loads(json.dumps(schema)) == schema


def test_clashing_names_in_full_and_broken_components_with_any_keys(registry: Registry) -> None:
    strangers = (
        Component("decoder", "dec", "made_up_parts:Dec", ""),
        Component("decoder", "lost", "made_up_absent:Dec", ""),
    )
    schema = json_schema(Registry([*registry.plugins, Plugin("twin", "twin 1", strangers)]))
    decoder = schema["$defs"]["decoder"]
    assert decoder["oneOf"][0] == {"type": "string", "enum": ["made_up:dec", "twin:dec"]}
    assert fits({"use": "lost", "anything": 1}, decoder, schema)
    assert not fits({"use": "twin:dec", "anything": 1}, decoder, schema)
