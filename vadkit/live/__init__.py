"""Scores a stream of frames as it arrives, and raises alarms."""
