"""ITAE, the implicit two-path autoencoder (Cho et al. 2022), and its one-path ablation."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Two encoders and the decoder that both share."""
    return [
        Component("encoder", "itae", "vadkit_itae.encoder:ITAE", "Static and dynamic path with laterals (Table 1)."),
        Component("encoder", "one_path", "vadkit_itae.encoder:OnePath", "The static path alone."),
        Component("decoder", "itae", "vadkit_itae.decoder:ITAEDecoder", "Fuses the paths and decodes (Table 1)."),
    ]
