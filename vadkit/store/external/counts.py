"""Advice for files with a number of scores that does not fit the data set."""

from __future__ import annotations

from collections.abc import Mapping

# Number of test videos and of all their frames, in the releases that most papers use.
_KNOWN = {
    "UCSD Ped1": (36, 7_200),
    "UCSD Ped2": (12, 2_010),
    "CUHK Avenue": (21, 15_324),
    "ShanghaiTech": (107, 40_791),
    "UCF-Crime": (290, 1_111_808),
}
_MOST_DROPPED = 64  # frames per video; clips are hardly ever longer
_CHECK = "check that the file has one score per frame of this data set's test videos, and that no frame is resampled"


def explain_videos(counts: Mapping[str, int], lengths: Mapping[str, int], dropped: tuple[int, int]) -> str:
    """Advice if at least one video does not have one score per frame.

    Args:
        counts: video -> number of scores.
        lengths: video -> F.
        dropped: frames without scores at a video's start and end, as the user gave them.
    """
    missing = {lengths[name] - count for name, count in counts.items()}
    if missing == {0}:
        return f"there is a score for every frame: remove '--dropped {_pair(dropped)}'"
    if len(missing) == 1 and 0 < (count := missing.pop()) < min(lengths.values()):
        return _try_dropping(count)
    step = round(sum(lengths.values()) / sum(counts.values()))
    if step > 1 and all(lengths[name] // step <= count <= -(-lengths[name] // step) for name, count in counts.items()):
        return f"is this one score for every {step} frames? Then repeat each: np.repeat(scores, {step})[:frames]"
    return _CHECK


def explain_total(scores: int, lengths: Mapping[str, int], dropped: tuple[int, int]) -> str:
    """Advice if a flat array has another number of scores than `lengths` (video -> F) needs."""
    total, videos = sum(lengths.values()), len(lengths)
    count, rest = divmod(total - scores, videos)
    if scores == total:
        return f"there is a score for every frame: remove '--dropped {_pair(dropped)}'"
    if not rest and 0 < count <= min(_MOST_DROPPED, min(lengths.values()) - 1):
        return _try_dropping(count)
    for name, (videos, total) in _KNOWN.items():
        count, rest = divmod(total - scores, videos)
        if not rest and 0 <= count <= _MOST_DROPPED // 2:
            hint = f", with '--dropped {count}:0' or another A:B with A + B = {count}" if count else ""
            return f"the count fits {name}{hint}: are the scores of that data set?"
    return f"{_CHECK}; with an .npz with one array per video, the message names the video that differs"


def _try_dropping(count: int) -> str:
    frames = "1 frame per video is" if count == 1 else f"{count} frames per video are"
    return (
        f"{frames} missing: try --dropped {count}:0, or another A:B with A + B = {count}, "
        "for the frames that the method leaves out at a video's start and end"
    )


def _pair(dropped: tuple[int, int]) -> str:
    return f"{dropped[0]}:{dropped[1]}"
