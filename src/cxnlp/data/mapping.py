"""A small TOML file that says what the columns of an export mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cxnlp.data.rows import ReadingOptions
from cxnlp.settings.load import read_settings, read_toml


@dataclass(frozen=True)
class Mapping:
    """What a mapping may say; what it leaves out is found as without one."""

    format: str | None = None
    text: str | None = None
    title: str | None = None
    rating: str | None = None
    rating_scale: str | None = None
    """``stars``, ``nps``, or lowest and highest such as ``1-6``."""
    date: str | None = None
    date_order: Literal["day-first", "month-first"] | None = None
    language: str | None = None
    id: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    extra_header_rows: int = 0
    """Records below the header's first that are no rows."""
    personal: tuple[str, ...] = ()
    """Further columns that are not carried to the output."""
    carry: tuple[str, ...] = ()
    """Columns that are carried although they look personal."""
    leave_out: dict[str, tuple[str, ...]] | None = None
    """Column to values; a row that has one of them is left out."""


NO_MAPPING = Mapping()


def read_mapping(path: Path) -> Mapping:
    """Read a mapping.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or has a key that is not known.
    """
    return read_settings(Mapping, read_toml(path), str(path))


def _first(given: str | None, mapped: str | None) -> str | None:
    """Give the option; an empty one says that there is no such column, and wins too."""
    return mapped if given is None else given


def merged(options: ReadingOptions, mapping: Mapping) -> ReadingOptions:
    """Give the options with the mapping's where the user gave none."""
    return replace(
        options,
        text_column=options.text_column or mapping.text,
        title_column=_first(options.title_column, mapping.title),
        rating_column=_first(options.rating_column, mapping.rating),
        rating_scale=options.rating_scale or mapping.rating_scale,
        date_column=_first(options.date_column, mapping.date),
        language_column=_first(options.language_column, mapping.language),
        encoding=options.encoding or mapping.encoding,
        delimiter=options.delimiter or mapping.delimiter,
        sheet=options.sheet or mapping.sheet,
        format=options.format or mapping.format,
    )
