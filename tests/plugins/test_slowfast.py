"""SlowFast autoencoders: published sizes of the backbones, shapes, what each pathway sees, the recipes of Table 2."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import vadkit
from vadkit import recipe
from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit.plugin import registry
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build
from vadkit.recipe.variants import family_of
from vadkit_itae.decoder import ITAEDecoder
from vadkit_itae.encoder import ITAE
from vadkit_slowfast.blocks import Residual
from vadkit_slowfast.decoder import SlowFastDecoder
from vadkit_slowfast.encoder import SlowFast, SlowOnly
from vadkit_slowfast.pathway import BLOCKS, Depth, pathway

ROOT = Path(__file__).parents[2]
TABLES = ("paper/table2", "paper/table2_ped2_small")
RECIPES = [f"{table}/{system}" for table in TABLES for system in family_of(table).variants]
AVENUE = ClipSpec(16, 256, 256)
SMALL = ClipSpec(8, 32, 32, "gray")
CLIPS = (ClipSpec(16, 240, 360, "gray"), AVENUE, ClipSpec(16, 96, 144, "gray"), ClipSpec(16, 64, 96, "gray"))
FORMS = pytest.mark.parametrize("form", [SlowOnly, SlowFast], ids=["one_path", "two_path"])
DEPTHS = pytest.mark.parametrize("depth", [18, 50])
Form = type[SlowOnly] | type[SlowFast]


def parameters(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def small(form: Form, depth: Depth, *, awake: bool = True) -> tuple[SlowOnly | SlowFast, SlowFastDecoder]:
    """`awake`: as if trained, for new residual blocks are their shortcuts."""
    torch.manual_seed(0)
    encoder = (
        SlowFast(SMALL, depth=depth, width=8, beta=4) if form is SlowFast else SlowOnly(SMALL, depth=depth, width=8)
    )
    if awake:
        for module in encoder.modules():
            if isinstance(module, nn.BatchNorm3d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
    return encoder, SlowFastDecoder(encoder.latents, SMALL, width=8)


@pytest.mark.parametrize(("depth", "count"), [(18, 11_176_512), (50, 23_508_032)])
def test_a_pathway_without_kernels_in_time_is_a_resnet_of_images(depth: Depth, count: int) -> None:
    """Of 11,689,512 and 25,557,032 parameters as torchvision prints them, without the classifier of 1000 classes."""
    with torch.device("meta"):
        assert parameters(pathway(3, depth=depth, width=64, times=(1,) * 5, shrink=32)) == count


def test_with_the_classifier_the_backbones_have_their_published_sizes() -> None:
    """Slow R50 32.45 M, SlowFast R50 4x16 34.48 M with 400 classes: PyTorchVideo's model zoo."""
    clip, classes = ClipSpec(32, 224, 224), 400
    with torch.device("meta"):
        encoders = SlowOnly(clip, depth=50, tau=8, shrink=32), SlowFast(clip, depth=50, tau=8, shrink=32)
        features = [sum(latent.channels for latent in encoder.latents.values()) for encoder in encoders]
        counts = [
            parameters(encoder, nn.Linear(width, classes)) for encoder, width in zip(encoders, features, strict=True)
        ]
    assert features == [2048, 2304]
    assert counts == [32_454_096, 34_480_216]


@pytest.mark.parametrize(
    ("form", "depth", "encoder_count", "decoder_count"),
    [
        (SlowOnly, 18, 20_023_872, 2_706_275),
        (SlowFast, 18, 21_548_904, 3_206_243),
        (SlowOnly, 50, 31_634_496, 8_211_299),
        (SlowFast, 50, 33_558_216, 10_702_691),
    ],
)
def test_the_autoencoders_have_the_sizes_of_the_docs(
    form: Form, depth: Depth, encoder_count: int, decoder_count: int
) -> None:
    with torch.device("meta"):
        encoder = form(AVENUE, depth=depth)
        assert (parameters(encoder), parameters(SlowFastDecoder(encoder.latents, AVENUE))) == (
            encoder_count,
            decoder_count,
        )


