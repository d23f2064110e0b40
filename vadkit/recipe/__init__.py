"""The recipe engine: source -> merge -> check -> build."""

from vadkit.recipe.build import build
from vadkit.recipe.loading import check, load, loads
from vadkit.recipe.merge import resolve
from vadkit.recipe.node import plain
from vadkit.recipe.schema import json_schema
from vadkit.recipe.show import dump, render
from vadkit.recipe.signature import describe

__all__ = ["build", "check", "describe", "dump", "json_schema", "load", "loads", "plain", "render", "resolve"]
