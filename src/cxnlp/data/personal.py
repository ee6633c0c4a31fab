"""Columns that are about a person: they are not carried to the output unless asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cxnlp.data.columns import key

_NAMES = {
    "name", "firstname", "lastname", "middlename", "fullname", "surname", "username", "displayname", "nickname",
    "customername", "consumername", "contactname", "reviewername", "reviewernickname", "reviewerusername",
    "authorname", "author", "reviewer", "consumer", "recipient", "respondentname", "requester", "reviewusername",
    "recipientfirstname", "recipientlastname",
    "navn", "fornavn", "etternavn", "mellomnavn", "efternavn", "fuldenavn", "kundenavn", "kunde", "forfatter",
    "namn", "förnamn", "efternamn", "kundnamn", "kundensnamn", "författare", "brukernavn", "brugernavn", "användarnamn",
}  # fmt: skip
_ADDRESSES = {
    "ip", "ipaddress", "ipadresse", "ipadress", "ipaddr", "ipnumber",
    "latitude", "longitude", "lat", "lng", "lon", "locationlatitude", "locationlongitude", "coordinates", "gps",
    "breddegrad", "lengdegrad", "længdegrad", "breddgrad", "längdgrad", "koordinater",
    "address", "streetaddress", "postaladdress", "homeaddress", "adresse", "gateadresse", "postadresse", "vejadresse",
    "adress", "gatuadress", "postadress",
}  # fmt: skip
_NUMBERS = {
    "phone", "phonenumber", "phoneno", "telephone", "telephonenumber", "mobile", "mobilephone", "mobilenumber", "cell",
    "cellphone", "contactnumber", "customerphone", "contactphone", "recipientphone",
    "telefon", "telefonnummer", "telefonnr", "tlf", "tlfnr", "mobil", "mobilnummer", "mobilnr", "mobiltelefon",
    "fødselsnummer", "personnummer", "cpr", "cprnummer", "cprnr", "personnr", "ssn",
}  # fmt: skip
# What a product or a shop has too.
_ANYTHINGS = {"name", "navn", "namn", "address", "adresse", "adress"}
_KEYS = _NAMES | _ADDRESSES | _NUMBERS
# Of a name of several words: whose it is, what it is, and words that may stand between ("Navn på kunde").
_WHOSE = {
    "customer", "customers", "consumer", "client", "user", "reviewer", "respondent", "contact", "recipient", "author",
    "guest", "member", "person", "kunde", "kunden", "kundens", "kundes", "kund", "bruker", "brukers",
    "brukerens", "bruger", "brugers", "brugerens", "användare", "användarens", "gjest", "gjestens", "gæst", "gæstens",
    "gäst", "gästens", "medlem", "medlemmets", "medlems", "kontakt", "kontaktperson", "avsender", "afsender",
}  # fmt: skip
_WHAT = {
    "name", "names", "firstname", "lastname", "fullname", "navn", "fornavn", "etternavn", "efternavn", "namn",
    "förnamn", "mail", "email", "emailaddress", "epost", "epostadresse", "epostadress", "mailadresse", "phone",
    "phonenumber", "telephone", "mobile", "telefon", "telefonnummer", "tlf", "mobil", "mobilnummer", "address",
    "adresse", "adress", "ip",
}  # fmt: skip
_BETWEEN = {"full", "first", "last", "the", "of", "s", "på", "for", "av", "til", "fra", "från", "no", "nr", "number"}
_MAIL = re.compile(r"(?:e-?mail|e-?post|mail)(?:\s*-?(?:address|adresse|adress))?", re.IGNORECASE)
_WORD = re.compile(r"[\s_.]+")
# An address, a number of some length, a name with its capital.
_PERSONAL = re.compile(r"@|\d(?:[ -]?\d){4}|[A-ZÆØÅÄÖ]")
_MAX_WORDS = 4


def holds_personal(column: str, value: object) -> bool:
    """Say whether an object inside a cell has a key such as that of a name or an e-mail address.

    A key that is a name of no one's says whose it is by the column: ``name`` in ``user``, and not in ``product``.
    """
    if isinstance(value, list):
        return any(holds_personal(column, one) for one in value)
    if not isinstance(value, Mapping):
        return False
    return any(
        (
            (is_personal(f"{column} {name}") or (is_personal(str(name)) and key(str(name)) not in _ANYTHINGS))
            and _tells(one)
        )
        or holds_personal(str(name), one)
        for name, one in value.items()
    )


def _tells(value: object) -> bool:
    # Labels and probabilities of the touchpoint "phone" are no number of a telephone.
    return _PERSONAL.search(str(value)) is not None if isinstance(value, str | int) else False


def is_personal(column: str) -> bool:
    """Say whether a column's name is that of a name, e-mail address, telephone, IP, place or national number.

    A question of a survey ("How was our phone support?") is none of these.
    """
    if key(column) in _KEYS:
        return True
    words = _WORD.sub(" ", re.sub(r"(?<=[a-zæøåäö])(?=[A-ZÆØÅÄÖ])", " ", column)).strip().split(" ")
    if len(words) > _MAX_WORDS:
        return False
    plain = {word.lower().replace("-", "") for word in words}
    if plain & _WHOSE and plain & _WHAT and plain <= _WHOSE | _WHAT | _BETWEEN:
        return True
    # "Customer e-mail", "recipientEmail", "E-mail address": the last words say it.
    return any(_MAIL.fullmatch(" ".join(words[-n:])) for n in (1, 2) if len(words) >= n)
