"""The data tools do not import torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from vadkit.data.tools import check_dataset, convert_dataset, open_target, preview_dataset

target = open_target("recipes/quickstart.yaml", None, [f"data.{key}" for key in sys.argv[2:]])
assert not check_dataset(target).errors
assert convert_dataset(target, sys.argv[1] + "/out", to="avi").videos == 2
preview_dataset(target, sys.argv[1] + "/sheet.png")
assert "torch" not in sys.modules
"""


def test_the_data_tools_do_not_import_torch(tmp_path: Path) -> None:
    keys = ("frames=20", "train_videos=1", "test_videos=1", "size=[32, 48]", "held_out=0")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *keys], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sheet.png").stat().st_size > 1000
