"""A trained run looks at a file, a camera or a stream, and raises alarms. Importing this does not import torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.progress import NoProgress, Progress
from vadkit.engine.run import load_experiment
from vadkit.evaluation import EvaluationConfig, EvaluationData
from vadkit.evaluation.build import build_evaluation, needs_of, protocol_of
from vadkit.evaluation.calibration import threshold_of
from vadkit.evaluation.evaluator import fusion_of
from vadkit.evaluation.fusion import Fusion
from vadkit.evaluation.run_scores import open_run, synthetic_of
from vadkit.live.fusion import Alarm, AlarmDetector, OnlineFusion, check_memory
from vadkit.plugin.registry import Registry
from vadkit.recipe.model import Recipe
from vadkit.store.provenance import changes, code_of
from vadkit.store.run_folder import RunFolder
from vadkit.store.scores import VideoScores, read_scores

if TYPE_CHECKING:
    from vadkit.engine.experiment import Experiment
    from vadkit.live.scorer import OnlineScorer, Scored
    from vadkit.live.stream import Arrivals, Source


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame, once its score is final.

    Attributes:
        frame: its index among the frames taken.
        seconds: when it came: of a file by its frame rate, of a live source by the clock.
        score: fused; NaN where the model gives none.
        alarms: one that begins here, and one that is known to have ended: its `until` is set.
    """

    frame: int
    seconds: float
    score: float
    alarms: tuple[Alarm, ...] = ()


class Watch:
    """A run made ready for video that it has not seen. Loads torch and the weights.

    The score is what `vadkit eval RUN --protocol deployable` judges: scales, weights and the threshold
    come from the normal videos that were held out, and nothing needs the future. A run whose own
    protocol is deployable keeps that one.

    Args:
        run: the run folder.
        overrides: changes of `fuse` and `evaluate`, as `--set` takes them.
        threshold: alarms are raised at this score in place of the held-out videos' threshold.
        false_alarms_per_hour: rate that sets the threshold; default, the protocol's.
        progress: is told what happens to a live source.
        registry: default, all installed plugins.

    Raises:
        VadkitError: it is no finished run, or no normal video was held out.
    """

    def __init__(
        self,
        run: str | Path,
        *,
        overrides: Sequence[str] = (),
        threshold: float | None = None,
        false_alarms_per_hour: float | None = None,
        progress: Progress | None = None,
        registry: Registry | None = None,
    ) -> None:
        registry = registry or Registry.discover()
        self.progress = progress or NoProgress()
        place, self.recipe = _opened(run, overrides, registry)
        plan = build_evaluation(self.recipe, protocol_of(self.recipe), registry, self.recipe.seed)
        self.protocol = plan.protocol
        for told in changes(place.read_manifest().get("code", {}), code_of(self.recipe)):
            self._tell(f"{told}: the threshold may be of other scores; run the recipe again with --overwrite")
        normal = _held_out(place)
        self.fusion = _fusion(place, plan, normal)
        check_memory(self.fusion)
        self.hours = 0.0
        self.threshold = self._threshold(threshold, false_alarms_per_hour)
        self.fps = _rate(normal)
        self._experiment: Experiment = load_experiment(place.path, self.recipe)

    def _threshold(self, stated: float | None, per_hour: float | None) -> float:
        if stated is not None:
            if not np.isfinite(stated):
                raise VadkitError(f"a threshold is a finite number, not {stated}", where="--threshold")
            return stated
        rate = self.protocol.false_alarms_per_hour if per_hour is None else per_hour
        if not 0 <= rate < np.inf:
            raise VadkitError(f"a rate is 0 or more alarms an hour, not {rate}", where="--false-alarms-per-hour")
        totals = self.fusion.total(self.fusion.normal, self.fusion.scaled_normal)
        found, self.hours = threshold_of(self.fusion.normal, totals, rate)
        assert found is not None
        return found

    def open(self, source: str, *, fps: float | None = None, retries: int | None = None) -> Source:
        """A source, for `seen`.

        Args:
            source: a video file, a folder of images, a URL such as rtsp://..., or a camera such as /dev/video0.
            fps: frames to take a second; default, as many as training video had.
            retries: tries in a row to connect to a live source again; None never gives up.

        Raises:
            DataError: there is no such source, or it gives no video.
        """
        from vadkit.live.stream import MUCH, open_source, shown

        if fps is not None and not 0 < fps < np.inf:
            raise VadkitError(f"a frame rate is above 0, not {fps}", where="--fps")
        found = open_source(source, self.recipe.data.clip, fps=fps or self.fps, retries=retries, tell=self._tell)
        rate, wanted = found.fps, fps or self.fps
        if wanted is None:
            self._tell("the frame rate of the training video is unknown: state it with --fps if this source differs")
        elif rate is not None and rate * MUCH < wanted:
            self._tell(
                f"{shown(source)} has {rate:g} frames a second, training had {wanted:g}: all motion will look faster"
            )
        elif rate is not None and rate > wanted * MUCH:
            self._tell(f"{shown(source)} has {rate:g} frames a second: {wanted:g} of them are used, as in training")
        return found

    def seen(self, source: Source) -> Iterator[Seen]:
        """Every frame of a source with its score, as soon as that is final: about a clip's length after it came.

        Raises:
            DataError: the source cannot be read, or is shorter than a clip.
        """
        return _Pass(self, source).seen()

    def scorer(self, *, live: bool) -> OnlineScorer:
        """What turns frames into components; it is at the start of a video."""
        from vadkit.engine.scoring import load_position_stats
        from vadkit.live.scorer import OnlineScorer

        experiment = self._experiment
        engine = self.recipe.engine
        pipeline = experiment.pipeline()
        return OnlineScorer(
            deepcopy(pipeline) if pipeline.stateful else pipeline,  # two looks at once share no memory
            experiment.scorers,
            experiment.fabric,
            stride=engine.score_stride,
            batch=1 if live else engine.score_batch,
            position_stats=load_position_stats(experiment),
        )

    def _tell(self, text: str) -> None:
        self.progress.message(text)


