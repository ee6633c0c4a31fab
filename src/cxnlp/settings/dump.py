"""Settings as TOML, for recipes that a command writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from cxnlp.settings.load import as_table

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(settings: Any) -> str:
    """Write settings as TOML that ``read_settings`` reads back as the same; what is None is left out."""
    return "\n".join(_lines(as_table(settings), "")).strip() + "\n"


def _lines(table: Mapping[str, Any], under: str) -> list[str]:
    plain = {key: value for key, value in table.items() if not _is_tables(value) and value is not None}
    lines = [f"{_key(key)} = {toml_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        name = f"{under}{_key(key)}"
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]", *_lines(value, f"{name}.")]
        elif _is_tables(value):
            for item in value:
                lines += ["", f"[[{name}]]", *_lines(item, f"{name}.")]
    return lines


def _is_tables(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def toml_value(value: Any) -> str:
    """Write a truth value, a number, a text or a list of these as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)  # numbers: TOML writes them as Python does
