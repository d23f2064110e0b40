"""The beginning of a plugin: a package with one working component, a recipe and a test."""

from vadkit.scaffold.writing import component_source, write_plugin

__all__ = ["component_source", "write_plugin"]
