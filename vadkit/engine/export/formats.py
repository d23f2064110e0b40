"""Writes a captured run as a file of ONNX, OpenVINO or torch.export, and runs such files."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vadkit.core.errors import VadkitError, closest
from vadkit.engine.export.clip_scorer import INPUT, is_output
from vadkit.engine.export.graph import Graph, quiet, refusal

Runtime = Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]]
"""The frames of clips, (B, T, H, W, C) -> the outputs of `ClipScorer`."""


@dataclass(frozen=True, slots=True)
class Form:
    """A file format of exported models.

    Attributes:
        file: name of the model's file. OpenVINO puts the weights next to it, in `model.bin`.
        runtime: the package that runs the file.
        needs: packages that write and run it.
        write: writes a graph to a path.
        open: opens a file, to run on a number of CPU threads.
    """

    file: str
    runtime: str
    needs: tuple[str, ...]
    write: Callable[[Graph, Path], None]
    open: Callable[[Path, int], Runtime]

    def require(self) -> None:
        """Check that the packages are installed.

        Raises:
            VadkitError: one is not.
        """
        for package in self.needs:
            if find_spec(package) is None:
                fix = "pip install 'vadkit[export]'"
                raise VadkitError(f"{package} is not installed", where="vadkit export", fix=fix)

    def versions(self) -> dict[str, str]:
        """Package -> version, of the packages that decide the content of the file."""
        return {package: version(package) for package in ("torch", *self.needs)}


def form_of(name: str, *, where: str = "--to") -> Form:
    """The format of a name.

    Raises:
        VadkitError: no format has this name, or its packages are not installed.
    """
    if name not in FORMS:
        raise VadkitError(f"unknown format {name!r}", where=where, fix=closest(name, FORMS))
    FORMS[name].require()
    return FORMS[name]


def _write_onnx(graph: Graph, path: Path) -> None:
    import onnx_ir

    try:
        with quiet():
            found: Any = torch.onnx.export(
                graph.program,
                dynamo=True,
                external_data=False,
                verbose=False,
                input_names=[INPUT],
                output_names=list(graph.outputs),
            )
    except torch.onnx.OnnxExporterError as error:
        raise _not_in_onnx(graph, str(error)) from error
    for value in (*found.model.graph.inputs, *found.model.graph.outputs):  # torch numbers its symbols
        value.shape = onnx_ir.Shape(["batch", *list(value.shape)[1:]])
    with quiet():
        found.save(path)


def _not_in_onnx(graph: Graph, text: str) -> VadkitError:
    operator = re.search(r"aten\.(\w+)", text)
    node = re.search(r"translating node %(\w+)", text)
    why = f"ONNX has no operator for torch's {operator[1]}" if operator else "torch cannot convert it to ONNX"
    return refusal(graph.part_of(node[1]) if node else "", graph.components, why)


def _open_onnx(path: Path, threads: int) -> Runtime:
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return lambda frames: dict(zip(names, session.run(names, {INPUT: frames}), strict=True))


def _write_openvino(graph: Graph, path: Path) -> None:
    openvino: Any = importlib.import_module("openvino")
    source = path.with_suffix(".onnx")
    _write_onnx(graph, source)
    # Not `convert_model`, which reports its use to the vendor.
    openvino.save_model(openvino.Core().read_model(source), path, compress_to_fp16=False)
    source.unlink()


def _open_openvino(path: Path, threads: int) -> Runtime:
    openvino: Any = importlib.import_module("openvino")
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(path, "CPU", settings)
    # OpenVINO gives an output further names
    names = [next(name for name in each.get_names() if is_output(name)) for each in model.outputs]

    def run(frames: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        found = model(frames)
        return {name: found[name] for name in names}

    return run


def _write_torch(graph: Graph, path: Path) -> None:
    with quiet():
        torch.export.save(graph.program, path)


def _open_torch(path: Path, threads: int) -> Runtime:
    with quiet():
        module = torch.export.load(path).module()

    def run(frames: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.inference_mode():
                return {name: value.numpy() for name, value in module(torch.from_numpy(frames)).items()}
        finally:
            torch.set_num_threads(before)

    return run


FORMS: Mapping[str, Form] = {
    "onnx": Form("model.onnx", "onnxruntime", ("onnx", "onnxscript", "onnxruntime"), _write_onnx, _open_onnx),
    "openvino": Form("model.xml", "openvino", ("onnx", "onnxscript", "openvino"), _write_openvino, _open_openvino),
    "torch": Form("model.pt2", "torch", (), _write_torch, _open_torch),
}
"""Name, as `--to` takes it -> the format."""
