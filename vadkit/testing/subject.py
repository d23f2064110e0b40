"""A component under test: builds a new object of it each time, and the objects that it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vadkit.core.contracts import SUPPLIED, Encoder
from vadkit.core.errors import ShapeError, VadkitError
from vadkit.core.values import LatentSpec
from vadkit.plugin.component import Component
from vadkit.recipe.build import build
from vadkit.recipe.component_config import ComponentConfig
from vadkit.testing.outcome import NotApplicableError, told
from vadkit.testing.toy import Toy

TORCH_KINDS = frozenset({"encoder", "bottleneck", "decoder", "loss", "feature", "density"})
"""Kinds of components that are `torch.nn.Module`s."""


@dataclass(frozen=True)
class Subject:
    """A component under test, with its keys and toy surroundings.

    Attributes:
        config: the component and its keys, checked as in a recipe.
        toy: its toy surroundings.
        plugin: name of the entry point that announced it; empty if none.
        siblings: all components that were announced together.
        encoders: encoders of its plugin, which can provide the latents for a decoder.
        variant: the keys of its announcement with which it is checked, as text; empty for those of the settings.
        problem: the reason why it cannot be built at all.
        cache: results that several checks share, such as a fitted density.

    Example:
        >>> from vadkit.testing import subjects
        >>> subject = subjects("densities", only=["knn"])[0]
        >>> subject.kind, subject.component.name, type(subject.build()).__name__
        ('density', 'knn', 'NearestNeighbours')
    """

    config: ComponentConfig
    toy: Toy = field(default_factory=Toy)
    plugin: str = ""
    siblings: tuple[Component, ...] = ()
    encoders: tuple[ComponentConfig, ...] = ()
    problem: VadkitError | None = None
    variant: str = ""
    cache: dict[str, Any] = field(default_factory=dict[str, Any], init=False, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.label} {self.variant}".rstrip()

    @property
    def label(self) -> str:
        """Kind and name, as settings name it."""
        return f"{self.kind}/{self.component.name}"

    @property
    def component(self) -> Component:
        """The component as announced by its plugin."""
        return self.config.component

    @property
    def kind(self) -> str:
        """One of `vadkit.core.contracts.KINDS`."""
        return self.component.kind

    def build(self, *, seed: int = 0) -> Any:
        """A new object, built as from a recipe with this seed.

        Raises:
            NotApplicableError: it cannot be built; `check_construction` reports the reason.
        """
        try:
            return self.construct(seed=seed)
        except NotApplicableError:
            raise
        except Exception as error:
            raise NotApplicableError(f"it cannot be built, see check_construction: {told(error)}") from error

    def construct(self, *, seed: int = 0) -> Any:
        """As `build`, but raises the original error.

        Raises:
            VadkitError: from its constructor, or from that of its surroundings.
            NotApplicableError: a data set needs a folder, and none is set.
        """
        if self.problem:
            raise self.problem
        arguments = [self._supplied(name) for name in SUPPLIED.get(self.kind, ())]
        with seeded(seed) if self.kind in TORCH_KINDS else contextlib.nullcontext():
            return build(self.config, *arguments, positional=self._positional())

    def with_toy(self, **changes: Any) -> Subject:
        """The same component with other toy surroundings, such as `clip=ClipSpec(...)`."""
        return replace(self, toy=replace(self.toy, **changes))

    @property
    def latents(self) -> Mapping[str, LatentSpec]:
        """The latents that it gets: from the encoder and the bottleneck before it, else those of the toy."""
        encoder = self.encoder()
        specs = self.toy.specs if encoder is None else encoder.latents
        bottleneck = self.bottleneck(specs)
        return getattr(bottleneck, "latents", None) or specs

    def bottleneck(self, specs: Mapping[str, LatentSpec]) -> Any:
        """The bottleneck before a decoder, new and in eval mode; None if there is none."""
        if self.toy.bottleneck is None or self.kind != "decoder":
            return None
        with seeded(0):
            return build(self.toy.bottleneck, specs).eval()

    def encoder(self) -> Encoder | None:
        """The encoder before it, new and in eval mode; None if its latents are random."""
        if self.toy.encoder is not None:
            return self._encoder(self.toy.encoder)
        if self.kind != "decoder" or self.toy.latents or not self.encoders:
            return None
        refused: list[str] = []
        for config in sorted(self.encoders, key=lambda each: each.component.name != self.component.name):
            try:
                encoder = self._encoder(config)
                build(self.config, encoder.latents, self.toy.clip, positional=self._positional())
                return encoder
            except ShapeError as error:
                refused.append(f"{config.component.name}: {error.what}")
        raise ShapeError(
            f"no encoder of its plugin fits it ({'; '.join(refused)})",
            where=self.label,
            fix=f"set one in its settings: {{{self.label!r}: {{'toy': {{'encoder': {{'use': NAME}}}}}}}}",
        )

    def _encoder(self, config: ComponentConfig) -> Any:
        with seeded(0):
            return build(config, self.toy.clip).eval()

    def _supplied(self, argument: str) -> Any:
        """A positional argument of the constructor, as named in `SUPPLIED`."""
        match argument:
            case "clip":
                return self.toy.clip
            case "latents":
                return self.latents
            case "feature":
                return self.toy.sample
            case _:
                if self.component.load().needs_root and self.toy.root is None:
                    fix = f"set one in its settings: {{{self.label!r}: {{'toy': {{'root': FOLDER}}}}}}"
                    raise NotApplicableError(f"it reads files, but no folder is set; {fix}")
                return self.toy.root

    def _positional(self) -> Mapping[str, Sequence[Any]]:
        """The positional arguments of components nested in it, by kind."""
        return {"encoder": (self.toy.clip,), "loss": (self.toy.clip,), "density": (self.toy.sample,)}


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch inside the `with` block, and restore its random state afterwards."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
