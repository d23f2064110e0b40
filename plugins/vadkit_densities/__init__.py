"""Densities built on scikit-learn, baselines for the flows, and one that is learned by score matching."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the densities."""
    return [
        Component("density", "gaussian", "vadkit_densities.gaussian:Gaussian", "One multivariate Gaussian."),
        Component("density", "gmm", "vadkit_densities.mixture:GaussianMixture", "Gaussian mixture model."),
        Component("density", "mulde", "vadkit_densities.mulde:Mulde", "Score matching at several levels of noise."),
        Component("density", "knn", "vadkit_densities.neighbours:NearestNeighbours", "k-nearest-neighbour density."),
    ]
