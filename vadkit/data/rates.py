"""Frame rates of a recipe's videos: a model learns motion per frame, so different rates are different motions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vadkit.core.errors import DataError, join_names
from vadkit.core.values import VideoRef
from vadkit.video.sampling import FPS_TOLERANCE, too_slow


def mixed_rates(train: Sequence[VideoRef], test: Sequence[VideoRef]) -> list[str]:
    """What is wrong with the frame rates of a recipe's videos, one sentence each. Unknown rates are left out.

    Example:
        >>> from pathlib import Path
        >>> train = [VideoRef(f"{fps:g}", Path("a.mp4"), fps=fps) for fps in (25.0, 25.0, 12.5)]
        >>> mixed_rates(train, [])
        ['training videos have different frame rates: 12.5 (1 video), 25 (2 videos) frames per second']
    """
    trained, tested = _rates(train), _rates(test)
    found = []
    if trained and max(trained) > FPS_TOLERANCE * min(trained):
        found.append(f"training videos have different frame rates: {_listed(trained)} frames per second")
    other = Counter({rate: count for rate, count in tested.items() if trained and not _near(rate, trained)})
    if other:
        rates = join_names([f"{rate:g}" for rate in sorted(trained)])
        found.append(f"test videos have {_listed(other)} frames per second, but training videos have {rates}")
    return found


def rates_fix(videos: Sequence[VideoRef]) -> str:
    """What to do about different frame rates."""
    return f"set data.fps={min(_rates(videos)):g}, and the model sees all videos at this rate"


def refuse_slow(videos: Sequence[VideoRef], fps: float) -> None:
    """Refuse videos with fewer frames per second than the model sees: repeated frames would be motion that stops.

    Raises:
        DataError: a video is too slow.
    """
    if slow := _rates([video for video in videos if too_slow(video.fps, fps)]):
        first = next(video for video in videos if too_slow(video.fps, fps))
        what = f"is {fps:g}, but videos have {_listed(slow)} frames per second, video {first.name} first"
        fix = f"set data.fps={min(slow):g} or lower, or leave these videos out; if a file states a wrong rate, "
        raise DataError(what, where="data.fps", fix=f"{fix}set data.source_fps")


def _rates(videos: Sequence[VideoRef]) -> Counter[float]:
    return Counter(round(video.fps, 2) for video in videos if video.fps)


def _near(rate: float, others: Counter[float]) -> bool:
    return any(max(rate, other) <= FPS_TOLERANCE * min(rate, other) for other in others)


def _listed(rates: Counter[float]) -> str:
    return join_names([f"{rate:g} ({count} video{'s' if count != 1 else ''})" for rate, count in sorted(rates.items())])
