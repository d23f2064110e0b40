"""Cheap densities over scikit-learn: what a flow must beat."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Gaussian, mixture, neighbours."""
    return [
        Component("density", "gaussian", "vadkit_densities.gaussian:Gaussian", "One normal distribution."),
        Component("density", "gmm", "vadkit_densities.mixture:GaussianMixture", "A mixture of Gaussians."),
        Component("density", "knn", "vadkit_densities.neighbours:NearestNeighbours", "Distance to normal features."),
    ]
