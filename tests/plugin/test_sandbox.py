from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from vadkit.core.errors import PluginError
from vadkit.plugin import sandbox as guard
from vadkit.plugin.sandbox import Outcome, describe_error, guarded


def test_a_value_and_what_is_written_on_the_way(capfd: pytest.CaptureFixture[str]) -> None:
    def call() -> int:
        print("out")
        print("err", file=sys.stderr)
        os.write(1, b"raw")
        return 3

    outcome = guarded(call, 1)
    assert (outcome.value, outcome.error) == (3, "")
    assert {"out", "err", "raw"} == set(outcome.printed.replace("raw", "\nraw").split())
    print("after")
    assert capfd.readouterr() == ("after\n", "")


def raising(error: BaseException) -> Callable[[], Any]:
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(2), GeneratorExit(), KeyboardInterrupt(), BaseException()]
)
def test_whatever_is_raised_becomes_a_message(error: BaseException) -> None:
    outcome = guarded(raising(error), 1)
    assert outcome.value is None
    assert outcome.error.startswith(type(error).__name__)
    assert "(test_sandbox.py:" in outcome.error


def test_a_ctrl_c_of_the_user_gets_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        guarded(lambda: os.kill(os.getpid(), signal.SIGINT), 1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def swallow(call: Callable[[], Any]) -> None:
    try:
        call()
    except BaseException:
        return


def test_a_ctrl_c_that_was_swallowed_gets_through_all_the_same() -> None:
    with pytest.raises(KeyboardInterrupt):
        guarded(lambda: swallow(lambda: os.kill(os.getpid(), signal.SIGINT)), 1)


def test_time_is_limited_and_the_alarm_of_somebody_else_goes_on() -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rang.append(number))
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        outcome = guarded(lambda: threading.Event().wait(100), 0.05)
        assert outcome.error == "did not finish within 0.05 seconds"
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left < 1000
        signal.raise_signal(signal.SIGALRM)
        assert rang == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_call_that_swallows_its_interruption_is_interrupted_again() -> None:
    def stubborn() -> None:
        swallow(lambda: threading.Event().wait(100))
        threading.Event().wait(100)

    assert guarded(stubborn, 0.05).error == "did not finish within 0.05 seconds"


def test_an_alarm_within_a_callback_of_a_weak_reference_comes_later() -> None:
    ended: list[bool] = []
    callback: dict[str, Any] = {"__name__": "weakref", "clock": time.monotonic, "ended": ended}
    exec("def remove(end):\n    while clock() < end:\n        pass\n    ended.append(True)", callback)

    def collected() -> None:
        callback["remove"](time.monotonic() + 0.1)
        threading.Event().wait(100)

    assert guarded(collected, 0.02).error == "did not finish within 0.02 seconds"
    assert ended == [True]


def test_the_import_of_a_shared_library_is_let_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SimpleNamespace(_initializing=True)
    monkeypatch.setitem(sys.modules, "sympy.inner", SimpleNamespace(__spec__=spec))  # pyright: ignore[reportArgumentType]
    rang = threading.Event()

    def import_it() -> str:
        end = time.monotonic() + 0.1  # beyond the limit
        while time.monotonic() < end:
            rang.wait(0.01)
        spec._initializing = False
        return "imported"

    assert guarded(import_it, 0.02).value == "imported"


def test_no_limit_and_another_thread() -> None:
    assert guarded(lambda: 1, 0).value == 1
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(guarded(raising(KeyboardInterrupt()), 1)))
    swallow(thread.start)
    thread.join()
    assert found[0].error.startswith("KeyboardInterrupt")


def test_messages_are_one_line_of_bounded_length() -> None:
    assert describe_error(ValueError("a\n  b")) == "ValueError: a b"
    assert describe_error(ValueError("")) == "ValueError"
    assert len(describe_error(ValueError("x" * 10_000))) < 400
    assert describe_error(PluginError("what", where="there", fix="so")) == "there: what -> so"


def test_streams_that_a_plugin_sets_up_are_streams() -> None:
    script = """
import sys
from vadkit.plugin.sandbox import guarded

def call():
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.buffer.write(b"bytes")
    return sys.stdout.encoding

outcome = guarded(call, 5)
print([outcome.value, outcome.error, outcome.printed])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "['utf-8', '', 'bytes']\n"


def test_a_plugin_that_wraps_the_bytes_of_a_stream_does_not_close_it() -> None:
    script = """
import gc, io, sys
from vadkit.plugin.sandbox import guarded

def call():
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
    print("caf\\u00e9")

outcome = guarded(call, 5)
gc.collect()
print(ascii([outcome.error, outcome.printed]))
sys.stdout = None
print(guarded(lambda: sys.stdout.buffer.write(b"x"), 5).error or "none", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "['', 'caf\\xe9\\n']\n"
    assert done.stderr == "none\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no alarms")
def test_an_alarm_just_after_the_call_leaves_no_timer() -> None:
    code = guard.limited.__wrapped__.__code__  # pyright: ignore[reportFunctionMemberAccess]
    lines, first = inspect.getsourcelines(code)
    after = first + next(number for number, line in enumerate(lines) if line.strip() == "finally:") + 1
    rung: list[int] = []

    def ring(frame: FrameType, event: str, argument: object) -> object:
        del argument
        if frame.f_code is code and event == "line" and frame.f_lineno == after and not rung:
            rung.append(after)
            signal.raise_signal(signal.SIGALRM)
        return ring

    handler, traced = signal.getsignal(signal.SIGALRM), sys.gettrace()
    sys.settrace(ring)  # pyright: ignore[reportArgumentType]
    try:
        outcome = guarded(lambda: 1, 60)
    finally:
        sys.settrace(traced)
        left = signal.setitimer(signal.ITIMER_REAL, 0)
    assert rung
    assert "60 seconds" in outcome.error
    assert left == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is handler
