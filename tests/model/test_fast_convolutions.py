"""Faster convolutions for scoring give the numbers of torch's."""

from __future__ import annotations

import threading
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Encoder, LatentSpec
from vadkit.engine.experiment import without_videos
from vadkit.model.autoencoder import Autoencoder
from vadkit.model.inference.convolutions import tried, with_fast_convolutions
from vadkit.model.pipeline import Pipeline
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder

SIZE = (7, 9, 8)
LAYERS = {nn.Conv2d: 2, nn.Conv3d: 3, nn.ConvTranspose2d: 2, nn.ConvTranspose3d: 3}


def faster(layer: nn.Module) -> nn.Module:
    return with_fast_convolutions(nn.Sequential(layer))


def assert_same(layer: Any, axes: int) -> None:
    fast = faster(layer)
    assert type(fast[0]) is not type(layer)  # pyright: ignore[reportIndexIssue]
    for clips, order in product(
        (1, 3), (torch.contiguous_format, {2: torch.channels_last, 3: torch.channels_last_3d}[axes])
    ):
        maps = torch.randn(clips, layer.in_channels, *SIZE[:axes]).contiguous(memory_format=order)
        with torch.inference_mode():
            expected = layer(maps)
            torch.testing.assert_close(fast(maps), expected, atol=3e-6 * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("inputs", [1, 8, 64])
@pytest.mark.parametrize("outputs", [1, 3, 32])
def test_each_layer_gives_the_same_numbers(kind: Any, inputs: int, outputs: int) -> None:
    axes = LAYERS[kind]
    for kernel, stride, bias in product((1, 3, (3, 1, 3)[-axes:]), (1, 2), (True, False)):
        for padding in {0, 1} if kernel == 3 else {0}:
            assert_same(kind(inputs, outputs, kernel, stride, padding, bias=bias), axes)


def test_groups_dilation_and_output_padding_are_kept() -> None:
    assert_same(nn.Conv3d(8, 4, 3, groups=2, dilation=(1, 2, 2), padding=2), 3)
    assert_same(nn.ConvTranspose3d(8, 4, 3, stride=2, padding=1, output_padding=1), 3)
    assert_same(nn.ConvTranspose2d(32, 1, 3, padding=1, dilation=2), 2)


def test_an_output_size_is_kept() -> None:
    for layer in (nn.ConvTranspose3d(4, 4, 3, stride=2), nn.ConvTranspose3d(64, 1, 3)):
        maps = torch.randn(1, layer.in_channels, *SIZE)
        size = [(side - 1) * layer.stride[0] + 3 + (layer.stride[0] - 1) for side in SIZE]
        with torch.inference_mode():
            torch.testing.assert_close(faster(layer)[0](maps, output_size=size), layer(maps, output_size=size))  # pyright: ignore


def test_scores_do_not_depend_on_the_threads() -> None:
    model = nn.Sequential(
        nn.Conv3d(1, 24, 3, padding=1), nn.ReLU(), nn.ConvTranspose3d(24, 64, 3, 2, 1), nn.ConvTranspose3d(64, 1, 3)
    )
    fast, clip, before = with_fast_convolutions(model), torch.randn(1, 1, 8, 32, 48), torch.get_num_threads()
    outputs: list[Tensor] = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                outputs.append(fast(clip))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*outputs)


@pytest.mark.parametrize("layer", [nn.Conv2d(4, 4, 3), nn.ConvTranspose2d(32, 1, 3), nn.Conv3d(4, 4, 1)])
def test_inputs_that_are_no_batch_of_float32_go_to_torch(layer: Any) -> None:
    fast: Any = faster(layer)[0]  # pyright: ignore[reportIndexIssue]
    one = torch.randn(layer.in_channels, *SIZE[: layer.weight.dim() - 2])
    with torch.inference_mode():
        assert torch.equal(fast(one), layer(one))
        assert fast(one[None][:0]).shape == layer(one[None][:0]).shape
        torch.testing.assert_close(fast(input=one[None]), layer(one[None]))
        assert fast.double()(one[None].double()).dtype == torch.float64


