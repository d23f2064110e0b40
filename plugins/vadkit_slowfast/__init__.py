"""SlowFast (Feichtenhofer et al. 2019) as an autoencoder: the networks that Table 2 compares ITAE with."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the two encoders and their common decoder."""
    return [
        Component(
            "encoder", "slowfast", "vadkit_slowfast.encoder:SlowFast", "SlowFast-18 or -50, without its classifier."
        ),
        Component("encoder", "slow_only", "vadkit_slowfast.encoder:SlowOnly", "The slow pathway of SlowFast alone."),
        Component("decoder", "slowfast", "vadkit_slowfast.decoder:SlowFastDecoder", "Residual layers that enlarge."),
    ]
