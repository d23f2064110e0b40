"""vadkit: find unusual events in video. A plugin framework, trained on normal video only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vadkit.stages import Run, load_run, run

__all__ = ["Run", "__version__", "load_run", "run"]


def __getattr__(name: str) -> Any:
    """Import the stages on first use, so that `import vadkit` stays light."""
    if name in {"Run", "load_run", "run"}:
        from vadkit import stages

        value = getattr(stages, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'vadkit' has no attribute {name!r}")
