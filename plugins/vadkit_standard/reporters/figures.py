"""Score curves as in the paper's Fig. 6, and the ROC: what the score files alone tell."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from vadkit.api import Reporter, RunResult
from vadkit_standard.reporters import curves
from vadkit_standard.reporters.drawing import colors_of, quiet, save
from vadkit_standard.reporters.roc import roc

_LONGEST_NAME = 180  # file systems allow 255 bytes


def file_name(video: str) -> str:
    """What a file about a video is called, without its suffix."""
    return quote(video, safe=" ", errors="replace")[:_LONGEST_NAME]


class Figures(Reporter):
    """Writes `figures/scores.png`, `figures/roc.png` and a score curve of each video.

    Args:
        each: also write one file a video, under `figures/videos/`.
        dpi: dots an inch.
    """

    def __init__(self, *, each: bool = True, dpi: int = 120) -> None:
        self.each = each
        self.dpi = dpi

    def report(self, result: RunResult, folder: Path) -> None:
        """Write the pictures; the ROC only where labels of both classes are known.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        if not result.videos:
            return
        figures = folder / "figures"
        # One of weight 0 is fused for another figure's sake.
        own = result.protocol.get("components") or {}
        shown = [name for name in result.videos[0].components if own.get(name, {}).get("weight", 1.0) != 0]
        colors = colors_of(shown)
        with quiet():
            save(curves.page(result, colors), figures / "scores.png", self.dpi)
            for video in result.videos if self.each else ():
                save(curves.single(video, colors), figures / "videos" / f"{file_name(video.name)}.png", self.dpi)
            labelled = [(video, video.labels) for video in result.videos if video.labels is not None]
            abnormal = sum(int(labels.sum()) for _, labels in labelled)
            if 0 < abnormal < sum(labels.size for _, labels in labelled):
                save(roc(result.name, labelled, colors, result.protocol), figures / "roc.png", self.dpi)
