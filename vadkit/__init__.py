"""vadkit: find anomalies in videos with models that are trained on normal videos only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vadkit.core.version import __version__

if TYPE_CHECKING:
    from vadkit.engine.run import Run, load_run, run
    from vadkit.evaluation.external_scores import evaluate_scores
    from vadkit.live.watch import Watch

__all__ = ["Run", "Watch", "__version__", "evaluate_scores", "load_run", "run"]

_HOMES = {
    "Watch": "vadkit.live.watch",
    "evaluate_scores": "vadkit.evaluation.external_scores",
    **dict.fromkeys(("Run", "load_run", "run"), "vadkit.engine.run"),
}


def __getattr__(name: str) -> Any:
    """Import each name on first use, so that `import vadkit` is fast."""
    if name in _HOMES:
        import importlib

        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'vadkit' has no attribute {name!r}")
