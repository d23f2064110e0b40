"""Protocols that published code follows, so that a number can be put beside a paper's.

Each was read in the authors' own code. What happens before there is one score a frame (objects,
poses, patches) belongs to the method and is not part of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from vadkit.core.protocol import Protocol

_VIDEO = ({"use": "minmax", "over": "video"},)

PRESETS: Mapping[str, Protocol] = {
    "itae": Protocol("itae"),
    "ffp": Protocol("ffp", missing_scores="drop", transform=_VIDEO, eer="nearest"),
    "mnad": Protocol("mnad", missing_scores="drop", transform=_VIDEO),
    "memae": Protocol("memae", missing_scores="drop", transform=_VIDEO),
    "hf2vad": Protocol(
        "hf2vad",
        missing_scores="drop",
        transform=({"use": "zscore", "over": "training"},),
        smoothing=({"use": "median", "size": 17, "edges": "zeros"},),
    ),
    "accivad": Protocol(
        "accivad",
        transform=({"use": "minmax", "over": "training", "upper": 99.9},),
        smoothing=({"use": "gaussian", "sigma": 3.0, "edges": "reflect"},),
        single_class="pad",
    ),
    "stgnf": Protocol(
        "stgnf",
        missing_scores="min",
        transform=(),
        smoothing=tuple({"use": "gaussian", "sigma": float(sigma), "edges": "reflect"} for sigma in range(1, 7)),
    ),
    "aedmae": Protocol(
        "aedmae",
        transform=(),
        smoothing=({"use": "truncated_gaussian", "taps": 37, "sigma": 11.0},),
        single_class="pad",
    ),
    "deployable": Protocol(
        "deployable",
        missing_scores="drop",
        overlap="calibrated",
        transform=({"use": "zscore", "over": "training"},),
        deployable=True,
    ),
}
"""Name, as recipes write it after `evaluate: protocol:` -> the protocol."""

SOURCES: Mapping[str, str] = {
    "itae": "Cho et al. 2022, the paper here. Each component is rescaled as its entry of 'fuse' says; no smoothing.",
    "ffp": "Liu et al. 2018, code of 'Future Frame Prediction'. Frames without a prediction are dropped, every video "
    "is brought to [0, 1]; EER is the miss rate at the nearest corner of the ROC.",
    "mnad": "Park et al. 2020. As ffp; weights of the two components are set by hand. Publishes no EER.",
    "memae": "Gong et al. 2019. The first 8 and last 7 frames have no score and are dropped. Publishes no EER.",
    "hf2vad": "Liu et al. 2021. Components in deviations of training scores (there of objects, here of frames), then "
    "a median of 17 frames with zeros outside the video. Publishes no EER.",
    "accivad": "Reiss and Hoshen 2022. Components between the lowest and the 99.9th percentile of training scores, "
    "Gaussian of sigma 3 (7 on ShanghaiTech). Quotes micro AUC and the padded macro AUC, with "
    "score 0 for the padded normal frame there and the lowest score here.",
    "stgnf": "Hirschorn and Avidan 2023. Frames without a score get the lowest of the test set; six Gaussians one "
    "after another, sigma 1 to 6.",
    "aedmae": "Ristea et al. 2024, as for Avenue: a truncated Gaussian of 37 frames that is not brought to sum 1. "
    "Quotes micro AUC and the padded macro AUC.",
    "deployable": "What a camera can have: scale and alarm threshold come from held-out normal training videos, and "
    "nothing needs the test video's future.",
}
"""Name -> its authors, and what to know before quoting a number under it."""
