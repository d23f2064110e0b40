"""Normalizing flows as density models, composed from normflows' blocks."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """The flows of section 3.3."""
    return [
        Component("density", "glow", "vadkit_flows.glow:Glow", "Multi-scale Glow on maps (section 3.3)."),
        Component("density", "realnvp", "vadkit_flows.realnvp:RealNVP", "RealNVP on maps or vectors."),
    ]
