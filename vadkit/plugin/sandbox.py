"""Runs the code of a plugin so that it cannot stop vadkit. Errors, output and time become values."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import sysconfig
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

from vadkit.core.errors import VadkitError

_RETRY = 0.5  # seconds until a call that swallowed its interruption is interrupted again
_MAX_MESSAGE = 300  # characters of a message
_MAX_OUTPUT = 2000  # characters of the output
# The rest of a command needs these libraries. A library cannot be imported again after an interrupted import.
# torch imports sympy and its mpmath only when a function needs them.
_SHARED_LIBRARIES = frozenset(
    {"numpy", "scipy", "sklearn", "torch", "torchvision", "sympy", "mpmath", "av", "matplotlib", "pydantic"}
)


class OutOfTimeError(BaseException):
    """The time limit is over. Not an `Exception`, so that `except Exception` in a plugin does not swallow it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a guarded call.

    Attributes:
        value: the returned value. None if the call failed.
        error: the reason of the failure, in one line. Empty if the call succeeded.
        printed: the text that the call wrote to standard output and standard error.
        seconds: duration of the call.
    """

    value: Any
    error: str
    printed: str
    seconds: float


def guarded(call: Callable[[], Any], limit: float) -> Outcome:
    """Call a function of a plugin. Catch everything that it raises, and keep everything that it prints.

    Only a Ctrl-C of the user is raised again.

    Args:
        call: the function.
        limit: time limit in seconds; 0 for no limit. It works only on the main thread of a POSIX system, because
            it needs SIGALRM. It works only between two steps of Python: a loop inside a C library runs to its end.

    Example:
        >>> guarded(lambda: 6 * 7, limit=1).value
        42
        >>> guarded(lambda: int("six"), limit=1).error
        "ValueError: invalid literal for int() with base 10: 'six'"
    """
    began = time.perf_counter()
    value, error, printed = None, "", ""
    with _interrupts() as pressed:
        with captured() as output:
            try:
                with limited(limit):
                    value = call()
            except KeyboardInterrupt as raised:
                if pressed:
                    raise
                error = describe_error(raised)
            except OutOfTimeError:
                error = f"did not finish within {limit:g} seconds"
            except BaseException as raised:
                error = describe_error(raised)
        printed = output()
        if pressed:  # but the call swallowed it
            raise KeyboardInterrupt
    return Outcome(value, error, printed, time.perf_counter() - began)


def describe_error(error: BaseException) -> str:
    """Return type, message and place of an error in one line. An error of vadkit contains all of it in its message."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = "(its message cannot be shown)"
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:_MAX_MESSAGE]}..."
    if isinstance(error, VadkitError):
        return message
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    place = place_of(error)
    return f"{text} ({place})" if place else text


def place_of(error: BaseException) -> str:
    """Return file and line of an error in the code of a plugin; empty if it was raised elsewhere."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_plugin_code(frame.filename)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _is_plugin_code(filename: str) -> bool:
    path, library = Path(filename), Path(sysconfig.get_path("stdlib"))
    of_python = path.is_relative_to(library) and "site-packages" not in path.parts
    return not (filename.startswith("<") or path.is_relative_to(Path(__file__).parents[1]) or of_python)


@contextlib.contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Keep the text written to standard output and standard error. Give a function that returns it afterwards."""
    kept = _KeptBytes()
    before = sys.stdout, sys.stderr
    streams = [_CapturedStream(kept, stream) for stream in before]
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        for number, stream in ((1, sys.__stdout__), (2, sys.__stderr__)):
            stack.enter_context(_descriptor(number, stream, file))
        sys.stdout, sys.stderr = cast("Any", streams)
        try:
            yield lambda: kept.getvalue()[:_MAX_OUTPUT].decode(errors="replace")
        finally:
            sys.stdout, sys.stderr = before
            for stream in streams:
                stream.end()
            stack.close()
            file.seek(0)
            kept.write(file.read(_MAX_OUTPUT))


class _CapturedStream:
    """A stream that keeps its text during the call, and is the real stream after the call.

    The plugin may use the stream after the call, for example through `logging.basicConfig`.
    """

    def __init__(self, kept: io.BytesIO, real: IO[str] | None) -> None:
        self._real, self._into = real, io.TextIOWrapper(kept, "utf-8", "replace", write_through=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._into, name)

    def fileno(self) -> int:
        """The real descriptor: a child process writes to it."""
        if self._real is None:
            raise io.UnsupportedOperation("fileno")
        return self._real.fileno()

    def end(self) -> None:
        self._into = self._real or self._into


class _KeptBytes(io.BytesIO):
    def close(self) -> None:
        """Do nothing: a wrapper of the plugin must not close the stream."""


@contextlib.contextmanager
def _descriptor(number: int, stream: IO[str] | None, file: IO[bytes]) -> Iterator[None]:
    """Redirect a file descriptor into a file. This also catches the output of C libraries and child processes."""
    try:
        saved = os.dup(number)
    except OSError:  # closed, as in `vadkit list >&-`
        yield
        return
    try:
        _flush(stream)
        os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            _flush(stream)
            os.dup2(saved, number)
    finally:
        os.close(saved)


def _flush(stream: IO[str] | None) -> None:
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


@contextlib.contextmanager
def _interrupts() -> Iterator[list[bool]]:
    """Give a list that gets an entry when the user presses Ctrl-C."""
    pressed: list[bool] = []
    before = signal.getsignal(signal.SIGINT)
    # Ctrl-C reaches only the main thread. If it is ignored, as under nohup, it does not reach any thread.
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield pressed
        return

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(True)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def limited(limit: float) -> Iterator[None]:
    """Raise `OutOfTimeError` in the enclosed code when the time limit, in seconds, is over; 0 for no limit.

    It works on the main thread of a POSIX system, and between two steps of Python: see `guarded`.
    """
    on_main = threading.current_thread() is threading.main_thread()
    if limit <= 0 or not on_main or sys.platform == "win32" or not hasattr(signal, "setitimer"):
        yield
        return
    running = True

    def expired(number: int, frame: FrameType | None) -> None:
        del number
        if running and not _importing_shared() and not _is_lost(frame):
            raise OutOfTimeError  # else the alarm rings again soon

    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, expired)
    left, every = signal.setitimer(signal.ITIMER_REAL, limit, _RETRY)
    try:
        try:
            yield
        finally:
            running = False
    finally:
        running = False  # again, because an alarm can come after the call and before the line above
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # restart an earlier alarm of other code
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), every)


def _is_lost(frame: FrameType | None) -> bool:
    """Whether Python drops an exception of this frame, because the frame is a callback of a weak reference."""
    return frame is not None and frame.f_globals.get("__name__") in ("weakref", "_weakrefset")


def _importing_shared() -> bool:
    shared = (module for name, module in list(sys.modules.items()) if name.partition(".")[0] in _SHARED_LIBRARIES)
    return any(getattr(getattr(module, "__spec__", None), "_initializing", False) for module in shared)
