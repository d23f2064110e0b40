"""The data sets of a recipe, as clips."""
