"""How the threads of OpenMP wait for each other. Imports nothing heavy."""

from __future__ import annotations

import os

_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def wait_passively() -> None:
    """Let waiting threads of OpenMP sleep. Call this before torch is imported; subprocesses inherit it.

    By default they spin. If other work occupies a core, the threads that spin keep that core from the thread that they
    wait for, and a run can take ten times as long. A variable that the user has set is not changed.
    """
    if not any(name in os.environ for name in _CHOICES):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
