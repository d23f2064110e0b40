"""What a number must be read beside: versions, host, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vadkit.core.version import __version__

PACKAGES = ("torch", "numpy", "normflows", "lightning-fabric", "scikit-learn", "scipy", "av")


def versions() -> dict[str, str]:
    """Package -> version, of those that numbers depend on."""
    found = {"vadkit": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def host() -> dict[str, str | int | None]:
    """The machine, without its name."""
    return {"system": platform.system(), "machine": platform.machine(), "processor": _processor(), "cores": _cores()}


def commit() -> str | None:
    """The commit that vadkit's own source stands at, "+changes" if edited; None if not in git."""
    folder = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        if not git("ls-files", "--", "__init__.py"):
            return None  # installed elsewhere; a surrounding repository is not ours
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--", "..") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
