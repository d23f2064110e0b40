"""Plugins that misbehave never stop a command; what is wrong with each is said with its distribution."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import forked
import pytest
from strangers import BAD, GOOD, announcing, install, write_metadata

ROOT = Path(__file__).parents[2]
MAIN = [sys.executable, "-c", "from vadkit.cli import main; main()"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    install(folder, "fine", GOOD)
    return folder


def environment(site: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "300", **more}


def vadkit(site: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return forked.command(*arguments, env=environment(site, **more))


def test_none_of_them_stops_a_command(site: Path) -> None:
    for name, (code, _) in BAD.items():
        install(site, name, code)
    join_names = vadkit(site, "plugin", "list", VADKIT_PLUGIN_TIMEOUT="3")
    assert join_names.returncode == 0, join_names.stderr
    for name, (_, said) in BAD.items():
        (line,) = (line for line in join_names.stdout.splitlines() if line.startswith(f"not loaded: plugin {name} "))
        assert f"({name}-dist 1.0)" in line
        assert said in line
    assert "fine" in join_names.stdout
    assert "Traceback" not in join_names.stderr
    everything = vadkit(site, "list", VADKIT_PLUGIN_TIMEOUT="3", VADKIT_DISABLE="hangs")
    assert everything.returncode == 0, everything.stderr
    assert "not loaded: plugin raises (raises-dist 1.0): RuntimeError: no [bold] luck" in everything.stdout
    unrelated = vadkit(site, "check", "recipes/quickstart.yaml", VADKIT_DISABLE="hangs")
    assert unrelated.returncode == 0, unrelated.stderr
    assert "no problems found" in unrelated.stdout


def test_what_a_plugin_prints_pollutes_nothing(site: Path) -> None:
    loud = "import os, sys, subprocess, logging\nprint('python')\nprint('error', file=sys.stderr)\n"
    loud += "os.write(1, b'descriptor')\nsubprocess.run(['echo', 'child'])\nlogging.basicConfig()\n"
    install(site, "loud", loud + announcing("print('hook'); return [Component('loss', 'loud', 'loud_parts:L', '')]"))
    # Its keys cannot be read without importing it, which prints as well.
    parts = "print('parts')\nfrom vadkit.api import Loss\ndef keep(cls): return cls\n"
    parts += (
        "@keep\nclass L(Loss):\n    def __init__(self, clip, *, a: int = 1): ...\n    def forward(self, out): ...\n"
    )
    (site / "loud_parts.py").write_text(parts)
    schema = vadkit(site, "schema")
    assert schema.returncode == 0, schema.stderr
    assert "loud" in json.dumps(json.loads(schema.stdout))
    assert schema.stderr == ""
    join_names = vadkit(site, "plugin", "list")
    assert "problem: plugin loud (loud-dist 1.0) prints when it is listed: 'python'" in join_names.stdout
    assert "descriptor" not in join_names.stdout + join_names.stderr
    checked = vadkit(site, "plugin", "check", "loud")
    assert "the plugin 'loud' prints when it is listed: 'python'" in checked.stdout


def test_logging_set_up_by_a_plugin_goes_on_to_the_real_stream(site: Path) -> None:
    install(site, "logs", "import logging\nlogging.basicConfig()\n" + announcing("return []"))
    code = (
        "import logging\nfrom vadkit.plugin.registry import Registry\n"
        "Registry.discover()\nlogging.getLogger().error('later')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(site))
    assert done.returncode == 0
    assert "later" in done.stderr


def test_ctrl_c_interrupts_the_command_although_a_plugin_swallows_it(site: Path, tmp_path: Path) -> None:
    gate = tmp_path / "began"
    os.mkfifo(gate)
    code = f"import time\nopen({str(gate)!r}, 'w').close()\ntry: time.sleep(50)\nexcept BaseException: pass\n"
    install(site, "swallows", code + announcing("return []"))
    process = subprocess.Popen(
        [*MAIN, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment(site)
    )
    gate.read_text()  # until there is something to interrupt
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "fine" not in told


def test_other_versions_twins_and_clashes_are_named(site: Path) -> None:
    install(site, "new", announcing("return []"), group="vadkit.v2")
    write_metadata(site, "both", "3.0", "[vadkit.v1]\nboth = fine\n[vadkit.v2]\nboth = fine_2\n")
    write_metadata(site, "copy", "2.0", "[vadkit.v1]\nfine = fine\n")
    install(site, "again", announcing("return [Component('density', 'glow', 'm:G', '')]"))
    twice = "return [Component('density', 'same', 'm:G', ''), Component('density', 'same', 'm:H', '')]"
    install(site, "twice", announcing(twice))
    told = vadkit(site, "plugin", "list").stdout
    assert (
        "plugin new (new-dist 1.0) failed: made for plugin API 2, but vadkit has API 1: install a matching version"
        in told
    )
    assert "made for plugin API 2" not in told.replace("plugin new (new-dist 1.0) failed: made for plugin API 2", "")
    assert "plugin fine (fine-dist 1.0) has the same name as a plugin of copy 2.0: uninstall one" in told
    assert "plugin again (again-dist 1.0) the density 'glow' clashes: write again:glow or flows:glow" in told
    assert "plugin twice (twice-dist 1.0) announces the density 'same' 2 times: its author should give" in told
    without = vadkit(site, "plugin", "list", VADKIT_DISABLE="copy, both, nwe, twice").stdout
    assert "has the same name" not in without
    assert "VADKIT_DISABLE names 'nwe', which is not a plugin; did you mean 'new'?" in without
    assert re.search(r"disabled by VADKIT_DISABLE: .*twice", without)


@pytest.mark.parametrize("group", ["vadkit", "vadkit.plugins", "vadkit_v1", "Vadkit"])
def test_an_entry_point_group_that_is_not_read_is_named(site: Path, group: str) -> None:
    install(site, "lost", GOOD, group=group)
    write_metadata(site, "other", "1.0", "[vadkit_web.pages]\nhome = nowhere\n")  # the business of another package
    told = vadkit(site, "plugin", "list").stdout
    assert f"plugin lost (lost-dist 1.0) failed: has the entry-point group {group!r}" in told
    assert "its author should write 'vadkit.v1'" in told
    assert "other 1.0" not in told


def test_a_plugin_that_imports_torch_is_named_and_loads(site: Path) -> None:
    install(site, "heavy", "import torch\n" + announcing("return [Component('density', 'heavy', 'm:G', '')]"))
    listing = [*MAIN, "plugin", "list"]  # in a process that has not imported torch
    told = subprocess.run(listing, capture_output=True, text=True, cwd=ROOT, env=environment(site), timeout=120).stdout
    assert "plugin heavy (heavy-dist 1.0) imports torch when it is listed" in told
    assert "1 density" in next(line for line in told.splitlines() if line.startswith("heavy"))


def test_damaged_metadata_stops_nothing(site: Path) -> None:
    write_metadata(site, "damaged", "1.0", "[vadkit.v1]\nno equals sign\n")
    write_metadata(site, "empty-value", "1.0", "[vadkit.v1]\nempty =\n")
    (site / "nameless-1.dist-info").mkdir()
    (site / "nameless-1.dist-info" / "entry_points.txt").write_text("[vadkit.v1]\nnameless = fine\n")
    done = vadkit(site, "list")
    assert done.returncode == 0, done.stderr
    assert "fine" in done.stdout


def test_a_malformed_time_limit_is_one_message(site: Path) -> None:
    done = vadkit(site, "list", VADKIT_PLUGIN_TIMEOUT="soon")
    assert done.returncode == 2
    assert "VADKIT_PLUGIN_TIMEOUT: 'soon' is not a number of seconds" in done.stderr


def test_an_error_in_the_middle_of_a_run_names_component_and_plugin(site: Path, tmp_path: Path) -> None:
    parts = (
        "from vadkit.api import Scorer\nclass Late(Scorer):\n    calls = 0\n    def __call__(self, out):\n"
        "        Late.calls += 1\n        if Late.calls > 4: raise KeyError('late')\n"
        "        return (out.output - out.target).square().mean((1, 3, 4))\n"
    )
    (site / "late_parts.py").write_text(parts)
    install(site, "late", announcing("return [Component('scorer', 'late', 'late_parts:Late', '')]"))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    done = vadkit(site, "run", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "run"))
    assert done.returncode == 1, done.stdout
    assert "Traceback" in done.stderr
    last = done.stderr[done.stderr.rindex("error:") :]
    assert "raised in the scorer 'late' of plugin late (late-dist 1.0): KeyError: 'late' (late_parts.py:6)" in last


ENCODERS = """
import functools
import torch
from torch import nn
from vadkit.api import Encoder, LatentSpec

