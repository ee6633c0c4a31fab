"""Keys that open a service: where they come from, and how one is compared."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from cxnlp.errors import SettingsError

KEY_VARIABLE = "CXNLP_API_KEY"
_MIN_CHARS = 16


def read_keys(path: Path | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Give the keys in a file, one a line, or the one in the environment variable ``CXNLP_API_KEY``; none without both.

    Raises:
        SettingsError: both are given, the file cannot be read or is empty, or a key is too short or not plain ASCII.
    """
    named = environment.get(KEY_VARIABLE)
    if path is None:
        return (_checked(named, KEY_VARIABLE),) if named is not None else ()
    if named is not None:
        raise SettingsError(f"--api-key-file and {KEY_VARIABLE} both name keys; give one of the two")
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        # What is no path may be the key itself.
        named_file = f"{path}" if os.path.exists(path) else "--api-key-file (its value is not repeated)"
        raise SettingsError(f"{named_file}: the keys cannot be read ({reason})") from None
    keys = tuple(_checked(line, str(path)) for line in lines if line.strip())
    if not keys:
        raise SettingsError(f"{path}: no key in it; write one a line")
    return keys


def _checked(key: str, where: str) -> str:
    key = key.strip()
    advice = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    if not key:
        raise SettingsError(f"{where} is empty; unset it, or {advice}")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(f"{where}: a key has spaces or letters outside ASCII, expected one without; {advice}")
    if len(key) < _MIN_CHARS:
        raise SettingsError(f"{where}: a key of {len(key)} characters, expected {_MIN_CHARS} or more; {advice}")
    return key


def opens(given: str, keys: tuple[str, ...]) -> bool:
    """Whether a key is one of ``keys``; takes as long for a wrong one as for a right one, whatever its length."""
    made = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
    found = [hmac.compare_digest(made, hashlib.sha256(key.encode()).digest()) for key in keys]
    return any(found)
