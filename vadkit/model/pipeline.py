"""The frozen pipeline that turns clips into outputs: autoencoder, features, densities."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from vadkit.core.contracts import DensityModel, Feature
from vadkit.core.errors import ShapeError, class_of
from vadkit.core.values import BOXES, ClipOutputs, ClipSpec, Samples
from vadkit.model.autoencoder import Autoencoder, target_frames
from vadkit.model.inference.convolutions import tried, with_fast_convolutions
from vadkit.model.inference.folding import fold_batch_norms

QUIET = 0.01  # a place without a sample counts as this quantile of the likelihoods of training samples


class Head(nn.Module):
    """A density and its feature. Its weights are those of both, and the value of a place without a sample.

    Args:
        feature: maps clips and latents to samples. Heads with equal features share one.
        density: maps samples to their negative log-likelihoods.
    """

    quiet: Tensor

    def __init__(self, feature: Feature, density: DensityModel) -> None:
        super().__init__()
        self.feature, self.density = feature, density
        self.register_buffer("quiet", torch.tensor(0.0))

    @property
    def gives_maps(self) -> bool:
        """Whether the density gives its likelihood by place."""
        return type(self.density).nll_map is not DensityModel.nll_map and len(self.feature.spec.shape) == 3

    def for_scoring(self, *, fast: bool) -> Head:
        """The head with the density that scoring uses. Its value of a place without a sample is the same tensor."""
        density = self.density.for_scoring()
        head = Head(self.feature, with_fast_convolutions(density) if fast else density)  # pyright: ignore
        head.quiet = self.quiet
        return head

    def evaluate(self, samples: Samples | Tensor, where: str) -> Tensor:
        """Return the negative log-likelihoods (B, T') or (B, T', rows, columns)."""
        values, present = (samples.values, samples.present) if isinstance(samples, Samples) else (samples, None)
        axes = 1 + len(self.feature.spec.axes)
        flat = values.flatten(0, axes - 1)
        if present is not None:
            flat = flat[present.flatten()]
        nll = self.density(flat)  # pyright: ignore[reportCallIssue]
        check_nll(where, nll, flat.shape[0])
        if present is None:
            return nll.unflatten(0, values.shape[:axes]).float()
        return self.quiet.expand(present.shape).masked_scatter(present, nll.float())


class Pipeline(nn.Module):
    """The modules that scoring runs, always in eval mode and without gradients.

    Args:
        clip: geometry of a clip.
        autoencoder: None if all densities use raw frames.
        heads: name -> the density and its feature.
        decode: whether a scorer needs the decoder's output. If False, only encoder and bottleneck run. A
            stateful model always decodes.
        maps: names of the densities that also give their likelihood by place, as far as they can.
        mask: (H, W) bool, True for pixels that are left out. They are black in clips and outputs, so that they have
            no error. None for no mask.
        objects: largest number of boxes of a clip, K; 0 for clips without boxes.
        folded: whether batch norms are folded into convolutions, and densities give their modules for scoring. Then
            the pipeline holds copies, which are faster and do not follow later changes of the weights.
        fast: whether the folded copies have convolutions that are faster in float32 on a CPU.
    """

    def __init__(
        self,
        clip: ClipSpec,
        autoencoder: Autoencoder | None,
        heads: Mapping[str, Head],
        *,
        decode: bool,
        maps: Collection[str] = (),
        mask: Tensor | None = None,
        objects: int = 0,
        folded: bool = False,
        fast: bool = False,
    ) -> None:
        super().__init__()
        self.mask: Tensor | None
        self.register_buffer("mask", mask, persistent=False)
        self.clip, self.objects = clip, objects
        if autoencoder is not None and folded:
            autoencoder = fold_batch_norms(autoencoder)
            autoencoder = with_fast_convolutions(autoencoder) if fast else autoencoder
        self.autoencoder = autoencoder
        self.names = tuple(heads)  # not a ModuleDict: that refuses names such as "train" or "type"
        self.heads = nn.ModuleList(head.for_scoring(fast=fast) if folded else head for head in heads.values())
        features = [head.feature for head in heads.values()]
        self.first = [self.names[features.index(feature)] for feature in features]  # of the heads with its feature
        self.decode = decode or bool(self.stateful)
        self.maps = frozenset(maps)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Pipeline:
        """Stay in eval mode for every `mode`."""
        del mode
        return super().train(False)

    def named_heads(self) -> dict[str, Head]:
        """Name -> the density and its feature."""
        return dict(zip(self.names, self.heads, strict=True))  # pyright: ignore[reportReturnType]

    @property
    def stateful(self) -> str:
        """The reason why scores depend on the order of a video's frames; empty if they do not."""
        bottleneck = self.autoencoder.bottleneck if self.autoencoder is not None else None
        return bottleneck.stateful if bottleneck is not None else ""

    def reset(self) -> None:
        """Clear the bottleneck's state at the start of a video."""
        if self.autoencoder is not None and self.autoencoder.bottleneck is not None:
            self.autoencoder.bottleneck.reset()

    def update(self, out: ClipOutputs) -> None:
        """Update the bottleneck's state with the clip that was just scored."""
        if self.autoencoder is not None and self.autoencoder.bottleneck is not None:
            self.autoencoder.bottleneck.update(out)

    def forward(self, clips: Tensor, boxes: Tensor | None = None) -> ClipOutputs:
        """(B, C, T, H, W) -> outputs, with the negative log-likelihood of every density.

        With `objects`, `boxes` are those of the clips, (B, 4, 1, 1, K); by default, each clip has one large object.
        """
        return tried(lambda: self._outputs(clips, boxes), self)

    def _outputs(self, clips: Tensor, boxes: Tensor | None) -> ClipOutputs:
        clips = self._hide(clips)
        latents: dict[str, Tensor] = {}
        scores: Mapping[str, Tensor] = {}
        output = None
        if self.autoencoder is not None:
            if self.decode:
                latents, bottleneck_output, output = self.autoencoder(clips)
                output = None if output is None else self._hide(output)
            else:
                latents, bottleneck_output = self.autoencoder.compress(clips)
            scores = bottleneck_output.scores
        latents |= self._boxes(clips, boxes)
        heads = self.named_heads()
        computed: dict[str, Tensor | Samples] = {}  # by name, because a module differs from itself while it is exported
        nll: dict[str, Tensor] = {}
        nll_maps: dict[str, Tensor] = {}
        for first, (name, head) in zip(self.first, heads.items(), strict=True):
            if first == name:
                computed[name] = extract_features(head.feature, clips, latents, self.clip)
            samples = computed[name] = computed[first]
            nll[name] = head.evaluate(samples, f"densities.{name}")
            if name in self.maps and head.gives_maps and isinstance(samples, Tensor):
                found = head.density.nll_map(samples.flatten(0, 1))
                if found is not None:
                    nll_maps[name] = found.unflatten(0, samples.shape[:2]).float()
        present = {name: found.present for name, found in computed.items() if isinstance(found, Samples)}
        features = {name: head.feature.spec for name, head in heads.items()}
        target = target_frames(clips, self.clip)
        return ClipOutputs(self.clip, clips, target, output, latents, nll, scores, nll_maps, present, features)

    def _boxes(self, clips: Tensor, boxes: Tensor | None) -> dict[str, Tensor]:
        if not self.objects:
            return {}
        boxes = one_box(self.clip, self.objects, len(clips)) if boxes is None else boxes
        return {BOXES: boxes.to(clips.device)}

    def not_finite(self, clips: Tensor, boxes: Tensor | None = None) -> str:
        """The first part that gives values that are not finite for clips (B, C, T, H, W), for messages."""
        parts: list[tuple[str, Tensor]] = []
        clips, latents = self._hide(clips), dict[str, Tensor]()
        if (model := self.autoencoder) is not None:
            latents, passed = model.compress(clips)
            parts += [(f"encoder {class_of(model.encoder)}", latent) for latent in latents.values()]
            parts += [(f"bottleneck {class_of(model.bottleneck)}", latent) for latent in passed.latents.values()]
            if model.decoder is not None:
                parts.append((f"decoder {class_of(model.decoder)}", model.decoder(passed.latents)))  # pyright: ignore
        latents = latents | self._boxes(clips, boxes)
        for name, head in self.named_heads().items():
            samples = extract_features(head.feature, clips, latents, self.clip)
            found = samples.values[samples.present] if isinstance(samples, Samples) else samples
            parts.append((f"feature of the density {name!r}, {class_of(head.feature)},", found))
            parts.append((f"density {name!r}, {class_of(head.density)},", head.evaluate(samples, name)))
        broken = (part for part, values in parts if not bool(torch.isfinite(values).all()))
        return next(broken, "model")

    def _hide(self, frames: Tensor) -> Tensor:
        """Frames (B, C, T, H, W) in [-1, 1] with black pixels, and no flow, where the mask leaves them out."""
        if self.mask is None:
            return frames
        pictures, flow = frames[:, : self.clip.colors], frames[:, self.clip.colors :]
        return torch.cat([pictures.masked_fill(self.mask, -1.0), flow.masked_fill(self.mask, 0.0)], dim=1)


def one_box(clip: ClipSpec, most: int, count: int) -> Tensor:
    """Boxes (count, 4, 1, 1, most) of clips with one object that covers the frame, for clips without a video."""
    boxes = torch.full((count, 4, 1, 1, most), torch.nan)
    boxes[..., 0] = torch.tensor([0.0, 0.0, clip.width, clip.height]).reshape(4, 1, 1)
    return boxes


def check_nll(where: str, nll: object, samples: int) -> None:
    """Check that a density gives one number for each sample.

    Raises:
        ShapeError: `nll` is not a tensor (N,).
    """
    shape = tuple(nll.shape) if isinstance(nll, Tensor) else type(nll).__name__
    if shape != (samples,):
        raise ShapeError(
            f"gives {shape} for {samples} samples, but a negative log-likelihood is ({samples},)",
            where=where,
            fix="correct the component's forward",
        )


def extract_features(
    feature: Feature, clips: Tensor, latents: Mapping[str, Tensor], clip: ClipSpec
) -> Tensor | Samples:
    """Clips (B, C, T, H, W) and latents -> the samples of a density."""
    return feature(clips[:, :, clip.input[0] : clip.input[1]], latents)  # pyright: ignore[reportCallIssue]
