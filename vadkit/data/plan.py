"""How much work a recipe is, before it starts: frames, clips, windows and the size of the frame cache. No torch."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vadkit.core.contracts import Dataset
from vadkit.core.values import VideoRef
from vadkit.recipe.model import Fit, Recipe
from vadkit.video.cache import FrameCache
from vadkit.video.cache_quota import format_bytes
from vadkit.video.sampling import sampled_count
from vadkit.video.video_file import announced_frames


@dataclass(frozen=True, slots=True)
class Plan:
    """The amount of work of a recipe. All numbers come from headers of files, so they are estimates."""

    videos: tuple[int, int]  # number of training and of test videos
    frames: tuple[int, int]  # number of their frames
    clips: int  # training clips in one pass
    windows: int  # windows of test videos to score
    held_out_windows: int  # windows of held-out normal videos to score
    cached: int  # bytes that the frame cache still needs
    folder: Path | None  # of the frame cache; None if frames stay in memory
    free: int  # bytes free on the disk of this folder

    def lines(self, recipe: Recipe) -> list[str]:
        """The plan in words, with the keys that make the work smaller."""
        (train, test), (train_frames, test_frames) = self.videos, self.frames
        told = [
            f"data: {train:,} training videos with about {train_frames:,} frames, {test:,} test videos with about "
            f"{test_frames:,}",
            f"work: about {self.clips:,} training clips{_passes(recipe)}; about {self.windows:,} test windows "
            f"(fewer with a larger engine.score_stride)",
        ]
        if self.cached and self.folder is not None:
            room = f"frame cache: about {format_bytes(self.cached)} more in {self.folder}"
            fits = self.cached < self.free
            less = "a smaller data.clip.size needs less"
            told.append(
                f"{'' if fits else 'warning: '}{room}, where {format_bytes(self.free)} are free"
                + (f"; {less}" if fits else f": free some space, or set VADKIT_CACHE to another disk; {less}")
            )
        return told


def plan_of(recipe: Recipe, dataset: Dataset, cache: FrameCache) -> Plan:
    """Estimate the work of a recipe. Reads headers of video files only.

    Raises:
        DataError: the data set has no videos, or a file is missing.
    """
    data, clip = recipe.data, recipe.data.clip
    videos = [list(dataset.videos("train")), list(dataset.videos("test"))]
    frames = [[_frames(video) for video in each] for each in videos]
    seen = [[sampled_count(_frames(video), video.fps, data.fps) for video in each] for each in videos]
    needed = sum(
        count
        for each, counts in zip(videos, frames, strict=True)
        for video, count in zip(each, counts, strict=True)
        if not cache.holds(video, clip)
    )
    return Plan(
        (len(videos[0]), len(videos[1])),
        (sum(frames[0]), sum(frames[1])),
        round(sum(_windows(count, clip.span, data.stride) for count in seen[0]) * (1 - data.held_out)),
        sum(_windows(count, clip.span, recipe.engine.score_stride) for count in seen[1]),
        round(sum(_windows(count, clip.span, recipe.engine.score_stride) for count in seen[0]) * data.held_out),
        needed * clip.height * clip.width * clip.colors,
        cache.folder,
        _free(cache.folder),
    )


def shorter(recipe: Recipe) -> dict[str, str]:
    """Stage -> which key makes it shorter, for the message that tells how long the stage will take."""
    stages = {"score held out": "a larger engine.score_stride makes it shorter"}
    stages["score test"] = stages["score held out"]
    stages |= dict.fromkeys(("decode train", "decode test"), "only the first time: the frame cache keeps the frames")
    fits: list[tuple[str, str, Fit | None]] = [("model", "model", recipe.model.fit if recipe.model else None)]
    fits += [(f"density.{name}", f"densities.{name}", each.fit) for name, each in recipe.densities.items()]
    for stage, key, fit in fits:
        if fit is not None:
            stages[stage] = f"a smaller {key}.fit.{'epochs' if fit.steps is None else 'steps'} makes it shorter"
    return stages


def _passes(recipe: Recipe) -> str:
    fit = recipe.model.fit if recipe.model else None
    if fit is None:
        return ""
    return f", {fit.epochs:g} epochs" if fit.steps is None else f", {fit.steps:,} steps of {fit.step_size}"


def _frames(video: VideoRef) -> int:
    if video.frames is not None:
        return video.frames
    return announced_frames(video.source) if isinstance(video.source, Path) else 0


def _windows(frames: int, span: int, stride: int) -> int:
    return max(0, (frames - span) // stride + 1)


def _free(folder: Path | None) -> int:
    if folder is None:
        return 0
    there: Sequence[Path] = [path for path in (folder, *folder.absolute().parents) if path.is_dir()]
    return shutil.disk_usage(there[0]).free
