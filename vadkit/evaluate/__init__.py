"""From score files and labels to numbers. numpy only: nothing here imports torch."""

from vadkit.evaluate.fuse import Part
from vadkit.evaluate.judge import judge
from vadkit.evaluate.protocol import Protocol, describe, from_preset

__all__ = ["Part", "Protocol", "describe", "from_preset", "judge"]
