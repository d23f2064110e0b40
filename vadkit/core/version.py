"""The version of vadkit."""

__version__ = "0.1.0"
