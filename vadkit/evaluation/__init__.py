"""Evaluation: turns score files and labels into numbers. Uses NumPy; nothing here imports torch."""

from vadkit.evaluation.evaluator import EvaluationConfig, EvaluationData, judge
from vadkit.evaluation.fusion import ComponentFusion

__all__ = ["ComponentFusion", "EvaluationConfig", "EvaluationData", "judge"]
