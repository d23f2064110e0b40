"""Pretrained image and video networks as frozen encoders, from a local file."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the encoder and the feature."""
    summary = "Layers of a pretrained image or video network, from a local file."
    return [
        Component("encoder", "backbone", "vadkit_backbone.encoder:Backbone", summary),
        Component(
            "feature", "object_crops", "vadkit_backbone.object_crops:ObjectCrops", "What an encoder sees of objects."
        ),
    ]
