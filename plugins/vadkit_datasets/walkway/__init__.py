"""The built-in data set: a walkway drawn in code, so that vadkit runs without a download."""
