"""Telephone numbers, as people in the Nordic countries write them (phonenumbers says which exist)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from cxnlp.text.claims import Claims
from cxnlp.text.context import context_before
from cxnlp.text.numbers import AFTER, BEFORE

_SPACE = "[ \u00a0\u202f]"
# Beside the price, the share or the unit of something a number is no telephone.
_NOT_UNIT = rf"(?!{_SPACE}?(?:kr\b|kroner|kronor|nok\b|dkk\b|sek\b|eur|usd|[€$£%]|kg\b|km\b|gb\b|mb\b|poeng|points?\b))"
_ABROAD = re.compile(r"(?<![\w+])(?:\+|00(?=[1-9]))[1-9][0-9]{0,2}(?:[ \u00a0\u202f().\-/]{0,3}[0-9]){5,13}(?![0-9])")
# Eight digits, in Norway and Denmark: together, or in groups of 2 2 2 2, 3 2 3 or 4 4.
_EIGHT = re.compile(
    rf"{BEFORE}(?:[0-9]{{8}}|[0-9]{{2}}(?P<a>{_SPACE}|[.-])[0-9]{{2}}(?P=a)[0-9]{{2}}(?P=a)[0-9]{{2}}"
    rf"|[0-9]{{3}}(?P<b>{_SPACE}|[.-])[0-9]{{2}}(?P=b)[0-9]{{3}}|[0-9]{{4}}(?P<c>{_SPACE}|[.-])[0-9]{{4}})"
    rf"{AFTER}(?!{_SPACE}[0-9]){_NOT_UNIT}"
)
# A trunk zero, in Sweden, Finland and Britain.
_ZERO = re.compile(
    rf"(?<![\w#+(])(?<![0-9][.,:/\-])(?<![A-Za-z]-)(?:\(0[0-9]{{1,4}}\)|0[0-9]{{1,4}})"
    rf"(?:{_SPACE}?[-/]?{_SPACE}?[0-9]{{2,8}}){{1,4}}{AFTER}{_NOT_UNIT}"
)
_AMERICAN = re.compile(rf"(?<![\w#+(])(?<![0-9]-)(?:\([0-9]{{3}}\) ?|[0-9]{{3}}[ .-])[0-9]{{3}}[ .-][0-9]{{4}}{AFTER}")
# The first to claim the digits has them: "020 7946 0958" ends like a Danish number.
_KINDS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (_ABROAD, ()), (_ZERO, ("SE", "FI", "GB")), (_AMERICAN, ("US",)), (_EIGHT, ("NO", "DK")),
)  # fmt: skip
_DATE = re.compile(r"[0-9]{1,2}[-./ ][0-9]{1,2}[-./ ](?:[0-9]{2}|[0-9]{4})")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of telephone numbers of people; free, shared and premium lines are a company's."""
    claims = Claims(text)
    for pattern, regions in _KINDS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if not claims.free(start, end):
                continue
            if not regions:
                end = start + _length_abroad(match[0])
            elif _looks_like_something_else(match[0], text, start) or not _exists(match[0], regions):
                continue
            if end > start:
                claims.claim(start, end)
                yield start, end


def _length_abroad(number: str) -> int:
    """Find how much of it is a number with its country code, which other digits may follow."""
    ends = [match.start() + 1 for match in re.finditer(r"[0-9](?![0-9])", number)]
    for end in reversed(ends):
        plain = number[:end] if number.startswith("+") else "+" + number[2:end]
        if _exists(plain.replace("(0)", ""), (None,)):
            return end
    return 0


def _exists(number: str, regions: tuple[str | None, ...]) -> bool:
    import phonenumbers as pn

    companies = (
        pn.PhoneNumberType.TOLL_FREE, pn.PhoneNumberType.PREMIUM_RATE, pn.PhoneNumberType.SHARED_COST,
        pn.PhoneNumberType.UAN,
    )  # fmt: skip
    for region in regions:
        try:
            parsed = pn.parse(number, region)
        except pn.NumberParseException:
            continue
        if pn.is_valid_number(parsed) and pn.number_type(parsed) not in companies:
            return True
    return False


def _looks_like_something_else(number: str, text: str, start: int) -> bool:
    """Whether only a word such as "phone" before it would make it one, and there is none."""
    context = context_before(text, start)
    if context == "phone":
        return False
    if context == "other":
        return True
    groups = re.findall(r"[0-9]+", number)
    if _DATE.fullmatch(number) or (len(groups) == 1 and _is_day(groups[0])):
        return True
    if len(groups) == 2 and all(map(_YEAR.fullmatch, groups)):
        return True
    if len(groups[0]) == 2 and len(groups) == 4 and _is_row(groups):
        return True
    # With dots or hyphens eight digits are a version, a time of day, an order.
    return len("".join(groups)) == 8 and groups[0][0] != "0" and bool(re.search(r"[.-]", number))


def _is_day(digits: str) -> bool:
    """Whether eight digits are a date of our time, as 20240312 or 12032024."""
    for form, year in (("%Y%m%d", digits[:4]), ("%d%m%Y", digits[4:])):
        try:
            datetime.strptime(digits, form)
        except ValueError:
            continue
        if "1930" <= year <= "2040":
            return True
    return False


def _is_row(groups: list[str]) -> bool:
    """Whether numbers go up or down by equal steps, as sizes do: 38 39 40 41."""
    values = list(map(int, groups))
    return len({b - a for a, b in pairwise(values)}) == 1