@pytest.mark.parametrize("kind", [nn.Conv3d, nn.ConvTranspose3d])
@pytest.mark.parametrize("kernel", [3, 7, 9])
def test_kernels_may_be_larger_than_the_maps(kind: Any, kernel: int) -> None:
    layer = kind(64, 1, (kernel, 1, 1), padding=(kernel // 2, 0, 0))
    for frames in (1, 2, 3, 5):
        maps = torch.randn(2, 64, frames, 4, 4)
        with torch.inference_mode():
            torch.testing.assert_close(faster(layer)(maps), layer(maps), atol=1e-5, rtol=1e-5)


class Flattens(nn.Module):
    """A model that looks at the memory of outputs and weights, as many do."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 6, 3)
        self.norms: list[Tensor] = []

    def forward(self, maps: Tensor) -> Tensor:
        self.norms = [self.convolution.weight.view(6, -1).norm()]
        return self.convolution(maps).view(len(maps), -1)


def test_outputs_and_weights_can_be_viewed_as_those_of_torch() -> None:
    model, maps = Flattens(), torch.randn(2, 3, 8, 9)
    fast = with_fast_convolutions(model)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        fast(maps)
    with torch.inference_mode():
        torch.testing.assert_close(tried(lambda: fast(maps), fast), model(maps))
        torch.testing.assert_close(fast(maps), model(maps))  # the choice is kept


def test_other_errors_are_raised() -> None:
    fast = with_fast_convolutions(Flattens())
    with pytest.raises(RuntimeError, match="expected input"):
        tried(lambda: fast(torch.randn(2, 5, 8, 9)), fast)


def test_a_model_that_cannot_be_copied_stays_as_it_is() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 3))
    model.lock = threading.Lock()  # pyright: ignore
    assert with_fast_convolutions(model) is model


class Half(nn.Conv2d):
    """A convolution of a plugin with another forward pass."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) / 2


def test_layers_that_differ_stay_as_they_are() -> None:
    hooked = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())
    hooked[1].register_forward_hook(lambda layer, given, output: output.neg())
    circular, same = nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), nn.Conv2d(4, 4, 3, padding="same")
    for layer in (Half(4, 4, 3), hooked, circular, same, nn.Conv2d(4, 4, 3).double(), nn.Conv1d(4, 4, 3), nn.ReLU()):
        model = nn.Sequential(layer)
        assert with_fast_convolutions(model) is model


def test_the_model_itself_does_not_change() -> None:
    model = nn.Sequential(nn.Conv3d(2, 2, 3))
    fast = with_fast_convolutions(model)
    assert type(model[0]) is nn.Conv3d
    assert isinstance(fast[0], nn.Conv3d)
    assert model[0].weight.requires_grad
    assert list(fast.state_dict()) == list(model.state_dict())


def fast_layers(precision: str, **options: Any) -> list[nn.Module]:
    recipe = read_recipe("quickstart", [f"engine.precision={precision}", "engine.accelerator=cpu"], Registry.discover())
    pipeline = without_videos(recipe, RunFolder(Path("unused"))).pipeline(**options)
    return [layer for layer in pipeline.modules() if hasattr(layer, "ordered")]


def test_scoring_in_float32_uses_them_and_nothing_else_does() -> None:
    assert fast_layers("fp32", folded=True)
    assert not fast_layers("fp32")
    assert not fast_layers("fp32", folded=True, exported=True)
    assert not fast_layers("bf16", folded=True)


class Views(Encoder, nn.Module):
    """An encoder that calls `view` on the output of a convolution."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        self.latents = {"code": LatentSpec(4 * clip.frames, 1, clip.height, clip.width)}
        self.convolution = nn.Conv3d(1, 4, 3, padding=1)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"code": self.convolution(clips).view(len(clips), -1, 1, *clips.shape[3:])}


def test_a_pipeline_scores_with_a_model_that_calls_view() -> None:
    clip = ClipSpec(3, 8, 10, "gray")
    model = Autoencoder(clip, Views(clip), None).eval()
    clips = torch.rand(2, *clip.shape)
    given = [
        Pipeline(clip, model, {}, decode=False, folded=True, fast=fast)(clips).latents["code"] for fast in (False, True)
    ]
    torch.testing.assert_close(*given)
