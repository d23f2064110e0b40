"""Runs made by hand: score files, labels, a recipe."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from vadkit.core.values import Labels
from vadkit.store.scores import VideoScores, write_labels, write_scores

VIDEOS = 14


def make(folder: Path, recipe: dict[str, Any], strength: float, *, seed: int = 0, **evaluate: Any) -> Path:
    """A run whose reconstruction tells abnormal frames apart as well as `strength` says."""
    recipe = copy.deepcopy(recipe)
    recipe["name"] = folder.name
    recipe["scores"] = {"reconstruction": recipe["scores"]["reconstruction"]}
    recipe["fuse"] = {"reconstruction": {"transform": ["minmax"]}}
    recipe["evaluate"] |= evaluate
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    truth = np.random.default_rng(7)
    labels = {f"{n:02}": Labels(np.repeat(truth.random(6) < 0.4, 10), source="by hand") for n in range(VIDEOS)}
    random = np.random.default_rng(seed)
    for name, label in labels.items():
        scores = random.normal(size=60) + strength * label.frames
        write_scores(folder / "scores", VideoScores(name, "", {"reconstruction": scores}, np.ones(60, np.int64), 25.0))
    write_labels(folder / "labels.npz", labels)
    return folder
