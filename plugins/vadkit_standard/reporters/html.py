"""The result as one page that opens offline in a browser."""

from __future__ import annotations

from pathlib import Path

from vadkit.api import DataError, Reporter, RunResult, write_report


class Html(Reporter):
    """Writes `report.html`: numbers, score curves linked to pictures, events, ROC, histograms, and the worst frames.

    Args:
        megabytes: largest size of the page. Pictures of videos that would exceed it are left out.

    Example:
        >>> Html(megabytes=5).shows_previews
        True
    """

    shows_previews = True

    def __init__(self, *, megabytes: float = 12.0) -> None:
        if not megabytes > 0:
            raise DataError(f"'megabytes' is {megabytes}, but must be greater than 0", where="html")
        self.megabytes = megabytes

    def report(self, result: RunResult, folder: Path) -> None:
        """Write the page. What the run does not have is left out, with the reason.

        Raises:
            RunFolderError: the folder cannot be written.
            DataError: a file with previews of the run is damaged.
        """
        write_report(result, folder, megabytes=self.megabytes)
