"""From score files and labels to numbers. numpy only: nothing here imports torch."""

from vadkit.evaluation.evaluator import EvaluationConfig, EvaluationData, judge
from vadkit.evaluation.fusion import ComponentFusion

__all__ = ["ComponentFusion", "EvaluationConfig", "EvaluationData", "judge"]
