"""Exports the part of a run that scores clips: to ONNX, OpenVINO and torch.export."""
