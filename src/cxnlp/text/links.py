"""E-mail addresses, and links that say who somebody is or let a stranger in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

# Lengths are bounded, so that a megabyte without a space takes no longer than any other.
_EMAIL = re.compile(r"(?<![\w.+%-])[\w+%-][\w.+%'-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])")
_SPELLED = re.compile(
    r"(?<![\w.+-])[\w+-][\w.+-]{0,63} ?[\[(]at[\])] ?[\w-]{1,63}"
    r"(?:(?:\.| ?[\[(](?:dot|punkt|punktum|prick|prik)[\])] ?)[^\W\d_]{2,24}){1,4}(?!\w)",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"(?<![\w@])(?:[a-z][a-z0-9+]{1,9}://|www\.)[^\s<>\"“”«»]{1,2000}"
    r"|(?<![\w@.-])(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,12}/[^\s<>\"“”«»]{1,2000}",
    re.IGNORECASE,
)
_SECRET_NAMES = frozenset({
    "token", "access_token", "id_token", "refresh_token", "auth", "authkey", "apikey", "api_key", "key", "secret",
    "signature", "sig", "jwt", "session", "sessionid", "sid", "phpsessid", "code", "otp", "pin", "reset",
    "invite", "ticket", "hash", "email", "mail", "e-mail", "epost", "user", "userid", "user_id", "username",
    "uid", "login", "account", "customer", "customerid", "customer_id", "kundenr", "member", "memberid", "phone",
    "tel", "mobil", "name",
})  # fmt: skip
_PROFILE_HOSTS = frozenset({
    "facebook.com", "fb.com", "instagram.com", "twitter.com", "x.com", "tiktok.com", "snapchat.com",
    "threads.net", "t.me", "pinterest.com", "linkedin.com", "github.com", "youtube.com", "reddit.com", "vipps.no",
})  # fmt: skip
# Pages of these sites that are nobody's.
_PUBLIC = frozenset({
    "p", "reel", "reels", "watch", "explore", "groups", "pages", "events", "help", "about", "status", "company",
    "jobs", "r", "hashtag",
})  # fmt: skip
_PROFILE_FOLDERS = frozenset({
    "u", "user", "users", "profile", "profil", "profiles", "bruker", "brukere", "anvandare", "in", "member",
    "members",
})  # fmt: skip
_OPAQUE = re.compile(r"(?=[\w.~-]*\d)(?=[\w.~-]*[A-Za-z])[A-Za-z0-9_.~-]{20,}={0,2}")


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of e-mail addresses, also of those spelled ``name (at) host.no``."""
    for pattern in (_EMAIL, _SPELLED):
        yield from (match.span() for match in pattern.finditer(text))


def link_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of all links, without the punctuation that follows them."""
    for match in _LINK.finditer(text):
        yield match.start(), match.start() + len(_bare(match[0]))


def personal_links(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of links with a user name, a password, a token, or somebody's profile."""
    for start, end in link_ranges(text):
        if _is_personal(text[start:end]):
            yield start, end


def _bare(link: str) -> str:
    link = link.rstrip(".,;:!?'’…")
    while link.endswith((")", "]")) and link.count(link[-1]) > link.count({")": "(", "]": "["}[link[-1]]):
        link = link[:-1].rstrip(".,;:!?'’…")
    return link


def _is_personal(link: str) -> bool:
    try:
        parts = urlsplit(link if "://" in link else f"https://{link}")
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:  # brackets that are no address; rather one link too many than a password
        return True
    if "@" in parts.netloc:
        return True
    values = [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]
    if any(name.lower() in _SECRET_NAMES or _opaque(value) or "@" in value for name, value in values):
        return True
    steps = [step for step in parts.path.split("/") if step]
    if any(_opaque(step) or "@" in step or step.startswith("~") for step in steps):
        return True
    if any(folder.lower() in _PROFILE_FOLDERS and after for folder, after in pairwise(steps)):
        return True
    return host in _PROFILE_HOSTS and bool(steps) and steps[0].lower() not in _PUBLIC


def _opaque(value: str) -> bool:
    """Whether it looks like a token: long, letters and digits mixed, and no words with hyphens between."""
    if not _OPAQUE.fullmatch(value):
        return False
    words = re.split(r"[-_.~]", value)
    mixed = [word for word in words if re.search(r"\d", word) and re.search(r"[A-Za-z]", word)]
    return max(map(len, mixed), default=0) >= 8 or len(mixed) >= 3
