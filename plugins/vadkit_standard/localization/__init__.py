"""Metrics that ask where in the frame the anomaly is: one module an idea, read when a recipe names them."""
