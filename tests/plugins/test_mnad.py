"""MNAD: sizes of the official code, and the memory against sums written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.mnad import MNADDecoder, MNADEncoder
from vadkit_baselines.mnad_memory import MNADMemory, regular, written

PREDICTS = ClipSpec(5, 256, 256, input=(0, 4), target=(4, 5))
SMALL = ClipSpec(5, 16, 24, "gray", input=(0, 4), target=(4, 5))
QUERY = {"query": LatentSpec(6, 1, 2, 3)}


def count(*modules: torch.nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_prediction_has_the_published_size() -> None:
    encoder = MNADEncoder(PREDICTS)
    memory = MNADMemory(encoder.latents)
    assert encoder.latents["query"].shape == (512, 1, 32, 32)
    assert memory.latents is not None
    assert memory.latents["query"].shape == (1024, 1, 32, 32)
    # 15.65 M, as later papers quote it; layer by layer from the official code, whose unused norm is left out.
    assert count(encoder) == 44160 + 221952 + 886272 + 3540992
    assert count(encoder, MNADDecoder(memory.latents, PREDICTS)) == 15_650_819
    assert count(memory) == 0  # items are written, not descended
    assert memory.get_buffer("items").shape == (10, 512)


def test_reconstruction_has_no_skips_and_keeps_channels_when_it_doubles() -> None:
    clip = ClipSpec(1, 256, 256)
    encoder = MNADEncoder(clip, skips=False)
    assert list(encoder.latents) == ["query"]
    decoder = MNADDecoder(MNADMemory(encoder.latents).latents or {}, clip)
    shapes = [tuple(up[0].weight.shape) for up in decoder.net.ups]  # pyright: ignore
    assert shapes == [(512, 512, 3, 3), (256, 256, 3, 3), (128, 128, 3, 3)]


@pytest.mark.parametrize("skips", [True, False])
def test_a_gradient_reaches_every_parameter(skips: bool) -> None:
    torch.manual_seed(0)
    encoder = MNADEncoder(SMALL, channels=[4, 6, 8], skips=skips)
    memory = MNADMemory(encoder.latents, items=3)
    decoder = MNADDecoder(memory.latents or {}, SMALL, channels=[8, 6, 4])
    out = memory(encoder(torch.rand(2, 1, 4, 16, 24)))
    frames = decoder(out.latents)
    assert frames.shape == (2, 1, 1, 16, 24)
    assert out.losses.keys() == {"compactness", "separateness"}
    (frames.square().mean() + sum(out.losses.values())).backward()
    for module in (encoder, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            # A bias in front of a norm has no effect, and so no gradient but rounding.
            assert parameter.grad.abs().sum() > 0 or name.endswith("bias"), name


def test_reading_losses_and_score_are_those_of_the_paper() -> None:
    torch.manual_seed(1)
    memory = MNADMemory(QUERY, items=4, compactness=1.0, separateness=1.0)
    items = memory.get_buffer("items").clone()
    query = torch.randn(2, 6, 1, 2, 3)
    out = memory({"query": query})
    compact, separate, read = [], [], torch.zeros(2, 6, 1, 2, 3)
    for b in range(2):
        for y in range(2):
            for x in range(3):
                q = query[b, :, 0, y, x] / query[b, :, 0, y, x].norm()
                weights = torch.stack([(q @ p).exp() for p in items])
                read[b, :, 0, y, x] = (weights / weights.sum()) @ items
                first, second = items[weights.argsort(descending=True)[:2]]
                compact.append(((q - first) ** 2).mean().item())
                separate.append(max(0.0, ((q - first).norm() - (q - second).norm() + 1).item()))
    torch.testing.assert_close(out.latents["query"], torch.cat([functional.normalize(query, dim=1), read], 1))
    assert out.losses["compactness"].item() == pytest.approx(sum(compact) / 12, rel=1e-5)
    assert out.losses["separateness"].item() == pytest.approx(sum(separate) / 12, rel=1e-4)
    each = torch.tensor(compact).view(2, 6).mean(1)
    torch.testing.assert_close(out.scores["distance"][:, 0], each)


def test_training_writes_to_the_items_and_evaluation_does_not() -> None:
    torch.manual_seed(2)
    memory = MNADMemory(QUERY, items=4)
    before, query = memory.get_buffer("items").clone(), torch.randn(2, 6, 1, 2, 3)
    memory.eval()({"query": query})
    assert torch.equal(memory.get_buffer("items"), before)
    memory.train()({"query": query})
    after = memory.get_buffer("items")
    rows = functional.normalize(query[:, :, 0], dim=1).permute(0, 2, 3, 1).reshape(12, 6)
    expected = before.clone()
    nearest = (rows @ before.T).argmax(1)
    for number in range(4):
        own = rows[nearest == number]
        if len(own):
            v = (own @ before[number]).exp()
            expected[number] = functional.normalize(before[number] + (v / v.max()) @ own, dim=0)
    torch.testing.assert_close(after, expected)
    assert not torch.equal(after, before)
    torch.testing.assert_close(after.norm(dim=1), torch.ones(4))


def test_an_item_that_no_query_is_nearest_to_stays() -> None:
    items = torch.eye(3)
    after = written(items, torch.tensor([[0.8, 0.6, 0.0], [1.0, 0.0, 0.0]]))
    assert torch.equal(after[1:], items[1:])
    first = torch.tensor([1.0, 0, 0]) + torch.tensor([0.8, 0.6, 0]) * torch.tensor(-0.2).exp() + torch.tensor([1, 0, 0])
    torch.testing.assert_close(after[0], first / first.norm())


def test_the_weighted_regular_score_by_hand() -> None:
    output = torch.tensor([1.0, -1.0]).view(1, 1, 1, 1, 2)
    target = torch.tensor([0.0, -0.6]).view(1, 1, 1, 1, 2)
    errors = torch.tensor([0.25, 0.04])
    weights = 1 - (-errors).exp()
    assert regular(output, target) == pytest.approx(((weights * errors).sum() / weights.sum()).item())
    assert regular(target, target) == 0


def test_a_normal_clip_is_written_until_the_next_video_and_an_abnormal_one_is_not() -> None:
    torch.manual_seed(3)
    memory = MNADMemory(QUERY, items=4, threshold=0.01).eval()
    latents = {"query": torch.randn(1, 6, 1, 2, 3)}
    target = torch.zeros(1, 1, 1, 4, 4)

    def clip(error: float) -> ClipOutputs:
        return ClipOutputs(SMALL, torch.zeros(1, 1, 5, 4, 4), target, target + 2 * error, latents)

    trained = memory.get_buffer("items").clone()
    first = memory(latents).scores["distance"]
    memory.update(clip(0.11))  # 0.0121
    assert torch.equal(memory(latents).scores["distance"], first)
    memory.update(clip(0.09))  # 0.0081
    assert memory(latents).scores["distance"] < first  # it has come nearer to what it saw
    memory.reset()
    assert torch.equal(memory(latents).scores["distance"], first)
    assert torch.equal(memory.get_buffer("items"), trained)
    assert memory.stateful == "test-time memory updates"
    assert MNADMemory(QUERY, threshold=None).stateful == ""


def test_batch_mates_do_not_matter_in_evaluation() -> None:
    torch.manual_seed(4)
    memory = MNADMemory(QUERY).eval()
    query = torch.randn(3, 6, 1, 2, 3)
    alone = memory({"query": query[1:2]})
    together = memory({"query": query})
    torch.testing.assert_close(together.latents["query"][1:2], alone.latents["query"])
    torch.testing.assert_close(together.scores["distance"][1:2], alone.scores["distance"])


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ShapeError, match="multiples of 8"):
        MNADEncoder(ClipSpec(5, 100, 256, input=(0, 4), target=(4, 5)))
    with pytest.raises(ShapeError, match="needs a latent 'query'"):
        MNADMemory({"code": LatentSpec(1, 1, 1, 1)})
    with pytest.raises(ShapeError, match="at least 2 items"):
        MNADMemory(QUERY, items=1)
    with pytest.raises(ShapeError, match="matching numbers of 'channels'"):
        MNADDecoder(MNADEncoder(SMALL, channels=[4, 6]).latents, SMALL, channels=[8, 6, 4])
