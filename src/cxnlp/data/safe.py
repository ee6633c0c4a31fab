"""Cells that a spreadsheet would run as a formula, made safe."""

from __future__ import annotations

import re

# What makes Excel, LibreOffice or Google Sheets read a cell as a formula, also in their full-width forms.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# A number is what it looks like, and so is a dash that stands for "nothing".
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[., \u00a0\u202f]?[0-9]+)*%?|[-+]?[.,][0-9]+%?|-+")
APOSTROPHE = "'"


def runs_as_formula(cell: str) -> bool:
    """Whether a spreadsheet that opens the cell might compute it instead of showing it."""
    return cell.startswith(_STARTS) and _NUMBER.fullmatch(cell) is None


def unmarked(cell: str) -> str:
    """Take off the apostrophe that ``safe_cell`` puts."""
    return cell[1:] if cell.startswith(APOSTROPHE) and runs_as_formula(cell[1:]) else cell


def safe_cell(cell: str) -> str:
    """Put an apostrophe before a cell that would run as a formula; any other comes back as it is."""
    return APOSTROPHE + cell if runs_as_formula(cell) else cell
