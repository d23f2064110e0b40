"""Reads videos: decoding, the frame cache, clips."""
