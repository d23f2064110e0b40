"""Starts a command in several processes, with torchrun, and lets one of them report an error.

Importing this file does not import torch.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from vadkit.core.errors import VadkitError
from vadkit.recipe.model import Engine

P = ParamSpec("P")
R = TypeVar("R")

_INTERRUPTED = 130  # exit code after Ctrl-C


class ProcessEndedError(VadkitError):
    """Another process of the run has ended. The exit code is 1."""

    exit_code = 1


def is_first_process() -> bool:
    """Whether this is the only process of a run, or the one that writes into the run folder."""
    return os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0")) == "0"


def is_alone() -> bool:
    """Whether neither torchrun nor SLURM started this process."""
    return not {"LOCAL_RANK", "SLURM_LOCALID"} & os.environ.keys()


def reported_once(function: Callable[P, R]) -> Callable[P, R]:
    """Let one of several processes raise the error of a function that all of them call.

    The others exit. At the end, each process leaves the group that it has joined.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if is_alone():
            return function(*args, **kwargs)
        from vadkit.model.training.processes import is_loss_of_process, is_reported_elsewhere, leave

        try:
            result = function(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:
            if is_reported_elsewhere():
                raise SystemExit(_exit_code(error)) from None
            if is_loss_of_process(error):
                fix = "look for its message, and for a lack of memory; then continue with --resume"
                raise ProcessEndedError("another process of this run has ended", fix=fix) from error
            raise
        leave()
        return result

    return call


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    return error.exit_code if isinstance(error, VadkitError) else 1


def launch(engine: Engine) -> int:
    """Run this command again, in as many processes as `engine` needs; return the exit code.

    With several machines, the variables `MASTER_ADDR`, `NODE_RANK` and, if 29500 is not free, `MASTER_PORT` connect
    them. Standard output and error are those of this process.

    Raises:
        VadkitError: this machine has too few devices, or a variable is missing.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    from vadkit.model.compute import check_devices

    check_devices(engine, engine.devices)
    command = ["--nproc-per-node", str(engine.devices), *_machines(engine), "-m", "vadkit", *sys.argv[1:]]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(cores // engine.devices, 1)))
    logging.disable(logging.ERROR)  # this process only waits: the others report errors
    try:
        run(parse_args(command))
    except ChildFailedError as error:
        return max([1, *(failure.exitcode for failure in error.failures.values())])
    except SignalException:
        return _INTERRUPTED
    return 0


def _machines(engine: Engine) -> list[str]:
    if engine.num_nodes == 1:
        return ["--standalone"]
    missing = [name for name in ("MASTER_ADDR", "NODE_RANK") if name not in os.environ]
    if missing:
        fix = "set MASTER_ADDR to the address of the first machine, and NODE_RANK to 0 there, 1 on the second, ..."
        raise VadkitError(f"{' and '.join(missing)} must be set on each machine", where="engine.num_nodes", fix=fix)
    given = {"--node-rank": "NODE_RANK", "--master-addr": "MASTER_ADDR", "--master-port": "MASTER_PORT"}
    found = [(option, os.environ[name]) for option, name in given.items() if name in os.environ]
    return ["--nnodes", str(engine.num_nodes), *(text for pair in found for text in pair)]
