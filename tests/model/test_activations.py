"""Activation checkpointing: the same gradients and statistics, from fewer stored activations."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from toys import registry

from vadkit.core.errors import ShapeError
from vadkit.engine.dry_run import dry_run
from vadkit.model.training.activations import checkpointed_activations


def block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(inplace=True)]


def flat() -> nn.Module:
    """Layers without inner sequences, with random numbers; the first one changes its input in place."""
    return nn.Sequential(nn.LeakyReLU(inplace=True), *block(4, 8), nn.Dropout(0.5), *block(8, 8), *block(8, 4))


class Paths(nn.Module):
    """Two lists of blocks, as in an encoder with two paths. One is of a class with its own constructor."""

    class Twice(nn.Sequential):
        def __init__(self, width: int) -> None:
            super().__init__(*block(width, width), *block(width, width))

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(*(nn.Sequential(*block(4, 4)) for _ in range(5)))
        self.other = nn.ModuleList([nn.Sequential(*block(4, 4)), Paths.Twice(4)])

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) + self.other[1](self.other[0](x))


def one_step(module: nn.Module, lean: bool) -> tuple[Tensor, int]:
    """The loss of a training step, and the bytes that it stores between its passes, without weights."""
    stored = {}
    weights = {tensor.data_ptr() for tensor in [*module.parameters(), *module.buffers()]}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            stored[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(0)
    x = torch.rand(2, 4, 32, 32) - 0.5
    with checkpointed_activations(module) if lean else contextlib.nullcontext():
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = module(x * 1).square().mean()
        size = sum(stored.values())
        loss.backward()
    return loss, size


@pytest.mark.parametrize("layers", [flat, Paths])
def test_gradients_and_statistics_are_the_same_with_less_memory(layers: Any) -> None:
    torch.manual_seed(1)
    plain = layers().train()
    lean = copy.deepcopy(plain)
    for _ in range(2):
        (loss, size), (same, less) = one_step(plain, False), one_step(lean, True)
        assert torch.equal(loss, same)
        assert less < 0.6 * size
    for (name, ours), theirs in zip(lean.named_parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None
        assert torch.equal(ours.grad, theirs.grad), name
    for (name, ours), theirs in zip(lean.named_buffers(), plain.buffers(), strict=True):
        assert torch.equal(ours, theirs), name  # of batch norm: not counted twice
    counts = [count for name, count in lean.named_buffers() if name.endswith("num_batches_tracked")]
    assert counts
    assert set(map(int, counts)) == {2}
    assert not any("forward" in vars(module) for module in lean.modules())  # as before the training


def test_a_model_without_a_sequence_of_layers_is_refused(tiny: dict[str, Any]) -> None:
    tiny |= {"densities": {}, "fuse": {}, "scores": {"reconstruction": tiny["scores"]["reconstruction"]}}
    tiny["model"] |= {"encoder": "mean", "decoder": "flat"}
    tiny["engine"]["checkpoint_activations"] = True
    with pytest.raises(ShapeError, match=r"engine\.checkpoint_activations: the model has no layers in an 'nn.Seq"):
        dry_run(tiny, registry=registry())
