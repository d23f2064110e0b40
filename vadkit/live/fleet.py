"""Scores the videos of `vadkit score` in many processes, on one machine or on a cluster, with Ray.

Every machine of the cluster reads the run folder and the videos, and writes the results, under the same paths. If a
worker ends, Ray starts its video again on another one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from vadkit.core.errors import RunFolderError, VadkitError
from vadkit.live.score import Settings, score_video
from vadkit.live.videos import Video
from vadkit.live.watch import Watch

LOCAL = "local"
"""The address of new workers on this machine."""

_AHEAD = 4  # videos that are given to the cluster for each one that it can score at once
_TRIES = 3  # times that a video is started again because its worker ended

Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Fleet:
    """The workers that score videos.

    Attributes:
        address: of the Ray cluster; "auto" for the cluster of this machine, and `LOCAL` for new workers.
        run: the run folder.
        options: arguments of `Watch` besides the run folder and the progress.
        out: folder of the results.
        settings: what to write.
        workers: number of new workers; None for one on each core.
    """

    address: str
    run: Path
    options: Mapping[str, Any]
    out: Path
    settings: Settings
    workers: int | None = None

    def scored(self, videos: Sequence[Video], maps: str) -> Iterator[tuple[int, str]]:
        """Score videos, and give the index of each that is finished, and why it cannot be scored, if it cannot.

        Args:
            videos: what to score.
            maps: the scorer that gives anomaly maps; empty for none.

        Raises:
            VadkitError: Ray is missing, there is no cluster, or a result cannot be written.
        """
        ray = _connected(self.address, self.workers)
        try:
            resources = ray.cluster_resources()
            gpus, threads = int(resources.get("GPU", 0)), self.options.get("threads") or 1
            places = max(gpus or int(resources.get("CPU", 1)) // threads, 1)
            score = ray.remote(num_cpus=threads, num_gpus=1 if gpus else 0, max_retries=_TRIES)(_score)
            job = ray.put(
                (str(self.run.absolute()), tuple(self.options.items()), self.out.absolute(), self.settings, maps)
            )
            waiting: dict[Any, int] = {}
            remaining = iter(enumerate(videos))
            while True:
                while len(waiting) < _AHEAD * places and (found := next(remaining, None)):
                    index, video = found
                    waiting[score.remote(job, str(video.path), str(video.name))] = index
                if not waiting:
                    return
                for reference in ray.wait(list(waiting))[0]:
                    yield waiting.pop(reference), _problem(ray, reference)
        finally:
            ray.shutdown()


def _connected(address: str, workers: int | None) -> Any:
    if find_spec("ray") is None:
        raise VadkitError("Ray is not installed", where="--ray", fix="pip install 'vadkit[ray]'")
    import ray

    local = address == LOCAL
    chosen: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False} if local else {}
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **chosen)
    except Exception as error:  # Ray raises many kinds of errors, also a plain Exception
        what = "did not start" if local else "no cluster answers"
        fix = (
            "try again: Ray gives up after 15 s on a busy machine"
            if local
            else "start a cluster with 'ray start --head'"
        )
        reason = str(error).partition("\n")[0]
        raise VadkitError(f"{what}: {reason}", where=f"--ray {address}", fix=fix) from error
    return ray


def _problem(ray: Any, reference: Any) -> str:
    try:
        problem, error = ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
        return f"its worker ended {_TRIES + 1} times, perhaps for lack of memory"
    if error is not None:
        what, where, fix = error
        raise RunFolderError(what, where=where, fix=fix)
    return problem


def _score(job: Any, path: str, name: str) -> tuple[str, tuple[str, str, str] | None]:
    """Score a video in a worker. Return why it cannot be scored, or the error that ends the command."""
    run, options, out, settings, maps = job
    try:
        return score_video(_watch(run, options), Video(Path(path), PurePosixPath(name)), out, settings, maps), None
    except VadkitError as error:
        return "", (error.what, error.where, error.fix)


@cache
def _watch(run: str, options: Options) -> Watch:
    """The trained run. A worker loads it once."""
    return Watch(run, **dict(options))
