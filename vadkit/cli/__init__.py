"""The command line."""

from vadkit.cli.main import main

__all__ = ["main"]
