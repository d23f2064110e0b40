"""STCEN: its U shape from 3-D to 2-D, its resampled code, and what its discriminator sees."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vadkit.api import ClipOutputs, ClipSpec, ShapeError
from vadkit_baselines.prediction import UNetDecoder
from vadkit_baselines.stcen import ClipAdversarial, UNet3DEncoder
from vadkit_baselines.variational import Variational

RECIPE = ClipSpec(5, 256, 256, input=(0, 4), target=(4, 5))
SMALL = ClipSpec(5, 16, 24, "gray", input=(0, 4), target=(4, 5))


def test_sizes_of_the_recipe() -> None:
    with torch.device("meta"):
        encoder = UNet3DEncoder(RECIPE)
        decoder = UNetDecoder(encoder.latents, RECIPE, channels=(256, 128, 64, 32))
        assert decoder(encoder(torch.empty(1, 3, 4, 256, 256))).shape == (1, 3, 1, 256, 256)
        loss = ClipAdversarial(RECIPE)
        assert loss.discriminator(torch.empty(1, 3, 5, 256, 256)).shape == (1, 1, 5, 30, 30)
    assert encoder.latents["deepest"].shape == (256, 1, 16, 16)
    layers = ((3, 32), (32, 64), (64, 128), (128, 256), (256, 256))
    assert _count(encoder) == sum(27 * given * w + w + 2 * w + 4 * w * w + w for given, w in layers)
    patches = ((3, 64), (64, 128), (128, 256), (256, 512), (512, 1))
    assert _count(loss) == sum(48 * given * width + width for given, width in patches)


def test_the_code_is_drawn_in_training_and_its_mean_in_scoring() -> None:
    encoder, code, decoder = _parts()
    for part in (encoder, decoder):
        part.eval()
    latents = encoder(torch.rand(2, 1, 4, 16, 24))

    def predicted() -> torch.Tensor:
        return decoder(code(latents).latents)

    drawn = predicted()
    assert not torch.equal(predicted(), drawn)
    code.eval()
    assert torch.equal(predicted(), predicted())


def test_the_gradient_reaches_the_encoder_through_the_drawn_code_and_through_the_skips() -> None:
    encoder, code, decoder = _parts()
    clips = torch.rand(2, 1, 4, 16, 24)
    found = {name: each if name == "deepest" else each.detach() for name, each in encoder(clips).items()}
    decoder(code(found).latents).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in code.parameters())
    first = [*encoder.levels[0].parameters()]
    assert all(p.grad is not None and p.grad.any() for p in first[1:])
    skips = [p for flatten in encoder.flatten[:-1] for p in flatten.parameters()]
    assert all(p.grad is None for p in skips)
    decoder(encoder(clips)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in skips)


def test_the_discriminator_sees_the_input_frames_and_then_the_predicted_ones() -> None:
    torch.manual_seed(0)
    loss = ClipAdversarial(SMALL, channels=[4, 4])
    clips, output = torch.rand(2, 1, 5, 16, 24), torch.rand(2, 1, 1, 16, 24).requires_grad_()
    seen: list[torch.Tensor] = []
    loss.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    out = ClipOutputs(SMALL, clips, clips[:, :, 4:], output)
    loss(out).backward()
    critic = loss.critic(out)
    predicted = torch.cat([clips[:, :, :4], output], dim=2)
    assert torch.equal(seen[0], predicted)
    assert {torch.equal(each, clips) for each in seen[1:]} == {True, False}
    assert output.grad is not None
    assert output.grad.any()
    found, true = loss.discriminator(predicted), loss.discriminator(clips)
    torch.testing.assert_close(loss(out), torch.nn.functional.mse_loss(found, torch.ones_like(found)) / 2)
    torch.testing.assert_close(critic, ((true - 1) ** 2).mean() / 2 + (found**2).mean() / 2)
    still = replace(out, clips=clips[:, :, [0, 1, 2, 2, 4]])  # the frame before the prediction is another one
    assert loss(still) != loss(out)


def test_clips_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="cannot be halved 2 times"):
        UNet3DEncoder(ClipSpec(5, 18, 24), channels=(4, 4, 4))
    with pytest.raises(ShapeError, match="target frames after the input frames"):
        ClipAdversarial(ClipSpec(5, 64, 64))
    with pytest.raises(ShapeError, match="too small for 4 layers"):
        ClipAdversarial(SMALL)


def _parts() -> tuple[UNet3DEncoder, Variational, UNetDecoder]:
    torch.manual_seed(0)
    encoder = UNet3DEncoder(SMALL, channels=(4, 6, 8))
    code = Variational(encoder.latents, latent="deepest", hidden=(8,), size=3, decay=0)
    return encoder, code, UNetDecoder(encoder.latents, SMALL, channels=(6, 4))


def _count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
