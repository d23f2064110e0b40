"""The kit finds each fault by the check for it and no other, and finds nothing in correct components."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from vadkit.api import KINDS, Component
from vadkit.testing import Outcome, checks_of, run_checks, subjects

MODULES = {
    "Encoder": "encoder",
    "Decoder": "decoder",
    "Bottleneck": "bottleneck",
    "Feature": "feature",
    "Density": "density",
    "Loss": "loss",
    "Critic": "loss",
}
CORRECT = [
    ("faulty_modules", "bottleneck", "MemoryBottleneck"),
    ("faulty_modules", "bottleneck", "RenamingBottleneck"),
    ("faulty_modules", "encoder", "PlacesEncoder"),
    ("faulty_parts", "scorer", "OfTheBottleneck"),
    *(("faulty_modules", kind, f"Honest{name}") for name, kind in MODULES.items()),
    *(
        ("faulty_parts", kind, "Honest" + kind.title().replace("_", ""))
        for kind in KINDS
        if kind not in MODULES.values()
    ),
]
FAULTS = [
    ("encoder", "LyingEncoder", "check_shapes", "declared as (2, 5, 16, 16, 24), but is (2, 4, 16, 16, 24)"),
    ("encoder", "PositionalEncoder", "check_keys", "put a '*' before 'width'"),
    ("encoder", "OpenEncoder", "check_keys", "**keys"),
    ("encoder", "SilentEncoder", "check_help", "no help text for secret"),
    ("encoder", "RefusingEncoder", "check_construction", "ValueError: always fails"),
    ("encoder", "IdleEncoder", "check_gradients", "1 of 3 parameters get no gradient: idle"),
    ("encoder", "MixingEncoder", "check_batch_independence", "code of a clip changes with the other clips"),
    ("encoder", "RestlessEncoder", "check_evaluation_repeats", "only if self.training"),
    ("encoder", "GamblingEncoder", "check_seeded", "it differs in conv.bias"),
    ("encoder", "NoisyTrainingEncoder", "check_training_repeats", "torch's global generator"),
    ("encoder", "StrayEncoder", "check_device", ".to(device) does not move the tensor scale"),
    ("encoder", "ForgetfulEncoder", "check_state", "code of a new object differs"),
    ("encoder", "SingleEncoder", "check_float64", "cannot compute in float64"),
    ("encoder", "CoarseEncoder", "check_bf16", "in bfloat16, code is off by"),
    ("encoder", "DividingEncoder", "check_finite", "with black input, code is not finite"),
    ("encoder", "RigidEncoder", "check_other_clips", "it can be built for clips of 8 frames, 32x32, rgb"),
    ("encoder", "BatchEncoder", "check_batch_of_one", "in training a batch of one fails"),
    ("encoder", "PlainEncoder", "check_module", "class Mine(Encoder, nn.Module)"),
    ("decoder", "RudeDecoder", "check_strange_latents", "raise a ShapeError"),
    ("bottleneck", "ListingBottleneck", "check_shapes", "losses/size is declared as (), but is (2,)"),
    ("bottleneck", "StubbornBottleneck", "check_reset", "let reset undo all that observe changes"),
    ("bottleneck", "SecretBottleneck", "check_reset", "state in stateful why"),
    ("feature", "LyingFeature", "check_shapes", "declared as (2, 1, 1, 4, 6), but is (2, 16, 1, 4, 6)"),
    ("density", "SecretTrainee", "check_needs_fit", "calls context.fit 1 times"),
    ("density", "DeafDensity", "check_shifted_data", "higher is more anomalous"),
    ("density", "UnscaledDensity", "check_normalised", "not to 1"),
    ("density", "LyingFlow", "check_log_determinant", "autograd's"),
    ("density", "LyingMap", "check_nll_map", "divide every term of forward among the places"),
    ("loss", "NegativeLoss", "check_perfect_output", "return a value to fit"),
    ("loss", "RootLoss", "check_perfect_output", "gradient is not finite"),
    ("loss", "DetachedLoss", "check_output_learns", "do not detach out.output"),
    ("loss", "LazyCritic", "check_gradients", "second.weight, second.bias"),
    ("loss", "StrangeCritic", "check_critic", "return None"),
    ("loss", "NormalOnly", "check_tags", "also if no clip of a batch has the tag, or all have it"),
    ("augmentation", "Floating", "check_clips", "it returns frames (16, 32, 48, 1) of float64"),
    ("augmentation", "PastTheEnd", "check_video_end", "stay within the frames 0 to clip.length - 1"),
    ("augmentation", "Alternating", "check_draws", "keep nothing between calls"),
    ("augmentation", "Scribbling", "check_input", "work on a copy"),
    ("augmentation", "SecretTag", "check_marks", "it sets undeclared tags: backwards"),
    ("augmentation", "Rereading", "check_reads_video", "set reads_video = True"),
    ("dataset", "ShortLabels", "check_labels", "'c' has 6 frames and 5 labels"),
    ("dataset", "DoubledNames", "check_videos", "train has several videos named a"),
    ("dataset", "Shuffled", "check_videos", "of videos('train') gives another order"),
    ("dataset", "OtherTruth", "check_ground_truth", "differ for 'c'"),
    ("dataset", "Crashing", "check_empty_folder", "FileNotFoundError"),
    ("scorer", "UpsideDown", "check_toy_anomaly", "return higher scores for more anomalous frames"),
    ("scorer", "Moody", "check_gaps", "change with the content of the clip"),
    ("scorer", "Relative", "check_batch_independence", "score of a clip changes"),
    ("scorer", "Undeclared", "check_reads", "name its densities in densities()"),
    ("score_transform", "Clairvoyant", "check_causality", "set needs_future = True"),
    ("score_transform", "Shortening", "check_length", "a video of (40,) becomes (39,)"),
    ("score_transform", "Dividing", "check_length", "becomes NaN"),
    ("score_transform", "Remembering", "check_video_independence", "keep nothing between calls"),
    ("score_transform", "SecretlyFitted", "check_needs_normal", "set needs_normal = True"),
    ("score_transform", "InPlace", "check_fit_repeats", "work on a copy"),
    ("score_transform", "Inverted", "check_direction", "keep the order of scores"),
    ("metric", "Percent", "check_values", "set its unit: units = {'found': ''}"),
    ("metric", "Backward", "check_skill", "list the value in lower_is_better"),
    ("metric", "FirstVideo", "check_order", "in another order"),
    ("metric", "Careless", "check_resampled", "of videos drawn (2, 0, 1, 1) times"),
    ("metric", "NotANumber", "check_one_class", "raise a DataError"),
    ("metric", "faulty_heavy:Heavy", "check_imports", "faulty_heavy imports torch"),
    ("reporter", "Direct", "check_atomic_write", "vadkit.api.atomic_write"),
    ("reporter", "Astray", "check_stays_inside", "writes outside of its folder: ['outside.txt']"),
    ("reporter", "Expecting", "check_unlabelled", "KeyError: 'micro_auc'"),
    ("sink", "Hasty", "check_constructor", "its constructor writes ['alarms.txt']"),
    ("sink", "Blind", "check_calls", "AttributeError"),
    ("sink", "Impatient", "check_empty_source", "IndexError"),
    ("sink", "Deaf", "check_needs_frames", "set needs_frames = True"),
    ("sink", "Painting", "check_pictures", "work on a copy"),
    ("optimizer", "Climbing", "check_optimizer", "step against the gradient"),
    ("lr_scheduler", "Counting", "check_factor", "depend on progress only"),
    ("lr_scheduler", "Negative", "check_factor", "negative or not finite"),
]


def card(kind: str, target: str) -> Component:
    return Component(kind, target.rpartition(":")[2].lower(), target, "A toy.")


def target_of(kind: str, name: str) -> str:
    module = "faulty_modules" if kind in MODULES.values() else "faulty_parts"
    return name if ":" in name else f"{module}:{name}"


CARDS = (
    *(card(kind, f"{module}:{name}") for module, kind, name in CORRECT),
    *(card(kind, target_of(kind, name)) for kind, name, _, _ in FAULTS),
)
"""As if one plugin announced them all: one process then looks at what they import."""


def checked(kind: str, target: str) -> Sequence[Outcome]:
    toy = card(kind, target)
    settings = {toy.name: {"toy": {"latents": {"code": [4, 16, 16, 24]}}}} if kind == "decoder" else {}
    return list(run_checks([replace(each, siblings=CARDS) for each in subjects([toy], settings)]))


@pytest.mark.parametrize(("module", "kind", "name"), CORRECT, ids=[name for _, _, name in CORRECT])
def test_a_correct_component_passes(module: str, kind: str, name: str) -> None:
    outcomes = checked(kind, f"{module}:{name}")
    assert [outcome for outcome in outcomes if outcome.state == "failed"] == []
    assert sum(outcome.state == "passed" for outcome in outcomes) >= 5


@pytest.mark.parametrize(("kind", "name", "check", "told"), FAULTS, ids=[f"{fault[1]}" for fault in FAULTS])
def test_a_fault_is_found_by_its_check_alone(kind: str, name: str, check: str, told: str) -> None:
    outcomes = checked(kind, target_of(kind, name))
    failed = {outcome.check: outcome.reason for outcome in outcomes if outcome.state == "failed"}
    assert list(failed) == [check], failed
    assert told in failed[check]


def test_every_check_finds_a_fault() -> None:
    """Except the one that needs a GPU, and the one that restores an optimiser's state."""
    every = {check.name for kind in KINDS for check in checks_of(kind)}
    found = {check for _, _, check, _ in FAULTS}
    assert every - found == {"check_cuda", "check_optimizer_state", "check_scores"}


def test_the_kit_is_imported_without_torch() -> None:
    modules = ", ".join(
        f"vadkit.testing{name}" for name in ("", ".checks.metrics", ".checks.reporters", ".checks.sinks")
    )
    look = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
