"""Checks, in a process where torch cannot be imported, that listing components and reading keys need no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from vadkit.plugin.component import Component
from vadkit.testing.outcome import NotApplicableError, require
from vadkit.testing.subject import Subject

WITHOUT_TORCH = frozenset({"dataset", "score_transform", "metric", "reporter"})
"""Kinds that `vadkit eval` and `vadkit data` use; these commands import no torch."""

_LOOK = """
import importlib.abc, importlib.metadata, json, sys

class Guard(importlib.abc.MetaPathFinder):
    tried = False
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "lightning_fabric"):
            Guard.tried = True
            raise ImportError(f"{name} must not be imported here")

sys.meta_path.insert(0, Guard())
plugin, cards, loaded = json.loads(sys.argv[1])
from vadkit.plugin.component import Component
from vadkit.plugin.hookspecs import ENTRY_POINT_GROUP
from vadkit.plugin.discovery import load
from vadkit.recipe.signature import describe

def tried(step):
    Guard.tried = False
    try:
        step()
    except Exception:
        pass
    return Guard.tried

points = list(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=plugin))
plugins = []
found = {"": [any([tried(lambda: plugins.append(load(point))) for point in points])]}
found[""].append([problem for plugin in plugins for problem in plugin.problems if problem.startswith("prints")])
for kind, name, target in cards:
    card = Component(kind, name, target, "")
    found[f"{kind}/{name}"] = [tried(lambda: describe(card)), kind in loaded and tried(card.load)]
print("\\n" + json.dumps(found))
"""


def check_imports(subject: Subject) -> None:
    """Torch is imported neither by the module that announces components nor to read keys, so `vadkit list` is fast.

    The module prints nothing. The classes of data sets, score transforms, metrics and reporters import no torch either.
    """
    found = _looked(subject.plugin, subject.siblings or (subject.component,))
    (listed, printed), (read, loaded) = found[""], found[subject.label]
    module, plugin = subject.component.target.partition(":")[0], f"the plugin {subject.plugin!r}"
    fix = "let the announcing module import vadkit.api only, and name targets as strings 'package.module:Class'"
    require(not listed, f"{plugin} imports torch when it is listed", fix)
    require(not printed, f"{plugin} {''.join(printed[:1])}", "let the announcing module only announce components")
    if subject.problem:
        raise NotApplicableError("its keys cannot be read, see check_keys")
    fix = "define __init__ in the class itself, and annotate keys with builtins, typing or vadkit.api"
    require(not read, f"its keys cannot be read without importing {module}, which imports torch", fix)
    fix = "compute with NumPy, or import torch inside the function that needs it"
    require(not loaded, f"{module} imports torch, but a {subject.kind} is also used without torch", fix)


@lru_cache
def _looked(plugin: str, cards: tuple[Component, ...]) -> Mapping[str, Any]:
    """What each component of a plugin imports; one process serves all."""
    wanted = [[card.kind, card.name, card.target] for card in cards]
    request = json.dumps([plugin, wanted, sorted(WITHOUT_TORCH)])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _LOOK, request]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    what = f"a process that imports the plugin exits with code {done.returncode}: {done.stderr.strip()[-300:]}"
    require(not done.returncode, what, "let the plugin's modules only define things on import")
    return json.loads(done.stdout.splitlines()[-1])
