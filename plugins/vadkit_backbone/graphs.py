"""Files that contain a network itself: `torch.export`, TorchScript and ONNX."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from vadkit.api import DataError, ShapeError, VadkitError
from vadkit_backbone.library import INSTALL
from vadkit_backbone.network import Network, chosen

_SAFE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_ALLOWED = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


def open_graph(path: Path, form: str, layers: Sequence[str]) -> Network:
    """Open such a file.

    Args:
        path: the file.
        form: "export", "torchscript" or "onnx".
        layers: the outputs to use; all of them if empty.

    Raises:
        DataError: the file is damaged, or has another form.
        VadkitError: onnxruntime is not installed.
    """
    return {"export": _open_export, "torchscript": _open_script, "onnx": OnnxNetwork}[form](path, layers)


class GraphNetwork(Network):
    """A network of torch as a graph.

    Args:
        module: the network.
        layers: the outputs to use; all of them if empty.
        shape: shape of its input, with None for a size that may differ.
    """

    def __init__(self, module: nn.Module, layers: Sequence[str], shape: Sequence[int | None] = ()) -> None:
        super().__init__()
        self.module, self.layers = module, tuple(layers)
        self.size, self.batch = _fixed(shape)

    def forward(self, given: Tensor) -> dict[str, Tensor]:
        """Name or number of an output -> its value."""
        return chosen(_named(self.module(given)), self.layers)


class OnnxNetwork(Network):
    """A network that onnxruntime runs on the CPU.

    Args:
        path: the file.
        layers: the outputs to use; all of them if empty.

    Raises:
        DataError: the file is damaged, or its weights are in another file.
        ShapeError: the network has another kind of input.
        VadkitError: onnxruntime is not installed.
    """

    def __init__(self, path: Path, layers: Sequence[str]) -> None:
        super().__init__()
        try:
            onnxruntime: Any = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise VadkitError("onnxruntime is not installed", fix=INSTALL) from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            # As bytes: a file with weights elsewhere would lose them in the run folder.
            self.session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has many kinds of errors
            what = "is damaged, is not an ONNX file, or keeps its weights in another file"
            raise DataError(what, where=str(path), fix="export it again, with the weights inside the file") from error
        inputs = self.session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            kinds = ", ".join(f"{each.name}: {each.type}" for each in inputs)
            raise ShapeError(f"the network must have one input of type tensor(float), but it has {kinds}")
        self.given = inputs[0].name
        shape = [size if isinstance(size, int) else None for size in inputs[0].shape]
        if len(shape) not in (4, 5) or shape[1] not in (3, None):
            what = f"the network takes {inputs[0].shape}, but must take (N, 3, H, W) or (N, 3, T, H, W)"
            raise ShapeError(what, fix="export it with channels before height and width")
        self.size, self.batch = _fixed(shape)
        names = [each.name for each in self.session.get_outputs()]
        chosen(dict.fromkeys(names, torch.empty(0)), layers)
        self.layers = tuple(layers) or tuple(names)

    def forward(self, given: Tensor) -> dict[str, Tensor]:
        """Name of an output -> its value."""
        images = given.detach().float().cpu().numpy()
        found = self.session.run(list(self.layers), {self.given: images})
        return {name: torch.from_numpy(value).to(given) for name, value in zip(self.layers, found, strict=True)}

    def __deepcopy__(self, memo: dict[int, Any]) -> OnnxNetwork:
        return self  # the session has no state and cannot be copied


def _open_export(path: Path, layers: Sequence[str]) -> Network:
    with _no_pickles(), _quiet("torch.export", "torch._export"), _opening(path, "a file of torch.export"):
        program = torch.export.load(path)
    given = next(iter(program.graph_signature.user_inputs), "")
    shapes = [node.meta["val"].shape for node in program.graph.nodes if node.name == given and "val" in node.meta]
    shape = [size if isinstance(size, int) else None for size in shapes[0]] if shapes else []
    return GraphNetwork(program.module(), layers, shape)


def _open_script(path: Path, layers: Sequence[str]) -> Network:
    with warnings.catch_warnings(), _opening(path, "a TorchScript file"):
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(path, map_location="cpu")
        module.eval()
    return GraphNetwork(module, layers)


def _named(outputs: Any) -> dict[str, Tensor]:
    if isinstance(outputs, Tensor):
        return {"output": outputs}
    if isinstance(outputs, Mapping):
        pairs = cast("Mapping[Any, Any]", outputs).items()
    elif isinstance(outputs, (tuple, list)):
        pairs = enumerate(cast("Sequence[Any]", outputs))
    else:
        pairs = ()
    return {str(name): value for name, value in pairs if isinstance(value, Tensor)}


def _fixed(shape: Sequence[int | None]) -> tuple[tuple[int, int] | None, int | None]:
    """Height and width of the frames, and the number in a pass; None for what may differ.

    Raises:
        ShapeError: the network takes several images in each pass.
    """
    if len(shape) < 4:
        return None, None
    batch, *_, height, width = shape
    if batch is not None and batch != 1:
        what = f"the network takes exactly {batch} images or clips in a pass"
        raise ShapeError(what, fix="export it for one, or for any number (a dynamic first size)")
    return (None if height is None or width is None else (height, width)), batch


@contextmanager
def _opening(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # torch raises many kinds of errors
        fix = "export it again, or set 'architecture' to the form of the file"
        raise DataError(f"is damaged, or is not {kind}", where=str(path), fix=fix) from error


@contextmanager
def _no_pickles() -> Iterator[None]:
    """Let `torch.load` inside torch.export refuse everything but tensors."""
    before = {name: os.environ.pop(name, None) for name in (_SAFE, _ALLOWED)}
    os.environ[_SAFE] = "1"
    try:
        yield
    finally:
        del os.environ[_SAFE]
        os.environ.update({name: value for name, value in before.items() if value is not None})


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Keep the tracebacks of torch out of the output."""
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