class Misfit(Encoder, nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.latents = {"static": LatentSpec(4, 2, 8, 12)}
        self.layer = nn.Linear(clip.width + 1, 4)

    def forward(self, clips):
        return {"static": self.layer(clips)}

@functools.cache
def places(width):
    return torch.zeros(width)

class Numbers(Misfit):
    def __init__(self, clip):
        super().__init__(clip)
        self.layer = nn.Conv3d(1, 4, 4, stride=4)

    def forward(self, clips):
        if float((clips + places(clips.shape[-1])).sum()) > 0:
            raise AssertionError
        return {"static": self.layer(clips)}
"""


@pytest.mark.parametrize("name", ["misfit", "numbers"])
def test_check_tells_a_misfit_from_a_component_that_works_on_numbers_only(
    site: Path, tmp_path: Path, name: str
) -> None:
    (site / "odd_parts.py").write_text(ENCODERS)
    card = f"Component('encoder', '{name}', 'odd_parts:{name.capitalize()}', '')"
    install(site, "odd", announcing(f"return [{card}]"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        RECIPE.replace("{use: itae, channels: [4, 4, 4, 4], beta: 4}", name).replace("{late: late}", "{e: frame_error}")
    )
    done = vadkit(site, "check", str(recipe))
    assert "Traceback" not in done.stderr
    assert "fake" not in done.stderr.lower()
    if name == "numbers":
        assert (done.returncode, done.stderr) == (0, "")
        assert "no problems found" in done.stdout
    else:
        assert done.returncode == 2
        assert "model: an empty clip does not pass: RuntimeError: mat1 and mat2 shapes" in done.stderr
        assert "no problems found" not in done.stdout


RECIPE = """
vadkit: 1
name: late
data:
  use: walkway
  size: [32, 48]
  train_videos: 2
  test_videos: 2
  frames: 40
  clip: {frames: 8, size: [32, 48], color: gray}
model:
  encoder: {use: itae, channels: [4, 4, 4, 4], beta: 4}
  decoder: {use: itae, channels: [4, 4, 4]}
  losses: [l2]
  fit: {steps: 1, batch_size: 2, optimizer: adam}
scores: {late: late}
evaluate: {metrics: [micro_auc]}
report: [json]
engine: {score_stride: 2}
"""
