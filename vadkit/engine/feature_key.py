"""Identifies the features of training clips by everything that they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import uuid4

import torch
from torch import nn

from vadkit.core.values import FeatureSpec
from vadkit.data.datamodule import DataModule
from vadkit.model.autoencoder import Autoencoder
from vadkit.model.pipeline import Head
from vadkit.recipe.input_files import replaced
from vadkit.recipe.model import Density, Recipe
from vadkit.store import environment as facts
from vadkit.store.manifest import InputFileRecord
from vadkit.store.provenance import code_of_components, source_digest
from vadkit.video.clips import Clips

_PACKAGES = ("opencv-python-headless", "onnxruntime", "torchvision", "timm")  # in addition to those of the manifest


def reads_all(density: Density, spec: FeatureSpec, clips: Clips) -> bool:
    """Whether the fit of a density reads about all clips, and each of them always has the same features."""
    fit = density.fit
    few = fit is not None and fit.steps is not None and fit.steps * fit.step_size < len(clips) * spec.samples
    return not few and not clips.augmenter.of_normal


def feature_key(
    recipe: Recipe,
    name: str,
    head: Head,
    autoencoder: Autoencoder | None,
    data: DataModule,
    files: Mapping[str, InputFileRecord],
) -> str:
    """Digest of what the features of a density depend on: components, weights, clips, code, versions and machine.

    If a component has no source code that could be compared, the digest is random: then features are not found again.

    Args:
        recipe: the recipe.
        name: the density.
        head: its feature.
        autoencoder: the trained model, on its device; None if the recipe has none.
        data: the training clips.
        files: key of the recipe -> the file that it names.
    """
    chosen = [recipe.densities[name].feature, *([recipe.model.encoder] if recipe.model is not None else [])]
    code = code_of_components(chosen) | {"vadkit": source_digest("vadkit")}
    tree = replaced(recipe.tree, {key: {"sha256": record.sha256} for key, record in files.items()})
    modules: list[Any] = [head.feature, *([autoencoder.encoder] if autoencoder is not None else [])]
    device = next((weights.device for module in modules for weights in module.parameters()), torch.device("cpu"))
    parts = [
        tree["densities"][name]["feature"],
        tree["model"]["encoder"] if recipe.model is not None else None,
        [_weights(module) for module in modules],
        {name: value for name, value in tree["data"].items() if name != "test_on"},
        data.training_key(),
        code if all(code.values()) else uuid4().hex,
        facts.versions() | {package: _version(package) for package in _PACKAGES},
        facts.host() | {"cores": None},
        [recipe.engine.precision, str(torch.get_default_dtype()), device.type],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _weights(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
