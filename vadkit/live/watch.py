"""Scores a file, a camera or a stream with a trained run, and raises alarms. The import does not load torch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.core.alarms import AlarmDetector, AlarmRules
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.source_status import SourceStatus
from vadkit.core.watching import FrameScore
from vadkit.evaluation import EvaluationData
from vadkit.evaluation.build import evaluation_of
from vadkit.evaluation.calibration import threshold_of
from vadkit.evaluation.evaluator import Evaluator
from vadkit.evaluation.run_scores import open_run, read_synthetic
from vadkit.live.fusion import OnlineFusion, check_lookback
from vadkit.live.rate import rate_of_run, report_rate
from vadkit.plugin.registry import Registry
from vadkit.recipe.model import Recipe, with_threads
from vadkit.store.provenance import changes, code_of
from vadkit.store.run_folder import RunFolder, digest_of
from vadkit.store.scores import VideoScores, read_scores
from vadkit.video.sampling import drops_frames

if TYPE_CHECKING:
    from vadkit.engine.experiment import Experiment
    from vadkit.live.scorer import FinalScores, OnlineScorer
    from vadkit.live.stream import Gap, Source, SourceFrame, SourceFrames

_LIVE_RATE = 25.0  # frames per second of a live source that states none; its frames have times all the same


class Watch:
    """A trained run that scores new videos and raises alarms. The constructor loads torch and the weights.

    The scores are those of `vadkit eval RUN --protocol deployable`: scales, weights and the threshold come
    from held-out normal videos, and no score needs later frames. If the run's own protocol is deployable,
    `Watch` uses that protocol instead of the preset.

    Args:
        run: the run folder.
        overrides: changes of `fuse` and `evaluate`, in the form of `--set`.
        threshold: score that raises an alarm, instead of the threshold from the held-out videos.
        false_alarms_per_hour: alarms per hour that the held-out videos may raise; default: the protocol's rate.
        rules: hysteresis, shortest duration and cool-down of alarms; default: none of them.
        threads: CPU threads; default: those of the recipe, or measured.
        progress: receives messages about the source.
        registry: default: all installed plugins.

    Raises:
        VadkitError: the folder is not a finished run, no normal video was held out, or the rules do not fit the
            threshold.

    Example:
        >>> from vadkit import Watch
        >>> watch = Watch("runs/own_video", false_alarms_per_hour=0.5)  # doctest: +SKIP
        >>> for scored in watch.run(watch.open("night.mp4")):  # doctest: +SKIP
        ...     for alarm in scored.alarms:
        ...         print(scored.frame, scored.score, alarm)
    """

    def __init__(
        self,
        run: str | Path,
        *,
        overrides: Sequence[str] = (),
        threshold: float | None = None,
        false_alarms_per_hour: float | None = None,
        rules: AlarmRules | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
        registry: Registry | None = None,
    ) -> None:
        registry = registry or Registry.discover()
        self._tell = (progress or NoProgress()).message
        self.folder, self.recipe = open_deployable(run, overrides, registry)
        folder = self.folder
        if self.recipe.data.boxes is not None:
            fix = "score videos of the recipe with 'vadkit run'"
            what = "needs the boxes of objects from a file, so it cannot score other videos"
            raise VadkitError(what, where=str(run), fix=fix)
        config = evaluation_of(self.recipe, registry)
        self.protocol = config.protocol
        for change in changes(folder.read_manifest().code, code_of(self.recipe)):
            self._tell(f"{change}: the threshold may not fit the scores; run the recipe again with --overwrite")
        normal = _read_held_out(folder)
        synthetic, truth = read_synthetic(folder, config.needs)
        self.fusion = Evaluator(config).fit(EvaluationData((), {}, normal, synthetic, truth))
        check_lookback(self.fusion)
        self.hours = 0.0
        self.threshold = self._find_threshold(threshold, false_alarms_per_hour)
        self.rules = rules or AlarmRules()
        self.rules.lower(self.threshold)
        rates = [video.fps for video in normal if video.fps]
        self.fps = rate_of_run(self.recipe.data, normal)
        self._mixed_rates = bool(rates) and drops_frames(max(rates), min(rates))
        from vadkit.engine.experiment import load_experiment

        self.experiment: Experiment = load_experiment(folder.path, with_threads(self.recipe, threads))

    def _find_threshold(self, threshold: float | None, per_hour: float | None) -> float:
        if threshold is not None:
            if not np.isfinite(threshold):
                raise VadkitError(f"a threshold is a finite number, not {threshold}", where="--threshold")
            return threshold
        rate = self.protocol.false_alarms_per_hour if per_hour is None else per_hour
        if not 0 <= rate < np.inf:
            raise VadkitError(f"a rate is 0 or more alarms per hour, not {rate}", where="--false-alarms-per-hour")
        totals = self.fusion.total(self.fusion.normal, self.fusion.scaled_normal)
        threshold, self.hours = threshold_of(self.fusion.normal, totals, rate)
        assert threshold is not None
        return threshold

    def digest(self) -> str:
        """Digest of everything that scores and alarms depend on, except the source."""
        normal, fusion = self.fusion.normal, self.fusion
        totals = [float(total.sum()) for total in fusion.total(normal, fusion.scaled_normal)]  # depend on the weights
        raw = [[float(scores.sum()) for scores in video.components.values()] for video in normal]
        parts = {name: part.as_dict() for name, part in fusion.parts.items()}
        alarms = self.threshold, asdict(self.rules)
        return digest_of(self.experiment.digests, alarms, self.fps, parts, self.protocol.smoothing, totals, raw)

    def open(
        self,
        source: str,
        *,
        fps: float | None = None,
        retries: int | None = None,
        transport: str = "tcp",
        picture_size: int = 0,
        on_status: Callable[[SourceStatus], None] | None = None,
    ) -> Source:
        """Open a source for `run`.

        Args:
            source: a video file, a folder of images, a URL such as rtsp://..., or a camera such as /dev/video0.
            fps: frames per second to use; default: the rate at which the model was trained, such as `data.fps`.
            retries: attempts in a row to connect again to a live source that is off or lost; default: no limit.
            transport: the transport of RTSP, "tcp" or "udp".
            picture_size: pixels of the longer side of the pictures that `run` gives. 0 for the frames of the model.
            on_status: receives the states of a live source while `run` reads it; default: messages of `progress`.

        Raises:
            DataError: the source does not exist or has no video.
            VadkitError: the rate or the transport is not possible.
        """
        from vadkit.live.stream import open_source, redacted

        if fps is not None and not 0 < fps < np.inf:
            raise VadkitError(f"a frame rate is above 0, not {fps}", where="--fps")
        expected = fps or self.fps
        opened = open_source(
            source,
            self.recipe.data.clip,
            fps=expected,
            retries=retries,
            transport=transport,
            picture_size=picture_size,
            tell=self._tell,
            on_status=on_status,
        )
        rate, name = opened.fps, redacted(source)
        if expected is None:
            self._tell("the frame rate of the training videos is unknown: if this source has another rate, set --fps")
        elif fps is None and self._mixed_rates:
            what = f"the training videos have different frame rates: {expected:g} frames per second are used"
            self._tell(f"{what}, the median of the held-out videos; set --fps to choose another rate")
        else:
            report_rate(name, rate, expected, self._tell)
        return opened

    def run(self, source: Source, *, anomaly_maps: str = "", pictures: bool = False) -> Iterator[FrameScore]:
        """Score every frame of a source, about one clip's length after the frame.

        Args:
            source: the result of `open`.
            anomaly_maps: the scorer that gives anomaly maps, see `map_scorer`; empty for none.
            pictures: whether the scores contain the pictures of their frames.

        Raises:
            DataError: the source cannot be read, or is shorter than a clip.
        """
        return _SourceRun(self, source, anomaly_maps, pictures).scores()

    def map_scorer(self) -> str:
        """The scorer of the anomaly maps: the one in the recipe, or else the first that gives maps. Empty if none."""
        import torch

        from vadkit.model.inference.sliding_window import run_pipeline

        experiment, named = self.experiment, self.recipe.evaluate.anomaly_maps
        if named:
            return named
        blank = torch.zeros(1, *self.recipe.data.clip.shape)
        for name, scorer in experiment.scorers.items():
            pipeline = experiment.pipeline(anomaly_maps=(name,), folded=True)
            pipeline.reset()
            out = run_pipeline(blank, pipeline, experiment.compute, where=f"scores.{name}")
            if scorer.anomaly_maps(out) is not None:
                return name
        return ""

    def scorer(self, *, live: bool, anomaly_maps: str = "") -> OnlineScorer:
        """Build a scorer of component scores, in its state at the start of a video."""
        from vadkit.engine.scoring import load_position_stats
        from vadkit.live.scorer import OnlineScorer

        experiment = self.experiment
        engine = self.recipe.engine
        pipeline = experiment.pipeline(anomaly_maps=(anomaly_maps,), folded=True)
        return OnlineScorer(
            deepcopy(pipeline) if pipeline.stateful else pipeline,  # two sources at once must not share state
            experiment.scorers,
            experiment.compute,
            stride=engine.score_stride,
            batch=1 if live else engine.score_batch,
            position_stats=load_position_stats(experiment),
            anomaly_maps=anomaly_maps,
            threads=experiment.threads.unkept(),
        )


class _SourceRun:
    """The scores of one source from its start to its end."""

    def __init__(self, watch: Watch, source: Source, anomaly_maps: str, pictures: bool) -> None:
        self.watch, self.source, self.anomaly_maps, self.pictures = watch, source, anomaly_maps, pictures
        rate = source.used_fps or (_LIVE_RATE if source.live else None)
        self.alarms = AlarmDetector(watch.threshold, rate, watch.rules)
        self.waiting: deque[_Waiting] = deque()  # the frames that have no score yet
        self.first = 0  # index of the first of these frames
        self.has_scores = False
        self.most_windows = 0  # highest number of windows over a frame, in the current section
        self.gap: Gap | None = None  # after the current section; None if no section follows
        self.resumed = True  # whether the next frame is the first of a section
        self.error: VadkitError | None = None

    def scores(self) -> Iterator[FrameScore]:
        from vadkit.live.stream import Gap

        frames, more = self.source.frames(), True
        last = None  # one score is held back, because an alarm may end with the last frame
        while more:
            for score in self._score_section(frames):
                if last is not None:
                    yield last
                last = score
            if last is not None and self.gap is not Gap.HOLE:
                ended = self.alarms.close()
                yield replace(last, alarms=(*last.alarms, ended)) if ended else last
                last = None
            if self.error is not None:
                raise self.error
            more = self.gap is not None
        if not self.has_scores:
            from vadkit.video.clips import too_short

            clip = self.watch.recipe.data.clip
            raise too_short(self.first, clip, where=self.source.name, fix="give a longer video")

    def _score_section(self, frames: SourceFrames) -> Iterator[FrameScore]:
        """Score frames up to the next gap, an error or the end. After an error too, all earlier frames get scores."""
        scorer = self.watch.scorer(live=self.source.live, anomaly_maps=self.anomaly_maps)
        fusion = OnlineFusion(self.watch.fusion)
        self.gap, self.most_windows, self.resumed = None, 0, True
        try:
            for frame in frames:
                if not frame:
                    self.gap = frame
                    break
                self.waiting.append(_Waiting(frame, keep_picture=self.pictures))
                yield from self._fuse(scorer.push(frame.frame), fusion)
        except VadkitError as error:
            self.error = error
        yield from self._fuse(scorer.finish(), fusion, ended=True)

    def _enough(self, scores: FinalScores, *, ended: bool) -> int:
        """Number of windows that must show a frame before it can raise an alarm, as `enough_windows` has it.

        In a recording in which no frame has so many, the highest number is enough. It is known at the end, and the
        frames that are final before have fewer windows.
        """
        needed, most = self.watch.protocol.min_windows, int(scores.coverage.max(initial=0))
        self.most_windows = max(self.most_windows, most)
        return min(needed, self.most_windows) if ended and not self.source.live else needed

    def _fuse(self, scores: FinalScores | None, fusion: OnlineFusion, *, ended: bool = False) -> Iterator[FrameScore]:
        if scores is None:
            return
        columns = {name: values.tolist() for name, values in scores.components.items()}
        maps, enough = scores.anomaly_maps, scores.coverage >= self._enough(scores, ended=ended)
        for number, score in enumerate(fusion(scores.components).tolist()):
            waited = self.waiting.popleft()
            frame = waited.number
            self.first += 1
            can_alarm, alarm = bool(enough[number]) and not np.isnan(score), None
            if self.resumed or not can_alarm:
                alarm = self.alarms.skip(waited.seconds)
            if can_alarm and alarm is None:
                alarm = self.alarms.update(frame, waited.seconds, score)
            self.resumed = False
            self.has_scores = self.has_scores or not np.isnan(score)
            yield FrameScore(
                frame,
                waited.seconds,
                score,
                components={name: values[number] for name, values in columns.items()},
                alarms=(alarm,) if alarm else (),
                anomaly_map=None if maps is None else maps[number],
                picture=waited.picture,
                active=self.alarms.active,
                is_peak=self.alarms.is_peak(frame),
                latency=time.monotonic() - waited.since,
                left_out=waited.left_out,
            )


class _Waiting:
    """A frame that waits for its score."""

    def __init__(self, frame: SourceFrame, *, keep_picture: bool) -> None:
        self.number, self.seconds, self.since = frame.number, frame.seconds, time.monotonic()
        self.left_out = frame.left_out
        picture = frame.frame if frame.picture is None else frame.picture
        self.picture = picture if keep_picture else None


def open_deployable(run: str | Path, overrides: Sequence[str], registry: Registry) -> tuple[RunFolder, Recipe]:
    """Open a run under a deployable protocol: its own, or the preset `deployable`."""
    folder, recipe = open_run(run, overrides, registry, allow_test_tuning=True)
    if recipe.evaluate.protocol.deployable:
        return folder, recipe
    folder, recipe = open_run(run, ["evaluate.protocol=deployable", *overrides], registry, allow_test_tuning=True)
    if not recipe.evaluate.protocol.deployable:
        what = f"protocol {recipe.evaluate.protocol.name!r} is not deployable: it may need later frames or test videos"
        raise VadkitError(what, where="--set", fix="leave evaluate.protocol out; its fields can be set")
    return folder, recipe


def _read_held_out(folder: RunFolder) -> list[VideoScores]:
    if not folder.held_out.is_dir() or not any(folder.held_out.glob("*.npz")):
        what = "no normal video was held out, so there is no alarm threshold"
        raise DataError(what, where=str(folder.path), fix="run the recipe again with --set data.held_out=0.2")
    return read_scores(folder.held_out)
