"""Networks of torchvision and timm with the weights of a file."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vadkit.api import ShapeError, VadkitError, closest
from vadkit_backbone.network import Network, check_layers
from vadkit_backbone.weights import load_weights

INSTALL = "pip install 'vadkit[backbone]'"


class LibraryNetwork(Network):
    """A network of torchvision or timm up to the last of some layers. Later modules are removed.

    Args:
        weights: file with its weights.
        source: "torchvision" or "timm".
        name: of the architecture.
        layers: names of modules.

    Raises:
        DataError: the file does not fit the architecture.
        ShapeError: no layers are given, or one does not exist.
        VadkitError: the architecture is unknown, or the library is not installed.
    """

    def __init__(self, weights: Path, source: str, name: str, layers: Sequence[str]) -> None:
        super().__init__()
        self.module = _build(source, name).eval().requires_grad_(False)
        self.layers, self.weights, self.name = tuple(layers), weights, f"{source}:{name}"
        known = {path: module for path, module in self.module.named_modules() if path}
        if not layers:
            parts = [path for path, module in self.module.named_children() if any(True for _ in module.parameters())]
            raise ShapeError("'layers' is empty", fix=f"choose among the modules of the network: {', '.join(parts)}")
        check_layers(layers, known, f"{self.name} has no module named")

    def probe(self, given: Tensor) -> dict[str, Tensor]:
        """The outputs for one image or clip. Then the modules that did not run are removed, and the weights loaded."""
        ran: set[str] = set()
        hooks = [
            module.register_forward_pre_hook(lambda *_, path=path: ran.add(path))
            for path, module in self.module.named_modules()
        ]
        try:
            super().probe(given)
        finally:
            for hook in hooks:
                hook.remove()
        _remove_others(self.module, "", ran)
        load_weights(self.module, self.weights, self.name)
        return super().probe(given)

    def forward(self, given: Tensor) -> dict[str, Tensor]:
        """Name of a module -> its output. The network stops after the last of the layers."""
        seen: dict[str, Tensor] = {}

        def hook_for(name: str) -> Any:
            def keep(module: nn.Module, inputs: Any, output: Any) -> None:
                del module, inputs
                if not isinstance(output, Tensor):
                    what = f"the module {name!r} gives {type(output).__name__}, not one tensor"
                    raise ShapeError(what, fix="choose a module inside it")
                seen[name] = output
                if (
                    len(seen) == len(self.layers) and not torch.compiler.is_exporting()
                ):  # exporting needs a complete pass
                    raise _EnoughError

            return keep

        hooks = [self.module.get_submodule(name).register_forward_hook(hook_for(name)) for name in set(self.layers)]
        try:
            self.module(given)
        except _EnoughError:
            pass
        finally:
            for hook in hooks:
                hook.remove()
        if lacking := [name for name in self.layers if name not in seen]:
            raise ShapeError(f"the module {lacking[0]!r} does not run in a pass", fix="choose another layer")
        return {name: seen[name] for name in self.layers}


class _EnoughError(Exception):
    """Every layer has its output."""


def _remove_others(module: nn.Module, path: str, ran: set[str]) -> None:
    for name, child in module.named_children():
        inner = f"{path}.{name}".strip(".")
        if any(each == inner or each.startswith(f"{inner}.") for each in ran):
            _remove_others(child, inner, ran)
        else:
            setattr(module, name, nn.Identity())


def _build(source: str, name: str) -> nn.Module:
    """An architecture with random weights; nothing is downloaded."""
    library = _imported(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about initial weights, which are replaced
        if source == "timm":
            _check_known(name, library.list_models(), library.is_model(name), source)
            return library.create_model(name, pretrained=False)
        models = library.models
        known = [*models.list_models(module=models), *models.list_models(module=models.video)]
        _check_known(name, known, name in known, source)
        return models.get_model(name, weights=None)


def _check_known(name: str, known: Sequence[str], found: bool, source: str) -> None:
    if not found:
        raise VadkitError(f"{source} has no network named {name!r}", fix=closest(name, known))


def _imported(source: str) -> Any:
    try:
        return importlib.import_module(source)
    except ImportError as error:
        raise VadkitError(f"{source} is not installed", fix=INSTALL) from error
    except RuntimeError as error:  # its compiled operators belong to another build of torch
        what = f"torchvision cannot be imported: {str(error).splitlines()[0]}"
        fix = "install the torchvision that belongs to the installed torch (the same version, for CPU or for CUDA)"
        raise VadkitError(what, fix=fix) from error
