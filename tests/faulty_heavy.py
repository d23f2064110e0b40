"""A metric that imports torch."""

from collections.abc import Sequence

import torch

from vadkit.api import DataError, Metric, ScoredVideo


class Heavy(Metric):
    """Mean score of abnormal frames."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        scores = torch.cat([torch.from_numpy(video.scores[video.labels]) for video in videos])
        if not len(scores) or not any((~video.labels).any() for video in videos):
            raise DataError("one class only", where="metric")
        return {"mean": float(scores.mean().clamp(max=9) / 9)}
