"""A trained recipe scores videos: held-out normal ones and the test set, each once, into score files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vadkit.core.errors import DataError
from vadkit.core.seeds import derive
from vadkit.core.values import Labels, VideoRef
from vadkit.engine.bench.flops import count_flops
from vadkit.engine.experiment import Experiment
from vadkit.model.inference.sliding_window import measure_position_stats, score_video
from vadkit.model.inference.synthetic import synthesize
from vadkit.model.pipeline import Pipeline
from vadkit.store.scores import (
    PositionStats,
    map_file,
    read_position_stats,
    read_score_file,
    score_file,
    write_labels,
    write_position_stats,
    write_scores,
)
from vadkit.video.cache import Frames
from vadkit.video.clips import window_count


class Scoring:
    """The trained recipe scores videos into the run folder.

    Args:
        experiment: with its weights.
        anomaly_maps: the entry of `scores` whose maps of test videos are kept; empty keeps none.
    """

    def __init__(self, experiment: Experiment, *, anomaly_maps: str = "") -> None:
        self.experiment, self.anomaly_maps = experiment, anomaly_maps
        self.folder, self.recipe, self.datamodule = experiment.folder, experiment.recipe, experiment.datamodule

    def test_videos(self) -> None:
        """Score every test video that has no score file of this recipe yet."""
        videos, frames = self.datamodule.videos("test"), self.datamodule.frames
        self._videos("score test", self.folder.scores, videos, frames, anomaly_maps=self.anomaly_maps)
        self.folder.update_manifest(flops=count_flops(self.experiment.pipeline(), self.experiment.scorers))

    def held_out(self, *, synthetic: bool) -> None:
        """Score the normal videos that were held out, and, if wanted, the same with anomalies put in.

        Test videos are not touched: what these scores set, scale and threshold and weights, knows
        nothing of them.
        """
        held_out = self.datamodule.held_out
        if not held_out:
            return
        self._videos("score held out", self.folder.held_out, held_out, self.datamodule.frames)
        self.folder.update_manifest(data={"held out": [video.name for video in held_out]})
        if not synthetic:
            return
        random = np.random.default_rng(derive(self.recipe.seed, "synthetic"))
        donors = [self.datamodule.frames(video) for video in held_out]
        truth: dict[str, Labels] = {}

        def altered(video: VideoRef) -> Frames:
            frames, labels = synthesize(
                np.asarray(self.datamodule.frames(video)), donors, length=2 * self.experiment.clip.span, random=random
            )
            truth[video.name] = Labels(labels, source="synthetic anomalies")
            return frames

        self._videos("score synthetic", self.folder.synthetic, held_out, altered)
        write_labels(self.folder.synthetic / "labels" / "labels.npz", truth)

    def _videos(
        self,
        stage: str,
        folder: Path,
        videos: Sequence[VideoRef],
        frames_of: Callable[[VideoRef], Frames],
        *,
        anomaly_maps: str = "",
    ) -> None:
        """Score videos, one in memory at a time; `frames_of` is asked for each, once and in order."""
        pipeline, engine, short = self.experiment.pipeline(), self.recipe.engine, self.recipe.data.short
        lengths = {video.name: len(self.datamodule.frames(video)) for video in videos}
        windows = {
            name: window_count(frames, self.experiment.clip, engine.score_stride, video=name, short=short)
            for name, frames in lengths.items()
        }
        missing = {name for name, frames in lengths.items() if not self._scored(folder, name, frames, anomaly_maps)}
        position_stats = self._position_stats(pipeline) if missing else None
        began, done = time.monotonic(), 0  # what was calibrated is not scoring: vadkit compare gives frames a second
        self.experiment.progress.begin(stage, sum(windows.values()), unit="windows")
        for video in videos:
            frames = frames_of(video)
            if video.name in missing:
                scores = score_video(
                    video, frames, pipeline, self.experiment.scorers, self.experiment.fabric,
                    batch=engine.score_batch, stride=engine.score_stride, progress=self.experiment.progress, done=done,
                    position_stats=position_stats, anomaly_maps=anomaly_maps, short=short,
                )  # fmt: skip
                write_scores(folder, scores, anomaly_maps=anomaly_maps)
            done += windows[video.name]
            self.experiment.progress.advance(done)
        self.experiment.progress.end()
        if len(missing) == len(videos):  # else it would say how long a part took
            self.folder.update_manifest(seconds={stage: round(time.monotonic() - began, 2)})

    def _position_stats(self, pipeline: Pipeline) -> Mapping[str, PositionStats] | None:
        """What calibrated windows are standardised with; measured once, and kept with the weights."""
        if self.recipe.engine.score_overlap != "calibrated":
            return None
        kept = read_position_stats(self.folder.position_stats, self.experiment.digests["scores"])
        if kept is not None:
            return kept
        stats = measure_position_stats(
            self.datamodule.training_clips, pipeline, self.experiment.scorers, self.experiment.fabric,
            batch=self.recipe.engine.score_batch, progress=self.experiment.progress,
        )  # fmt: skip
        write_position_stats(self.folder.position_stats, self.experiment.digests["scores"], stats)
        return stats

    def _scored(self, folder: Path, name: str, frames: int, anomaly_maps: str) -> bool:
        path = score_file(folder, name)
        if not path.exists() or (anomaly_maps and not map_file(folder, anomaly_maps, name).exists()):
            return False
        try:
            found = read_score_file(path)
        except DataError:
            return False  # cut short by a kill of an older version; score it again
        return set(found.components) == set(self.experiment.scorers) and len(found.coverage) == frames


def load_position_stats(experiment: Experiment) -> Mapping[str, PositionStats] | None:
    """What calibrated windows were standardised with when the run was scored; None where the recipe does not ask.

    Raises:
        DataError: it is missing.
    """
    if experiment.recipe.engine.score_overlap != "calibrated":
        return None
    kept = read_position_stats(experiment.folder.position_stats, experiment.digests["scores"])
    if kept is None:
        where, fix = str(experiment.folder.position_stats), "score the run again with 'vadkit run --resume'"
        raise DataError("is missing, or of another recipe", where=where, fix=fix)
    return kept
