"""`vadkit plugin new`: refused names and folders, and the written files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vadkit.cli.scaffold import write_plugin
from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, VadkitError
from vadkit.plugin.registry import Registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


NAMES = {
    "My-Kde": "is not a valid plugin name",
    "2kde": "is not a valid plugin name",
    "my kde": "is not a valid plugin name",
    "my--kde": "is not a valid plugin name",
    "../kde": "is not a valid plugin name",
    "käse": "is not a valid plugin name",
    "": "is not a valid plugin name",
    "a" * 51: "is not a valid plugin name",
    "class": "is a Python keyword",
    "json": "would hide the existing module 'json'",
    "pluggy": "is taken by the distribution pluggy ",
    "vadkit": "is taken by the distribution vadkit ",
    "vadkit-flows": "would hide the existing module 'vadkit_flows'",
    "flows": "is taken by plugin flows (vadkit ",
    "glow": "is taken by the density 'glow' of plugin flows (vadkit ",
}


@pytest.mark.parametrize(("name", "what"), NAMES.items())
def test_an_invalid_name_is_refused(name: str, what: str, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(PluginError) as caught:
        write_plugin("density", name, tmp_path / "new", registry)
    assert str(caught.value).startswith(f"the name {name!r}: {what}")
    assert caught.value.fix
    assert not list(tmp_path.iterdir())


def test_an_unknown_kind_gets_a_suggestion(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="the kind comes first: vadkit plugin new density my-kde"):
        write_plugin("my-kde", "density", tmp_path / "swapped", Registry.discover())
    with pytest.raises(PluginError, match="did you mean 'density'"):
        write_plugin("densty", "my-kde", tmp_path / "new", registry)


def test_folders_that_exist_or_cannot_be_written_are_refused(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    for name, what in {
        "full": "not empty",
        "file": "not a folder",
        "link": "not a folder",
        "file/below": "cannot be",
    }.items():
        with pytest.raises(VadkitError, match=what) as caught:
            write_plugin("density", "my-kde", tmp_path / name, registry)
        assert str(tmp_path / name) in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_error_leaves_no_files(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *args: object, **keys: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(VadkitError, match="No space left"):
        write_plugin("density", "my-kde", tmp_path / "new", registry)
    assert not list(tmp_path.iterdir())


def test_all_names_are_derived_from_one(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    folder = write_plugin("density", "my-kde_2", tmp_path / "empty", registry)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "recipe.yaml",
        "src/my_kde_2/__init__.py",
        "src/my_kde_2/density.py",
        "src/my_kde_2/py.typed",
        "tests/test_my_kde_2.py",
    ]
    assert 'my-kde_2 = "my_kde_2"' in (folder / "pyproject.toml").read_text()
    assert "class MyKde2(DensityModel, nn.Module):" in (folder / "src/my_kde_2/density.py").read_text()
    assert list(tmp_path.iterdir()) == [folder]


def test_the_written_code_passes_ruff(registry: Registry, tmp_path: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed next to this Python")
    for kind in KINDS:
        write_plugin(kind, f"own-{kind}", tmp_path / kind, registry)
    (tmp_path / "rules.toml").write_text(
        f'extend = "{ROOT / "pyproject.toml"}"\n[lint]\nper-file-ignores = {{"test_*.py" = ["D"]}}\n'
        '[lint.isort]\nknown-third-party = ["vadkit"]\n'
    )
    for command in (["check"], ["format", "--check"]):
        command = [str(ruff), *command, "--config", str(tmp_path / "rules.toml"), str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_contains_the_templates(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    shutil.copytree(
        ROOT, tmp_path / "tree", ignore=shutil.ignore_patterns(".*", "runs", "docs", "tests", "benchmarks", "shared")
    )
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=tmp_path / "tree",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "unpacked", "zip")
    ours = {path.name for path in (ROOT / "vadkit/cli/scaffold/templates").iterdir()}
    assert {f"{kind}.py.txt" for kind in KINDS} < ours
    assert {path.name for path in (tmp_path / "unpacked/vadkit/cli/scaffold/templates").iterdir()} == ours
