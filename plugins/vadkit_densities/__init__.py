"""Simple densities built on scikit-learn: baselines for the flows."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the Gaussian, the mixture and the nearest neighbours."""
    return [
        Component("density", "gaussian", "vadkit_densities.gaussian:Gaussian", "One multivariate Gaussian."),
        Component("density", "gmm", "vadkit_densities.mixture:GaussianMixture", "Gaussian mixture model."),
        Component("density", "knn", "vadkit_densities.neighbours:NearestNeighbours", "k-nearest-neighbour density."),
    ]
