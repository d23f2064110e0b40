"""A stacked denoising autoencoder and a one-class SVM of its codes, as a density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.one_class import OneClassSVM
from vadkit_densities.sample import collect
from vadkit_densities.scale import Scale


class DenoisingSVM(DensityModel, nn.Module):
    """A one-class SVM of the codes of a stacked denoising autoencoder: one stream of AMDN.

    The autoencoder gets samples with noise and is trained to give them without it. Source: Xu et al., BMVC 2015 and
    CVIU 2017. Its value is not a likelihood in nats, but the negative decision function of the SVM.

    Args:
        feature: shape of one sample, such as a patch.
        hidden: widths of the layers of the encoder. The last one is the size of a code. The decoder mirrors them.
        noise: standard deviation of the noise, in deviations of each value of a sample.
        nu: maximum share of the training samples that may be outside the region of the SVM (ν).
        samples: maximum number of training samples for scale and SVM.

    Raises:
        ShapeError: a width is below 1, `noise` is negative, or a key of the SVM is wrong.

    Example:
        >>> density = DenoisingSVM(FeatureSpec((1, 15, 15), samples=1), hidden=[64, 16])
        >>> density(torch.zeros(3, 1, 15, 15)).shape
        torch.Size([3])
    """

    needs_fit = True

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        hidden: Sequence[int] = (1024, 512, 256, 128),
        noise: float = 0.1,
        nu: float = 0.1,
        samples: int = 4096,
    ) -> None:
        super().__init__()
        widths = (feature.dimensions, *hidden)
        if not hidden or min(widths) < 1 or noise < 0:
            raise ShapeError(f"hidden must be widths of at least 1 and noise at least 0, not {list(hidden)}, {noise:g}")
        self.noise, self.samples = noise, samples
        self.scale = Scale(feature.dimensions)
        self.encoder = nn.Sequential(*(part for pair in pairwise(widths) for part in (nn.Linear(*pair), nn.Sigmoid())))
        back = [part for pair in pairwise(widths[::-1]) for part in (nn.Linear(*pair), nn.Sigmoid())]
        self.decoder = nn.Sequential(*back[:-1])
        self.svm = OneClassSVM(FeatureSpec((hidden[-1],), 1), nu=nu, samples=samples)

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Train the autoencoder, then fit the SVM to its codes."""
        sample = collect(features, self.samples)
        self.scale.fit(sample)
        context.fit(self, features)
        self.eval()
        with torch.no_grad():
            codes = self.encoder(self.scale(sample.to(self.scale.mean)))
        self.svm.fit(_Codes(codes), context)

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative decision function; in training: the error of the autoencoder."""
        with torch.autocast(features.device.type, enabled=False):
            values = self.scale(features)
            if not self.training:
                return self.svm(self.encoder(values))
            noisy = values + self.noise * torch.randn_like(values)
            return (self.decoder(self.encoder(noisy)) - values).square().sum(1)


class _Codes(FeatureSource):
    """Codes (N, D) in memory."""

    def __init__(self, codes: Tensor) -> None:
        self.codes, self.spec, self.samples = codes, FeatureSpec((codes.shape[1],), 1), len(codes)

    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        """Give the codes in their order."""
        del epoch
        yield from self.codes.split(batch_size)[start:]
