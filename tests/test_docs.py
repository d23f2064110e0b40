"""The docs are complete, and their examples work."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import vadkit
from vadkit import api, recipe
from vadkit.cli.app import app
from vadkit.cli.scaffold import Names, plugin_files
from vadkit.core.contracts import KINDS
from vadkit.core.protocol import Protocol
from vadkit.plugin import hookspecs
from vadkit.plugin import registry as registry_module
from vadkit.plugin.registry import Registry
from vadkit.recipe import clip_section, model
from vadkit.recipe.presets import PRESETS
from vadkit.recipe.protocol_section import ProtocolForm
from vadkit.recipe.variants import family_of
from vadkit.testing import checks_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FILES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
PAGES = {path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text(encoding="utf-8") for path in FILES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = PROJECT["entry-points"]["vadkit.v1"]
SECTIONS = (
    *(
        model.Recipe,
        model.Data,
        model.AugmentForm,
        model.Mask,
        model.Boxes,
        model.Model,
        model.WeightedLoss,
        model.Fit,
        model.Density,
        model.Fused,
        model.Engine,
    ),
    *(model.Evaluate, ProtocolForm, clip_section.ClipForm),
)
LINKED = sorted([*FILES, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))])


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ (.*)$", PAGES[page], re.MULTILINE)


@pytest.fixture(scope="module")
def ours() -> Registry:
    return Registry(plugin for plugin in Registry.discover().plugins if plugin.name in OURS)


def test_every_hook_is_documented() -> None:
    hooks = [name for name, value in inspect.getmembers(hookspecs, inspect.isfunction) if hasattr(value, "vadkit_spec")]
    assert hooks
    for hook in hooks:
        assert f"`{hook}`" in PAGES["reference/plugins"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_contract_in_the_reference(kind: str) -> None:
    page = f"reference/kinds/{kind}"
    assert headings(page)[:1] == [kind]
    assert f"]({kind}.md)" in PAGES["reference/kinds/index"]
    assert kind in headings("reference/recipes")
    assert inspect.getsource(KINDS[kind]).rstrip() in PAGES[page]


@pytest.mark.parametrize("kind", KINDS)
def test_the_worked_example_of_a_kind_is_what_is_written_and_tested(kind: str) -> None:
    files = plugin_files(Names(kind, f"my-{kind}"))
    assert files[f"src/my_{kind}/{kind}.py"].rstrip() in PAGES[f"reference/kinds/{kind}"]
    assert files["recipe.yaml"].rstrip() in PAGES[f"reference/kinds/{kind}"]


@pytest.mark.parametrize("name", [name for name in api.__all__ if dataclasses.is_dataclass(getattr(api, name))])
def test_every_field_of_the_values_is_explained(name: str) -> None:
    form = getattr(api, name)
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGES["reference/values"], re.MULTILINE | re.DOTALL)
    derived = [key for key, value in vars(form).items() if isinstance(value, property)]
    for key in [*(field.name for field in dataclasses.fields(form)), *derived]:
        assert re.search(rf"^\| `{key}` \|.*\| \S[^|]* \|$", section, re.MULTILINE), key


def test_every_first_party_component_is_in_the_reference(ours: Registry) -> None:
    announced = [component for plugin in ours.plugins for component in plugin.components]
    assert {plugin.name for plugin in ours.plugins} == set(OURS)
    for component in announced:
        assert f"{component.kind} {component.name}" in headings("reference/recipes")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda form: form.__name__)
def test_every_structural_key_is_in_the_reference(section: type) -> None:
    keys = {field.name for field in dataclasses.fields(section)} - {"tree", "files", "dataset", "loss", "density"}
    assert keys
    for key in keys:
        assert f"\n| `{key}` |" in PAGES["reference/recipes"]


def test_all_sections_of_the_grammar_are_tested() -> None:
    written = {model.ComponentConfig}  # written as `use:`
    forms = {value for _, value in inspect.getmembers(model, dataclasses.is_dataclass) if inspect.isclass(value)}
    assert {form for form in forms if form.__module__ == model.__name__} - written <= set(SECTIONS)


def test_every_field_of_the_protocol_and_every_preset_is_explained() -> None:
    for field in dataclasses.fields(Protocol):
        assert f"\n| `{field.name}` |" in PAGES["reference/recipes"]
    for preset in PRESETS:
        assert f"\n| `{preset}` |" in PAGES["explanation/evaluation"]


def test_every_command_is_documented() -> None:
    names = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    assert "run" in names
    for name in names:
        assert f"vadkit {name}" in headings("reference/commands")
    groups = {
        str(group.typer_instance.info.name): group.typer_instance
        for group in app.registered_groups
        if group.typer_instance
    }
    assert "plugin" in groups
    for name, group in groups.items():
        assert f"vadkit {name}" in headings("reference/commands")
        for command in group.registered_commands if group else ():
            said = command.name or getattr(command.callback, "__name__", "")
            assert f"Usage: vadkit {name} {said} " in PAGES["reference/commands"]


def test_every_environment_variable_is_documented() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "vadkit").rglob("*.py")]
    names = {name for source in sources for name in re.findall(r"[\"'$`](VADKIT_[A-Z_]+)", source)}
    assert {"VADKIT_DISABLE", "VADKIT_PLUGIN_TIMEOUT"} <= names
    for name in names:
        assert f"\n| `{name}` |" in PAGES["reference/commands"]


def test_everything_public_is_documented() -> None:
    for name in api.__all__:
        assert re.search(
            rf"^\| (`{name}`|\[{name}\]\(values.md#{name.lower()}\)) \|", PAGES["reference/plugins"], re.MULTILINE
        ), name


def test_the_generated_reference_has_every_public_name() -> None:
    page = PAGES["reference/api"]
    for name in set(vadkit.__all__) - {"__version__", "metrics"}:
        assert re.search(rf"^\.\. auto(class|function):: vadkit\.{name}$", page, re.MULTILINE), name
    for module in ("vadkit.api", "vadkit.testing", "vadkit.evaluation.metrics"):
        assert f".. automodule:: {module}\n" in page


def test_architecture_says_why_each_library_is_there() -> None:
    for requirement in PROJECT["dependencies"]:
        name = re.split(r"[^A-Za-z0-9_-]", requirement)[0]
        assert f"`{name}`" in PAGES["explanation/architecture"], name


def test_architecture_names_files_that_exist() -> None:
    named = re.findall(r"`((?:vadkit|plugins|docs|\w+)/[\w/]*(?:\.\w+)?)`", PAGES["explanation/architecture"])
    code = [name for name in named if name.endswith(".py") or name.startswith("vadkit/")]
    assert len(code) > 40
    for name in code:
        assert (ROOT / name).exists() or (ROOT / "vadkit" / name).exists(), name


def test_the_picture_of_the_house_matches_the_imports() -> None:
    pytest.importorskip("grimp", reason="import-linter is not installed")
    done = subprocess.run([sys.executable, "docs/house.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", [*blocks("reference/label_files", "text"), *blocks("reference/label_files", "json")])
def test_the_examples_of_label_files_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / ("labels.json" if text[0] in "[{" else "labels.csv")
    path.write_text(text, encoding="utf-8")
    read = api.read_label_file(path)
    assert any(labels.frames(labels.length() or 180, fps=25).any() for labels in read.values())
    assert set(read) in ({"door", "gate"}, {"door today.mp4", "gate"}, {f"0{number}" for number in range(1, 6)})


def test_the_commands_of_the_page_on_other_methods_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page, names = PAGES["how-to/other_methods"], dict[str, object]()
    for text in blocks("how-to/other_methods", "python"):
        exec(compile(text, "docs", "exec", dont_inherit=True), names)
    commands = re.findall(r"^    vadkit (eval .*)$", page.replace("\\\n", ""), re.MULTILINE)
    assert len(commands) >= 10
    for command in commands:
        done = CliRunner().invoke(app, shlex.split(command))
        assert done.exit_code == 0, f"{command}: {done.output} {done.exception}"
    for option in ("--dropped", "--drop", "--high", "--maps", "--videos", "--digits", "--normal", "--allow-gaps"):
        assert option in PAGES["reference/commands"]
        assert f"`{option}" in page


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = {"index"}
    for page in PAGES:
        folder = page.rpartition("/")[0]
        for tree in blocks(page, r"\{toctree\}"):
            listed |= {f"{folder}/{name}".lstrip("/") for name in re.findall(r"^([\w/-]+)$", tree, re.MULTILINE)}
    notebooks = {path.relative_to(DOCS).with_suffix("").as_posix() for path in (DOCS / "tutorials").glob("*.ipynb")}
    assert listed == set(PAGES) | notebooks


def test_every_page_is_of_one_of_four_kinds() -> None:
    folders = {page.partition("/")[0] for page in PAGES if page != "index"}
    assert folders == {"tutorials", "how-to", "reference", "explanation"}


@pytest.mark.parametrize("text", [text for text in blocks("reference/recipes", "yaml") if "vadkit: 1" in text])
def test_every_recipe_in_the_reference_checks(text: str, ours: Registry, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    variants = family_of(file).variants
    for reference in [file / name for name in variants] or [file]:
        assert recipe.load(reference, registry=ours).scores


def test_the_reference_shows_whole_recipes() -> None:
    assert sum("vadkit: 1" in text for text in blocks("reference/recipes", "yaml")) >= 3


def write_the_plugin(folder: Path) -> EntryPoint:
    """Write the package of how-to/plugins.md from its code blocks. Return the entry point of its pyproject.toml."""
    for block in blocks("how-to/plugins", "python"):
        if found := re.match(r"# (vad_smoothing/\w+\.py)\n", block):
            path = folder / found[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block, encoding="utf-8")
    (project,) = (tomllib.loads(text) for text in blocks("how-to/plugins", "toml"))
    ((group, points),) = project["project"]["entry-points"].items()
    ((name, value),) = points.items()
    return EntryPoint(name, value, group)


def test_the_plugin_of_the_docs_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = write_the_plugin(tmp_path)
    installed = [EntryPoint(name, value, "vadkit.v1") for name, value in OURS.items()]
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry_module, "entry_points", lambda: [*installed, point])
    monkeypatch.chdir(ROOT)
    (use,) = (block for block in blocks("how-to/plugins", "python") if "Registry.discover()" in block)
    try:
        exec(compile(use, "plugins.md", "exec"), {"__name__": "plugins_md"})
        assert "running_mean" in Registry.discover().names("score_transform")
        smooth = importlib.import_module("vad_smoothing.transforms").RunningMean
        with pytest.raises(api.VadkitError, match="set width: 5"):
            smooth(width=4)
    finally:
        for name in [name for name in sys.modules if name.startswith("vad_smoothing")]:
            del sys.modules[name]


def test_the_kit_runs_as_the_docs_show() -> None:
    (run,) = (block for block in blocks("how-to/testing", "python") if "run_checks" in block)
    exec(compile(run, "testing.md", "exec"), {"__name__": "testing_md"})
    (decorated,) = (block for block in blocks("how-to/testing", "python") if "@parametrize" in block)
    made: dict[str, Any] = {"__name__": "testing_md"}
    exec(compile(decorated, "testing.md", "exec"), made)
    (mark,) = made["test_conformance"].pytestmark
    assert len(mark.args[1]) > 40


def test_the_second_scorer_of_its_page_works() -> None:
    (text,) = (
        block for block in blocks("reference/kinds/scorer", "python") if block.startswith("# a scorer that reads")
    )
    made: dict[str, Any] = {"__name__": "scorer_md"}
    exec(compile(text, "scorer.md", "exec"), made)
    assert issubclass(made["LeastLikely"], api.Scorer)


def test_every_check_is_explained() -> None:
    for kind in KINDS:
        for check in checks_of(kind):
            assert f"\n| `{check.name}` |" in PAGES["reference/checks"]


@pytest.mark.parametrize(
    "text", [text for page in PAGES for text in blocks(page, "python")], ids=lambda text: text.splitlines()[0]
)
def test_every_python_block_is_python(text: str) -> None:
    compile(text, "docs", "exec", dont_inherit=True)


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.name)
def test_relative_links_resolve(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert (path.parent / target.partition("#")[0]).exists(), target
