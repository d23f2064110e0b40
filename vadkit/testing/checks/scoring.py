"""Checks of scorers: one value for each frame, higher for a toy anomaly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from vadkit.core.errors import VadkitError
from vadkit.core.values import ClipOutputs
from vadkit.testing.calls import AnyName, call_scorer, declared_outputs, inputs
from vadkit.testing.outcome import ConformityError, NotApplicableError, require, told
from vadkit.testing.subject import Subject


def check_scores(subject: Subject) -> None:
    """A score (B, T) for every frame of the clip, for batches of two and of one; maps (B, T, H, W) or None."""
    clip, scorer = subject.toy.clip, subject.build()
    for batch in (2, 1):
        found = call_scorer(scorer, inputs(subject, batch)[0])
        wanted = {"score": (batch, clip.frames), "anomaly_maps": (batch, clip.frames, clip.height, clip.width)}
        for name, tensor in found.items():
            what = f"its {name} is {tuple(tensor.shape)}, not {wanted[name]}"
            fix = "return an entry for every frame of the clip, NaN for a frame without a score"
            require(tuple(tensor.shape) == wanted[name], what, fix)


def check_gaps(subject: Subject) -> None:
    """Whether a frame's score is NaN depends on its position in the clip only.

    At least one frame has a score, and no score is infinite. If there are maps, each frame with a score has one.
    """
    scorer = subject.build()
    one, two = (call_scorer(scorer, inputs(subject, 2, seed=seed)[0]) for seed in (0, 4))
    score = one["score"]
    require(not bool(score.isinf().any()), "a score is infinite", "keep logarithms and divisions away from 0")
    gaps = score.isnan()
    require(not bool(gaps.all()), "no frame has a score", "score the frames of the model's input or output")
    same = bool((gaps == gaps[:1]).all()) and torch.equal(gaps, two["score"].isnan())
    fix = "choose them by the frame's position in the clip only"
    require(same, "the frames without a score (NaN) change with the content of the clip", fix)
    if "anomaly_maps" in one:
        empty = one["anomaly_maps"].isnan().flatten(2).all(2)
        what = "a frame with a score has no map (all NaN)"
        require(bool((empty <= gaps).all()), what, "give every frame with a score a map")


def check_reads(subject: Subject) -> None:
    """With `uses_output = False` it works without the decoder, and it reads only the densities that it declares."""
    scorer, out = subject.build(), inputs(subject, 2)[0]
    try:
        call_scorer(scorer, out)
    except ConformityError as error:
        raise NotApplicableError(f"{error.what}, see check_scores") from error
    except (KeyError, AttributeError, VadkitError) as error:
        fix = "name its densities in densities(), and set uses_output = True if it reads out.output"
        raise ConformityError(f"it fails with the inputs that it declares: {told(error)}", fix=fix) from error


def check_toy_anomaly(subject: Subject) -> None:
    """Frames score higher with a bright block that the model neither reconstructs nor finds likely."""
    scorer: Any = subject.build()
    normal = declared_outputs(scorer, inputs(subject, 2)[0])
    strange, frames = _with_anomaly(normal)
    with torch.no_grad():
        before, after = scorer(normal)[:, frames], scorer(strange)[:, frames]
    known = ~(before.isnan() | after.isnan())
    if not bool(known.any()):
        raise NotApplicableError(f"it scores none of the frames {frames.start} to {frames.stop - 1} of the clip")
    low, high = float(before[known].mean()), float(after[known].mean())
    what = f"frames with a toy anomaly score {high:.4g} on average, without it {low:.4g}"
    require(high > low, what, "return higher scores for more anomalous frames")


def _with_anomaly(normal: ClipOutputs) -> tuple[ClipOutputs, slice]:
    """Add a block that jumps from side to side in the second half of the target's frames."""
    start, stop = normal.spec.target
    frames = slice((start + stop) // 2, stop)
    clips, tall, wide = normal.clips.clone(), normal.spec.height // 2, normal.spec.width // 2
    for frame in range(frames.start, frames.stop):
        left = 0 if frame % 2 else normal.spec.width - wide
        clips[:, :, frame, :tall, left : left + wide] = 1.0
    strange = replace(
        normal,
        clips=clips,
        target=clips[:, :, start:stop],
        latents={name: each + 2.0 for name, each in normal.latents.items()},
        nll={name: each + 10.0 for name, each in normal.nll.items()},
        scores=AnyName(normal.scores[""] + 10.0),
    )
    return strange, frames
