"""Personal data in a text: where it stands, and the text without it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from cxnlp.errors import ExtraError
from cxnlp.text.addresses import addresses
from cxnlp.text.claims import Claims
from cxnlp.text.links import emails, link_ranges, personal_links
from cxnlp.text.numbers import cards, ibans, national_ids
from cxnlp.text.phones import phones

KINDS = ("url", "email", "iban", "card", "national_id", "phone", "address")
"""What is looked for; a text that two kinds lay claim to belongs to the first."""

_Ranges = Iterable[tuple[int, int]]
# Nothing personal of these kinds is without a digit or one of these.
_CANDIDATE = re.compile(r"[0-9@]|://|www\.|\(at\)|\[at\]|\.\w+/", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[(?:" + "|".join(KINDS) + r")\]")


@dataclass(frozen=True)
class PersonalSpan:
    """``text[start:end]`` is personal data of a ``kind``, one of ``KINDS``."""

    start: int
    end: int
    kind: str


def require_personal() -> None:
    """Ask for the packages before a run begins.

    Raises:
        ExtraError: phonenumbers or python-stdnum is not installed.
    """
    for package, module in (("phonenumbers", "phonenumbers"), ("python-stdnum", "stdnum")):
        if find_spec(module) is None:
            raise ExtraError("masking personal data", package, "privacy")


def find_personal(text: str) -> tuple[PersonalSpan, ...]:
    """Find personal data: spans in the order of the text, which do not overlap.

    Raises:
        ExtraError: phonenumbers or python-stdnum is not installed.
    """
    if not _CANDIDATE.search(text):
        return ()
    require_personal()
    # Of the same length, so that offsets hold: a placeholder must not be read as the word "phone" beside a number.
    text = _PLACEHOLDER.sub(lambda match: " " * len(match[0]), text)
    finders: tuple[tuple[str, Callable[[str], _Ranges]], ...] = (
        ("url", personal_links), ("email", emails), ("iban", ibans), ("card", cards), ("national_id", national_ids),
        ("phone", phones), ("address", addresses),
    )  # fmt: skip
    claims = Claims(text)
    found: list[PersonalSpan] = []
    for kind, find in finders:
        for start, end in find(text):
            if claims.free(start, end):
                found.append(PersonalSpan(start, end, kind))
                claims.claim(start, end)
        if kind == "url":
            # The number of an article in a plain link is nobody's telephone.
            for start, end in link_ranges(text):
                claims.claim(start, end)
    return tuple(sorted(found, key=lambda span: span.start))


def mask_personal(text: str) -> str:
    """Replace personal data by its kind in brackets, such as ``[email]`` or ``[phone]``.

    Raises:
        ExtraError: phonenumbers or python-stdnum is not installed.
    """
    parts, end = [], 0
    for span in find_personal(text):
        parts += [text[end : span.start], f"[{span.kind}]"]
        end = span.end
    return "".join([*parts, text[end:]])
