"""Slides windows over videos and combines their scores."""
