"""Metrics of localization within the frame. A module is imported when a recipe names its metric."""
