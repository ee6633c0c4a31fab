"""Disturbances of texts: what they leave alone, whatever the text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.evaluation.checklist import perturb
from cxnlp.text import clean

TEXTS = st.text("abcdefghijklmnopqrstuvwxyzæøåäöABCXYZÆØÅÄÖ0123456789 .,!?;:-'&<\n🙂", min_size=1, max_size=120).filter(
    lambda text: any(letter.isalnum() for letter in text)
)
ALL = [
    perturb.typos, perturb.lower_case, perturb.upper_case, perturb.digraphs, perturb.bare_letters,
    perturb.no_punctuation, perturb.ellipses, perturb.markup, perturb.white_space,
]  # fmt: skip
IDEMPOTENT = [
    perturb.lower_case, perturb.upper_case, perturb.digraphs, perturb.bare_letters, perturb.no_punctuation,
    perturb.ellipses,
]  # fmt: skip
SAME_WORDS = [
    perturb.lower_case, perturb.upper_case, perturb.no_punctuation, perturb.ellipses, perturb.markup,
    perturb.white_space,
]  # fmt: skip
Disturb = Callable[[str], str]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", clean(text).casefold())


@pytest.mark.parametrize("disturb", ALL)
@given(text=TEXTS)
def test_nothing_is_lost_and_nothing_left_to_chance(disturb: Disturb, text: str) -> None:
    made = disturb(text)
    assert any(letter.isalnum() for letter in made)
    assert disturb(text) == made


@pytest.mark.parametrize("disturb", IDEMPOTENT)
@given(text=TEXTS)
def test_twice_is_as_once(disturb: Disturb, text: str) -> None:
    assert disturb(disturb(text)) == disturb(text)


@pytest.mark.parametrize("disturb", SAME_WORDS)
@given(text=TEXTS)
def test_words_stay(disturb: Disturb, text: str) -> None:
    assert words(disturb(text)) == words(text)


@given(TEXTS)
def test_html_and_white_space_are_gone_once_cleaned(text: str) -> None:
    assert clean(perturb.markup(text)).split() == clean(text).split()
    assert clean(perturb.white_space(text)) == clean(text)


@given(TEXTS)
def test_typos_change_few_words_and_no_first_letter(text: str) -> None:
    before, after = re.split(r"(\s+)", text), re.split(r"(\s+)", perturb.typos(text))
    assert len(before) == len(after)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    long_words = re.findall(r"[^\W\d_]{5,}", text)
    assert len(changed) <= max(1, len(long_words) // 6) * bool(long_words)
    assert all(old[:1] == new[:1] for old, new in changed)


@given(TEXTS)
def test_no_letter_with_marks_is_left(text: str) -> None:
    for disturb in (perturb.digraphs, perturb.bare_letters):
        assert not set(disturb(text)) & set("æøåäöÆØÅÄÖ")


def test_what_they_look_like() -> None:
    text = "Så kjøpte vi ræker. Øl & brød var «greit»!"
    assert perturb.digraphs(text) == "Saa kjoepte vi raeker. Oel & broed var «greit»!"
    assert perturb.bare_letters(text) == "Sa kjopte vi raeker. Ol & brod var «greit»!"
    assert perturb.no_punctuation(text) == "Så kjøpte vi ræker Øl & brød var «greit»"
    assert perturb.ellipses(text) == "Så kjøpte vi ræker... Øl & brød var «greit»..."
    assert perturb.markup(text) == "<p>Så kjøpte vi ræker.<br />Øl &amp; brød var «greit»!</p>"
    assert perturb.white_space("A b. C") == "\n  A  b.\n\nC \n"
    assert perturb.no_punctuation("Kl. 10.30, ok?!") == "Kl 10.30 ok"
    assert perturb.no_punctuation("?!") == "?!"
    assert perturb.typos("Dyrt, og bra") == "Dyrt, og bra"  # no word is long enough
    assert perturb.typos("Leveringen") != "Leveringen"


def test_names_are_swapped_as_whole_words_and_all_at_once() -> None:
    others = {"Per": "Ola", "Ola": "Per", "Per Vik": "Odd Dal"}
    assert perturb.swapped("Per Vik, Per og Ola kom. Perfekt!", others) == "Odd Dal, Ola og Per kom. Perfekt!"
    assert perturb.swapped("Per", {}) == "Per"
