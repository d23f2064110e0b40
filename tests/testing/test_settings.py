"""The decorator and the command: settings, expected failures, and the errors of a user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vadkit.api import Component, PluginError, VadkitError
from vadkit.cli.app import app
from vadkit.core.errors import RecipeError
from vadkit.testing import expectations, parametrize_with_checks, run_checks, subjects

pytest_plugins = ["pytester"]

HONEST = Component("encoder", "mine", "faulty_modules:HonestEncoder", "A toy.")
IDLE = Component("encoder", "idle", "faulty_modules:IdleEncoder", "A toy.")
UNUSED = {"idle": {"check_gradients": "kept for old checkpoints"}}


def test_an_expected_failure_passes_and_an_unneeded_one_fails() -> None:
    found = subjects([IDLE, HONEST])
    outcomes = list(run_checks(found, expectations(found, UNUSED | {"mine": {"check_gradients": "why not"}})))
    told = {(each.component, each.state): each for each in outcomes if each.check == "check_gradients"}
    assert told["encoder/idle", "expected"].reason == "kept for old checkpoints"
    assert "it passes, but is expected to fail (why not)" in told["encoder/mine", "failed"].reason
    assert sum(each.state == "failed" for each in outcomes) == 1


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ({"idle": {"check_gradient": "x"}}, r"(?s)encoder has no check 'check_gradient'.*mean 'check_gradients'"),
        ({"idle": {"check_gradients": " "}}, "has no reason"),
        ({"idle": ["check_gradients"]}, "give each check a reason"),
        ({"idel": {"check_gradients": "x"}}, r"(?s)no component under test is named 'idel'.*did you mean 'idle'"),
    ],
)
def test_an_expected_failure_needs_a_check_and_a_reason(failures: Any, told: str) -> None:
    with pytest.raises(VadkitError, match=told):
        parametrize_with_checks([IDLE], expected_failures=failures)


def test_settings_are_checked_as_keys_of_a_recipe() -> None:
    settings = {"glow": {"levls": 1, "toy": {"sample_shape": [1, 4, 4], "clip": {"frames": 0, "size": [8, 8]}}}}
    with pytest.raises(RecipeError) as caught:
        subjects("flows", settings)
    assert "did you mean 'levels'" in str(caught.value)
    assert "toy.clip.frames" in str(caught.value)
    found = subjects("flows", {"glow": {"levels": 1, "toy": {"sample_shape": [1, 4, 4]}}}, only=["density/glow"])
    assert [str(each) for each in found] == ["density/glow"]
    assert found[0].toy.sample.shape == (1, 4, 4)


def test_a_missing_key_without_a_default_is_reported_once() -> None:
    with pytest.raises(RecipeError) as caught:
        subjects("standard", {}, only=["median", "vector_pool"])
    assert len(caught.value.problems) == 2
    assert "settings={'score_transform/median': {'size': ...}}, or --set score_transform/median.size=..." in str(
        caught.value
    )


def test_a_missing_class_is_reported_once() -> None:
    cards = [
        Component("scorer", "gone", "nowhere:Gone", "A."),
        Component("scorer", "other", "faulty_parts:Negative", "A."),
    ]
    failed = [(each.component, each.reason) for each in run_checks(subjects(cards)) if each.state == "failed"]
    assert [component for component, _ in failed] == ["scorer/gone", "scorer/other"]
    assert "No module named 'nowhere'" in failed[0][1]
    assert "is not a subclass of Scorer" in failed[1][1]


def test_a_name_in_two_kinds_is_ambiguous() -> None:
    with pytest.raises(VadkitError, match="write encoder/itae or decoder/itae"):
        subjects("itae", {"itae": {}})


def test_an_unknown_plugin_gets_a_suggestion() -> None:
    with pytest.raises(PluginError, match="did you mean 'flows'"):
        subjects("flws")
    with pytest.raises(PluginError, match="'glow' is a component of the plugin 'flows'"):
        subjects("glow")


def test_a_decoder_gets_the_latents_of_the_chosen_encoder() -> None:
    narrow = {"use": "one_path", "channels": [8, 8, 8, 6]}
    (decoder,) = subjects("itae", {"decoder/itae": {"toy": {"encoder": narrow}}}, only=["decoder/itae"])
    assert decoder.latents.keys() == {"static"}
    assert decoder.latents["static"].channels == 6
    (own,) = subjects("itae", {"encoder/itae": {"channels": [8, 8, 8, 8], "beta": 2}}, only=["decoder/itae"])
    assert {name: spec.channels for name, spec in own.latents.items()} == {"static": 8, "dynamic": 4}


def test_a_decoder_gets_the_latents_of_the_bottleneck_before_it() -> None:
    cards = [
        Component("decoder", "mine", "faulty_modules:HonestDecoder", "A toy."),
        Component("bottleneck", "renames", "faulty_modules:RenamingBottleneck", "A toy."),
    ]
    latents = {"static": [4, 8, 16, 24]}
    with pytest.raises(VadkitError, match="needs a latent 'code'; the encoder gives static"):
        subjects(cards, {"mine": {"toy": {"latents": latents}}}, only=["mine"])[0].construct()
    found = subjects(cards, {"mine": {"toy": {"latents": latents, "bottleneck": "renames"}}}, only=["mine"])
    assert {each.state for each in run_checks(found)} == {"passed", "skipped"}


def test_the_decorator_makes_tests_skips_and_strict_xfails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from vadkit.api import Component
        from vadkit.testing import parametrize_with_checks

        tested = [Component("encoder", "idle", "faulty_modules:IdleEncoder", "A toy.")]
        needless = {"check_gradients": "kept", "check_state": "needless"}

        @parametrize_with_checks(tested, expected_failures={"idle": needless})
        def test_conformance(component, check):
            check(component)
        """
    )
    pytester.syspathinsert(Path(__file__).parents[1])
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-rA")
    outcomes = result.parseoutcomes()
    assert outcomes["xfailed"] == 1
    assert outcomes["failed"] == 1
    assert outcomes["passed"] > 10
    result.stdout.fnmatch_lines(["*XPASS(strict)*needless*"])


def test_the_command_prints_a_table_and_exits_with_1_after_a_failure() -> None:
    keep = ["plugin", "check", "densities", "--component", "knn"]
    done = CliRunner().invoke(app, keep)
    assert done.exit_code == 1
    assert re.search(r"density/knn +check_normalised +failed", done.stdout)
    assert re.search(r"1 component: \d+ passed, 1 failed, \d skipped", done.stdout)
    short = CliRunner().invoke(app, [*keep, "--failures"])
    assert "check_state" not in short.stdout
    chosen = ["--component", "lr_scheduler/cosine", "--set", "cosine.floor=0.1"]
    assert CliRunner().invoke(app, ["plugin", "check", "standard", *chosen]).exit_code == 0
    wrong = CliRunner().invoke(app, ["plugin", "check", "standard", "--component", "cosin"])
    assert isinstance(wrong.exception, VadkitError)
    assert wrong.exception.exit_code == 2
