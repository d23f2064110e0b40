"""Memory-guided normality (MNAD): an autoencoder with queries that read a small memory.

Source: Park, Noh and Ham, "Learning memory-guided normality for anomaly detection", CVPR 2020, and its code
(cvlab-yonsei/MNAD). Frames are 256x256 in colour. The prediction variant predicts the fifth frame from four, with skip
connections (15.65 M parameters). The reconstruction variant sees one frame and has no skip connections. The code adds
batch norm everywhere except after the queries, and 3x3 transposed convolutions; the paper's figure leaves both open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vadkit.api import ClipSpec, LatentSpec
from vadkit_baselines.planes import PlanesDecoder, PlanesEncoder, positive


class MNADEncoder(PlanesEncoder):
    """Encoder of MNAD: input frames, stacked as channels, to queries for a memory.

    Latents: the map `query`, and `skip1`, `skip2`, ... from the full size on.

    Args:
        clip: geometry of a clip.
        channels: channels of each level; the last is the dimension of the queries.
        skips: whether the decoder also gets the maps of the upper levels. Use true for prediction, false for
            reconstruction.

    Example:
        >>> import torch
        >>> encoder = MNADEncoder(ClipSpec(5, 16, 16, input=(0, 4), target=(4, 5)), channels=(4, 8))
        >>> latents = encoder(torch.zeros(1, 3, 4, 16, 16))
        >>> {name: tuple(latent.shape) for name, latent in latents.items()}
        {'skip1': (1, 4, 1, 16, 16), 'query': (1, 8, 1, 8, 8)}
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (64, 128, 256, 512), skips: bool = True) -> None:
        super().__init__(clip, channels, "query", skips=skips, norm=True, bare=True)


class MNADDecoder(PlanesDecoder):
    """Decoder of MNAD: queries with the items that they read, to the target frames, through tanh.

    Args:
        latents: name -> shape of each latent of the encoder `mnad`, with or without `mnad_memory`.
        clip: geometry of a clip.
        channels: channels of each level, from the size of the queries up to the size of the frame.

    Example:
        >>> import torch
        >>> latents = {"skip1": LatentSpec(4, 1, 16, 16), "query": LatentSpec(16, 1, 8, 8)}
        >>> decoder = MNADDecoder(latents, ClipSpec(5, 16, 16, input=(0, 4), target=(4, 5)), channels=(8, 4))
        >>> decoder({"skip1": torch.zeros(1, 4, 1, 16, 16), "query": torch.zeros(1, 16, 1, 8, 8)}).shape
        torch.Size([1, 3, 1, 16, 16])
    """

    def __init__(
        self, latents: Mapping[str, LatentSpec], clip: ClipSpec, *, channels: Sequence[int] = (512, 256, 128, 64)
    ) -> None:
        positive(channels, "channels")
        super().__init__(latents, clip, channels[1:], "query", bottom=channels[0], kernel=3, norm=True)
