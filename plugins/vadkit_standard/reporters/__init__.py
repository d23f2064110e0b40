"""Reporters, one module each, so that only those that a recipe names are imported."""
