"""The ratings beside the texts of an export."""

from __future__ import annotations

from pathlib import Path

from cxnlp.data.columns import find_id_column
from cxnlp.data.tables import ReadingOptions, open_table, read_rows


def ratings_by_id(path: Path, text_column: str | None = None) -> dict[str, float]:
    """Give id to rating, from −1 (1 of 5 stars) to 1 (5 of 5), of the rows that have one; empty without such a column.

    The columns are found as for scoring; see ``cxnlp columns FILE``.

    Raises:
        DataError: the file cannot be read, or has a rating and no column of ids.
    """
    table = open_table(path, ReadingOptions(text_column=text_column))
    if "rating" not in table.roles:
        return {}
    column = find_id_column(str(path), table.columns)
    return {
        str(row.fields[column]).strip(): row.rating
        for row in read_rows(table)
        if row.rating is not None and row.fields.get(column) is not None
    }
