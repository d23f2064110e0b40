"""Writes the package of a new plugin: one working component, a recipe and a test."""

from vadkit.cli.scaffold.naming import Names
from vadkit.cli.scaffold.writing import plugin_files, write_plugin

__all__ = ["Names", "plugin_files", "write_plugin"]
