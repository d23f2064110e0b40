"""Everything that a run stores between its stages: run folder, manifest and score files."""
