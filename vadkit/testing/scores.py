"""How a scorer is called: what it reads of a model, made up, and what it gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vadkit.core.values import ClipOutputs
from vadkit.testing.verdict import require


def complete(scorer: Any, out: ClipOutputs) -> ClipOutputs:
    """With likelihoods under the names that the scorer says it reads, and no others."""
    rows = out.scores[""]  # (B, T')
    likelihoods = {name: out.nll.get(name, rows * 3 + 40) for name in scorer.densities()}
    return replace(out, nll=likelihoods, output=out.output if scorer.uses_output else None)


def scored(scorer: Any, out: ClipOutputs) -> dict[str, Tensor]:
    """Its score, and its maps if it has any."""
    given = complete(scorer, out)
    with torch.no_grad():
        score, anomaly_maps = scorer(given), scorer.anomaly_maps(given)
    require(isinstance(score, Tensor), f"it gives a {type(score).__name__}, not a tensor", "return scores (B, T)")
    return {"score": score} | ({} if anomaly_maps is None else {"anomaly_maps": anomaly_maps})
