"""Runs the stages of a recipe."""
