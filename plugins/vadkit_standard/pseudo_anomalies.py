"""The loss of STEAL Net, which learns from pseudo-anomalies."""

from __future__ import annotations

from torch import Tensor, nn

from vadkit.api import ClipOutputs, ClipSpec, Loss, ShapeError

TAG = "pseudo"


class STEAL(Loss, nn.Module):
    """The loss of STEAL Net: another loss, minimised for normal clips and maximised for pseudo-anomalies.

    The value is the mean over the clips of a batch: l for a normal clip, and -w * l for a clip with the tag
    `pseudo`. Here, l is the other loss and w is `pseudo_weight`. The other loss must be a mean over clips.

    The loss has no lower limit if the pixels of the output have none. Use a decoder that ends in a tanh, as in the
    paper, or give pseudo-anomalies a small weight.

    Source: Astrid, Zaheer and Lee, "Synthetic temporal anomaly guided end-to-end video anomaly detection", ICCV
    Workshops 2021, and the authors' code (github.com/aseuteurideu/STEAL): l is the mean squared error and w is 1.

    Args:
        clip: geometry of a clip.
        loss: the other loss, such as `l2`.
        pseudo_weight: weight of the loss of pseudo-anomalies. 0 ignores them.

    Raises:
        ShapeError: the weight is negative.

    Example:
        >>> import torch
        >>> from vadkit_standard.losses import L2
        >>> spec, clips = ClipSpec(2, 8, 8), torch.zeros(2, 3, 2, 8, 8)
        >>> output = clips + torch.tensor([0.5, 1.0]).reshape(2, 1, 1, 1, 1)
        >>> out = ClipOutputs(spec, clips, clips, output, tags={"pseudo": torch.tensor([0.0, 1.0])})
        >>> STEAL(spec, loss=L2(spec))(out)  # (0.25 - 1) / 2
        tensor(-0.3750)
    """

    def __init__(self, clip: ClipSpec, *, loss: Loss, pseudo_weight: float = 1.0) -> None:
        super().__init__()
        del clip
        if not pseudo_weight >= 0:
            raise ShapeError(f"pseudo_weight must be at least 0, but it is {pseudo_weight}")
        self.loss, self.pseudo_weight = loss, pseudo_weight
        self.tags = (TAG, *loss.tags)

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar."""
        if TAG not in out.tags:
            return self._of(out)
        pseudo = out.tags[TAG] > 0
        share = float(pseudo.float().mean())
        loss = out.clips.new_zeros(())
        if share < 1:
            loss = loss + (1 - share) * self._of(out.select(~pseudo))
        if share > 0:
            loss = loss - self.pseudo_weight * share * self._of(out.select(pseudo))
        return loss

    def critic(self, out: ClipOutputs) -> Tensor | None:
        """Return the loss of the other loss's own parameters."""
        return self.loss.critic(out)

    def _of(self, out: ClipOutputs) -> Tensor:
        return self.loss(out)  # pyright: ignore[reportCallIssue]
