"""A check that does not end is named; a plugin names more keys to check with; mistakes in cards are named."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vadkit.api import Component, PluginError
from vadkit.testing import ConformityError, NotApplicableError, checks_of, subjects

FORWARD = Component("loss", "hangs", "faulty_modules:HangingLoss", "A loss.")


@pytest.mark.parametrize(
    ("settings", "check"), [({}, "check_shapes"), ({"hangs": {"built": True}}, "check_construction")]
)
def test_a_component_that_hangs_is_named_with_check_and_line(settings: dict[str, object], check: str) -> None:
    (tested,) = subjects([FORWARD], settings)
    wanted = ("check_construction", "check_module", "check_shapes", "check_finite")
    checks = {each.name: each for each in checks_of("loss", timeout=0.3) if each.name in wanted}
    for name in wanted[: wanted.index(check)]:
        checks[name](tested)
    with pytest.raises(ConformityError, match=r"not finish within 0.3 seconds, stopped in faulty_modules.py:\d+"):
        checks[check](tested)
    with pytest.raises(NotApplicableError, match=f"{check} does not finish, see there"):
        checks["check_finite"](tested)


def test_the_command_ends_a_check_that_cannot_be_interrupted() -> None:
    script = """
import signal
from vadkit.cli.commands import plugin
from vadkit.testing import subjects
from vadkit.api import Component

plugin.GRACE = 0.0
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # as a loop inside a C library
plugin._watched(subjects([Component("loss", "hangs", "faulty_modules:HangingLoss", "A loss.")]), 1.5)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 1
    assert "error: loss/hangs check_" in done.stderr
    assert "did not finish within 1.5 seconds, and cannot be interrupted" in done.stderr


SMOOTH = Component(
    "score_transform",
    "smooth",
    "vadkit_standard.smoothing:Median",
    "A median.",
    checked_with=[{"size": 3}, {"size": 7}],
)


def test_a_plugin_names_more_keys_to_check_with() -> None:
    assert [str(each) for each in subjects([SMOOTH])] == [
        'score_transform/smooth {"size": 3}',
        'score_transform/smooth {"size": 7}',
    ]
    found = subjects([SMOOTH], {"smooth": {"size": 5}})
    assert [each.config.keys["size"] for each in found] == [5, 3, 7]
    with pytest.raises(PluginError, match="its checked_with is not a list of mappings"):
        Component("loss", "a", "m:A", "", checked_with=["size=3"])  # pyright: ignore[reportArgumentType]


def test_a_fault_under_one_of_these_keys_is_found() -> None:
    card = Component("loss", "hangs", "faulty_modules:HonestLoss", "A loss.", checked_with=[{"size": 3}])
    with pytest.raises(Exception, match="'size'"):
        subjects([card])


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (
            Component("loss", "odd", "faulty_modules:HonestLos", ""),
            r"(?s)the module 'faulty_modules' has no class 'HonestLos'.*did you mean 'HonestLoss'",
        ),
        (
            Component("loss", "odd", "faulty_module:HonestLoss", ""),
            r"(?s)No module named 'faulty_module'.*correct the target, or",
        ),
        (
            Component("scorer", "odd", "faulty_modules:HonestFeature", ""),
            r"(?s)faulty_modules:HonestFeature is not a subclass of Scorer.*it is a Feature: .* as the kind 'feature'",
        ),
    ],
)
def test_a_wrong_target_is_told_as_what_it_is(card: Component, told: str) -> None:
    with pytest.raises(PluginError, match=told):
        card.load()


def test_a_name_that_is_announced_twice_is_told_with_both_classes() -> None:
    cards = [FORWARD, Component("loss", "hangs", "faulty_modules:HonestLoss", "Another.")]
    told = "(?s)loss/hangs is announced more than once, for faulty_modules:HangingLoss and faulty_modules:HonestLoss"
    with pytest.raises(PluginError, match=told):
        subjects(cards)
