"""Reporters: one module each, so that only what a recipe names is imported."""
