"""What labels mean, read from the tables of annotation guidelines in Markdown."""

from __future__ import annotations

import re
from pathlib import Path

from cxnlp.errors import DataError
from cxnlp.taxonomy import Taxonomy

# | `label` | … | what it covers |
_ROW = re.compile(r"\s*\|\s*`([^`]+)`\s*\|(.*)\|\s*")
_CELL = re.compile(r"(?<!\\)\|")


def read_guidelines(path: Path) -> str:
    """Read guidelines.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the guidelines cannot be read ({error}); give a Markdown file in UTF-8") from error


def definitions_of(guidelines: str, taxonomy: Taxonomy) -> dict[str, dict[str, str]]:
    """Find facet to label to what it means: the last cell of each row that begins with a label in backticks.

    A table belongs to the facet that knows all its labels and has the fewest others; one that fits none is left out.
    """
    found: dict[str, dict[str, str]] = {}
    for table in _tables(guidelines):
        fitting = [facet for facet in taxonomy.facets if table.keys() <= set(facet.labels)]
        if fitting:
            facet = min(fitting, key=lambda facet: len(facet.labels))
            found.setdefault(facet.name, {}).update(table)
    return found


def _tables(text: str) -> list[dict[str, str]]:
    tables: list[dict[str, str]] = []
    inside = False
    for line in text.splitlines():
        match = _ROW.fullmatch(line)
        if match:
            if not inside:
                tables.append({})
            meaning = _CELL.split(match[2])[-1].replace("\\|", "|").replace("`", "").strip()
            if meaning:
                tables[-1][match[1]] = meaning
        inside = match is not None
    return [table for table in tables if table]
