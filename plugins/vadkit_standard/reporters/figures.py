"""Score curves, as in the paper's Fig. 6, and the ROC. Both need the score files alone."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np

from vadkit.api import Reporter, RunResult
from vadkit_standard.reporters import curves
from vadkit_standard.reporters.drawing import colors_of, labelled_videos, quiet, save
from vadkit_standard.reporters.roc import roc

_LONGEST_NAME = 180  # file systems allow 255 bytes


def file_name(video: str) -> str:
    """File name for a video, without suffix."""
    return quote(video, safe=" ", errors="replace")[:_LONGEST_NAME]


class Figures(Reporter):
    """Figures `figures/scores.png` and `figures/roc.png`, and a score curve of each video.

    Args:
        each: also write one file per video, under `figures/videos/`.
        dpi: resolution, dots per inch.

    Example:
        >>> Figures(each=False, dpi=200).dpi
        200
        >>> file_name("cam1/clip 2")  # of the video's figure
        'cam1%2Fclip 2'
    """

    def __init__(self, *, each: bool = True, dpi: int = 120) -> None:
        self.each = each
        self.dpi = dpi

    def report(self, result: RunResult, folder: Path) -> None:
        """Write the figures; the ROC only if there are labels of both classes.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        if not result.videos:
            return
        figures = folder / "figures"
        # A component of weight 0 is fused for another figure only.
        own = result.protocol.get("components") or {}
        shown = [name for name in result.videos[0].components if own.get(name, {}).get("weight", 1.0) != 0]
        colors = colors_of(shown)
        with quiet():
            save(curves.page(result, colors), figures / "scores.png", self.dpi)
            for video in result.videos if self.each else ():
                save(curves.single(video, colors), figures / "videos" / f"{file_name(video.name)}.png", self.dpi)
            if len({int(label) for _, labels in labelled_videos(result.videos) for label in np.unique(labels)}) == 2:
                save(roc(result, colors), figures / "roc.png", self.dpi)
