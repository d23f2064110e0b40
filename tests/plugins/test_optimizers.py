"""AdaGrad's steps, worked out by hand."""

from __future__ import annotations

import pytest
import torch

from vadkit.api import VadkitError
from vadkit_standard.optimizers import AdaGrad


def test_adagrad_divides_by_the_root_of_all_squares_so_far() -> None:
    weight = torch.nn.Parameter(torch.tensor(0.0))
    optimizer = AdaGrad(lr=0.5).build([weight])
    for gradient, expected in ((3.0, -0.5), (4.0, -0.5 - 0.5 * 4 / 5)):
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        assert weight.item() == pytest.approx(expected)


def test_a_learning_rate_below_zero_is_refused() -> None:
    with pytest.raises(VadkitError, match="lr must be positive"):
        AdaGrad(lr=-1.0)
