"""Tools for data sets: check, convert, preview, find boxes. They import no torch."""

from vadkit.data.tools.boxes import write_boxes
from vadkit.data.tools.check import check_dataset
from vadkit.data.tools.convert import convert_dataset
from vadkit.data.tools.preview import preview_dataset
from vadkit.data.tools.report import Finding, Report
from vadkit.data.tools.target import Target, open_target

__all__ = [
    "Finding",
    "Report",
    "Target",
    "check_dataset",
    "convert_dataset",
    "open_target",
    "preview_dataset",
    "write_boxes",
]
