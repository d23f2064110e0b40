"""Small networks in files of every form, and the optional libraries of the backbone, for tests."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn


class Small(nn.Module):
    """Two maps, a quarter and an eighth as large as the frame; `maps` returns both."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.BatchNorm2d(4), nn.ReLU())
        self.second = nn.Conv2d(4, 6, 2, 2)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(images)
        return first, self.second(first)


def write_script(path: Path, network: nn.Module | None = None) -> Path:
    """Write a TorchScript file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(network or Small()).save(path)  # pyright: ignore
    return path


def write_export(path: Path, size: tuple[int, int], *, batch: int = 1) -> Path:
    """Write a file of torch.export for frames of one size, one in a pass or (`batch` above 1) any number."""
    dynamic = ({0: torch.export.Dim("images")},) if batch > 1 else None
    torch.export.save(torch.export.export(Small(), (torch.zeros(batch, 3, *size),), dynamic_shapes=dynamic), path)
    return path


def write_onnx(path: Path, size: tuple[int, int], *, channels: int = 3) -> Path:
    """Write an ONNX file: the first convolution of `Small`, without its other layers."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    convolution: Any = Small().first[0]
    make, floats = onnx.helper, onnx.TensorProto.FLOAT
    weights = [
        onnx.numpy_helper.from_array(tensor.detach().numpy(), name)
        for name, tensor in (("weight", convolution.weight[:, :channels]), ("bias", convolution.bias))
    ]
    node = make.make_node("Conv", ["images", "weight", "bias"], ["map"], kernel_shape=[4, 4], strides=[4, 4])
    inputs = [make.make_tensor_value_info("images", floats, ["n", channels, *size])]
    outputs = [make.make_tensor_value_info("map", floats, ["n", 4, size[0] // 4, size[1] // 4])]
    graph = make.make_graph([node], "small", inputs, outputs, weights)
    onnx.save(make.make_model(graph, ir_version=9, opset_imports=[make.make_opsetid("", 17)]), path)
    return path


def library(name: str) -> Any:
    """torchvision or timm; the test is skipped if it is not installed.

    The torchvision of PyPI is compiled for CUDA. With a torch for the CPU, its compiled operators are missing, and
    its import fails at two of them. No network for classification uses them.
    """
    try:
        torchvision = importlib.import_module("torchvision")
    except ImportError:
        pytest.skip("torchvision is not installed")
    except RuntimeError:
        boxes = "Tensor dets, Tensor scores"
        torch.library.define("torchvision::nms", f"({boxes}, float iou_threshold) -> Tensor")
        torch.library.define("torchvision::qnms", f"({boxes}, Tensor idxs, float iou_threshold) -> Tensor")
        torchvision = importlib.import_module("torchvision")
    return torchvision if name == "torchvision" else pytest.importorskip(name, reason=f"{name} is not installed")
