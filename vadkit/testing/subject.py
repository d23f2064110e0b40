"""A component under test: builds a new object of it each time, and the objects that it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vadkit.core.contracts import Encoder
from vadkit.core.errors import ShapeError, VadkitError
from vadkit.core.values import ClipSpec, FeatureSpec, LatentSpec
from vadkit.plugin.component import Component
from vadkit.recipe.build import build
from vadkit.recipe.component_config import ComponentConfig
from vadkit.testing.outcome import NotApplicableError
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
    cache: dict[str, Any] = field(default_factory=dict[str, Any], init=False, compare=False, repr=False)

    def __str__(self) -> str:
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
            told = error.what if isinstance(error, VadkitError) else f"{type(error).__name__}: {error}"
            raise NotApplicableError(f"it cannot be built, see check_construction: {told}") from error

    def construct(self, *, seed: int = 0) -> Any:
        """As `build`, but raises the original error.

        Raises:
            VadkitError: from its constructor, or from that of its surroundings.
            NotApplicableError: a data set needs a folder, and none is set.
        """
        if self.problem:
            raise self.problem
        arguments = self._supplied()
        with seeded(seed) if self.kind in TORCH_KINDS else contextlib.nullcontext():
            return build(self.config, *arguments, positional=self._positional())

    def with_clip(self, clip: ClipSpec) -> Subject:
        """The same component for another clip geometry; its encoder, if any, changes too."""
        return replace(self, toy=replace(self.toy, clip=clip))

    def with_sample(self, shape: tuple[int, ...]) -> Subject:
        """The same density for samples of another shape."""
        return replace(self, toy=replace(self.toy, sample_shape=shape))

    @property
    def sample(self) -> FeatureSpec:
        """Shape of the samples of a density under test."""
        return self.toy.sample

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
        own = [each for each in self.encoders if each.component.name == self.component.name]
        refused: list[str] = []
        for chosen in (*own, *self.encoders):
            try:
                encoder = self._encoder(chosen)
                build(self.config, encoder.latents, self.toy.clip, positional=self._positional())
                return encoder
            except ShapeError as error:
                refused.append(f"{chosen.component.name}: {error.what}")
        raise ShapeError(
            f"no encoder of its plugin fits it ({'; '.join(dict.fromkeys(refused))})",
            where=str(self),
            fix=f"set one in its settings: {{{str(self)!r}: {{'toy': {{'encoder': {{'use': NAME}}}}}}}}",
        )

    def _encoder(self, chosen: ComponentConfig) -> Any:
        with seeded(0):
            encoder = build(chosen, self.toy.clip)
        return encoder.eval()

    def _supplied(self) -> Sequence[Any]:
        """The positional arguments of the constructor, by its contract."""
        clip = self.toy.clip
        if self.kind == "dataset":
            if self.component.load().needs_root and self.toy.root is None:
                fix = f"set one in its settings: {{{str(self)!r}: {{'toy': {{'root': FOLDER}}}}}}"
                raise NotApplicableError(f"it reads files, but no folder is set; {fix}")
            return (self.toy.root,)
        supplied: Mapping[str, Callable[[], Sequence[Any]]] = {
            "encoder": lambda: (clip,),
            "loss": lambda: (clip,),
            "bottleneck": lambda: (self.latents,),
            "decoder": lambda: (self.latents, clip),
            "feature": lambda: (clip, self.latents),
            "density": lambda: (self.sample,),
        }
        return supplied.get(self.kind, lambda: ())()

    def _positional(self) -> Mapping[str, Sequence[Any]]:
        """The positional arguments of components nested in it, by kind."""
        clip = self.toy.clip
        return {"encoder": (clip,), "loss": (clip,), "density": (self.sample,)}


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch inside the `with` block, and restore its random state afterwards."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
