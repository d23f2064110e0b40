"""Densities: those of scikit-learn, one-class models, and one that is learned by score matching."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the densities."""
    return [
        Component("density", "gaussian", "vadkit_densities.gaussian:Gaussian", "One multivariate Gaussian."),
        Component("density", "gmm", "vadkit_densities.mixture:GaussianMixture", "Gaussian mixture model."),
        Component("density", "mulde", "vadkit_densities.mulde:Mulde", "Score matching at several levels of noise."),
        Component("density", "knn", "vadkit_densities.neighbours:NearestNeighbours", "k-nearest-neighbour density."),
        Component("density", "one_class_svm", "vadkit_densities.one_class:OneClassSVM", "One-class SVM; not in nats."),
        Component("density", "subspace_svdd", "vadkit_densities.subspace:SubspaceSVDD", "S-SVDD; not in nats."),
        Component("density", "deep_svdd", "vadkit_densities.deep_svdd:DeepSVDD", "Deep SVDD; not in nats."),
    ]
