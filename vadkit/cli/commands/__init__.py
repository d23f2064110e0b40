"""The commands, one module per group. Typer starts faster without `annotations` from `__future__` here."""
