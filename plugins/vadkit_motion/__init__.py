"""Motion: optical flow as the samples of a density, and as a score that needs no training."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the features and the scorer."""
    return [
        Component(
            "feature", "optical_flow", "vadkit_motion.optical_flow:OpticalFlow", "Motion in windows of the frame."
        ),
        Component(
            "feature",
            "object_velocity",
            "vadkit_motion.object_velocity:ObjectVelocity",
            "Motion inside the boxes of objects.",
        ),
        Component(
            "scorer",
            "motion_energy",
            "vadkit_motion.energy:MotionEnergy",
            "Motion of a frame; learns nothing.",
        ),
    ]
