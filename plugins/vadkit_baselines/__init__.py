"""Published baselines that the paper compares with, and a floor that learns nothing."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Everything of this package."""
    return [
        Component(
            "scorer",
            "frame_difference",
            "vadkit_baselines.difference:FrameDifference",
            "Worst patch of the change between frames: a floor.",
        ),
        Component("encoder", "unet", "vadkit_baselines.prediction:UNetEncoder", "Future frame prediction's U-Net."),
        Component("decoder", "unet", "vadkit_baselines.prediction:UNetDecoder", "Future frame prediction's U-Net."),
        Component("loss", "adversarial", "vadkit_baselines.adversarial:Adversarial", "Against a discriminator."),
    ]
