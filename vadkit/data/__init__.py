"""Tools for data sets: check, convert, preview. They import no torch."""

from vadkit.data.check import check_dataset
from vadkit.data.convert import Conversion, convert_dataset
from vadkit.data.preview import preview_dataset
from vadkit.data.report import Finding, Report, Row
from vadkit.data.target import Target, open_target

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
