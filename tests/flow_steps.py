"""What the tests of all flows check in the same way."""

from __future__ import annotations

import torch
from torch import Tensor

from vadkit_flows.flow import Flow


def check_steps_invert(flow: Flow, values: Tensor) -> None:
    """Each step of the first level inverts itself, and its log-determinant changes the sign."""
    rest, _ = flow.standardize(values)
    for step in flow.steps(flow.levels[0]):
        deeper, change = step.inverse(rest)
        back, undone = step(deeper)
        assert torch.allclose(back, rest, atol=1e-3)
        assert torch.allclose(torch.as_tensor(undone), -torch.as_tensor(change), atol=1e-3)
        rest = deeper
