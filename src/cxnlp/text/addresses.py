"""Postal addresses of the Nordic kind: a street with a number, a postal code with a place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cxnlp.text.claims import Claims
from cxnlp.text.context import context_before

_CAPITAL = "A-ZÆØÅÄÖÉ"
_SMALL = "a-zæøåäöéüô"
# Endings of one word, as in Storgata, Kungsgatan and Jernbanegade.
_ENDINGS = (
    "gata|gaten|gate|veien|vegen|vei|veg|plassen|torget|torg|alléen|alleen|allé|bakken|bakke|svingen|stien|"
    "kroken|tunet|haugen|lia|terrasse|ringen|stredet|løkka|åsen|brygge|gaden|gade|vejen|vej|pladsen|torvet|torv|"
    "strædet|stræde|vænget|vænge|toften|lunden|krogen|parken|gatan|vägen|väg|gränden|gränd|stigen|stig|backen|allén|"
    "platsen|kajen|slingan|svängen|esplanaden"
)
# Words of their own, as in Karl Johans gate, Nørre Allé and Stora torget.
_WORDS = (
    "gate|gata|vei|veg|allé|plass|torg|brygge|terrasse|gade|vej|plads|torv|stræde|boulevard|kaj|vænge|väg|torget|gränd|"
    "Allé|Plads|Torv|Brygge|Boulevard|Kaj|Vej|Gade|Stræde"
)
_NAME = rf"[{_CAPITAL}][{_SMALL}{_CAPITAL}.’'-]{{0,24}}"
# What stands before a name of one word, as in Gammel Kongevej; and what begins a sentence and is no name.
_BEFORE_NAME = (
    "Gammel|Gamla|Gamle|Nye|Nya|Ny|Store|Stora|Lille|Lilla|Øvre|Övre|Nedre|Norra|Södra|Västra|Östra|Vestre|Østre|"
    r"Nordre|Søndre|Nørre|Sønder|Vester|Øster|Sankt|Sct\.|St\."
)
_FIRST = r"(?:Fra|Från|From|In?|På|At|Till?|Bor|Vi|Jeg|Jag|Adress\w*|Address|Hele|Hela|Ved|Vid|Mot|Hos)(?!\w)"
_NUMBER = r"[0-9]{1,3}(?:-[0-9]{1,3})?(?:[A-Za-z](?!\w)| [A-HJ-Z](?![\w'’]))?(?![\w%])(?![.,:/][0-9])"
_UNIT = (
    r"(?! ?(?:ganger|gange|gånger|times?\b|timer|timmar|hours?|min\b|minutt|minut|dager|dage\b|dagar|days?|uker|uger|"
    r"veckor|weeks?|måneder|månader|months?|år\b|years?|kr\b|kroner|kronor|km\b|m\b|meter|stk|st\b|personer|x\b|kg\b|etasj|"
    r"stjerner|stjärnor|stars?|av\b|of\b|ut av|til \d|/|\+))"
)
_FLOOR = r"(?:, ?(?:[0-9]{1,2}\.|st\.|kl\.) ?(?:sal ?)?(?:tv|th|mf)?\.?|,? lgh [0-9]{4}|, H0[0-9]{3})?"
_PLACE = (
    rf"(?:(?:Kongens|Nye|Norra|Södra|Västra|Östra|Nørre|Sønder|Nykøbing|Store|Upplands|Mo i|Sankt) )?"
    rf"[{_CAPITAL}](?:[{_SMALL}]{{2,20}}|[{_CAPITAL}]{{2,20}})(?:-[{_CAPITAL}][{_SMALL}]{{2,20}})?"
    rf"(?: (?:[CKNSVØ]|NV|SV|NØ|SØ)(?!\w))?(?!\w)"
)
_CODE = r"(?:(?:N|NO|DK|S|SE)-)?(?:[0-9]{4}|[0-9]{3} ?[0-9]{2})"
_STREET = re.compile(
    rf"(?<![\w-])(?:(?!{_FIRST})(?:{_NAME} ){{1,3}}(?:{_WORDS})"
    rf"|(?:(?:{_BEFORE_NAME}) ){{0,2}}[{_CAPITAL}][{_SMALL}{_CAPITAL}]{{1,24}}(?:{_ENDINGS}|{_ENDINGS.upper()}))"
    rf" {_NUMBER}{_UNIT}{_FLOOR}(?:(?:,|,? i| -)? ?{_CODE},? {_PLACE})?"
)
_LOWER_STREET = re.compile(rf"(?<![\w-])[{_SMALL}]{{2,24}}(?:{_ENDINGS}) {_NUMBER}{_UNIT}")
_POSTAL = re.compile(rf"(?<![\w#+.,:/-])(?<![0-9] )((?:N|NO|DK|S|SE)-)?([0-9]{{4}}|[0-9]{{3}} ?[0-9]{{2}}) ({_PLACE})")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_PLACES = frozenset({
    "oslo", "bergen", "trondheim", "stavanger", "drammen", "fredrikstad", "kristiansand", "sandnes", "tromsø",
    "sarpsborg", "skien", "ålesund", "sandefjord", "haugesund", "tønsberg", "moss", "bodø", "arendal", "hamar",
    "larvik", "halden", "lillehammer", "molde", "harstad", "kongsberg", "gjøvik", "askøy", "horten", "jessheim",
    "ski", "lillestrøm", "lørenskog", "sandvika", "asker", "narvik", "alta", "steinkjer", "elverum",
    "kongsvinger", "levanger", "namsos", "voss", "københavn", "aarhus", "århus", "odense", "aalborg", "ålborg",
    "esbjerg", "randers", "kolding", "horsens", "vejle", "roskilde", "herning", "silkeborg", "næstved",
    "fredericia", "viborg", "køge", "holstebro", "taastrup", "slagelse", "hillerød", "helsingør", "sønderborg",
    "svendborg", "hjørring", "frederiksberg", "hvidovre", "glostrup", "ballerup", "gentofte", "hellerup",
    "lyngby", "holbæk", "haderslev", "skive", "ringsted", "nyborg", "frederikshavn", "thisted", "middelfart",
    "kalundborg", "nykøbing", "aabenraa", "varde", "ishøj", "greve", "farum", "birkerød", "hørsholm", "stockholm",
    "göteborg", "malmö", "uppsala", "västerås", "örebro", "linköping", "helsingborg", "jönköping", "norrköping",
    "lund", "umeå", "gävle", "borås", "södertälje", "eskilstuna", "halmstad", "växjö", "karlstad", "sundsvall",
    "östersund", "trollhättan", "luleå", "borlänge", "falun", "kalmar", "skövde", "kristianstad", "karlskrona",
    "skellefteå", "uddevalla", "varberg", "nyköping", "landskrona", "motala", "trelleborg", "lidingö", "solna",
    "sundbyberg", "nacka", "täby", "kiruna", "visby", "ystad", "kungälv", "mölndal", "huddinge", "sollentuna",
    "bromma", "hägersten",
})  # fmt: skip


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of streets with a number, with what follows them, and of postal codes with a place."""
    claims = Claims(text)
    for pattern in (_STREET, _LOWER_STREET, _POSTAL):
        for match in pattern.finditer(text):
            start, end = match.span()
            if pattern is _LOWER_STREET and context_before(text, start) != "address":
                continue
            if not claims.free(start, end) or (pattern is _POSTAL and not _is_postal(match, text)):
                continue
            claims.claim(start, end)
            yield start, end


def _is_postal(match: re.Match[str], text: str) -> bool:
    country, code, place = match[1], match[2], match[3]
    if country:
        return True
    context = context_before(text, match.start())
    known = place.split()[-1 if place.startswith("Kongens") else 0].lower() in _PLACES
    if context == "address":
        return known or not _YEAR.fullmatch(code)
    return known and not _YEAR.fullmatch(code)
