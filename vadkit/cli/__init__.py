"""The command line. Thin: every command is a few calls to what lies below."""

from vadkit.cli.main import main

__all__ = ["main"]
