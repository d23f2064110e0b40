"""The environment that produced a number: package versions, host, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vadkit.core.version import __version__

PACKAGES = ("torch", "numpy", "normflows", "lightning-fabric", "scikit-learn", "scipy", "av")


def versions() -> dict[str, str]:
    """Package -> version, for the packages that affect numbers."""
    result = {"vadkit": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            result[package] = version(package)
        except PackageNotFoundError:
            result[package] = "not installed"
    return result


def host() -> dict[str, str | int | None]:
    """System and processor of this machine, without its host name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": platform.system(), "machine": platform.machine(), "processor": _processor(), "cores": cores}


def commit() -> str | None:
    """The git commit of vadkit's source, with "+changes" if it is edited; None if it is not in a repository."""
    folder = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]  # the git of the user, as in a shell
        process = subprocess.run(command, capture_output=True, text=True, timeout=10)
        return process.stdout.strip() if process.returncode == 0 else ""

    try:
        if not git("ls-files", "--", "__init__.py"):
            return None  # an installed package: a repository around it is not vadkit's
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
