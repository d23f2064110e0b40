"""Runs the notebooks of the docs: `python docs/notebook.py` stores their output in them, and their pictures."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent / "tutorials").glob("*.ipynb"))
IMAGES = Path(__file__).parent / "images"
_VOLATILE = ("execution", "collapsed")  # times of a run, which would change the file each time


def executed(path: Path) -> nbformat.NotebookNode:
    """Run a notebook in a temporary folder, with its new output.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        for name in _VOLATILE:
            cell.metadata.pop(name, None)
    notebook.metadata.pop("language_info", None)
    return notebook


def write_pictures(notebook: nbformat.NotebookNode) -> None:
    """Write the picture of each cell with a tag `picture-NAME` to `docs/images/NAME.png`."""
    for cell in notebook.cells:
        names = [tag.removeprefix("picture-") for tag in cell.metadata.get("tags", ()) if tag.startswith("picture-")]
        for name in names:
            (data,) = (output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {}))
            (IMAGES / f"{name}.png").write_bytes(base64.b64decode(data))


if __name__ == "__main__":
    for path in NOTEBOOKS:
        done = executed(path)
        nbformat.write(done, path)
        write_pictures(done)
        sys.stdout.write(f"written: {path}\n")
