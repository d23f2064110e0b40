"""The program `vadkit`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from errno import ENOSPC, EPIPE
from functools import cache, partial
from pathlib import Path
from typing import Any

from vadkit.core.errors import DeprecatedKeyWarning, VadkitError
from vadkit.core.version import __version__
from vadkit.core.waiting import wait_passively


def main() -> None:
    """Run the program. A `VadkitError` is one message and its exit code; any other error is a traceback and code 1."""
    wait_passively()
    warnings.showwarning = partial(_show_warning, warnings.showwarning)
    try:
        try:
            _run(sys.argv[1:])
        finally:
            sys.stdout.flush()  # or Python would do it after this function, and print a traceback
    except VadkitError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # of the commands that start without Typer
        print("Aborted.", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if (code := _cannot_write(error)) is not None:
            sys.exit(code)
        from vadkit.cli.crash import plugin_message
        from vadkit.plugin.registry import Registry

        sys.excepthook(type(error), error, error.__traceback__)
        if message := plugin_message(error, Registry.discover()):
            _complain(message)
        sys.exit(1)


def _run(arguments: list[str]) -> None:
    """Run a command. The two that need no parser start without Typer."""
    match arguments:
        case ["--version"]:
            print(f"vadkit {__version__}")
        case ["list", *names] if len(names) < 2 and not any(name.startswith("-") for name in names):
            from vadkit.cli.render.plugin import print_listing
            from vadkit.plugin.registry import Registry

            print_listing(Registry.discover(), *names)
        case _:
            from vadkit.cli.app import app

            app()


def _cannot_write(error: Exception) -> int | None:
    """The exit code if an open file, such as standard output, cannot be written: a full disk, or a closed pipe."""
    if not isinstance(error, OSError) or error.filename is not None or error.errno not in (ENOSPC, EPIPE):
        return None
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - Python flushes it at the end
    if error.errno == EPIPE:
        return 1
    _complain("cannot write: no space left on the device\n  -> free some space, or send the output to another disk")
    return 2


def _complain(text: str, **look: str) -> None:
    from vadkit.cli.interrupt import complain

    complain(text, **look)


_warn = cache(partial(_complain, kind="warning", color="yellow"))  # a command may read a recipe several times


def _show_warning(
    otherwise: Callable[..., None], message: Warning | str, category: type[Warning], *place: Any, **more: Any
) -> None:
    if issubclass(category, DeprecatedKeyWarning):
        _warn(str(message))
    else:
        otherwise(message, category, *place, **more)
