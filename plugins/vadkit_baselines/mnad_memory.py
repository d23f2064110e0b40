"""The memory of MNAD: normal queries update its items, in training and at test time.

Source: Park, Noh and Ham, CVPR 2020, section 3, and its code (cvlab-yonsei/MNAD). Where the two differ: distances
are means of squares over channels, as in the code; the paper writes norms. Addressing passes no gradient, as in the
code. The update of an item is weighted relative to the largest weight among its own queries, as in Eq. 6; the code
uses all queries. In the code, items carry over from one test video to the next. Here every video starts with the
trained items, so that no score depends on the order of the videos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import Bottleneck, BottleneckOutput, ClipOutputs, LatentSpec, ShapeError
from vadkit_baselines.widths import needed


class MNADMemory(Bottleneck, nn.Module):
    """Memory of MNAD: each query reads a mean of the items, weighted by softmax(query . item).

    The mean is concatenated to the query, which doubles the channels of `query`. Queries and items have length 1.
    Losses: `compactness`, the squared distance to the nearest item, and `separateness`,
    max(0, d(nearest) - d(second) + margin). Score: `distance`, the mean squared distance to the nearest items.

    Args:
        latents: name -> shape of each latent of the encoder; needs `query`.
        items: number of memory items.
        compactness: weight of the compactness loss.
        separateness: weight of the separateness loss.
        margin: margin of the separateness loss.
        threshold: a scored clip updates the items if its regular score is below this; null disables updates. The
            regular score is the mean squared error of pixels in [0, 1], weighted towards large errors.

    Example:
        >>> memory = MNADMemory({"query": LatentSpec(8, 1, 4, 4)}, items=3).eval()
        >>> out = memory({"query": torch.ones(2, 8, 1, 4, 4)})
        >>> out.latents["query"].shape, out.scores["distance"].shape
        (torch.Size([2, 16, 1, 4, 4]), torch.Size([2, 1]))
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        *,
        items: int = 10,
        compactness: float = 0.1,
        separateness: float = 0.1,
        margin: float = 1.0,
        threshold: float | None = 0.01,
    ) -> None:
        super().__init__()
        given = needed(latents, "query", "use the encoder mnad")
        if items < 2:
            raise ShapeError(f"items must be at least 2, but it is {items}")
        self.latents = {**latents, "query": replace(given, channels=2 * given.channels)}
        self.compactness, self.separateness = compactness, separateness
        self.margin, self.threshold = margin, threshold
        self.stateful = "" if threshold is None else "test-time memory updates"
        self.register_buffer("items", functional.normalize(torch.rand(items, given.channels), dim=1))
        self._written: Tensor | None = None  # the items after this video's updates so far

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """`query` (B, C', 1, H', W') -> (B, 2 C', 1, H', W'). In training it also updates the items."""
        with torch.autocast(latents["query"].device.type, enabled=False):  # items must stay of length 1
            return self._read(latents)

    def _read(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        items = self._items()
        queries = _rows(latents["query"])  # (B, K, C')
        nearness = queries @ items.T  # (B, K, M)
        read = nearness.softmax(-1).detach() @ items
        pair = torch.cat([queries, read], dim=-1).transpose(1, 2)  # (B, 2 C', K)
        pair = pair.unflatten(2, latents["query"].shape[2:])
        two = items[nearness.topk(2, dim=-1).indices]  # (B, K, 2, C')
        apart = (queries - two[:, :, 0]).square().mean(-1)  # (B, K)
        scores = {"distance": apart.mean(1, keepdim=True).detach()}
        passed = {**latents, "query": pair.to(latents["query"].dtype)}
        if not self.training:
            return BottleneckOutput(passed, scores=scores)
        margins = functional.triplet_margin_loss(
            queries.flatten(0, 1), two[:, :, 0].flatten(0, 1), two[:, :, 1].flatten(0, 1), margin=self.margin
        )
        self.get_buffer("items").copy_(written(items, queries.detach().flatten(0, 1)))
        losses = {"compactness": self.compactness * apart.mean(), "separateness": self.separateness * margins}
        return BottleneckOutput(passed, losses, scores)

    def reset(self) -> None:
        """Restore the trained items."""
        self._written = None

    def update(self, out: ClipOutputs) -> None:
        """Update the items with a clip if it looks normal."""
        if self.threshold is None or out.output is None or regular(out.output, out.target) >= self.threshold:
            return
        self._written = written(self._items(), _rows(out.latents["query"]).flatten(0, 1))

    def _items(self) -> Tensor:
        """(M, C'), a copy of the buffer, which training changes in place."""
        if self.training or self._written is None:
            return self.get_buffer("items").clone()
        return self._written


def written(items: Tensor, queries: Tensor) -> Tensor:
    """Return the items (M, C') after queries (K, C') updated their nearest ones (Eq. 5 and 6).

    p <- p + sum of v' q, scaled to length 1, over the queries that are nearest to p; v' is exp(q . p), divided
    by its largest value there.
    """
    nearness = queries @ items.T  # (K, M)
    own = functional.one_hot(nearness.argmax(1), len(items)).bool()
    largest = nearness.masked_fill(~own, -torch.inf).amax(0)  # -inf for an item that is nearest to no query
    weights = torch.where(own, (nearness - largest).exp(), 0.0)
    return functional.normalize(items + weights.T @ queries, dim=1)


def regular(output: Tensor, target: Tensor) -> float:
    """The regular score of one clip: its squared error of pixels in [0, 1], weighted by 1 - exp(-error)."""
    error = ((output.float() - target) / 2).square()
    weights = 1 - torch.exp(-error)
    return ((weights * error).sum() / weights.sum().clamp_min(1e-12)).item()


def _rows(latent: Tensor) -> Tensor:
    """(B, C', 1, H', W') -> (B, K, C'), each of length 1, float32."""
    return functional.normalize(latent.float().flatten(2), dim=1).transpose(1, 2)
