"""Texts as people also type them: what may change and what must stay."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp.data import Review
from cxnlp.taxonomy import load_taxonomy
from cxnlp.text import TextTokenizer
from cxnlp.training.augment import _with_slips, augment
from cxnlp.training.dataset import ReviewDataset

TEXT = "Bestilte på nettet. Ærlig talt: Østen kom for sent, och ändå köpte jag mer!"


def variants(text: str, n: int = 200) -> set[str]:
    rng = random.Random(1)
    return {augment(text, 1.0, rng) for _ in range(n)}


def test_none_of_the_share_is_untouched() -> None:
    assert {augment(TEXT, 0.0, random.Random(i)) for i in range(20)} == {TEXT}


def test_about_the_share_is_changed() -> None:
    rng = random.Random(2)
    changed = sum(augment(TEXT, 0.25, rng) != TEXT for _ in range(4_000))
    assert 0.2 < changed / 4_000 < 0.27  # slips may by chance find no word


def test_each_way_is_there() -> None:
    found = variants(TEXT)
    assert TEXT.lower() in found
    assert "Bestilte på nettet Ærlig talt Østen kom for sent och ändå köpte jag mer" in found
    assert "Bestilte paa nettet. Aerlig talt: Oesten kom for sent, och aendaa koepte jag mer!" in found
    assert "Bestilte pa nettet. Arlig talt: Osten kom for sent, och anda kopte jag mer!" in found


@given(st.text(max_size=80))
def test_no_word_is_lost(text: str) -> None:
    words = len(text.split())
    rng = random.Random(3)
    for _ in range(8):
        changed = augment(text, 1.0, rng)
        # A word of punctuation alone may go.
        assert sum(any(map(str.isalnum, word)) for word in text.split()) <= len(changed.split()) <= words
        if text.strip() and any(char.isalnum() for char in text):
            assert changed.strip()


def test_slips_change_few_words() -> None:
    text = "leveringen kom akkurat da de sa at den skulle komme og alt var uskadd"
    words = (f"{text} " * 40).split()
    changed = _with_slips(" ".join(words), random.Random(5)).split()
    assert [word[0] for word in changed] == [word[0] for word in words]
    long = [i for i, word in enumerate(words) if len(word) >= 4]
    slips = [i for i in range(len(words)) if changed[i] != words[i]]
    assert set(slips) <= set(long)
    assert 0.03 < len(slips) / len(long) < 0.15  # some swaps are of equal letters
    assert all(abs(len(changed[i]) - len(words[i])) <= 1 for i in slips)


def test_the_dataset_reads_some_texts_changed() -> None:
    taxonomy = load_taxonomy()
    reviews = [Review(r["id"], r["text"], r["lang"], {"sentiment": r["sentiment"]}) for r in tiny.records()]
    tokenizer = TextTokenizer(tiny.tiny_tokenizer([review.text for review in reviews]), 64, 8)
    plain = ReviewDataset(reviews, taxonomy, tokenizer)
    changed = ReviewDataset(reviews, taxonomy, tokenizer, augmented=0.5, seed=1)
    as_is = [plain[i]["input_ids"] for i in range(len(plain))]
    first, second = ([changed[i]["input_ids"] for i in range(len(changed))] for _ in range(2))
    assert as_is == plain.input_ids == changed.input_ids
    assert 5 < sum(a != b for a, b in zip(as_is, first, strict=True)) < 30
    assert first != second
