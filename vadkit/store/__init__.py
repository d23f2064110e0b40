"""Windows to scores, and the score files: torch on one side, numpy on the other."""
