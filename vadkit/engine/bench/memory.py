"""Measures the largest amount of memory in use."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import torch


class Peak:
    """The largest amount of memory in use since this object was made.

    Args:
        device: for a GPU, the memory that torch allocates on it; otherwise the memory of the process, with Python
            and torch. On Linux, it starts at the memory in use now.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak of this process

    def read(self) -> int | None:
        """Bytes; None where the system does not state it."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        with contextlib.suppress(OSError):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        try:
            import resource  # POSIX only
        except ImportError:
            return None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
