"""Sphinx configuration."""

import re
from typing import Any

from sphinx.application import Sphinx

from vadkit import __version__

project = "vadkit"
author = "the vadkit authors"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"vadkit {__version__}"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_copyright = False
myst_heading_anchors = 4
nb_execution_mode = "off"  # the notebooks hold their output; a test runs them
myst_enable_extensions = ["dollarmath"]
default_role = "code"  # docstrings write `name`, as Markdown does
autodoc_default_options = {"members": True, "special-members": "__call__"}
autodoc_member_order = "bysource"
napoleon_use_ivar = True  # an attribute is described once, by its class
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 100

_CODE = re.compile(r"(`+[^`]+`+)")
_MARKUP = re.compile(r"(?<!\\)[*|]|(?<=\w)_(?!\w)")
_ANNOTATED = re.compile(r"[~\w.]*Annotated\[([^,\[\]]+), [^\[\]]*\]")


def escape(*event: Any) -> None:
    """Keep `(N, *shape)`, `|det|` and `np.bool_` in docstrings from being read as reStructuredText."""
    lines: list[str] = event[-1]
    for index, line in enumerate(lines):
        parts = _CODE.split(line)
        parts[::2] = [_MARKUP.sub(r"\\\g<0>", text) for text in parts[::2]]
        lines[index] = "".join(parts)


def shorten(*event: Any) -> tuple[str | None, str | None]:
    """Make signatures of dataclasses readable: `...` for a default that is made, the plain type for `Annotated`."""
    signature, returns = event[-2:]
    if signature:
        signature = _ANNOTATED.sub(r"\1", signature).replace("<factory>", "...")
    return signature, returns


def setup(app: Sphinx) -> None:
    """Register the two hooks; the first runs after napoleon's (priority 500)."""
    app.connect("autodoc-process-docstring", escape, priority=900)
    app.connect("autodoc-process-signature", shorten)
