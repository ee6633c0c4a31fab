"""What the words before a number say that it is: a telephone, an identity number, an address, or something else."""

from __future__ import annotations

import re
from typing import Literal

Context = Literal["phone", "identity", "address", "other", ""]

_CHARS = 45
# "Jeg sendte pakken i retur, og nummeret mitt er …": what is further away does not speak of the number.
_CHARS_OTHER = 32
_SENTENCE_END = re.compile(r"[!?\n]|(?<!nr)(?<!tlf)(?<!tel)(?<!mob)(?<!no)(?<!ref)(?<!ca)(?<!\d)\.\s", re.IGNORECASE)
_WORDS = re.compile(
    r"(?P<phone>\b(?:tlf|tel|telefon|mob|mobil|ring|rang|opring|oppring|opkald|call|phone|cell|sms|whatsapp|vipps|"
    r"mobilepay|swish|text|kontakt|contact|nås|nå (?:meg|oss)|reach|dial|hotline|sentralbord|växel)\w*)"
    r"|(?P<identity>\b(?:cpr|personn|fødselsn|födelsen|fnr|pnr|d-?nummer|ssn|samordn|identit|legitim)\w*)"
    r"|(?P<address>\b(?:adress|addres|bor|bodde|boede|bosatt|postn|postadr|postko|flytt|lives?|living|hjem|hemma)\w*)"
    r"|(?P<other>\b(?:ordr|order|ordn|bestilling|beställning|faktur|invoic|kvitter|kvitto|receipt|bilag|sporing|"
    r"spårning|track|pakke|paket|parcel|kolli|sending|sändning|forsend|försänd|shipment|booking|bokning|reserv|kunden|"
    r"kundn|customer (?:n|id)|medlem|member|sak(?:s?n|en\b|s?\b)|sag(?:s|en\b|\b)|ärende|case|ticket|refer|ref\b|artik|"
    r"article|varen|varun|vare\b|produkt|product|serie|serial|imei|ean|isbn|sku|modell?|org|cvr|konto|account|polis|skade|avtal|"
    r"aftal|contract|kid\b|beløp|sum\b|score|poeng|points|versjon|version|build|id\b|reklam|claim|kampanje|kod|code|"
    r"voucher|gavekort|rabat|lotto|lodd|del(?:en)?\b|parts?\b|confirm|bekr[eæä]ft|kr\b|nok\b|dkk\b|sek\b)\w*)",
    re.IGNORECASE,
)


def context_before(text: str, start: int) -> Context:
    """Say what the nearest telling word before ``start`` announces, within the sentence; empty if there is none."""
    before = text[max(0, start - _CHARS) : start]
    if before.endswith("#"):
        return "other"
    sentence = max((match.end() for match in _SENTENCE_END.finditer(before)), default=0)
    nearest: Context = ""
    for match in _WORDS.finditer(before, sentence):
        if match.lastgroup == "other" and len(before) - match.start() > _CHARS_OTHER:
            continue
        nearest = match.lastgroup  # type: ignore[assignment]  # the names of the groups are those of Context
    return nearest
