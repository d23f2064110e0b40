"""Calls a scorer: makes the model outputs that it reads, and names its results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vadkit.core.values import ClipOutputs
from vadkit.testing.outcome import require


def complete(scorer: Any, out: ClipOutputs) -> ClipOutputs:
    """The model outputs that the scorer declares: its densities' likelihoods, and the output if it uses it."""
    rows = out.scores[""]  # (B, T')
    likelihoods = {name: out.nll.get(name, rows * 3 + 40) for name in scorer.densities()}
    return replace(out, nll=likelihoods, output=out.output if scorer.uses_output else None)


def scored(scorer: Any, out: ClipOutputs) -> dict[str, Tensor]:
    """The scorer's score, and its maps if there are any."""
    given = complete(scorer, out)
    with torch.no_grad():
        score, anomaly_maps = scorer(given), scorer.anomaly_maps(given)
    require(isinstance(score, Tensor), f"it returns a {type(score).__name__}, not a tensor", "return scores (B, T)")
    return {"score": score} | ({} if anomaly_maps is None else {"anomaly_maps": anomaly_maps})
