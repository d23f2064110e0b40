"""What the commands print: tables of Rich."""
