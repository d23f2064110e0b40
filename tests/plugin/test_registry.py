"""Discovery under a guard, look-up, clashes."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from vadkit.api import Component, PluginError
from vadkit.cli.render.plugin import print_listing
from vadkit.plugin import registry as module
from vadkit.plugin.registry import Plugin, Registry

GLOW = Component("density", "glow", "vadkit_flows.glow:Glow", "A flow.")


def test_a_clash_shows_both_full_names_and_a_full_name_chooses() -> None:
    other = Component("density", "glow", "elsewhere:Glow", "Another.")
    registry = Registry([Plugin("one", "one 1", (GLOW,)), Plugin("two", "two 1", (other,))])
    with pytest.raises(PluginError, match="one:glow and two:glow"):
        registry.get("density", "glow")
    assert registry.get("density", "two:glow") is other


def test_an_unknown_name_gets_a_suggestion_and_the_broken_plugins() -> None:
    registry = Registry([Plugin("one", "one 1", (GLOW,)), Plugin("sad", "sad 2", error="ImportError: x")])
    with pytest.raises(PluginError) as caught:
        registry.get("density", "glwo")
    assert "did you mean 'glow'" in str(caught.value)
    assert "sad" in str(caught.value)


def test_one_broken_plugin_never_stops_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("bad", "no_such_module_anywhere", "vadkit.v1"),
        EntryPoint("flows", "vadkit_flows", "vadkit.v1"),
    ]
    monkeypatch.setattr(module, "entry_points", lambda: points)
    registry = Registry.discover()
    assert [plugin.name for plugin in registry.broken] == ["bad"]
    assert "ModuleNotFoundError" in registry.broken[0].error
    assert registry.get("density", "glow").name == "glow"


def test_disabled_plugins_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADKIT_DISABLE", "flows, itae")
    registry = Registry.discover()
    assert {plugin.name for plugin in registry.plugins} == {
        "backbone",
        "baselines",
        "datasets",
        "densities",
        "motion",
        "sinks",
        "slowfast",
        "standard",
    }
    with pytest.raises(PluginError, match="disabled by VADKIT_DISABLE: flows, itae"):
        registry.get("density", "glow")


@pytest.mark.parametrize("name", ["ahead", "vadkit-ahead"])
def test_a_plugin_of_another_api_is_disabled_by_either_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(module, "entry_points", lambda: [EntryPoint("ahead", "ahead", "vadkit.v9")])
    monkeypatch.setattr(module, "distribution_of", lambda point: "vadkit-ahead 2.0")
    (stranger,) = Registry.discover().plugins
    assert "made for plugin API 9" in stranger.error
    monkeypatch.setenv("VADKIT_DISABLE", name)
    registry = Registry.discover()
    assert registry.plugins == ()
    assert list(registry.disabled) == ["ahead"]
    assert list(registry.strangers) == []


def test_what_a_plugin_says_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    odd = Component("density", "odd", "m:A", "Takes [/bold] and [red].")
    error = "RuntimeError: cannot open [/etc/bad]"
    print_listing(Registry([Plugin("one", "one 1", (odd,)), Plugin("bad", "bad 2", error=error)]), None)
    told = capsys.readouterr().out
    assert "Takes [/bold] and [red]." in told
    assert error in told


def test_first_party_plugins_are_installed_like_any_other() -> None:
    found = Registry.discover()
    assert not found.broken
    assert {"itae", "slowfast", "flows", "standard", "datasets"} <= {plugin.name for plugin in found.plugins}
    for plugin in found.plugins:
        for component in plugin.components:
            assert component.load()


@pytest.mark.parametrize(
    ("kind", "name", "target"), [("flow", "a", "m:A"), ("density", "Big Name", "m:A"), ("density", "a", "m.A")]
)
def test_malformed_components_are_refused(kind: str, name: str, target: str) -> None:
    with pytest.raises(PluginError):
        Component(kind, name, target, "")
