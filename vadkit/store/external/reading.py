"""What the numbers of a file of external scores mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from vadkit.core.errors import DataError, VadkitError, closest

High = Literal["abnormal", "normal"]
Ends = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the numbers of a score file mean.

    Attributes:
        dropped: number of frames at the start and at the end of each video for which the file has no score.
        drop: number of frames at the start and at the end of each video that have scores which do not count.
        high: what a high score means; "normal" (PSNR, regularity) changes the sign. Or component -> what it means;
            a component that is not named means "abnormal".

    Raises:
        VadkitError: a value is not of this form.
    """

    dropped: Ends = (0, 0)
    drop: Ends = (0, 0)
    high: High | Mapping[str, High] = "abnormal"

    def __post_init__(self) -> None:
        for meaning in self.high.values() if isinstance(self.high, Mapping) else [self.high]:
            if meaning not in get_args(High):
                fix = "abnormal or normal; for several components img=normal,fea=abnormal"
                raise VadkitError(f"a high score cannot mean {meaning!r}", where="--high", fix=fix)
        for name, ends in (("--dropped", self.dropped), ("--drop", self.drop)):
            if not (isinstance(ends, tuple) and len(ends) == 2 and all(isinstance(count, int) for count in ends)):
                fix = "two whole numbers, (8, 7): frames at each video's start and end"
                raise VadkitError(f"{ends!r} is not a pair of counts", where=name, fix=fix)
        if any(self.dropped) and any(self.drop):
            what = "the file cannot lack the scores of the first and last frames and also have them"
            fix = (
                "use --dropped if the file has no scores of these frames, and --drop if it has scores that do not count"
            )
            raise VadkitError(what, where="--drop", fix=fix)

    def check_lengths(self, lengths: Mapping[str, int]) -> None:
        """Raise a DataError if no frame of a video (video -> F) is left."""
        if not lengths:
            raise DataError("the data set has no test videos", fix="name another data set or folder with --data")
        option, ends = ("--drop", self.drop) if any(self.drop) else ("--dropped", self.dropped)
        if min(ends) < 0:
            what, fix = f"{ends[0]}:{ends[1]} is less than no frames", "give A:B, frames at each video's start and end"
            raise DataError(what, where=option, fix=fix)
        name, frames = min(lengths.items(), key=lambda item: item[1])
        if frames <= sum(ends):
            what = f"of the {frames} frames of video {name!r} none is left"
            raise DataError(what, where=f"{option} {ends[0]}:{ends[1]}", fix="drop fewer frames")

    def check_components(self, names: Collection[str]) -> None:
        """Raise a DataError if `high` names a component that is not among the scores."""
        given = self.high if isinstance(self.high, Mapping) else {}
        if unknown := [name for name in given if name not in names]:
            what = f"the scores have no component {unknown[0]!r}"
            raise DataError(what, where="--high", fix=closest(unknown[0], names))

    def sign(self, component: str) -> int:
        """1, or -1 if a high score of the component means a normal frame."""
        meaning = self.high.get(component, "abnormal") if isinstance(self.high, Mapping) else self.high
        return -1 if meaning == "normal" else 1
