"""Numbers of scores that do not fit a data set, and what would make them fit."""

from __future__ import annotations

from collections.abc import Mapping

# Test videos and their frames together, of the releases that most papers use.
_KNOWN = {
    "UCSD Ped1": (36, 7_200),
    "UCSD Ped2": (12, 2_010),
    "CUHK Avenue": (21, 15_324),
    "ShanghaiTech": (107, 40_791),
    "UCF-Crime": (290, 1_111_808),
}
_MOST_DROPPED = 64  # frames a video; clips are hardly ever longer
_CHECK = "check that the scores are of this data set's test videos, one a frame, and that no frame is resampled"


def known_total(frames: int) -> str:
    """The data set with this many frames in its test videos; empty if none of the known ones has."""
    return next((name for name, (_, total) in _KNOWN.items() if total == frames), "")


def explain_videos(given: Mapping[str, int], lengths: Mapping[str, int], dropped: tuple[int, int]) -> str:
    """What to do about videos of which one or more has not one score a frame.

    Video -> number of scores, and F. `dropped` frames at a video's start and end are said to have no score.
    """
    missing = {lengths[name] - count for name, count in given.items()}
    if missing == {0}:
        return _keep_all(dropped)
    if len(missing) == 1 and 0 < (count := missing.pop()) < min(lengths.values()):
        return _try_dropping(count)
    step = round(sum(lengths.values()) / sum(given.values()))
    if step > 1 and all(lengths[name] // step <= count <= -(-lengths[name] // step) for name, count in given.items()):
        return f"is this one score for every {step} frames? Then repeat each: np.repeat(scores, {step})[:frames]"
    return _CHECK


def explain_total(given: int, lengths: Mapping[str, int], dropped: tuple[int, int]) -> str:
    """What to do about a flat array of `given` scores that does not fit `lengths` (video -> F)."""
    total, videos = sum(lengths.values()), len(lengths)
    count, rest = divmod(total - given, videos)
    if given == total:
        return _keep_all(dropped)
    if not rest and 0 < count <= min(_MOST_DROPPED, min(lengths.values()) - 1):
        return _try_dropping(count)
    for name, (videos, total) in _KNOWN.items():
        count, rest = divmod(total - given, videos)
        if not rest and 0 <= count <= _MOST_DROPPED // 2:
            hint = f", with '--dropped {count}:0' or another A:B with A + B = {count}" if count else ""
            return f"the count fits {name}{hint}: are the scores of that data set?"
    return f"{_CHECK}; an .npz with one array a video shows which video differs"


def _try_dropping(count: int) -> str:
    frames = "1 frame a video is" if count == 1 else f"{count} frames a video are"
    return (
        f"{frames} missing: try --dropped {count}:0, or another A:B with A + B = {count}, "
        "as the method leaves out frames at a video's start and end"
    )


def _keep_all(dropped: tuple[int, int]) -> str:
    ends = f"{dropped[0]}:{dropped[1]}"
    return (
        f"there is a score for every frame: leave '--dropped {ends}' away, or replace it by '--drop {ends}' if these "
        "scores do not count"
    )
