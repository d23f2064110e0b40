"""SlowFast (Feichtenhofer et al. 2019) as an autoencoder: the networks that Table 2 compares ITAE with."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Two encoders and the decoder that both share."""
    return [
        Component("encoder", "slowfast", "vadkit_slowfast.encoder:SlowFast", "SlowFast-18 or -50, both pathways."),
        Component("encoder", "slow_only", "vadkit_slowfast.encoder:SlowOnly", "The slow pathway of SlowFast alone."),
        Component("decoder", "slowfast", "vadkit_slowfast.decoder:SlowFastDecoder", "Residual layers, any halvings."),
    ]
