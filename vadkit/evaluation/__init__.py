"""Score files and labels become metrics. NumPy only: nothing here imports torch."""

from vadkit.evaluation.config import EvaluationConfig, EvaluationData
from vadkit.evaluation.evaluator import Evaluation, Evaluator
from vadkit.evaluation.fusion import ComponentFusion

__all__ = ["ComponentFusion", "Evaluation", "EvaluationConfig", "EvaluationData", "Evaluator"]
