"""Output of the commands: Rich tables and text."""
