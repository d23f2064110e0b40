"""Normalizing flows as density models, built from the blocks of normflows."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce Glow and RealNVP."""
    return [
        Component("density", "glow", "vadkit_flows.glow:Glow", "Glow: a multi-scale flow on maps."),
        Component("density", "realnvp", "vadkit_flows.realnvp:RealNVP", "RealNVP: a flow on maps or vectors."),
    ]
