"""Measures the size and the speed of a recipe."""
