"""vadkit: find anomalies in videos with models that are trained on normal videos only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vadkit.core.version import __version__

if TYPE_CHECKING:
    from vadkit.engine.run import Run, clips, load_run, run
    from vadkit.engine.sweep import sweep
    from vadkit.evaluation import metrics
    from vadkit.evaluation.compare import compare
    from vadkit.evaluation.external_scores import evaluate_scores
    from vadkit.evaluation.systems import compare_systems
    from vadkit.live.watch import Watch

__all__ = [
    "Run",
    "Watch",
    "__version__",
    "clips",
    "compare",
    "compare_systems",
    "evaluate_scores",
    "load_run",
    "metrics",
    "run",
    "sweep",
]

_HOMES = {
    "Watch": "vadkit.live.watch",
    "evaluate_scores": "vadkit.evaluation.external_scores",
    "compare": "vadkit.evaluation.compare",
    "compare_systems": "vadkit.evaluation.systems",
    "sweep": "vadkit.engine.sweep",
    **dict.fromkeys(("Run", "clips", "load_run", "run"), "vadkit.engine.run"),
}
_MODULES = {"metrics": "vadkit.evaluation.metrics"}


def __getattr__(name: str) -> Any:
    """Import each name on first use, so that `import vadkit` is fast."""
    if name in _HOMES:
        import importlib

        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        import importlib

        return importlib.import_module(_MODULES[name])
    raise AttributeError(f"module 'vadkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names for completion, also those that are not imported yet."""
    return sorted({*globals(), *__all__})
