"""A made-up plugin, so that the recipe engine is tested without the first-party ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vadkit.plugin.component import Component
from vadkit.plugin.registry import Plugin, Registry

PARTS = '''
"""Parts of an experiment; importing them sets a mark and needs a heavy library."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vadkit.api import (
    Bottleneck, Dataset, Decoder, DensityModel, Encoder, Feature, Loss, LRScheduler, Metric, Optimizer, Reporter,
    Scorer, ScoreTransform, ShapeError,
)

if TYPE_CHECKING:
    from torch import Tensor

Norm = Literal["l1", "l2"]
WIDTH = 64


class Videos(Dataset):
    def __init__(self, root: Path | None, *, subset: Literal["one", "two"] = "one", labels: Path | None = None) -> None:
        self.root, self.subset, self.label_file = root, subset, labels

    def videos(self, split): return []
    def labels(self, video): return None


class Enc(Encoder):
    """Clips to one latent.

    Args:
        tau: frames between two samples
            of the slow path.
        width: channels.
        ratios: share of each.
    """

    def __init__(
        self, clip: Tensor, *, tau: int, width: int = WIDTH, ratios: tuple[float, float] = (0.5, 0.5),
        steps: tuple[int, ...] | int = 1, norm: Norm = "l1", share: Mapping[str, int] | None = None
    ) -> None:
        if tau > 100:
            raise ValueError("tau is beyond the clip")
        if tau > 50:
            raise ShapeError("tau does not divide the clip", fix="choose 4")
        self.clip, self.tau, self.ratios, self.share, self.latents = clip, tau, ratios, share, {}

    def forward(self, clips): ...


class Pair(Encoder):
    def __init__(self, clip, *, first: Encoder, rest: Sequence[Encoder] = (), named: Mapping[str, Loss] | None = None,
                 maybe: "Encoder | None" = None) -> None:
        self.clip, self.first, self.rest, self.named, self.maybe = clip, first, rest, named, maybe
        self.latents = {}

    def forward(self, clips): ...


class Dec(Decoder):
    def forward(self, latents): ...


class Keep(Bottleneck):
    def forward(self, latents): ...


class L2(Loss):
    def __init__(self, clip) -> None:
        self.clip = clip

    def forward(self, out): ...


class Clashing(Loss):
    def __init__(self, clip, *, weight: float = 1.0) -> None: ...
    def forward(self, out): ...


class Open(Loss):
    def __init__(self, clip, **options) -> None: ...
    def forward(self, out): ...


class Pool(Feature):
    def __init__(self, clip, latents, *, latent: str = "z") -> None: ...
    def forward(self, clips, latents): ...


class Gauss(DensityModel):
    def __init__(self, feature, *, shrink: float = 0.0) -> None: ...
    def fit(self, features, context): ...
    def forward(self, features): ...


class Nll(Scorer):
    def __init__(self, *, densities: Sequence[str]) -> None: ...
    def forward(self, out): ...


class Frame(Scorer):
    def forward(self, out): ...


class MinMax(ScoreTransform):
    def __init__(self, *, over: Literal["video", "training"] = "video") -> None: ...
    def fit(self, normal): ...
    def __call__(self, scores): ...


class Auc(Metric):
    def compute(self, videos): return {}


class Console(Reporter):
    def report(self, result, folder): ...


class Adam(Optimizer):
    def __init__(self, *, lr: float = 1e-3, amsgrad: bool = False) -> None: ...
    def build(self, parameters): ...


class Cosine(LRScheduler):
    def __init__(self, *, end: float = 0.0) -> None: ...
    def factor(self, progress): ...
'''

CARDS = {
    "videos": ("dataset", "Videos"),
    "enc": ("encoder", "Enc"),
    "pair": ("encoder", "Pair"),
    "dec": ("decoder", "Dec"),
    "keep": ("bottleneck", "Keep"),
    "l2": ("loss", "L2"),
    "clashing": ("loss", "Clashing"),
    "open": ("loss", "Open"),
    "pool": ("feature", "Pool"),
    "gauss": ("density", "Gauss"),
    "nll": ("scorer", "Nll"),
    "frame": ("scorer", "Frame"),
    "minmax": ("score_transform", "MinMax"),
    "auc": ("metric", "Auc"),
    "console": ("reporter", "Console"),
    "json": ("reporter", "Console"),
    "html": ("reporter", "Console"),
    "adam": ("optimizer", "Adam"),
    "cosine": ("lr_scheduler", "Cosine"),
}

RECIPE = """\
vadkit: 1
name: first
data: {use: videos, clip: {frames: 16, size: [64, 96], color: gray}, stride: 4}
model:
  encoder: {use: enc, tau: 4}
  decoder: dec
  losses: [l2, {use: l2, weight: 0.5}]
  fit: {epochs: 2, batch_size: 8, optimizer: {use: adam, lr: 1e-2}, lr_scheduler: cosine}
densities:
  static: {use: gauss, shrink: 1, feature: {use: pool, latent: static}}
scores:
  error: frame
  likelihood: {use: nll, densities: [static]}
fuse:
  error: {weight: 2, transform: [{use: minmax, over: video}]}
evaluate: {protocol: itae, metrics: [auc]}
report: [console]
"""


def component(name: str) -> Component:
    """The card of one of the parts."""
    kind, cls = CARDS[name]
    return Component(kind, name, f"made_up_parts:{cls}", f"The {name}.")


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plugin's module on the path, as a file that a test may change."""
    folder = tmp_path / "site"
    folder.mkdir()
    path = folder / "made_up_parts.py"
    path.write_text(PARTS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("made_up_parts", None)
    yield path
    sys.modules.pop("made_up_parts", None)


@pytest.fixture
def registry(parts: Path) -> Registry:
    """Finds every part by its name."""
    return Registry([Plugin("made_up", "made-up 1", tuple(component(name) for name in CARDS))])


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound recipe, `first.yaml` in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("first.yaml")
    path.write_text(RECIPE, encoding="utf-8")
    return path
