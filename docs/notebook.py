"""Runs the notebooks of the docs: `python docs/notebook.py` stores their output in them, and their pictures."""

from __future__ import annotations

import base64
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib import pyplot as plt
from traitlets.config import Config

NOTEBOOKS = sorted((Path(__file__).parent / "tutorials").glob("*.ipynb"))
IMAGES = Path(__file__).parent / "images"
_VOLATILE = ("execution", "collapsed")  # times of a run, which would change the file each time


def executed(path: Path) -> nbformat.NotebookNode:
    """Run a notebook in this process and in a temporary folder. Return it with its new output.

    Raises:
        Exception: a cell failed; it is the exception of the cell.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _shell() as shell:
        for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
            with shell.display_trap, capture_output() as found:
                shell.run_cell(cell.source).raise_error()
            printed = [nbformat.v4.new_output("stream", text=found.stdout)] if found.stdout else []
            shown = [_shown(each.data) for each in found.outputs]
            cell.execution_count, cell.outputs = number, [*printed, *shown]
            cell.metadata = {name: value for name, value in cell.metadata.items() if name not in _VOLATILE}
    notebook.metadata.pop("language_info", None)
    return notebook


def _shown(data: dict[str, Any]) -> nbformat.NotebookNode:
    pictures = {kind: base64.b64encode(value).decode() for kind, value in data.items() if isinstance(value, bytes)}
    return nbformat.v4.new_output("display_data", data=data | pictures)


class _Shell(InteractiveShell):
    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: pictures go into the notebook."""


@contextlib.contextmanager
def _shell() -> Iterator[InteractiveShell]:
    """Give a shell without history. Afterwards, the process is as before."""
    main, backend, path = sys.modules["__main__"], matplotlib.get_backend(), list(sys.path)
    shell = _Shell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        yield shell
    finally:
        shell.restore_sys_module_state()
        _Shell.clear_instance()
        plt.close("all")
        plt.switch_backend(backend)
        sys.modules["__main__"], sys.path[:] = main, path


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
