"""Runs the notebooks of the docs, and stores their output in them: `python docs/notebook.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent / "tutorials").glob("*.ipynb"))
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


if __name__ == "__main__":
    for path in NOTEBOOKS:
        nbformat.write(executed(path), path)
        sys.stdout.write(f"written: {path}\n")