def test_slowfast_18_computes_about_as_much_as_itae() -> None:
    counts = []
    with torch.device("meta"):
        for encoder, kind in ((SlowFast(AVENUE, depth=18), SlowFastDecoder), (ITAE(AVENUE), ITAEDecoder)):
            decoder = kind(encoder.latents, AVENUE)
            with FlopCounterMode(display=False) as counter:
                decoder(encoder(torch.empty(1, *AVENUE.shape)))
            counts.append(round(counter.get_total_flops() / 2e9))  # a multiplication with its addition counts as two
    assert counts == [171, 176]


@FORMS
@DEPTHS
@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: f"{clip.height}x{clip.width}")
def test_latents_are_as_announced_and_the_output_is_a_clip(clip: ClipSpec, depth: Depth, form: Form) -> None:
    channels, places = 512 if depth == 18 else 2048, (clip.height // 8, clip.width // 8)
    expected = {"static": LatentSpec(channels, 4, *places), "dynamic": LatentSpec(channels // 8, 16, *places)}
    with torch.device("meta"):
        encoder = form(clip, depth=depth)
        assert encoder.latents == {name: expected[name] for name in encoder.latents}
        assert set(encoder.latents) == ({"static"} if form is SlowOnly else {"static", "dynamic"})
        latents = encoder(torch.empty(2, *clip.shape))
        assert {name: tuple(latent.shape[1:]) for name, latent in latents.items()} == {
            name: spec.shape for name, spec in encoder.latents.items()
        }
        assert SlowFastDecoder(encoder.latents, clip)(latents).shape == (2, *clip.shape)


@FORMS
@pytest.mark.parametrize("shrink", [4, 8, 16, 32])
@pytest.mark.parametrize("tau", [1, 2, 8, 16])
def test_every_shrink_and_tau_can_be_decoded(tau: int, shrink: Any, form: Form) -> None:
    clip = ClipSpec(16, 64, 96)
    with torch.device("meta"):
        encoder = form(clip, depth=18, tau=tau, shrink=shrink, width=8)
        latents = encoder(torch.empty(1, *clip.shape))
        assert tuple(latents["static"].shape[1:]) == encoder.latents["static"].shape
        assert encoder.latents["static"].shape == (64, 16 // tau, 64 // shrink, 96 // shrink)
        assert SlowFastDecoder(encoder.latents, clip)(latents).shape == (1, *clip.shape)


@FORMS
@DEPTHS
def test_every_parameter_gets_a_gradient(depth: Depth, form: Form) -> None:
    encoder, decoder = small(form, depth)
    decoder(encoder(torch.randn(2, *SMALL.shape))).square().mean().backward()
    for module in (encoder, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.any(), name


@FORMS
@DEPTHS
def test_new_residual_blocks_are_their_shortcuts(depth: Depth, form: Form) -> None:
    encoder = small(form, depth, awake=False)[0]
    blocks = [module for module in encoder.modules() if isinstance(module, Residual)]
    assert len(blocks) == sum(BLOCKS[depth]) * (2 if form is SlowFast else 1)
    for block in blocks:
        assert not block.branch(torch.rand(2, next(block.branch.parameters()).shape[1], 2, 4, 4)).any()


@DEPTHS
def test_the_slow_pathway_sees_every_fourth_frame_only(depth: Depth) -> None:
    encoder = small(SlowOnly, depth)[0].eval()
    clips = torch.rand(1, *SMALL.shape)
    changed = clips.clone()
    changed[:, :, [1, 2, 3, 5, 6, 7]] += 1
    assert torch.equal(encoder(clips)["static"], encoder(changed)["static"])
    changed[:, :, 4] += 1
    assert not torch.equal(encoder(clips)["static"], encoder(changed)["static"])


@DEPTHS
def test_with_the_fast_pathway_it_learns_of_the_others_through_laterals_alone(depth: Depth) -> None:
    encoder = small(SlowFast, depth)[0].eval()
    assert isinstance(encoder, SlowFast)
    clips = torch.rand(1, *SMALL.shape)
    changed = clips.clone()
    changed[:, :, 1] += 1
    before, after = encoder(clips), encoder(changed)
    assert not torch.equal(before["static"], after["static"])
    assert not torch.equal(before["dynamic"], after["dynamic"])
    for parameter in encoder.laterals.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(encoder(clips)["static"], encoder(changed)["static"])


@FORMS
@DEPTHS
def test_mixed_precision_is_close_to_full(depth: Depth, form: Form) -> None:
    """With 16 frames: where a kernel is longer than time, torch's bfloat16 gradients on CPUs may be noise (2.13)."""
    clip = ClipSpec(16, 32, 32, "gray")
    torch.manual_seed(0)
    encoder = form(clip, depth=depth, width=8)
    decoder = SlowFastDecoder(encoder.latents, clip, width=8)
    model = nn.ModuleList([encoder, decoder])
    clips = torch.rand(2, *clip.shape)
    full = decoder(encoder(clips))
    full.square().mean().backward()
    precise = torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        latents = encoder(clips)
        mixed = decoder(latents)
    assert {latent.dtype for latent in latents.values()} == {torch.bfloat16}
    assert (mixed.float() - full).abs().mean() < 0.05 < full.std()
    mixed.float().square().mean().backward()
    coarse = torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])
    assert functional.cosine_similarity(coarse, precise, dim=0) > 0.99


@FORMS
@DEPTHS
def test_thirty_steps_on_one_clip_lower_the_loss(depth: Depth, form: Form) -> None:
    encoder, decoder = small(form, depth, awake=False)
    ramp = torch.linspace(-1, 1, 32)
    clips = torch.stack([torch.outer(ramp.roll(step), ramp) for step in range(8)])[None, None]  # (B, C, T, H, W)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 3e-3)
    losses = []
    for _ in range(30):
        loss = (decoder(encoder(clips)) - clips).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3


def test_paths_go_with_itaes_where_their_latents_fit() -> None:
    with torch.device("meta"):
        clips = torch.empty(1, *AVENUE.shape)
        itae, slowfast = ITAE(AVENUE), SlowFast(AVENUE, depth=18, shrink=4)
        assert SlowFastDecoder(itae.latents, AVENUE)(itae(clips)).shape == clips.shape
        assert ITAEDecoder(slowfast.latents, AVENUE)(slowfast(clips)).shape == clips.shape
        with pytest.raises(ShapeError, match="enlarges by 4"):
            ITAEDecoder(SlowFast(AVENUE, depth=18).latents, AVENUE)


def test_frames_ahead_can_be_decoded_too() -> None:
    clip = ClipSpec(32, 32, 32, "gray", input=(0, 16), target=(0, 32))
    encoder = SlowFast(clip, depth=18, width=8)
    assert SlowFastDecoder(encoder.latents, clip, width=4)(encoder(torch.rand(1, 1, 16, 32, 32))).shape[2:] == (
        32,
        32,
        32,
    )


@FORMS
@pytest.mark.parametrize(
    ("clip", "shrink", "says"),
    [
        (ClipSpec(16, 66, 64), 8, r"height 66 is not a multiple of 8(.|\n)*choose 64 or 72 in data.clip.size$"),
        (ClipSpec(16, 64, 90), 8, r"width 90 is not a multiple of 8(.|\n)*choose 88 or 96"),
        (ClipSpec(16, 240, 360), 32, r"height 240 is not a multiple of 32(.|\n)*choose 224 or 256.*, or set shrink: 8"),
        (ClipSpec(16, 20, 64), 32, r"height 20 is not(.|\n)*choose 32 in data.clip.size, or set shrink: 4"),
        (ClipSpec(15, 64, 64), 8, "15 input frames are not a multiple of tau 4"),
    ],
)
def test_sizes_that_do_not_divide_are_refused_with_those_that_would(
    clip: ClipSpec, shrink: Any, says: str, form: Form
) -> None:
    with pytest.raises(ShapeError, match=says):
        form(clip, depth=18, shrink=shrink)


def test_too_narrow_a_fast_pathway_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"beta must be at most width \(4\), but it is 8"):
        SlowFast(AVENUE, depth=18, width=4)


@pytest.mark.parametrize(
    ("latents", "clip", "says"),
    [
        ({"other": LatentSpec(8, 4, 8, 8)}, ClipSpec(16, 64, 64), "needs a latent 'static'"),
        ({"static": LatentSpec(8, 4, 8, 8)}, ClipSpec(16, 64, 128), "8x8 cannot become 64x128"),
        ({"static": LatentSpec(8, 4, 8, 8)}, ClipSpec(16, 48, 48), "8x8 cannot become 48x48"),
        ({"static": LatentSpec(8, 4, 64, 64)}, ClipSpec(16, 64, 64), "64x64 cannot become 64x64"),
        ({"static": LatentSpec(8, 4, 8, 8)}, ClipSpec(12, 64, 64), "4 latent steps cannot become 12 target frames"),
        ({"static": LatentSpec(8, 4, 8, 8)}, ClipSpec(2, 64, 64), "4 latent steps cannot become 2 target frames"),
        (
            {"static": LatentSpec(8, 4, 8, 8), "dynamic": LatentSpec(2, 16, 16, 16)},
            ClipSpec(16, 64, 64),
            "cannot bring the dynamic latent",
        ),
    ],
)
def test_a_decoder_refuses_latents_that_it_cannot_decode(
    latents: dict[str, LatentSpec], clip: ClipSpec, says: str
) -> None:
    with pytest.raises(ShapeError, match=says):
        SlowFastDecoder(latents, clip)


def test_a_decoder_without_blocks_is_refused() -> None:
    with pytest.raises(ShapeError, match="set blocks: 1 or more"):
        SlowFastDecoder({"static": LatentSpec(8, 4, 8, 8)}, ClipSpec(16, 64, 64), blocks=0)


def test_more_blocks_a_stage_change_no_shape() -> None:
    encoder, plain = small(SlowOnly, 18)
    decoder = SlowFastDecoder(encoder.latents, SMALL, width=8, blocks=2)
    assert parameters(decoder) > parameters(plain)
    assert decoder(encoder(torch.rand(1, *SMALL.shape))).shape == (1, *SMALL.shape)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Every first-party plugin as pyproject.toml declares it, whatever the environment has installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = [EntryPoint(name, value, "vadkit.v1") for name, value in project["entry-points"]["vadkit.v1"].items()]
    monkeypatch.setattr(registry, "entry_points", lambda: points)
    return Registry.discover()


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_of_table_2_check_and_an_empty_clip_passes(name: str, installed: Registry) -> None:
    found = recipe.load(name, registry=installed)
    clip = found.data.clip
    assert found.model is not None
    assert found.model.decoder is not None
    assert not found.densities
    assert list(found.fuse) == ["reconstruction"]
    assert found.evaluate.protocol.test_tuned == ("small" in name)
    with torch.device("meta"):
        encoder: Any = build(found.model.encoder, clip)
        decoder: Any = build(found.model.decoder, encoder.latents, clip)
        output: Tensor = decoder(encoder(torch.empty(1, *clip.shape)))
    assert output.shape == (1, *clip.shape)
    assert ("dynamic" in encoder.latents) == name.endswith("two_path")


@pytest.mark.parametrize("table", TABLES)
def test_the_six_systems_of_table_2_differ_in_their_networks_alone(table: str, installed: Registry) -> None:
    systems = [recipe.load(name, registry=installed) for name in RECIPES if name.rpartition("/")[0] == table]
    assert len(systems) == len({system.name for system in systems}) == 6
    for system in systems:
        assert system.model is not None
        assert system.name.startswith(f"{table.removeprefix('paper/')}_")
    trees = [
        {key: value for key, value in system.tree.items() if key not in ("name", "model")}
        | {"losses": system.tree["model"]["losses"], "fit": system.tree["model"]["fit"]}
        for system in systems
    ]
    assert all(tree == trees[0] for tree in trees)


@FORMS
def test_densities_and_scorers_carry_over(
    form: Form, tiny: dict[str, Any], tmp_path: Path, installed: Registry
) -> None:
    tiny["model"]["encoder"] = {"use": "slow_only", "depth": 18, "width": 4}
    tiny["model"]["decoder"] = {"use": "slowfast", "width": 4}
    if form is SlowFast:
        tiny["model"]["encoder"] |= {"use": "slowfast", "beta": 2}
    else:
        del tiny["densities"]["dynamic"]
        tiny["scores"]["likelihood"]["densities"] = ["static"]
    run = vadkit.run(tiny, out=tmp_path / "run")
    assert 0 <= run.metrics["metrics"]["micro_auc"] <= 1
