"""Writes the package of a new plugin: one working component, a recipe and a test."""

from vadkit.cli.scaffold.writing import Names, plugin_files, write_plugin

__all__ = ["Names", "plugin_files", "write_plugin"]
