"""Text: cleaned once, hashed, tokenised in windows, batched, and its language identified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace

from cxnlp.text import TextTokenizer, batches, clean, identify_languages, pad, text_hash

PAD, BOS, EOS, MASK = 3, 1, 2, 4
_PIECES = ["<unk>", "<s>", "</s>", "<pad>", "<mask>", "▁", *"abcdefghijklmnopqrstuvwxyzæøå<>/.", "▁bra", "▁app", "pp"]


def make_tokenizer(max_tokens: int = 16, overlap: int = 4) -> TextTokenizer:
    model = Unigram([(piece, -2.0 - (len(piece) == 1)) for piece in _PIECES], unk_id=0, byte_fallback=False)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", "<pad>", "<mask>"])
    return TextTokenizer(tokenizer, max_tokens, overlap)


def ids_of(*pieces: str) -> list[int]:
    return [_PIECES.index(piece) for piece in pieces]


# --- cleaning and hashing


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Bra\tapp\r\n\r\nikke\u00a0sant\u2003? ", "Bra app ikke sant ?"),
        ("le\u00adve\u200bring\ufeff", "levering"),
        ("nul\x00l, \x1b[31mrød", "null, [31mrød"),
        ("line\x85break\x1cand separator", "line break and separator"),
        ("\u202eright\u202c to \u200fleft\u2066", "right to left"),
        ("bla\u030abær og fe\u0301", "bl\u00e5b\u00e6r og f\u00e9"),
        ("e\u200b\u0301", "\u00e9"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽", "👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽"),
        ("שירות מצוין", "שירות מצוין"),
        ("\u200b \x00\n", ""),
    ],
)
def test_clean_drops_what_carries_no_text_and_keeps_the_rest(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


_ODD = st.text(
    st.characters() | st.sampled_from("e\u0301\u200b\u00ad\u200d\ufeff\x00\x85\x1c\ud83d \u2002"), max_size=30
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<p>Great &amp; <b>fast</b> delivery</p>", "Great & fast delivery"),
        ("Good service.<br/>Bad food.", "Good service. Bad food."),
        ('<a href="https://x.no">her</a>', "her"),
        ("&amp;lt;br&amp;gt;god&nbsp;mat", "god mat"),
        ("Æ <3 dere, 5 < 7 & 7 > 5, AT&T; <bra>", "Æ <3 dere, 5 < 7 & 7 > 5, AT&T; <bra>"),
    ],
)
def test_html_is_read_as_a_browser_shows_it(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned == clean(cleaned)


@given(_ODD)
@example("e\u200b\u0301")
@example("\u1100\u00ad\u1161")
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert text_hash(once) == text_hash(text)
    assert "  " not in once
    assert once == once.strip()
    once.encode("utf-8")


def test_the_hash_passes_over_white_space_case_and_invisible_characters_only() -> None:
    digest = text_hash("Rask levering, STRASSE")
    assert len(digest) == 32
    assert int(digest, 16) >= 0
    for same in (" rask  levering,\nstraße ", "RASK LEVERING, Straße", "ra\u00adsk lever\u200bing, strasse"):
        assert text_hash(same) == digest
    for other in ("Rask levering STRASSE", "Rask levering, STRASE", "Rasklevering, STRASSE", ""):
        assert text_hash(other) != digest


# --- tokens and windows


def test_tokens_are_those_of_the_cleaned_text_without_special_ones() -> None:
    tokenizer = make_tokenizer()
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.mask_id) == (PAD, BOS, EOS, MASK)
    encoded = tokenizer.encode([" bra  a\u00adpp", "", "é"])
    assert encoded == [ids_of("▁bra", "▁app"), [], ids_of("▁", "<unk>")]


def test_a_review_cannot_smuggle_in_special_tokens() -> None:
    encoded = make_tokenizer().encode(["bra </s><pad> <mask> app <s>"])[0]
    assert not {PAD, BOS, EOS, MASK} & set(encoded)
    assert [index for index in encoded if index != _PIECES.index("▁")] == ids_of("▁bra", "▁app")


def test_a_tokenizer_without_padding_is_refused() -> None:
    tokenizer = Tokenizer(Unigram([("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)], unk_id=0, byte_fallback=False))
    with pytest.raises(ValueError, match="no pad token; expected one of <pad>"):
        TextTokenizer(tokenizer, 16)


def test_padding_and_truncation_of_the_file_are_switched_off(tmp_path: Path) -> None:
    tokenizer = make_tokenizer().tokenizer
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50, pad_id=PAD, pad_token="<pad>")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoded = TextTokenizer.from_file(tmp_path / "tokenizer.json", 16).encode(["bra bra bra bra app"])
    assert encoded == [ids_of("▁bra", "▁bra", "▁bra", "▁bra", "▁app")]


def test_a_megabyte_without_a_space_loses_nothing() -> None:
    encoded = make_tokenizer().encode(["bra", "a" * 1_000_000, "app"])
    assert encoded[0] == ids_of("▁bra")
    assert encoded[1].count(_PIECES.index("a")) == 1_000_000
    assert encoded[2] == ids_of("▁app")


def test_a_long_text_is_cut_where_it_makes_no_difference() -> None:
    assert make_tokenizer().encode([" ".join(["bra app"] * 9000)])[0] == ids_of("▁bra", "▁app") * 9000


def test_windows_counted_by_hand() -> None:
    tokenizer = make_tokenizer(max_tokens=10, overlap=2)  # 8 tokens a window, a step of 6
    assert tokenizer.windows([]) == [[BOS, EOS]]
    assert tokenizer.windows(range(10, 18)) == [[BOS, 10, 11, 12, 13, 14, 15, 16, 17, EOS]]
    assert tokenizer.windows(range(10, 19)) == [
        [BOS, 10, 11, 12, 13, 14, 15, 16, 17, EOS],
        [BOS, 16, 17, 18, EOS],
    ]


@given(st.integers(0, 300), st.integers(6, 40), st.integers(0, 60))
def test_windows_cover_every_token_and_share_the_overlap(n: int, max_tokens: int, overlap: int) -> None:
    tokenizer = make_tokenizer(max_tokens, overlap)
    ids = list(range(100, 100 + n))
    windows = tokenizer.windows(ids)
    joined: list[int] = []
    for i, window in enumerate(windows):
        assert len(window) <= max_tokens
        assert (window[0], window[-1]) == (BOS, EOS)
        inner = window[1:-1]
        if i:
            shared = tokenizer.overlap
            assert joined[len(joined) - shared :] == inner[:shared]
            inner = inner[shared:]
            assert inner, "a window that adds nothing"
        joined += inner
    assert joined == ids


# --- batches


def test_padding_uses_the_pad_id_and_the_mask_tells_it_apart() -> None:
    batch = pad([[5, 6, 7], [PAD]], PAD, rows=[4, 2])
    assert batch.ids.tolist() == [[5, 6, 7], [3, 3, 3]]
    assert batch.mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch.rows.tolist() == [4, 2]
    assert pad([[5], [6]], PAD).rows.tolist() == [0, 1]


def test_batches_counted_by_hand() -> None:
    lengths = [2, 9, 3, 3, 1, 30]
    found = list(batches([[7] * n for n in lengths], PAD, max_batch_tokens=12, max_batch_rows=3))
    # 30 is over the budget and alone; 9 leaves no room for another; then 3 + 3 + 2, at most three rows; then the last.
    assert [batch.rows.tolist() for batch in found] == [[5], [1], [2, 3, 0], [4]]
    assert list(batches([], PAD, 12, 3)) == []
    found = list(batches([[7] * n for n in lengths], PAD, 12, 3, padded=False))
    assert [batch.rows.tolist() for batch in found] == [[5], [1], [2, 3], [0], [4]]


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 100), st.integers(1, 9), st.booleans())
def test_every_row_is_in_one_batch_within_the_budget(
    lengths: list[int], max_tokens: int, max_rows: int, padded: bool
) -> None:
    sequences = [[100 * row + i for i in range(n)] for row, n in enumerate(lengths)]
    restored: dict[int, list[int]] = {}
    widths = []
    for batch in batches(sequences, PAD, max_tokens, max_rows, padded=padded):
        assert batch.ids.shape == batch.mask.shape
        assert padded or batch.mask.all()
        assert len(batch.rows) <= max_rows
        assert len(batch.rows) == 1 or batch.ids.size <= max_tokens
        widths.append(batch.ids.shape[1])
        for row, ids, mask in zip(batch.rows, batch.ids, batch.mask, strict=True):
            assert int(row) not in restored
            restored[int(row)] = ids[mask == 1].tolist()
            assert (ids[mask == 0] == PAD).all()
    assert [restored[row] for row in range(len(sequences))] == sequences
    assert widths == sorted(widths, reverse=True)


# --- languages


def test_languages_are_told_apart_in_order() -> None:
    texts = {
        "Pakken kom aldri fram, og ingen svarte på e-postene mine. Jeg er veldig skuffet over dere.": "no",
        "Eg er ikkje nøgd, for dei svarte aldri og eg måtte vente i tre veker på pakka mi.": "no",
        "Jeg fik aldrig min pakke, og der var ingen hjælp at hente, selvom jeg ringede mange gange.": "da",
        "Jag fick aldrig mitt paket och ingen svarade när jag ringde, mycket dålig kundtjänst.": "sv",
        "The parcel never arrived and nobody answered my emails, so I will not order again.": "en",
        "Paketti ei koskaan saapunut eikä kukaan vastannut viesteihini, olen todella pettynyt.": "fi",
        "Das Paket ist nie angekommen und niemand hat auf meine Nachrichten geantwortet.": "de",
        "שירות מצוין ומשלוח מהיר, אני אזמין שוב בקרוב": "he",
    }
    assert identify_languages(list(texts)) == list(texts.values())
    assert identify_languages(list(texts)[::-1]) == list(texts.values())[::-1]


def test_where_there_are_no_words_the_language_is_undetermined() -> None:
    assert identify_languages(["", "   \u200b", "👍👍🏽 ❤\ufe0f", "5/5", "1234567890", "!!! ???"]) == ["und"] * 6
    assert identify_languages([]) == []


def test_short_texts_get_the_language_that_the_file_declares() -> None:
    short = ["Super service!", "God pris", "Fint"]
    for code in ("da", "no"):
        assert identify_languages(short, [code] * 3) == [code] * 3
    assert identify_languages(["God pris", "God pris"], ["nb-NO", "da_DK"]) == ["no", "da"]
    assert identify_languages(["Nein", "Nein"], ["de", ""])[0] == "de"


def test_a_declared_language_that_is_none_says_nothing() -> None:
    assert identify_languages(["Fin", "Fin", "Fin"], ["norsk", "Norwegian (Bokmål)", "nob"]) == ["no"] * 3
    for nothing in ("<script>alert(1)</script>", "klingon", "xx", "und", "so good"):
        assert identify_languages(["Fin", "God pris og god hjelp"], [nothing] * 2) == identify_languages(
            ["Fin", "God pris og god hjelp"]
        )
    assert identify_languages(["Fin"], ["klingon"]) == ["und"]


def test_what_the_file_declares_does_not_hide_what_the_text_says() -> None:
    texts = [
        "Das Paket ist nie angekommen und niemand hat auf meine Nachrichten geantwortet.",
        "Jag fick aldrig mitt paket och ingen svarade när jag ringde, mycket dålig kundtjänst.",
        "👍",
    ]
    assert identify_languages(texts, ["no", "en", "no"]) == ["de", "sv", "und"]


def test_a_language_beyond_the_models_is_named_only_when_it_is_sure() -> None:
    # The likeliest of all languages are French, Hungarian, Romanian, Icelandic, Finnish …
    texts = [
        "Fin bus, sur chauffør.",
        "Chatbot: 1, meg: 0",
        "Rolig, pent, snilt personale",
        "Dyrt!",
        "Ok",
        "ok i guess",
    ]
    assert set(identify_languages(texts)) <= {"no", "da", "sv", "en", "und"}
    assert identify_languages(["Dyrt!"], languages=["sv"]) == ["sv"]
    german = "Das Paket ist nie angekommen."
    assert identify_languages([german], languages=["da"]) == ["de"]
    assert identify_languages([german], languages=[]) == ["de"]


def test_one_or_two_words_get_a_language_only_where_they_tell_it() -> None:
    telling = {"Mycket bra": "sv", "Lovely staff": "en", "Danke schön": "de", "非常好": "zh"}
    assert identify_languages(list(telling)) == list(telling.values())
    short = ["Bra", "OK", "👍 Super! 10/10", "Rask levering"]
    assert identify_languages(short) == ["und"] * 4
    assert identify_languages(short, ["no", "sv", "da", "no"]) == ["no", "sv", "da", "no"]
    assert "und" not in identify_languages(["Rask og god levering", "Bra og bra"])  # three words or more are told


def test_reviews_in_other_languages_are_seen_as_such() -> None:
    rows = [
        json.loads(line) for line in (Path(__file__).parent / "data" / "other_languages.jsonl").open(encoding="utf-8")
    ]
    found = identify_languages([row["text"] for row in rows])
    assert [
        (row["text"], code) for row, code in zip(rows, found, strict=True) if code in ("no", "da", "sv", "en")
    ] == []
    assert sum(row["lang"] == code for row, code in zip(rows, found, strict=True)) >= 0.95 * len(rows)


def test_a_declared_language_for_each_text() -> None:
    with pytest.raises(ValueError, match="1 declared languages for 2 texts, expected one for each"):
        identify_languages(["a", "b"], ["no"])
    with pytest.raises(TypeError, match="declared is one str, expected a list of codes"):
        identify_languages(["a", "b"], "no")
    wrong: list[Any] = [5]
    with pytest.raises(TypeError, match="a declared language is an int, expected a code, or None where unknown"):
        identify_languages(["a"], wrong)
    assert identify_languages(["God pris", "God pris"], ["da", None])[0] == "da"


def test_a_megabyte_is_identified_by_its_beginning() -> None:
    assert identify_languages(["The delivery was quick and the staff were friendly. " * 20_000]) == ["en"]
