"""Training by gradients: device, loop, checkpoints."""
