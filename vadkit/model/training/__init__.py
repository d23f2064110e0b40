"""Gradient training: device, training loop, checkpoints."""
