"""JSON as a table: one object a line, or one array of objects, alone or inside an object; read as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO

from cxnlp.data.delimited import INVALID_BYTES, REASONS
from cxnlp.data.encodings import INVALID_MARK, Encoding, decoded, find_encoding, text_lines
from cxnlp.data.json_rows import BROKEN_LINE, json_rows
from cxnlp.data.raw import Raw, RawTable
from cxnlp.data.source import Source
from cxnlp.errors import DataError

# Keys under which services put the list of reviews; these win over others that hold lists of objects.
_KNOWN_LISTS = ("reviews", "data", "results", "items", "responses", "feedback", "records", "rows")
_MAX_DEPTH = 50
_BLOCK_CHARS = 1 << 16
# Stands in for bytes that are not text; Unicode promises that it is no character.
_MARK = "\ufdd0"


def open_json(source: Source, encoding: str | None) -> RawTable:
    """Look through a JSON file once for its keys.

    Raises:
        DataError: it cannot be read, is not JSON, or holds no objects.
    """
    found = find_encoding(source, encoding)
    prefix = "" if source.kind == "jsonl" else _list_of_objects(source, found)

    def rows() -> Iterator[Raw]:
        return _array_rows(source, found, prefix) if prefix else _line_rows(source, found)

    name = prefix.removesuffix("item").rstrip(".")
    notes = ["JSON: one object a line."] if not prefix else []
    notes += [f'JSON: the objects of the list "{name}".' if name else "JSON: a list of objects."] if prefix else []
    keys: dict[str, None] = {}
    n_rows = 0
    for raw in rows():
        n_rows += 1
        if BROKEN_LINE not in raw.flags:
            keys.update(dict.fromkeys(raw.cells))
    if not n_rows:
        what = "lines" if source.kind == "jsonl" else "objects"
        raise DataError(f"{source.path}: no {what}; expected objects with the text of a review each")
    if not keys:
        raise DataError(
            f"{source.path}: none of the {n_rows} {'lines' if source.kind == 'jsonl' else 'items'} is a JSON object "
            "with a field; expected one object for each review"
        )
    if not found.plain:
        notes.append(f"Encoding: {found.name}{' (as given)' if encoding else ''}.")
    names = tuple(keys)
    return RawTable(source, found, "", names, names, rows, tuple(notes))


def _line_rows(source: Source, encoding: Encoding) -> Iterator[Raw]:
    for line in json_rows(text_lines(source, encoding)):
        if line.record is None:
            yield Raw(line.number, {}, (*line.flags, BROKEN_LINE), line.problem, line.raw)
        else:
            problem = "; ".join(REASONS[flag] for flag in line.flags)
            yield Raw(line.number, _lifted(line.record), line.flags, problem)


def _lifted(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lift the fields of ``attributes``, where JSON:API (App Store Connect) has them, to the others."""
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or "type" not in record:
        return record
    rest = {key: value for key, value in record.items() if key != "attributes"}
    return rest | {f"attributes.{key}" if key in rest else key: value for key, value in attributes.items()}


class _Utf8:
    """The bytes of a JSON file as UTF-8, with a mark where they are not text."""

    def __init__(self, raw: BinaryIO, encoding: Encoding) -> None:
        self._text = decoded(raw, encoding)
        self._first = True
        self.damaged = False

    def read(self, size: int = -1) -> bytes:
        block = self._text.read(_BLOCK_CHARS if size else 0)
        if self._first and size:
            block, self._first = block.removeprefix("\ufeff"), False
        if INVALID_MARK in block:
            self.damaged = True
            block = block.replace(INVALID_MARK, _MARK)
        return block.encode("utf-8", "replace")


def _explained(source: Source, act: Callable[[_Utf8], Iterator[Any]], encoding: Encoding) -> Iterator[Any]:
    """Yield what ``act`` gives, and say so where the file is not JSON."""
    import ijson

    try:
        with source.open() as raw:
            yield from act(_Utf8(raw, encoding))
    except (ijson.JSONError, UnicodeError) as error:
        raise DataError(
            f"{source.path}: not valid JSON ({_where(error)}); a list of reviews must be whole to be read, "
            "so export it again, or save one object a line as .jsonl"
        ) from error


def _where(error: Exception) -> str:
    """Say what the parser found, but nothing of the text that it found it in."""
    return str(error).splitlines()[0][:80] if type(error).__name__ == "IncompleteJSONError" else "a value is malformed"


def _list_of_objects(source: Source, encoding: Encoding) -> str:
    """Find the list whose items are the reviews; give it as the parser's prefix, such as ``reviews.item``."""
    import ijson

    found: list[str] = []

    def scan(file: _Utf8) -> Iterator[str]:
        before: tuple[str, str] = ("", "")
        for prefix, event, _ in ijson.parse(file):
            if event == "start_map" and before[1] == "start_array" and prefix == f"{before[0]}.item".lstrip("."):
                yield prefix
            before = (prefix, event)

    for prefix in _explained(source, scan, encoding):
        parts = prefix.split(".")
        if prefix == "item" or (len(parts) == 2 and parts[0].casefold() in _KNOWN_LISTS):
            return str(prefix)
        if len(parts) <= 3 and "item" not in parts[:-1] and prefix not in found:
            found.append(prefix)
    if len(found) == 1:
        return found[0]
    several = f"several lists of objects ({', '.join(p.removesuffix('.item')[:40] for p in found[:9])})"
    raise DataError(
        f"{source.path}: {several if found else 'no list of objects'}; expected a list of reviews, "
        'alone or under a name such as "reviews"'
    )


def _array_rows(source: Source, encoding: Encoding, prefix: str) -> Iterator[Raw]:
    import ijson

    def items(file: _Utf8) -> Iterator[Raw]:
        for number, item in enumerate(ijson.items(file, prefix), 1):
            yield _item(number, item, damaged=file.damaged)

    return _explained(source, items, encoding)


def _item(number: int, item: Any, *, damaged: bool) -> Raw:
    if not isinstance(item, dict):
        return Raw(number, {}, (BROKEN_LINE,), f"a JSON {type(item).__name__}, expected an object")
    marks: list[str] = []
    try:
        record = _plain(item, marks if damaged else None)
    except RecursionError:
        return Raw(number, {}, (BROKEN_LINE,), "a JSON value too large to read; expected an object")
    if marks:
        return Raw(number, _lifted(record), (INVALID_BYTES,), REASONS[INVALID_BYTES])
    return Raw(number, _lifted(record))


def _plain(value: Any, marks: list[str] | None, depth: int = 0) -> Any:
    """Give a parsed value with floats for decimals; note in ``marks`` where bytes were not text."""
    if depth > _MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        return {_plain(key, marks): _plain(item, marks, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, marks, depth + 1) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if marks is not None and isinstance(value, str) and _MARK in value:
        marks.append(_MARK)
        return value.replace(_MARK, "\ufffd")
    return value
