"""Features and scorers on hand-made numbers: section 3.3, Eq. 12 and Eq. 13."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from vadkit.api import ClipOutputs, ClipSpec, FeatureSpec, Grid, LatentSpec, ShapeError
from vadkit_standard.bottleneck import BottleneckScore
from vadkit_standard.features import ChannelPool, Frames, LatentCells, VectorPool
from vadkit_standard.psnr import PSNR
from vadkit_standard.scorers import NLL, ClipError, FrameError, PatchError

CLIP = ClipSpec(8, 4, 4, "gray")
LATENTS = {"static": LatentSpec(5, 2, 2, 2), "dynamic": LatentSpec(3, 8, 2, 2)}


def test_channel_pool_gives_max_mean_and_intensity_one_map_a_time_step() -> None:
    torch.manual_seed(0)
    clips, latent = torch.rand(2, 1, 8, 4, 4), torch.rand(2, 5, 2, 2, 2)
    feature = ChannelPool(CLIP, LATENTS, latent="static", intensity=True)
    maps = feature(clips, {"static": latent})
    assert feature.spec == FeatureSpec((3, 2, 2), 2, (0.0, 0.0, 2 / 255))
    assert maps.shape == (2, 2, 3, 2, 2)
    assert maps[1, 1, 0, 0, 1] == latent[1, :, 1, 0, 1].max()
    assert maps[1, 1, 1, 0, 1] == latent[1, :, 1, 0, 1].mean()
    assert torch.isclose(maps[1, 1, 2, 0, 1], clips[1, 0, 4, :2, 2:].mean())  # step 1 starts at frame 4


def test_intensity_of_colour_is_its_luma() -> None:
    clip = ClipSpec(8, 4, 4, "rgb")
    clips = torch.tensor([1.0, 0.5, -1.0]).reshape(1, 3, 1, 1, 1).expand(1, 3, 8, 4, 4)
    maps = ChannelPool(clip, LATENTS, latent="static", intensity=True)(clips, {"static": torch.zeros(1, 5, 2, 2, 2)})
    assert torch.allclose(maps[:, :, 2], torch.tensor(0.299 + 0.587 / 2 - 0.114))


def test_vector_pool_gives_max_and_mean_over_space() -> None:
    latent = torch.rand(2, 5, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    feature = VectorPool(CLIP, LATENTS, latent="static")
    vectors = feature(torch.zeros(2, 1, 8, 4, 4), {"static": latent})
    assert feature.spec == FeatureSpec((10,), 2)
    assert vectors.shape == (2, 2, 10)
    assert vectors[1, 1, 3] == latent[1, 3, 1].max()
    assert torch.isclose(vectors[1, 0, 9], latent[1, 4, 0].mean())


def test_cells_of_a_latent_are_samples_at_places() -> None:
    clip, latents = ClipSpec(8, 32, 48, "gray"), {"map": LatentSpec(5, 2, 4, 7)}
    latent = torch.rand(2, 5, 2, 4, 7, generator=torch.Generator().manual_seed(0))
    clips = torch.zeros(2, 1, 8, 32, 48)
    cells = LatentCells(clip, latents, latent="map")
    assert cells.spec == FeatureSpec((5,), 2, grid=Grid.even(4, 7, 32, 48))
    assert torch.equal(cells(clips, {"map": latent})[1, 0, 3, 2], latent[1, :, 0, 3, 2])
    pooled = LatentCells(clip, latents, latent="map", pool=2, position=True)
    assert pooled.spec.grid == Grid(2, 3, (16.0, 2 * 48 / 7), (16.0, 2 * 48 / 7))
    samples = pooled(clips, {"map": latent})
    assert samples.shape == (2, *pooled.spec.axes, *pooled.spec.shape)
    assert torch.allclose(samples[0, 1, 1, 2, :5], latent[0, :, 1, 2:4, 4:6].mean((1, 2)))
    assert samples[0, 1, 1, 2, 5:].tolist() == [1.0, 2.0]
    with pytest.raises(ShapeError, match="pool is 5, but the latent 'map' has 4x7 cells"):
        LatentCells(clip, latents, latent="map", pool=5)


def test_an_unknown_latent_is_refused_with_the_choices() -> None:
    with pytest.raises(ShapeError, match="static, dynamic"):
        ChannelPool(CLIP, LATENTS, latent="fast")


def test_raw_frames_as_samples() -> None:
    feature = Frames(CLIP, {}, size=(2, 2))
    clips = torch.rand(3, 1, 8, 4, 4)
    frames = feature(clips, {})
    assert frames.shape == (3, feature.spec.samples, *feature.spec.shape) == (3, 8, 1, 2, 2)
    assert torch.isclose(frames[2, 5, 0, 1, 0], clips[2, 0, 5, 2:, :2].mean())
    assert torch.equal(Frames(CLIP, {})(clips, {})[1, 7], clips[1, :, 7])


def outputs(error: torch.Tensor, clip: ClipSpec) -> ClipOutputs:
    target = torch.zeros_like(error)
    clips = torch.zeros(error.shape[0], error.shape[1], clip.frames, clip.height, clip.width)
    return ClipOutputs(clip, clips, target, error)


def test_eq_12_takes_the_worst_patch_of_each_frame() -> None:
    clip = ClipSpec(2, 4, 4, "gray")
    error = torch.zeros(1, 1, 2, 4, 4)
    error[0, 0, 0, :2, :2] = torch.tensor([[1.0, -2.0], [3.0, 0.0]])  # one patch, mean 1.5
    error[0, 0, 1] = 0.25
    assert PatchError(patch=2, step=2)(outputs(error, clip)).tolist() == [[1.5, 0.25]]
    assert PatchError(patch=2, step=2, norm="l2")(outputs(error, clip)).tolist() == [[3.5, 0.0625]]
    assert FrameError()(outputs(error, clip)).tolist() == [[6 / 16, 0.25]]


def test_patch_errors_can_be_averaged_and_relative_to_the_contrast() -> None:
    clip = ClipSpec(1, 4, 4, "gray")
    error = torch.zeros(1, 1, 1, 4, 4)
    error[0, 0, 0, :2, :2], error[0, 0, 0, 2:, 2:] = 1.0, 0.5
    assert PatchError(patch=2, step=2, top=2)(outputs(error, clip)).tolist() == [[0.75]]
    assert PatchError(patch=2, step=2, top=99)(outputs(error, clip)).tolist() == [[0.375]]
    target = torch.zeros(1, 1, 1, 4, 4)
    target[0, 0, 0, 0, 0] = 0.6  # contrast 0.6 below and 0.6 to the right: the mean of the first patch is 0.3
    out = ClipOutputs(clip, target, target, target + error)
    scorer = PatchError(patch=2, step=2, contrast=0.2)
    assert scorer(out).tolist() == [[pytest.approx(0.5 / 0.2)]]  # not 1 / (0.3 + 0.2)
    maps = scorer.anomaly_maps(out)
    assert maps.shape == (1, 1, 4, 4)
    assert maps[0, 0, 3, 3].item() == pytest.approx(0.5 / 0.2)
    assert maps[0, 0, 0, 0].item() == pytest.approx(1 / (1.2 + 0.2))
    for wrong in ({"top": 0}, {"contrast": 0.0}):
        with pytest.raises(ShapeError):
            PatchError(**wrong)  # pyright: ignore[reportArgumentType]


def test_patches_slide_by_the_step() -> None:
    clip = ClipSpec(1, 4, 4, "gray")
    error = torch.zeros(1, 1, 1, 4, 4)
    error[..., 1:3, 1:3] = 1  # between the patches of step 2, caught by step 1
    assert PatchError(patch=2, step=2)(outputs(error, clip)).item() == 0.25
    assert PatchError(patch=2, step=1)(outputs(error, clip)).item() == 1


def test_frames_outside_the_target_get_no_score() -> None:
    clip = ClipSpec(5, 4, 4, "gray", input=(0, 4), target=(4, 5))
    scores = PatchError(patch=2)(outputs(torch.ones(1, 1, 1, 4, 4), clip))
    assert scores.isnan().tolist() == [[True, True, True, True, False]]
    assert PatchError(patch=2).anomaly_maps(outputs(torch.ones(1, 1, 1, 4, 4), clip)).shape == (1, 5, 4, 4)


def test_a_patch_larger_than_the_frame_is_refused() -> None:
    with pytest.raises(ShapeError, match="larger than the frames"):
        PatchError(patch=8)(outputs(torch.ones(1, 1, 2, 4, 4), ClipSpec(2, 4, 4, "gray")))


def test_eq_13_adds_likelihoods_each_step_covering_its_tau_frames() -> None:
    clips = torch.zeros(1, 1, 8, 4, 4)
    nll = {"static": torch.tensor([[10.0, 20.0]]), "dynamic": torch.arange(8.0)[None]}
    out = ClipOutputs(CLIP, clips, clips, None, nll=nll)
    assert NLL(densities=["static"])(out).tolist() == [[10.0] * 4 + [20.0] * 4]
    assert NLL(densities=["static", "dynamic"])(out).tolist() == [[10, 11, 12, 13, 24, 25, 26, 27]]
    assert NLL(densities=["static"]).densities() == ("static",)


PLACES = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 9.0, 5.0]]]])  # one clip, one step, 2 x 3 places


def at_places(**changes: Any) -> ClipOutputs:
    clip = ClipSpec(4, 8, 12, "gray")
    spec = FeatureSpec((1,), 1, grid=Grid(2, 3, (4, 4), (4, 4)), frames=((1, 3),))
    clips = torch.zeros(1, 1, 4, 8, 12)
    return replace(ClipOutputs(clip, clips, clips, nll={"speed": PLACES}, features={"speed": spec}), **changes)


@pytest.mark.parametrize(
    ("pool", "score"),
    [("sum", 24.0), ("mean", 4.0), ("max", 9.0), ({"top": 2}, 7.0), ({"patch": 2}, 4.75), ({"top": 6}, 4.0)],
)
def test_nll_combines_places_and_scores_the_frames_that_a_step_describes(pool: Any, score: float) -> None:
    scores = NLL(densities=["speed"], pool=pool)(at_places())[0]
    assert scores[1:3].tolist() == pytest.approx([score, score])
    assert scores.isnan().tolist() == [True, False, False, True]


def test_frames_of_several_steps_get_their_mean() -> None:
    spec = FeatureSpec((1,), 2, grid=Grid(2, 3, (4, 4), (4, 4)), frames=((0, 3), (1, 4)))
    nll = torch.cat([PLACES, PLACES + 2], dim=1)
    out = at_places(nll={"speed": nll}, features={"speed": spec})
    assert NLL(densities=["speed"], pool="max")(out).tolist() == [[9.0, 10.0, 10.0, 11.0]]


def test_nll_maps_have_the_likelihood_of_a_place_at_its_centre() -> None:
    maps = NLL(densities=["speed"], pool="max").anomaly_maps(at_places())
    assert maps is not None
    assert maps.shape == (1, 4, 8, 12)
    around = maps[0, 1, 5:7, 5:7]  # the centre of the place with 9 lies between these pixels
    assert float(around.max()) < 9.0
    assert float(maps[0, 1].max()) == pytest.approx(float(around.max()))
    assert maps[0, 1, :2, :2].flatten().tolist() == pytest.approx([1.0] * 4)
    assert torch.isnan(maps[0, 0]).all()


def test_the_maps_of_a_density_are_pooled_and_shown() -> None:
    out = at_places(nll={"flow": PLACES.sum((2, 3))}, nll_maps={"flow": PLACES}, features={})
    assert NLL(densities=["flow"])(out).tolist() == [[24.0] * 4]
    assert NLL(densities=["flow"], pool={"top": 2})(out).tolist() == [[7.0] * 4]
    maps = NLL(densities=["flow"]).anomaly_maps(out)
    assert maps is not None
    assert maps.shape == (1, 4, 8, 12)


def test_without_places_there_are_no_maps_and_only_the_sum() -> None:
    out = at_places(nll={"vector": torch.ones(1, 1)}, features={})
    assert NLL(densities=["vector"]).anomaly_maps(out) is None
    with pytest.raises(ShapeError, match="one likelihood for the complete frame"):
        NLL(densities=["vector"], pool="max")(out)


@pytest.mark.parametrize("pool", [{"top": 7}, {"patch": 3}])
def test_more_places_than_there_are_is_refused(pool: Any) -> None:
    with pytest.raises(ShapeError, match="has 2 x 3 places"):
        NLL(densities=["speed"], pool=pool)(at_places())


@pytest.mark.parametrize("pool", [{"top": 0}, {"best": 3}, {}, {"top": 1, "patch": 1}])
def test_an_unknown_pool_is_refused(pool: Any) -> None:
    with pytest.raises(ShapeError, match="not a way to combine places"):
        NLL(densities=["speed"], pool=pool)


def test_a_reconstruction_score_without_a_model_is_refused() -> None:
    clips = torch.zeros(1, 1, 8, 4, 4)
    with pytest.raises(ShapeError, match="needs the output of a model"):
        PatchError()(ClipOutputs(CLIP, clips, clips))


def test_psnr_is_that_of_pixels_in_0_to_1_with_its_sign_changed() -> None:
    clip = ClipSpec(3, 4, 4, "gray", input=(0, 2), target=(1, 3))
    target = torch.zeros(1, 1, 2, 4, 4)
    output = target.clone()
    output[:, :, 0] += 0.2  # 0.1 of pixels in [0, 1]: 20 dB
    out = ClipOutputs(clip, torch.zeros(1, 1, 3, 4, 4), target, output)
    scores = PSNR()(out)
    assert scores.shape == (1, 3)
    assert torch.isnan(scores[0, 0])
    assert scores[0, 1:].tolist() == pytest.approx([-20.0, -100.0])  # no error at all counts as 100 dB


def test_a_bottlenecks_score_covers_input_or_target_frames() -> None:
    clip = ClipSpec(5, 4, 4, "gray", input=(0, 4), target=(4, 5))
    given = {"two": torch.tensor([[1.0, 2.0]]), "one": torch.tensor([[7.0]])}
    out = ClipOutputs(clip, torch.zeros(1, 1, 5, 4, 4), torch.zeros(1, 1, 1, 4, 4), scores=given)
    scores = BottleneckScore(score="two")(out)[0]
    assert scores[:4].tolist() == [1.0, 1.0, 2.0, 2.0]
    assert torch.isnan(scores[4])
    scores = BottleneckScore(score="one", over="target")(out)[0]
    assert scores[4] == 7
    assert torch.isnan(scores[:4]).all()
    with pytest.raises(ShapeError, match=r"(?s)2 samples of score 'two' do not divide 1 target frames.*over: input"):
        BottleneckScore(score="two", over="target")(out)
    with pytest.raises(ShapeError, match=r"(?s)no score named 'tow'.*'two'"):
        BottleneckScore(score="tow")(out)
    with pytest.raises(ShapeError, match=r"(?s)no score named 'one'.*model\.bottleneck"):
        BottleneckScore(score="one")(ClipOutputs(clip, out.clips, out.target))


BOTH = ClipSpec(4, 4, 4, "gray", input=(0, 2), target=(0, 4))


@pytest.mark.parametrize(("part", "scored"), [("all", 4), ("reconstructed", 2), ("predicted", 2)])
def test_a_part_of_the_target_can_be_scored_alone(part: str, scored: int) -> None:
    error = torch.arange(1.0, 5).view(1, 1, 4, 1, 1).expand(1, 1, 4, 4, 4)
    for scorer in (FrameError(part=part), PatchError(patch=2, part=part)):  # pyright: ignore[reportArgumentType]
        out = outputs(error, BOTH)
        scores = scorer(out)
        given = ~torch.isnan(scores)
        assert given.sum() == scored
        assert torch.equal(torch.isnan(scorer.anomaly_maps(out)).any((-1, -2)), ~given)
        assert torch.equal(scores[given], error[..., 0, 0].flatten()[given[0]])
    assert torch.isnan(FrameError(part="predicted")(outputs(error, BOTH))[0, :2]).all()


def test_a_part_that_is_not_there_is_refused() -> None:
    with pytest.raises(ShapeError, match="no frame of the target 0:8 is predicted; the input is 0:8"):
        FrameError(part="predicted")(outputs(torch.ones(1, 1, 8, 4, 4), CLIP))


def test_a_targets_frames_keep_their_places() -> None:
    clip = ClipSpec(5, 4, 4, "gray", input=(1, 3), target=(2, 5))
    error = torch.arange(1.0, 4).view(1, 1, 3, 1, 1).expand(1, 1, 3, 4, 4)
    scores = FrameError(part="predicted")(outputs(error, clip))
    assert torch.isnan(scores[0, :3]).all()
    assert scores[0, 3:].tolist() == [2.0, 3.0]


def test_rms_is_the_euclidean_distance_of_frames() -> None:
    error = torch.randn(2, 1, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = error.flatten(3).norm(dim=3)[:, 0] / 16**0.5
    assert torch.allclose(FrameError(norm="rms")(outputs(error, CLIP)), expected)


def test_a_clips_error_goes_to_one_frame() -> None:
    error = torch.arange(1.0, 9).view(1, 1, 8, 1, 1).expand(1, 1, 8, 4, 4)
    scores = ClipError()(outputs(error, CLIP))
    assert scores[0, 4].item() == 4.5
    assert torch.isnan(scores).sum() == 7
    assert ClipError(at=0, norm="l2")(outputs(error, CLIP))[0, 0].item() == pytest.approx(204 / 8)
    assert ClipError(at="all")(outputs(error, CLIP)).tolist() == [[4.5] * 8]
    both = torch.arange(1.0, 5).view(1, 1, 4, 1, 1).expand(1, 1, 4, 4, 4)
    assert ClipError(at=1, part="reconstructed")(outputs(both, BOTH))[0, 1].item() == 1.5
    with pytest.raises(ShapeError, match="frame 8 is not in a clip of 8"):
        ClipError(at=8)(outputs(error, CLIP))
