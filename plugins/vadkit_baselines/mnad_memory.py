"""The memory of MNAD: items that normal queries write to, in training and at test time.

Source: Park, Noh and Ham, CVPR 2020, section 3, and its code (cvlab-yonsei/MNAD). Where the two differ: distances
are means of squares over channels, as in the code, where the paper writes norms; addressing passes no gradient, as
in the code; an item's update is weighted relative to the largest weight among its own queries, as in Eq. 6 (in the
code, among all queries). In the code the items go on from one test video to the next; here every video begins with
the trained ones, so that no score depends on the order of the videos.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import Bottleneck, BottleneckOutput, ClipOutputs, LatentSpec, ShapeError


class MNADMemory(Bottleneck, nn.Module):
    """Each query reads a mean of the items, weighted by softmax(query . item), which is put beside it.

    So `query` leaves with twice its channels. Losses: `compactness`, the squared distance from the
    nearest item, and `separateness`, max(0, d(nearest) - d(second) + margin). Score: `distance`, the
    mean of the squared distances from the nearest items. All queries and items have length 1.

    Args:
        latents: of the encoder; `query` among them.
        items: of the memory.
        compactness: weight of the compactness loss.
        separateness: weight of the separateness loss.
        margin: of the separateness loss.
        threshold: a scored clip writes to the items if its weighted regular score, the mean squared error
            of pixels in [0, 1] in which larger errors count more, is below this; null never writes.
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
        if "query" not in latents:
            raise ShapeError(f"needs a latent 'query'; there are {', '.join(latents)}", fix="use the encoder mnad")
        if items < 2:
            raise ShapeError(f"a second nearest item needs at least 2 items, not {items}")
        given = latents["query"]
        beside = LatentSpec(2 * given.channels, given.frames, given.height, given.width)
        self.latents = {**latents, "query": beside}
        self.compactness, self.separateness = compactness, separateness
        self.margin, self.threshold = margin, threshold
        self.stateful = "" if threshold is None else "test-time memory updates"
        self.register_buffer("items", functional.normalize(torch.rand(items, given.channels), dim=1))
        self._written: Tensor | None = None  # the items as this video has left them so far

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """`query` (B, C', 1, H', W') -> (B, 2 C', 1, H', W'); in training the items are written to."""
        with torch.autocast(latents["query"].device.type, enabled=False):  # items must stay of length 1
            return self._read(latents)

    def _read(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        items = self._items()
        queries = _rows(latents["query"])  # (B, K, C')
        nearness = queries @ items.T  # (B, K, M)
        read = nearness.softmax(-1).detach() @ items
        pair = torch.cat([queries, read], dim=-1).transpose(1, 2).reshape(len(queries), -1, *latents["query"].shape[2:])
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
        """Go back to the trained items."""
        self._written = None

    def update(self, out: ClipOutputs) -> None:
        """Let a clip write to the items if it looks normal."""
        if self.threshold is None or out.output is None or regular(out.output, out.target) >= self.threshold:
            return
        self._written = written(self._items(), _rows(out.latents["query"]).flatten(0, 1))

    def _items(self) -> Tensor:
        """(M, C'), apart from the buffer, which training writes to."""
        if self.training or self._written is None:
            return self.get_buffer("items").clone()
        return self._written


def written(items: Tensor, queries: Tensor) -> Tensor:
    """Items (M, C') after queries (K, C') wrote to the ones nearest to them (Eq. 5 and 6).

    p <- p + sum of v' q, brought to length 1, over the queries that are nearest to p; v' is exp(q . p), relative
    to its largest value there.
    """
    nearness = queries @ items.T  # (K, M)
    own = functional.one_hot(nearness.argmax(1), len(items)).bool()
    largest = nearness.masked_fill(~own, -torch.inf).amax(0)  # -inf for an item that nobody is nearest to
    weights = torch.where(own, (nearness - largest).exp(), 0.0)
    return functional.normalize(items + weights.T @ queries, dim=1)


def regular(output: Tensor, target: Tensor) -> float:
    """The weighted regular score of one clip: its squared error of pixels in [0, 1], weighted by 1 - exp(-error)."""
    error = ((output.float() - target) / 2).square()
    weights = 1 - torch.exp(-error)
    return ((weights * error).sum() / weights.sum().clamp_min(1e-12)).item()


def _rows(latent: Tensor) -> Tensor:
    """(B, C', 1, H', W') -> (B, K, C'), each of length 1, float32."""
    return functional.normalize(latent.float().flatten(2), dim=1).transpose(1, 2)
