"""ITAE, the implicit two-path autoencoder (Cho et al. 2022), and its one-path ablation."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the two encoders and their common decoder."""
    return [
        Component("encoder", "itae", "vadkit_itae.encoder:ITAE", "Two-path encoder of ITAE, static and dynamic."),
        Component("encoder", "one_path", "vadkit_itae.encoder:OnePath", "One-path encoder: ITAE's static path alone."),
        Component("decoder", "itae", "vadkit_itae.decoder:ITAEDecoder", "Decoder of ITAE; fuses both paths."),
    ]
