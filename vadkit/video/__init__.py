"""Video in: decoding, the frame cache, clips."""
