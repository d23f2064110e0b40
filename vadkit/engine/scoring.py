"""Scores videos with a trained recipe: held-out normal videos and the test videos, into score files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from vadkit.core.errors import DataError
from vadkit.core.seeds import derive
from vadkit.core.values import Labels, VideoRef
from vadkit.engine.bench.flops import count_flops
from vadkit.engine.experiment import Experiment
from vadkit.engine.previews import write_all_previews
from vadkit.model.inference.preview_parts import PartsRecorder
from vadkit.model.inference.sliding_window import measure_position_stats, score_video
from vadkit.model.inference.synthetic import synthesize
from vadkit.model.pipeline import Pipeline
from vadkit.store.manifest import HELD_OUT, SCORES, SYNTHETIC
from vadkit.store.previews import PartsWriter, has_previews, parts_file, step_of
from vadkit.store.scores import (
    PositionStats,
    VideoScores,
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
from vadkit.video.clock import recorded_at
from vadkit.video.decode import frame_size
from vadkit.video.times import mean_rate


class Scoring:
    """Scores videos into the run folder.

    Args:
        experiment: the trained recipe.
        anomaly_maps: the scorer that gives anomaly maps of the test videos; empty for none.
        keep_maps: keep these maps in full. Otherwise they only enter the previews.
        previews: make previews of the test videos.
    """

    def __init__(
        self, experiment: Experiment, *, anomaly_maps: str = "", keep_maps: bool = True, previews: bool = False
    ) -> None:
        self.experiment, self.anomaly_maps, self.keep_maps = experiment, anomaly_maps, keep_maps
        self.previews = previews
        self.folder, self.recipe, self.datamodule = experiment.folder, experiment.recipe, experiment.datamodule
        self.processes = experiment.processes

    def test_videos(self) -> None:
        """Score every test video that does not have a score file of this recipe."""
        videos, frames = self.datamodule.videos("test"), self.datamodule.frames
        scored = self._videos(SCORES, "score test", self.folder.scores, videos, frames, tested=True)
        if not self.processes.first:
            return
        if self.previews and (scored or not has_previews(self.folder.scores, (video.name for video in videos))):
            write_all_previews(self.folder.scores, self.datamodule, self.experiment.progress)
        flops = count_flops(self.experiment.pipeline(), self.experiment.scorers)
        self.folder.update_manifest(lambda it: replace(it, flops=flops))

    def held_out(self, *, synthetic: bool) -> None:
        """Score the held-out normal videos and, with `synthetic`, the same videos with synthetic anomalies.

        Test videos are not read: scales, threshold and weights come from these scores alone.
        """
        held_out = self.datamodule.held_out
        if not held_out:
            return
        self._videos(HELD_OUT, "score held out", self.folder.held_out, held_out, self.datamodule.frames)
        names = tuple(video.name for video in held_out)
        if self.processes.first:
            self.folder.update_manifest(lambda it: it.with_data(held_out=names))
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

        self._videos(SYNTHETIC, "score synthetic", self.folder.synthetic, held_out, altered)
        if self.processes.first:
            write_labels(self.folder.synthetic / "labels" / "labels.npz", truth)

    def _videos(
        self,
        stage: str,
        label: str,
        folder: Path,
        videos: Sequence[VideoRef],
        frames_of: Callable[[VideoRef], Frames],
        *,
        tested: bool = False,
    ) -> bool:
        """Score videos, one in memory at a time; return whether any was not scored before.

        Each process scores some of the videos. All return when all videos are scored.

        Args:
            stage: the key of its time in the manifest.
            label: what the progress shows.
            folder: where the score files go.
            videos: what to score.
            frames_of: gives the frames of a video; it is called once for each video, in order.
            tested: whether these are the test videos, with anomaly maps and previews.
        """
        anomaly_maps, previews = (self.anomaly_maps, self.previews) if tested else ("", False)
        kept_maps = anomaly_maps if self.keep_maps else ""
        pipeline = self.experiment.pipeline(anomaly_maps=(anomaly_maps,), folded=True)
        engine, short = self.recipe.engine, self.recipe.data.short
        lengths = {video.name: len(self.datamodule.frames(video)) for video in videos}
        windows = {
            video.name: window_count(
                lengths[video.name], self.experiment.clip, engine.score_stride, where=video.where, short=short
            )
            for video in videos
        }
        missing = self.processes.of_first(
            {name for name, frames in lengths.items() if not self._scored(folder, name, frames, kept_maps, previews)}
        )
        mine = self.processes.split({name: windows[name] for name in missing})
        step = step_of(sum(lengths.values()))
        stats = self._position_stats(pipeline) if missing else None
        threads = self.experiment.threads.of(stage, self.experiment.digests["scores"], engine.score_batch)
        began, done = time.monotonic(), 0  # without calibration: vadkit compare shows frames per second
        self.experiment.progress.begin(label, sum(windows.values()), unit="windows")
        for video in videos:
            frames = frames_of(video)
            if video.name in mine:
                with self._recorder(folder, video, len(frames), step) if previews else nullcontext() as recorder:
                    scores = score_video(
                        video, frames, pipeline, self.experiment.scorers, self.experiment.compute,
                        batch=engine.score_batch, stride=engine.score_stride, progress=self.experiment.progress,
                        done=done, position_stats=stats, anomaly_maps=anomaly_maps, keep_maps=self.keep_maps,
                        preview=recorder, short=short, threads=threads, boxes=self.datamodule.boxes(video),
                    )  # fmt: skip
                if kept_maps:
                    scores = replace(scores, size=frame_size(video))
                scores = self._placed(video, scores, tested=tested)
                write_scores(folder, scores, anomaly_maps=kept_maps)
            done += windows[video.name]
            self.experiment.progress.advance(done)
        self.processes.wait(score_file(folder, name) for name in missing)
        self.experiment.progress.end()
        if self.processes.first and len(missing) == len(videos):  # otherwise it is the time of a part
            seconds = round(time.monotonic() - began, 2)
            self.folder.update_manifest(lambda it: it.with_stage(stage, seconds=seconds))
        return bool(missing)

    def _placed(self, video: VideoRef, scores: VideoScores, *, tested: bool) -> VideoScores:
        """The scores with times. A test video has those of its file, and a normal one counts at the model's rate."""
        times, sampling = self.datamodule.times(video), self.datamodule.sampling(video)
        if tested:
            start = recorded_at(video.source) if isinstance(video.source, Path) else None
            scores = replace(scores, sampling=sampling, recorded=start.isoformat() if start else None)
        elif sampling is not None and video.fps:
            seen = sampling.numbers / video.fps if times is None else times[sampling.numbers]
            scores, times = replace(scores, fps=mean_rate(seen)), None
        return scores if times is None else replace(scores, times=times, fps=mean_rate(times))

    @contextmanager
    def _recorder(self, folder: Path, video: VideoRef, frames: int, step: int) -> Iterator[PartsRecorder]:
        with PartsWriter(folder, video.name) as writer:
            yield PartsRecorder(writer, self.experiment.clip, frames, step)

    def _position_stats(self, pipeline: Pipeline) -> Mapping[str, PositionStats] | None:
        """Mean and deviation of each position in a window; measured once and kept with the weights.

        None if no result needs them: without held-out videos there is no alarm threshold, and then they are only
        measured for a protocol that needs them.
        """
        if not self._calibrates:
            return None
        kept = self.processes.of_first(
            read_position_stats(self.folder.position_stats, self.experiment.digests["scores"])
        )
        if kept is not None:
            return kept
        stats = measure_position_stats(
            self.datamodule.training_clips, pipeline, self.experiment.scorers, self.experiment.compute,
            batch=self.recipe.engine.score_batch, progress=self.experiment.progress,
        )  # fmt: skip
        stats = self.processes.of_first(stats)
        if self.processes.first:
            write_position_stats(self.folder.position_stats, self.experiment.digests["scores"], stats)
        return stats

    def _scored(self, folder: Path, name: str, frames: int, anomaly_maps: str, preview: bool) -> bool:
        path = score_file(folder, name)
        if preview and not parts_file(folder, name).exists():
            return False
        if not path.exists() or (anomaly_maps and not map_file(folder, anomaly_maps, name).exists()):
            return False
        try:
            found = read_score_file(path)
        except DataError:
            return False  # damaged: score it again
        complete = set(found.components) == set(self.experiment.scorers) and len(found.coverage) == frames
        return complete and (found.calibrated is not None or not self._calibrates)

    @property
    def _calibrates(self) -> bool:
        return bool(self.datamodule.held_out) or self.recipe.evaluate.protocol.overlap == "calibrated"


def load_position_stats(experiment: Experiment) -> Mapping[str, PositionStats] | None:
    """The position statistics of a scored run; None if the protocol does not use them.

    Raises:
        DataError: it is missing.
    """
    if experiment.recipe.evaluate.protocol.overlap != "calibrated":
        return None
    kept = read_position_stats(experiment.folder.position_stats, experiment.digests["scores"])
    if kept is None:
        where, fix = str(experiment.folder.position_stats), "score the run again with 'vadkit run --resume'"
        raise DataError("is missing, or belongs to another recipe", where=where, fix=fix)
    return kept
