"""Ctrl-C at a moment when the work can be saved."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def delayed_interrupt() -> Iterator[Callable[[], bool]]:
    """Delay the first Ctrl-C (SIGINT) to the end of the context, which then raises KeyboardInterrupt.

    The context gives a function that returns whether Ctrl-C was pressed, so that a loop can save its state and
    leave. A second Ctrl-C has its usual effect at once. Outside the main thread, and where the program has its own
    handler, nothing changes.

    Example:
        >>> with delayed_interrupt() as interrupted:
        ...     interrupted()
        False
    """
    pressed: list[int] = []
    usual = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not usual:
        yield lambda: False
        return

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        pressed.append(number)
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, usual)
    if pressed:
        raise KeyboardInterrupt
