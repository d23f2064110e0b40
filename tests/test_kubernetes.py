"""The manifest of docs/explanation/scale.md: it follows the schema of Kubernetes, and its command exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from vadkit.cli.app import app

validation = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
MANIFEST = Path(__file__).parents[1] / "docs" / "how-to" / "cameras.yaml"


def resources() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def test_every_resource_follows_the_strict_schema() -> None:
    for resource in resources():
        validation.validate(resource, "1.32", strict=True)
    _, pods = resources()
    pods["spec"]["replicas"] = "three"
    with pytest.raises(validation.ValidationError):
        validation.validate(pods, "1.32", strict=True)


def test_the_command_has_options_of_watch_and_mounted_files() -> None:
    service, pods = resources()
    pod = pods["spec"]["template"]
    assert service["spec"]["selector"] == pod["metadata"]["labels"] == pods["spec"]["selector"]["matchLabels"]
    (container,) = pod["spec"]["containers"]
    (command,) = container["args"]
    shown = CliRunner().invoke(app, ["watch", "--help"], env={"COLUMNS": "300"}).output
    options = re.findall(r"--[a-z-]+", command)
    assert options
    assert all(option in shown for option in options)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts.keys() == {volume["name"] for volume in pod["spec"]["volumes"]}
    assert all(path in command for name, path in mounts.items() if name != "scratch")
