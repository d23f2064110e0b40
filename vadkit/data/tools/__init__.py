"""Tools for data sets: check, convert, preview. They import no torch."""

from vadkit.data.tools.check import check_dataset
from vadkit.data.tools.convert import Conversion, convert_dataset
from vadkit.data.tools.preview import preview_dataset
from vadkit.data.tools.report import Finding, Report, Row
from vadkit.data.tools.target import Target, open_target

__all__ = [
    "Conversion",
    "Finding",
    "Report",
    "Row",
    "Target",
    "check_dataset",
    "convert_dataset",
    "open_target",
    "preview_dataset",
]
