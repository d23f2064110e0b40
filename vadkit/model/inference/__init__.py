"""Scores of the windows of a video, combined for each frame."""
