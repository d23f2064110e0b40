"""Checks of a density's negative log-likelihood: of the feature itself, in nats, higher for anomalous samples."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import torch
from torch import Tensor

from vadkit.testing.calls import build_eval, fit
from vadkit.testing.outcome import NotApplicableError, require
from vadkit.testing.subject import Subject
from vadkit.testing.toy_fit import samples

TINY = ((2,), (3,), (1, 2, 2))
"""Sample shapes with so few dimensions that an integral can be estimated."""

DRAWS, TAIL = 20_000, 3  # samples of Student's t as the proposal; its degrees of freedom
MASS = 0.1  # allowed error of the integral, sampling noise included
EXACT = 1e-3  # nats


def check_needs_fit(subject: Subject) -> None:
    """It calls `context.fit` once if `needs_fit` is True, else never: `needs_fit` makes a recipe need `fit:`."""
    density = subject.build()
    asked, says = fit(subject, density), bool(density.needs_fit)
    fix = "set needs_fit = True and call it once if gradients train it, else set needs_fit = False"
    require(asked == int(says), f"needs_fit is {says}, but it calls context.fit {asked} times", fix)


def check_shifted_data(subject: Subject) -> None:
    """Samples like those of training get a lower mean negative log-likelihood than the same samples shifted.

    The shift is six standard deviations. A density that ignores its input, or has the wrong sign, fails.
    """
    density, spec = build_eval(subject), subject.toy.sample
    fresh = samples(spec, 64, seed=1)
    moved = fresh + 6 * samples(spec).std()
    normal, strange = (float(_nll(density, each).mean()) for each in (fresh, moved))
    what = f"samples like those of training get {normal:.4g} nats, shifted samples {strange:.4g}"
    fix = "return the negative log-likelihood of each sample: higher is more anomalous"
    require(normal < strange, what, fix)


def check_normalised(subject: Subject) -> None:
    """The likelihood integrates to one over samples of a few dimensions, by importance sampling.

    So it includes the scaling of the feature. Otherwise two densities, or bits per dimension, cannot be compared.
    """
    tiny = _tiny(subject)
    density = build_eval(tiny)
    values = samples(tiny.toy.sample)
    random = torch.Generator().manual_seed(2)
    scale = 1.5 * values.std(0)
    spread = torch.randn((TAIL, DRAWS, *tiny.toy.sample.shape), generator=random).square().mean(0).sqrt()
    student = torch.randn((DRAWS, *tiny.toy.sample.shape), generator=random) / spread
    log_q = (_log_student(student) - scale.log()).flatten(1).sum(1)
    log_p = -_nll(density, values.mean(0) + scale * student)
    if float(log_p.max() - log_p.min()) < EXACT:
        raise NotApplicableError("every sample gets the same value, see check_shifted_data")
    mass = float((log_p - log_q).double().exp().mean())
    what = f"exp(-NLL) integrates to {mass:.3g} over samples of shape {tiny.toy.sample.shape}, not to 1"
    fix = "add every constant and log-determinant, also that of standardising the feature"
    require(abs(mass - 1) <= MASS, what, fix)


def check_log_determinant(subject: Subject) -> None:
    """The log-determinant of `latent` equals that of autograd's Jacobian, and the likelihood uses it.

    This is for densities that are invertible maps to a standard normal prior and implement `latent`.
    """
    tiny = _tiny(subject)
    density: Any = build_eval(tiny).double()
    features = samples(tiny.toy.sample, 3, seed=4).double()
    encode = getattr(density, "latent", None)
    stated = encode(features) if encode is not None else None
    if stated is None:
        raise NotApplicableError("it is not an invertible map: latent() is None or missing")
    latents, log_det = (each.detach() for each in stated)
    shapes = tuple(latents.shape), tuple(log_det.shape)
    require(
        shapes == ((3, tiny.toy.sample.dimensions), (3,)),
        f"'latent' returns {shapes[0]} and {shapes[1]}",
        "return latents (N, D) and log-determinants (N,)",
    )
    for sample, found in zip(features, log_det.tolist(), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: density.latent(one[None])[0].squeeze(0), sample)
        true = float(torch.linalg.slogdet(jacobian.reshape(tiny.toy.sample.dimensions, -1)).logabsdet)  # pyright: ignore
        fix = "sum log|det| of every step, also that of standardising the feature"
        require(abs(true - found) <= EXACT, f"the log-determinant is {found:.6g}, autograd's {true:.6g}", fix)
    prior = 0.5 * (latents.square() + math.log(2 * math.pi)).sum(1)
    error = float((_nll(density, features) - (prior - log_det)).abs().max())
    what = "the NLL is not the prior's minus the log-determinant"
    require(error <= EXACT, what, "let forward compute both from 'latent'")


def check_nll_map(subject: Subject) -> None:
    """The likelihoods by place of `nll_map` are (N, H', W'), and their sum is the likelihood of the sample."""
    density: Any = build_eval(subject)
    shape = subject.toy.sample.shape
    features = samples(subject.toy.sample, 8, seed=5)
    with torch.no_grad():
        found = density.nll_map(features) if hasattr(density, "nll_map") else None
    if found is None:
        raise NotApplicableError("it does not give likelihoods by place: nll_map() is None")
    wanted = (len(features), *shape[1:])
    what = f"nll_map returns {tuple(found.shape)} for samples of shape {shape}"
    require(tuple(found.shape) == wanted, what, f"return one value for each place, {wanted}")
    total = _nll(density, features)
    error = float(((found.flatten(1).sum(1) - total).abs() / (1 + total.abs())).max())
    what = f"the sum of nll_map differs from the likelihood by {error:.3g} (relative)"
    require(error <= EXACT, what, "divide every term of forward among the places")


def _tiny(subject: Subject) -> Subject:
    for shape in TINY:
        small = subject.with_toy(sample_shape=shape)
        with contextlib.suppress(NotApplicableError):
            small.build()
            return small
    raise NotApplicableError(f"it accepts no samples of few dimensions: {', '.join(map(str, TINY))}")


def _nll(density: Any, features: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([density(part) for part in features.split(1000)])


def _log_student(values: Tensor) -> Tensor:
    half = (TAIL + 1) / 2
    constant = math.lgamma(half) - math.lgamma(TAIL / 2) - 0.5 * math.log(TAIL * math.pi)
    return constant - half * (values.square() / TAIL).log1p()
