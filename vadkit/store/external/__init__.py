"""Score files and label files of other tools."""
