"""From score files and labels to numbers. numpy only: nothing here imports torch."""

from vadkit.evaluation.evaluator import Evidence, Plan, judge
from vadkit.evaluation.fusion import Part

__all__ = ["Evidence", "Part", "Plan", "judge"]
