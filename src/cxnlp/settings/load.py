"""Frozen settings from TOML tables: what is unknown, of the wrong type or out of range is refused by name."""

from __future__ import annotations

import dataclasses
import tomllib
import types
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from cxnlp.errors import SettingsError, nearest

T = TypeVar("T")

_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        SettingsError: the file cannot be read, or is not TOML (with the line).
    """
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); give a TOML file") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # also numbers of thousands of digits and deep nesting
        raise SettingsError(f"{path}: not valid TOML: {error}") from error


def read_settings(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """Make the dataclass ``cls`` of a TOML table; ``where`` names the file in error messages.

    Fields may be bool, int, float, str, Path, Literal, StrEnum, other dataclasses, ``X | None``, and tuples, lists
    and string-keyed dicts of these. A ValueError of ``__post_init__`` whose message begins with a field's name is
    reported under that field.

    Raises:
        SettingsError: an unknown or missing key, a wrong type, or a value that the class refuses.
    """
    settings: T = _dataclass(cls, table, where, "")
    return settings


def as_table(settings: Any) -> dict[str, Any]:
    """Give settings as JSON can hold them, the inverse of ``read_settings``."""
    return {field.name: _plain(getattr(settings, field.name)) for field in dataclasses.fields(settings) if field.init}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return as_table(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Path):
        return value.as_posix()
    return value.value if isinstance(value, StrEnum) else value


def _refuse(where: str, key: str, reason: str) -> NoReturn:
    raise SettingsError(f"{where}: {key}: {reason}" if key else f"{where}: {reason}")


def _wrong(value: Any, expected: str, where: str, key: str) -> NoReturn:
    shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    _refuse(where, key, f"is {shown}, expected {expected}")


def _dataclass(cls: Any, table: Any, where: str, key: str) -> Any:
    if not isinstance(table, Mapping):
        _wrong(table, "a table of settings", where, key)
    hints = get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    for name in table:
        if name not in fields:
            known = f"{nearest(name, list(fields))}; known: {', '.join(fields)}"
            _refuse(where, _under(key, name), f"unknown key{known}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in table:
            _refuse(where, _under(key, name), f"is missing, expected {_expected(hints[name])}")
    values = {name: _convert(hints[name], value, where, _under(key, name)) for name, value in table.items()}
    try:
        return cls(**values)
    except ValueError as error:
        first = str(error).replace(":", " ").split(maxsplit=1)[:1]
        if first and first[0] in fields:
            raise SettingsError(f"{where}: {_under(key, str(error))}") from error
        raise SettingsError(f"{where}: {key}: {error}" if key else f"{where}: {error}") from error


def _under(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _convert(hint: Any, value: Any, where: str, key: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value, where, key)
    if origin in (Union, types.UnionType):
        return _union(hint, value, where, key)
    if origin in (tuple, list):
        if not isinstance(value, list | tuple):
            _wrong(value, _expected(hint), where, key)
        each = args if origin is tuple and args[-1] is not Ellipsis else args[:1] * len(value)
        if len(each) != len(value):
            _wrong(value, f"{len(each)} of them", where, key)
        return origin(
            _convert(arm, item, where, f"{key}[{i}]") for i, (arm, item) in enumerate(zip(each, value, strict=True))
        )
    if origin is not None and origin is not Literal and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            _wrong(value, _expected(hint), where, key)
        return {name: _convert(args[1], item, where, _under(key, name)) for name, item in value.items()}
    return _single(hint, value, where, key)


def _union(hint: Any, value: Any, where: str, key: str) -> Any:
    arms = [arm for arm in get_args(hint) if arm is not type(None)]
    if value is None and len(arms) < len(get_args(hint)):
        return None
    if len(arms) == 1:
        return _convert(arms[0], value, where, key)
    for arm in arms:
        try:
            return _convert(arm, value, where, key)
        except SettingsError:
            continue
    _wrong(value, _expected(hint), where, key)


def _single(hint: Any, value: Any, where: str, key: str) -> Any:
    choices = _choices(hint)
    if choices:
        match = [c for c in choices if c == value and isinstance(c, bool) == isinstance(value, bool)]
        if not match:
            near = nearest(value, [str(choice) for choice in choices]) if isinstance(value, str) else ""
            _wrong(value, f"{_expected(hint)}{near}", where, key)
        return match[0]
    if hint not in _PLAIN:
        raise TypeError(f"{key}: settings cannot be of type {hint!r}")
    wanted = {float: (int, float), Path: (str, Path)}.get(hint, hint)
    # In Python true is an int; in a recipe it is a mistake. So is "not a number", which passes every comparison.
    if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool) or value != value:
        _wrong(value, _expected(hint), where, key)
    try:
        return hint(value)
    except OverflowError:  # a whole number of hundreds of digits, for a float
        _wrong(value, _expected(hint), where, key)


def _choices(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(hint) if isinstance(hint, type) and issubclass(hint, StrEnum) else ()


def _expected(hint: Any) -> str:
    """Say in words what a field of type ``hint`` takes."""
    if choices := _choices(hint):
        return f"one of {', '.join(str(choice) for choice in choices)}"
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_expected(arm) for arm in args if arm is not type(None))
    if origin in (tuple, list):
        return f"a list, each {_expected(args[0])}"
    if dataclasses.is_dataclass(hint) or origin is not None:
        return "a table"
    return _PLAIN.get(hint, str(hint))
