"""Personal data: found in the hand-written cases, left alone in the traps, and gone from the masked text."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import ExtraError
from cxnlp.text.personal import KINDS, find_personal, mask_personal, require_personal

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "personal.jsonl").read_text(encoding="utf-8").splitlines()
]


def test_the_cases_are_enough_half_of_them_traps_and_in_four_languages() -> None:
    assert len(CASES) >= 200
    traps = [case for case in CASES if not case["spans"]]
    assert len(traps) >= len(CASES) / 2
    assert {case["lang"] for case in traps} == {case["lang"] for case in CASES} == {"no", "da", "sv", "en"}
    kinds = [kind for case in CASES for _, _, kind in case["spans"]]
    assert min(kinds.count(kind) for kind in KINDS) >= 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_each_case(case: dict[str, object]) -> None:
    found = [[span.start, span.end, span.kind] for span in find_personal(str(case["text"]))]
    assert found == case["spans"]


def test_what_is_masked() -> None:
    text = "Kari, Solbakken 9, 4817 His, tlf 90 12 34 56 el. kari@nett.no, ordre 91234567."
    assert mask_personal(text) == "Kari, [address], tlf [phone] el. [email], ordre 91234567."
    assert mask_personal("Kort 4111 1111 1111 1111 og NO93 8601 1117 947.") == "Kort [card] og [iban]."
    assert (
        mask_personal("Se https://no.no/?token=abc, takk (fnr. 03097851203)") == "Se [url], takk (fnr. [national_id])"
    )


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        # CPR: no check digit since 2007. With its hyphen, a date is enough …
        ("Hun hedder 120362-5099.", True),
        ("Hun hedder 320362-5099.", False),
        ("Ordre 120362-5099.", False),
        # … without it the old check, or a word that says so.
        ("Hun hedder 1203625002.", True),
        ("Hun hedder 1203625099.", False),
        ("Hendes cpr 1203625099.", True),
        # Personnummer and fødselsnummer: the check digits.
        ("Hon heter 811228-9874.", True),
        ("Hon heter 813228-9874.", False),
        ("Hon heter 81 12 28.", False),
        ("Han heter 15066051207.", True),
        ("Han heter 15066051208.", False),
    ],
)
def test_national_identity_numbers(text: str, masked: bool) -> None:
    assert (mask_personal(text) != text) is masked


def test_the_nearest_word_says_what_a_number_is() -> None:
    assert mask_personal("Ring ang. ordre 91234567") == "Ring ang. ordre 91234567"
    assert mask_personal("Ordre 5531: ring 91234567") == "Ordre 5531: ring [phone]"
    assert mask_personal("Takk for ordren! 91234567 er meg") == "Takk for ordren! [phone] er meg"
    assert mask_personal("#91234567") == "#91234567"


def test_a_link_is_kept_whole_or_goes_whole() -> None:
    assert mask_personal("https://no.no/vare/91234567?farge=blå") == "https://no.no/vare/91234567?farge=blå"
    assert mask_personal("(https://no.no/a?mail=a@b.no)") == "([url])"
    assert mask_personal("http://[::1/?token=x") == "[url]"


_PIECES = st.sampled_from(
    ["91234567", "kari@nett.no", "Storgata 12", ", 0155 Oslo", "4111 1111 1111 1111", "120362-5099", "ordre ", "tlf ",
     "https://a.no/?token=b", "NO93 8601 1117 947", " ", ".", "\n", "é", "👍🏽", "#", "[phone]", "٣", "+47 ", "\ud800"]
)  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=8), max_size=12).map("".join))
def test_spans_lie_in_the_text_in_order_and_a_masked_text_stays_as_it_is(text: str) -> None:
    spans = find_personal(text)
    assert all(0 <= span.start < span.end <= len(text) and span.kind in KINDS for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    masked = mask_personal(text)
    rebuilt = text
    for span in reversed(spans):
        rebuilt = f"{rebuilt[: span.start]}[{span.kind}]{rebuilt[span.end :]}"
    assert masked == rebuilt
    assert "kari@nett.no" not in masked.replace("[", " ").split()


@pytest.mark.parametrize("piece", ["a", "1", "@", "a.", "1 ", "0155 ", "Store ", "https://a/", "+1", "A1", "a@", "12-"])
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    started = time.process_time()
    mask_personal(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 20


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxnlp.text.personal.find_spec", lambda name: None if name == "stdnum" else object())
    with pytest.raises(ExtraError, match=r'needs python-stdnum, .*pip install "cxnlp\[privacy\]"'):
        require_personal()
    with pytest.raises(ExtraError):
        mask_personal("kari@nett.no")
    assert mask_personal("ingen ting her") == "ingen ting her"
