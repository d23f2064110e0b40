"""Recipes and scripts that several tests of whole runs share."""

from __future__ import annotations

import copy
from typing import Any

METRICS = ["micro_auc", "alarms"]

KILLED = """
import os, signal, sys
import vadkit
from vadkit.core.progress import NoProgress
from vadkit.model.training import trainer

trainer.SAVE_EVERY = 0.0
recipe, out, cruel, at = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


class Killer(NoProgress):
    stage = ""

    def begin(self, stage, total, *, done=0, unit="clips"):
        self.stage = stage

    def advance(self, done, *, amount=0, values=None):
        if self.stage == cruel and done >= at:
            os.kill(os.getpid(), signal.SIGKILL)


vadkit.run(recipe, out=out, progress=Killer())
"""


def held_out(recipe: dict[str, Any], **protocol: Any) -> dict[str, Any]:
    recipe = copy.deepcopy(recipe)
    recipe["data"] |= {"train_videos": 4, "held_out": 0.25}
    recipe["evaluate"] = {"protocol": {"use": "deployable", **protocol}, "metrics": METRICS}
    return recipe
