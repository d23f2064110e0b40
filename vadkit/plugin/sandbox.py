"""Runs code of others so that it cannot stop us: what it raises, prints and how long it takes become values."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import os
import signal
import sys
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

_AGAIN = 0.5  # seconds after which a call that swallowed its interruption is interrupted again
_MOST_SAID = 300  # characters of a message that are kept
_MOST_PRINTED = 2000
# Libraries that the rest of a command needs; one that was interrupted in its import cannot be imported again.
_SHARED = ("numpy", "scipy", "sklearn", "torch", "torchvision", "av", "matplotlib", "pydantic")


class _TimeoutError(BaseException):
    """Not an `Exception`, so that a guarded `except Exception` does not swallow it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a guarded call came to.

    Attributes:
        value: what it returned; None if it failed.
        error: why it failed, one line; empty if it did not.
        printed: what it wrote to standard output and standard error.
        seconds: how long it took.
    """

    value: Any
    error: str
    printed: str
    seconds: float


def guarded(call: Callable[[], Any], limit: float) -> Outcome:
    """Call it; nothing that it raises, prints or waits for gets out, but a Ctrl-C of the user does.

    Args:
        call: the code of others.
        limit: seconds; 0 for none. It holds on the main thread of a POSIX system, and
            between two steps of Python: a loop inside a C library goes on to its end.
    """
    began = time.perf_counter()
    value, error, printed = None, "", ""
    with _interrupts() as pressed:
        with captured() as output:
            try:
                with _limited(limit):
                    value = call()
            except KeyboardInterrupt as raised:
                if pressed:
                    raise
                error = describe_error(raised)
            except _TimeoutError:
                error = f"gave no answer in {limit:g} seconds"
            except BaseException as raised:
                error = describe_error(raised)
        printed = output()
        if pressed:  # and swallowed
            raise KeyboardInterrupt
    return Outcome(value, error, printed, time.perf_counter() - began)


def describe_error(error: BaseException) -> str:
    """Type, message and place of an error of others' code, in one line; one of ours says all of it itself."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = "(its message cannot be shown)"
    if len(message) > _MOST_SAID:
        message = f"{message[:_MOST_SAID]}..."
    if isinstance(error, VadkitError):
        return message
    told = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _theirs(frame.filename)]
    return f"{told} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else told


def _theirs(filename: str) -> bool:
    between = Path(__file__).parents[1], Path(importlib.__file__).parent
    return not filename.startswith("<") and not any(Path(filename).is_relative_to(folder) for folder in between)


@contextlib.contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Keep what is written to standard output and error; gives a function that tells it afterwards."""
    kept = io.StringIO()
    before = sys.stdout, sys.stderr
    diversions = [_Diversion(kept, stream) for stream in before]
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        for number, stream in ((1, sys.__stdout__), (2, sys.__stderr__)):
            stack.enter_context(_descriptor(number, stream, file))
        sys.stdout, sys.stderr = cast("Any", diversions)
        try:
            yield lambda: kept.getvalue()[:_MOST_PRINTED]
        finally:
            sys.stdout, sys.stderr = before
            for diversion in diversions:
                diversion.end()
            stack.close()
            file.seek(0)
            kept.write(file.read(_MOST_PRINTED).decode(errors="replace"))


class _Diversion(io.TextIOBase):
    """A stream whose text is kept for a while and goes on to the real one later.

    For the code that was guarded may have taken it for good, as `logging.basicConfig` does.
    """

    def __init__(self, kept: IO[str], real: IO[str] | None) -> None:
        self._into, self._real = cast("IO[str] | None", kept), real
        self._bytes = _Bytes(self)

    def write(self, text: str, /) -> int:
        if self._into is not None:
            self._into.write(text)
        return len(text)

    def flush(self) -> None:
        if self._into is self._real and self._into is not None:
            self._into.flush()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return getattr(self._real, "encoding", None) or "utf-8"

    @property
    def buffer(self) -> io.BufferedIOBase:
        """Not the real stream's, which may have none, and which a wrapper around it closes when it is collected."""
        return self._bytes

    def reconfigure(self, **_: Any) -> None:
        """Nothing: the stream is the tool's, not the plugin's."""

    def fileno(self) -> int:
        if self._real is None:
            raise io.UnsupportedOperation("fileno")
        return self._real.fileno()

    def end(self) -> None:
        self._into = self._real


class _Bytes(io.BufferedIOBase):
    """The bytes under a diversion: they go where its text goes."""

    def __init__(self, text: _Diversion) -> None:
        self._text, self._decoder = text, codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: Any, /) -> int:
        taken = bytes(data)
        self._text.write(self._decoder.decode(taken))
        return len(taken)

    def flush(self) -> None:
        self._text.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def close(self) -> None:
        """Nothing: as with `reconfigure`."""


@contextlib.contextmanager
def _descriptor(number: int, stream: IO[str] | None, file: IO[bytes]) -> Iterator[None]:
    """File descriptor `number` writes into the file: what C libraries and child processes print as well."""
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
    """A list that is no longer empty once the user has pressed Ctrl-C."""
    pressed: list[bool] = []
    before = signal.getsignal(signal.SIGINT)
    # Ctrl-C reaches the main thread alone, and nobody where it is ignored, as under nohup.
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
def _limited(limit: float) -> Iterator[None]:
    """Raise `_TimeoutError` in the code within once the time is up."""
    on_main = threading.current_thread() is threading.main_thread()
    if limit <= 0 or not on_main or sys.platform == "win32":
        yield
        return
    running = True

    def expired(number: int, frame: FrameType | None) -> None:
        del number, frame
        if running and not _importing_shared():
            raise _TimeoutError

    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, expired)
    left, every = signal.setitimer(signal.ITIMER_REAL, limit, _AGAIN)
    try:
        try:
            yield
        finally:
            running = False
    finally:
        running = False  # again, for an alarm may have come after the call and before the line above
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # somebody else's alarm goes on
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), every)


def _importing_shared() -> bool:
    specs = (getattr(sys.modules.get(name), "__spec__", None) for name in _SHARED)
    return any(getattr(spec, "_initializing", False) for spec in specs)
