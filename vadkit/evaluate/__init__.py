"""From score files and labels to numbers. numpy only: nothing here imports torch."""

from vadkit.evaluate.fuse import Part
from vadkit.evaluate.judge import Evidence, Plan, judge

__all__ = ["Evidence", "Part", "Plan", "judge"]
