"""Builds the components of a recipe, and checks that they fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from vadkit.core.contracts import Feature, Loss, Scorer
from vadkit.core.errors import ShapeError, VadkitError, closest
from vadkit.core.seeds import derive
from vadkit.core.values import BOXES, LatentSpec
from vadkit.model.autoencoder import Autoencoder, loss_place
from vadkit.model.pipeline import Head
from vadkit.recipe.build import build
from vadkit.recipe.model import Model, Recipe

DENSITY = "density."  # stage names: model, density.NAME, scores


def build_heads(recipe: Recipe, autoencoder: Autoencoder | None) -> dict[str, Head]:
    """Name -> density with its feature. Densities with equal features share one.

    Raises:
        ShapeError: two components do not fit together.
    """
    clip, latents = recipe.data.clip, _latents(recipe, autoencoder)
    heads: dict[str, Head] = {}
    features: list[tuple[dict[str, Any], Feature]] = []
    for name, entry in recipe.densities.items():
        torch.manual_seed(derive(recipe.seed, DENSITY + name))
        plain = entry.feature.plain()
        feature = next((built for known, built in features if known == plain), None)
        if feature is None:
            feature = build(entry.feature, clip, latents, positional={"encoder": (clip,)})
            features.append((plain, feature))
        heads[name] = Head(feature, build(entry.density, feature.spec))
        if entry.fit is None and heads[name].density.needs_fit:
            raise VadkitError(
                "this density is trained by gradients, but has no 'fit'",
                where=f"densities.{name}",
                fix="add, for example, fit: {epochs: 20, batch_size: 8, optimizer: {use: adam, lr: 1e-4}}",
            )
    return heads


def _latents(recipe: Recipe, autoencoder: Autoencoder | None) -> Mapping[str, LatentSpec]:
    """The latents of the encoder, and the boxes of `data.boxes`."""
    latents = dict(autoencoder.encoder.latents) if autoencoder else {}
    if (boxes := recipe.data.boxes) is not None:
        if BOXES in latents:
            what = f"it has a latent {BOXES!r}, but this is the name of the boxes of data.boxes"
            raise ShapeError(what, where="model.encoder", fix="use another encoder, or remove data.boxes")
        latents[BOXES] = LatentSpec(4, 1, 1, boxes.most)
    return latents


def build_scorers(recipe: Recipe, heads: Mapping[str, Head], autoencoder: Autoencoder | None) -> dict[str, Scorer]:
    """Name -> scorer.

    Raises:
        ShapeError: a scorer reads something that the recipe does not have.
    """
    scorers: dict[str, Scorer] = {name: build(chosen) for name, chosen in recipe.scores.items()}
    for name, scorer in scorers.items():
        where = f"scores.{name}"
        for wanted in scorer.densities():
            if wanted not in heads:
                raise ShapeError(f"no density is named {wanted!r}", where=where, fix=closest(wanted, heads))
        if scorer.uses_output and autoencoder is None:
            raise ShapeError("needs an autoencoder", where=where, fix="add 'model:' to the recipe")
        if scorer.uses_output and autoencoder is not None and autoencoder.decoder is None:
            what = "needs a decoder: it reads the frames that a decoder gives"
            fix = "add 'decoder', 'losses' and 'fit' to 'model', or choose a scorer that reads densities"
            raise ShapeError(what, where=where, fix=fix)
    return scorers


def build_autoencoder(recipe: Recipe, tags: Sequence[str]) -> Autoencoder | None:
    """The autoencoder, or None if the recipe has no model.

    Args:
        recipe: the recipe.
        tags: tags that the augmentations set.

    Raises:
        ShapeError: two components do not fit together.
    """
    if recipe.model is None:
        return None
    torch.manual_seed(derive(recipe.seed, "model"))
    clip = recipe.data.clip
    encoder = build(recipe.model.encoder, clip)
    bottleneck = build(recipe.model.bottleneck, encoder.latents) if recipe.model.bottleneck else None
    declared = bottleneck.latents if bottleneck is not None else None
    if recipe.model.decoder is None:
        return Autoencoder(clip, encoder, None)
    decoder = build(recipe.model.decoder, encoder.latents if declared is None else declared, clip)
    losses = build_losses(recipe, recipe.model)  # a loss that does not fit is reported before training
    _check_tags(losses, tags)
    owners = [name for name, _, loss in losses if _owns_parameters(loss)]
    if recipe.model.critic is not None and not owners:
        what = "no loss has parameters that this optimizer could train"
        raise ShapeError(what, where="model.critic", fix="remove it, or add a loss such as adversarial")
    if owners and recipe.model.fit is not None and recipe.model.fit.accumulate_grad_batches > 1:
        what = f"the loss {owners[0]!r} trains a critic, and the critic's step needs all samples at once"
        fix = "set it to 1, and raise batch_size"
        raise ShapeError(what, where="model.fit.accumulate_grad_batches", fix=fix)
    return Autoencoder(clip, encoder, decoder, bottleneck)


def _check_tags(losses: Sequence[tuple[str, float, Loss]], tags: Sequence[str]) -> None:
    for number, (name, _, loss) in enumerate(losses):
        for wanted in loss.tags:
            if wanted not in tags:
                raise ShapeError(
                    f"reads the tag {wanted!r}, but no augmentation sets it",
                    where=loss_place(number, name),
                    fix="add one to data.augment, such as {use: skip_frames} for the tag 'pseudo'",
                )


def _owns_parameters(loss: Loss) -> bool:
    assert isinstance(loss, nn.Module)
    return any(parameter.requires_grad for parameter in loss.parameters())


def build_losses(recipe: Recipe, plan: Model) -> list[tuple[str, float, Loss]]:
    """Name, weight and loss of each term. A second term of the same kind is named `l2.2`."""
    torch.manual_seed(derive(recipe.seed, "losses"))
    losses: list[tuple[str, float, Loss]] = []
    for entry in plan.losses:
        kind = entry.loss.component.name
        before = sum(other.loss.component.name == kind for other in plan.losses[: len(losses)])
        name = f"{kind}.{before + 1}" if before else kind
        losses.append((name, entry.weight, build(entry.loss, recipe.data.clip)))
    return losses