class _Pass:
    """One look at one source."""

    def __init__(self, watch: Watch, source: Source) -> None:
        self.watch, self.source = watch, source
        self.alarms = AlarmDetector(watch.threshold, source.taken)
        self.seconds: list[float] = []  # of frames that have no score yet
        self.first = 0  # index of the first of them
        self.any = False  # whether any frame had a score
        self.broken = False  # whether frames were lost just now

    def seen(self) -> Iterator[Seen]:
        arrivals = self.source.arrivals()
        more = True
        while more:
            before = None  # told once the next is known, for an alarm may last to the end
            scorer, fusion = self.watch.scorer(live=self.source.live), OnlineFusion(self.watch.fusion)
            trouble = None
            try:
                for one in self._unbroken(arrivals, scorer, fusion):
                    if before is not None:
                        yield before
                    before = one
                more = self.broken
            except VadkitError as error:
                trouble = error
            # Whatever ended it, what came before is judged to its last frame.
            for one in (before, *self._judged(scorer.finish(), fusion)):
                if before is not None and one is not before:
                    yield before
                before = one
            if before is not None:
                ended = self.alarms.close()
                yield replace(before, alarms=(*before.alarms, ended)) if ended else before
            if trouble is not None:
                raise trouble
        if not self.any:
            span = self.watch.recipe.data.clip.span
            raise DataError(
                f"ended after {self.first} frames, but one clip reaches over {span}",
                where=self.source.name,
                fix="give a longer video",
            )

    def _unbroken(self, arrivals: Arrivals, scorer: OnlineScorer, fusion: OnlineFusion) -> Iterator[Seen]:
        """What is seen up to the next gap, or the end."""
        self.broken = False
        for arrival in arrivals:
            if arrival is None:
                self.broken = True
                return
            self.seconds.append(arrival.seconds)
            yield from self._judged(scorer.push(arrival.frame), fusion)

    def _judged(self, scored: Scored | None, fusion: OnlineFusion) -> Iterator[Seen]:
        if scored is None:
            return
        for score in fusion(scored.components).tolist():
            seconds, frame = self.seconds.pop(0), self.first
            self.first += 1
            alarm = None if np.isnan(score) else self.alarms.see(frame, seconds, score)
            self.any = self.any or not np.isnan(score)
            yield Seen(frame, seconds, score, (alarm,) if alarm else ())


def _opened(run: str | Path, overrides: Sequence[str], registry: Registry) -> tuple[RunFolder, Recipe]:
    """The run, under a protocol that a camera can have."""
    place, recipe = open_run(run, overrides, registry, allow_test_tuning=True)
    if recipe.evaluate.protocol.deployable:
        return place, recipe
    place, recipe = open_run(run, ["evaluate.protocol=deployable", *overrides], registry, allow_test_tuning=True)
    if not recipe.evaluate.protocol.deployable:
        what = f"protocol {recipe.evaluate.protocol.name!r} is not deployable: it may need the future, or test videos"
        raise VadkitError(what, where="--set", fix="leave evaluate.protocol out; its fields can be set")
    return place, recipe


def _held_out(place: RunFolder) -> list[VideoScores]:
    if not place.held_out.is_dir() or not any(place.held_out.glob("*.npz")):
        raise DataError(
            "no normal video was held out, and so nothing says when to raise an alarm",
            where=str(place.path),
            fix="run the recipe again with --set data.held_out=0.2",
        )
    return read_scores(place.held_out)


def _fusion(place: RunFolder, plan: EvaluationConfig, normal: Sequence[VideoScores]) -> Fusion:
    synthetic, truth = synthetic_of(place, needs_of(plan))
    return fusion_of(EvaluationData((), {}, normal, synthetic, truth), plan)


def _rate(normal: Sequence[VideoScores]) -> float | None:
    rates = [video.fps for video in normal if video.fps]
    return float(np.median(rates)) if rates else None
