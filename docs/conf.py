"""Sphinx configuration."""

from vadkit import __version__

project = "vadkit"
author = "the vadkit authors"
version = release = __version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"vadkit {__version__}"
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
