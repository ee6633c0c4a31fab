"""Numbers with a check: payment cards, IBAN, and the national identity numbers of Norway, Denmark and Sweden."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from cxnlp.text.context import context_before

_GAP = "[ \u00a0\u202f-]"
# Not inside a longer number, word, decimal or date.
BEFORE = r"(?<![\w#+])(?<![0-9][.,:/\-])(?<![A-Za-z]-)"
AFTER = r"(?!\w)(?![.,:/\-][0-9])"
_CARD = re.compile(rf"{BEFORE}[0-9]{{4}}(?:{_GAP}?[0-9]{{4,6}}){{2,3}}(?:{_GAP}?[0-9]{{1,5}})?{AFTER}")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[0-9]{2}(?:[ \u00a0]?[A-Z0-9]){11,30}(?![a-z])", re.IGNORECASE)
_IDENTITY = re.compile(rf"{BEFORE}([0-9]{{6}}|[0-9]{{8}})([-+ \u00a0]?)([0-9]{{4,5}}){AFTER}")


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of payment cards: the first digits and the length of a scheme, and Luhn's check digit."""
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = _digits(match[0])
        if _is_scheme(digits) and luhn.is_valid(digits):
            yield match.span()


def _is_scheme(digits: str) -> bool:
    first, n = int(digits[:4]), len(digits)
    if n == 15:
        return first // 100 in (34, 37)  # American Express; IMEI numbers have 15 digits too
    if n == 14:
        return first // 100 in (36, 38) or 3000 <= first <= 3059
    # Visa; Mastercard; Maestro, Dankort, Discover and the like; JCB
    return n == 16 and (first // 1000 == 4 or 5000 <= first <= 6999 or 2221 <= first <= 2720 or 3528 <= first <= 3589)


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of bank accounts whose length and remainder by 97 are those of their country."""
    from stdnum import iban

    for match in _IBAN.finditer(text):
        # Words that follow the number look like more of it.
        candidate = match[0]
        while len(candidate) >= 15:
            if iban.is_valid(candidate.replace("\u00a0", " ")):
                yield match.start(), match.start() + len(candidate)
                break
            cut = max(candidate.rfind(" "), candidate.rfind("\u00a0"))
            candidate = candidate[:cut] if cut > 0 else ""


def national_ids(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of fødselsnummer and D-number, CPR, personnummer and samordningsnummer."""
    for match in _IDENTITY.finditer(text):
        date, gap, serial = match[1], match[2], match[3]
        digits = date + serial
        if len(digits) == 11:
            found = _is_norwegian(digits) and gap != "+"
        elif len(digits) == 10:
            found = _is_swedish(date, gap, serial, text, match.start()) or _is_danish(digits, gap, text, match.start())
        else:
            found = len(digits) == 12 and _is_swedish(date, gap, serial, text, match.start())
        if found:
            yield match.span()


def _is_norwegian(digits: str) -> bool:
    from stdnum.no import fodselsnummer

    return bool(fodselsnummer.is_valid(digits))


def _is_swedish(date: str, gap: str, serial: str, text: str, start: int) -> bool:
    """A date, and a check digit that one number in ten has by chance: so not where the words say something else."""
    from stdnum import luhn
    from stdnum.se import personnummer

    if len(serial) != 4 or (not gap.strip() and context_before(text, start) == "other"):
        return False
    mark = "+" if gap == "+" else "-"
    if personnummer.is_valid(f"{date}{mark}{serial}"):
        return True
    # Samordningsnummer: 60 is added to the day, and the check digit is that of the number as it stands.
    day = int(date[-2:]) - 60
    if day < 1 or not luhn.is_valid(date[-6:] + serial):
        return False
    return _is_date(int(date[-6:-4]) + 2000, int(date[-4:-2]), day)


def _is_danish(digits: str, gap: str, text: str, start: int) -> bool:
    """CPR has had no check digit since 2007.

    With its hyphen a possible date of birth is enough; without one the old check, or a word that announces it.
    """
    from stdnum.dk import cpr

    context = context_before(text, start)
    if gap == "+" or not cpr.is_valid(digits):
        return False
    if context == "identity":
        return True
    return context != "other" and (gap == "-" or cpr.checksum(digits) == 0)


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
