"""Sentences, the evidence for each touchpoint, and stars that the text contradicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import ExtraError
from cxnlp.inference.conflict import rating_conflict
from cxnlp.inference.evidence import EVIDENCE_COLUMNS, Evidence, evidence_cells, evidence_record, find_evidence
from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Taxonomy, load_taxonomy
from cxnlp.text import sentences
from cxnlp.text.sentences import split_sentences
from fake_tagger import FakeTagger
from tiny import toy_taxonomy


def split(text: str, language: str = "no") -> list[str]:
    return [text[start:end] for start, end in split_sentences([text], [language])[0]]


# --- sentences


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("no", "Rask levering. Dårlig mat! Hvorfor?", ["Rask levering.", "Dårlig mat!", "Hvorfor?"]),
        ("no", "Rask levering.Dårlig mat!Hvorfor?Vet ikke", ["Rask levering.", "Dårlig mat!", "Hvorfor?", "Vet ikke"]),
        ("no", "svarer ikke.rask levering.men dyrt", ["svarer ikke.", "rask levering.", "men dyrt"]),
        ("no", "Kjøpte på power.no, se www.power.no/Om?Vi=1 der", ["Kjøpte på power.no, se www.power.no/Om?Vi=1 der"]),
        ("no", "Skriv til kari.Nordmann@nett.no da", ["Skriv til kari.Nordmann@nett.no da"]),
        ("no", "Var der f.eks. kl. 10.30 den 3. april, bl.a. for å klage. Ok", [
            "Var der f.eks. kl. 10.30 den 3. april, bl.a. for å klage.", "Ok"]),
        ("da", "Kom d. 3. april, jf. nr. 5 m.m. Fint", ["Kom d. 3. april, jf. nr. 5 m.m. Fint"]),
        ("sv", "Jag kom den 3. april. Bra", ["Jag kom den 3. april.", "Bra"]),
        ("en", "Mr. Smith sat 2.5 hours, e.g. on 3.4.2024. Bad", ["Mr. Smith sat 2.5 hours, e.g. on 3.4.2024.", "Bad"]),
        ("no", "Topp 😊 Kommer igjen 👍🏽👍🏽", ["Topp 😊", "Kommer igjen 👍🏽👍🏽"]),
        ("no", "Topp. 😊 Kommer igjen!\n👍", ["Topp. 😊", "Kommer igjen!\n👍"]),
        ("no", "Bra mat\nDyrt\r\n\r\n - treg kø\n• kald kaffe • lang kø", [
            "Bra mat", "Dyrt", "- treg kø", "• kald kaffe", "• lang kø"]),
        ("no", "Vel... Men ok… Kanskje", ["Vel...", "Men ok…", "Kanskje"]),
        ("da", "Fin (desværre.) men dyr. (Meget dyr.) Slut", ["Fin (desværre.) men dyr.", "(Meget dyr.)", "Slut"]),
        ("no", 'De sa "nei." "Ja," sa jeg.', ['De sa "nei."', '"Ja," sa jeg.']),
        ("no", "😀 Hei. ", ["😀 Hei."]),
        ("no", "!!!", ["!!!"]),
        ("no", " \n ", []),
        ("fi", "Hyvä palvelu. Kallis.", ["Hyvä palvelu.", "Kallis."]),
        ("und", "", []),
    ],
)  # fmt: skip
def test_sentences_counted_by_hand(language: str, text: str, found: list[str]) -> None:
    assert split(text, language) == found


_TEXTS = st.text(
    st.characters() | st.sampled_from("aåA1. !?\n\r\u2028\u0085\u200b\u200d😊👍🏽•…)(\ud83d\ufe0f\u0301\u00a0א"),
    max_size=60,
)


@given(st.lists(st.tuples(_TEXTS, st.sampled_from(["no", "da", "sv", "en", "de", "und", ""])), max_size=4))
def test_sentences_of_any_text_are_slices_of_it_and_leave_out_only_white_space(rows: list[tuple[str, str]]) -> None:
    found = split_sentences([text for text, _ in rows], [language for _, language in rows])
    for (text, _), ranges in zip(rows, found, strict=True):
        assert all(text[start:end] and text[start:end] == text[start:end].strip() for start, end in ranges)
        assert all(first[1] <= second[0] for first, second in pairwise(ranges))
        gaps = [0, *(edge for both in ranges for edge in both), len(text)]
        assert all(not text[a:b].strip() for a, b in zip(gaps[::2], gaps[1::2], strict=True))


def test_what_a_pipeline_remembers_does_not_grow() -> None:
    split("Ett ord til.")
    strings = sentences._pipeline("nb").vocab.strings
    before = len(strings)
    for n in range(50):
        split(f"Ordet{n} var nytt{n}. Også dette{n}.")
    assert len(strings) == before


def test_a_long_line_is_split_too() -> None:
    found = split("Dette er en setning. " * 20_000)
    assert len(found) >= 20_000
    assert found[0] == found[-1] == "Dette er en setning."


def test_without_spacy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "find_spec", lambda name: None)
    with pytest.raises(ExtraError, match=r'evidence needs spacy, .*pip install "cxnlp\[evidence\]"'):
        split("Hei.")


# --- evidence

# The toy axis: mood bad, good · parts door, roof · view door:minus, door:plus, roof:minus, roof:plus · when (3)
_ROWS = {
    "Fin dør.": [0, 1, 0.9, 0.1, 0.1, 0.9, 0.5, 0.5, 0, 0, 0],
    "Døra er stygg.": [1, 0, 0.8, 0.1, 0.9, 0.1, 0.5, 0.5, 0, 0, 0],
    "Taket lekker.": [1, 0, 0.2, 0.7, 0.5, 0.5, 0.9, 0.1, 0, 0, 0],
}


class _Scorer:
    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    @property
    def taxonomy(self) -> Taxonomy:
        return toy_taxonomy()

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        self.asked.append(list(texts))
        return np.array([_ROWS[text] for text in texts], np.float32)


def toy(parts: dict[str, str], flags: tuple[str, ...] = ()) -> Prediction:
    named = {"parts": {"door": 0.6, "roof": 0.5}}
    return Prediction(toy_taxonomy(), {"mood": "bad", "parts": parts, "when": ("after",)}, named, 0.9, flags, "no")


def test_the_sentence_with_the_polarity_that_the_review_was_given() -> None:
    scorer = _Scorer()
    text = "Fin dør. Døra er stygg.\nTaket lekker."
    (minus,), (plus, roof) = find_evidence(
        scorer, [text, text], [toy({"door": "minus"}), toy({"door": "plus", "roof": "minus"})]
    )
    assert minus == Evidence("door", 9, 23, "Døra er stygg.", pytest.approx(0.8))
    assert plus == Evidence("door", 0, 8, "Fin dør.", pytest.approx(0.9))
    assert roof == Evidence("roof", 24, 37, "Taket lekker.", pytest.approx(0.7))
    # One pass for all reviews, each sentence once.
    assert scorer.asked == [["Fin dør.", "Døra er stygg.", "Taket lekker."]]


def test_a_review_of_one_sentence_costs_nothing() -> None:
    scorer = _Scorer()
    texts = ["  Taket lekker \n", "Fin dør. Taket lekker.", "", "Fin dør. Taket lekker.", "x"]
    predictions = [toy({"roof": "minus", "door": "plus"}), toy({}), toy({"door": "plus"}, ("empty",)), None, None]
    found = find_evidence(scorer, texts, predictions)
    assert found == [
        (Evidence("roof", 2, 14, "Taket lekker", 0.5), Evidence("door", 2, 14, "Taket lekker", 0.6)), (), (), (), ()
    ]  # fmt: skip
    assert scorer.asked == []
    assert find_evidence(scorer, [], []) == []


@given(st.lists(_TEXTS, max_size=4))
def test_every_touchpoint_of_any_text_has_a_sentence_of_it(texts: list[str]) -> None:
    tagger = FakeTagger()
    predictions = tagger.tag(texts)
    for text, prediction, evidence in zip(texts, predictions, find_evidence(tagger, texts, predictions), strict=True):
        assert [one.label for one in evidence] == ([] if prediction.empty else list(prediction.touchpoints))
        assert all(text[one.start : one.end] == one.sentence for one in evidence)
        assert all(0 <= one.probability <= 1 for one in evidence)


def test_the_cells_and_the_record_of_evidence() -> None:
    evidence = [
        Evidence("delivery", 0, 17, "Pakken kom aldri.", 0.91234),
        Evidence("staff", 18, 33, 'De sa "nei"; ja', 0.5),
    ]
    cells = evidence_cells(evidence)
    assert tuple(cells) == EVIDENCE_COLUMNS == ("cx_evidence", "cx_evidence_offsets")
    assert cells["cx_evidence"] == 'delivery: "Pakken kom aldri."; staff: "De sa ""nei""; ja"'
    assert cells["cx_evidence_offsets"] == "delivery:0-17; staff:18-33"
    assert evidence_record(evidence)[0] == {
        "label": "delivery", "start": 0, "end": 17, "sentence": "Pakken kom aldri.", "probability": 0.9123,
    }  # fmt: skip
    assert evidence_cells([]) == {"cx_evidence": "", "cx_evidence_offsets": ""}
    assert evidence_record([]) == []


# --- stars


def said(sentiment: str, positive: float, negative: float, flags: tuple[str, ...] = ()) -> Prediction:
    named = {"sentiment": {"positive": positive, "negative": negative, "neutral": 0.0, "mixed": 0.0}}
    labels = {"sentiment": sentiment, "touchpoints": {}, "phases": ("use",)}
    return Prediction(load_taxonomy(), labels, named, 0.9, flags, "no")


@pytest.mark.parametrize(
    ("prediction", "rating", "conflict"),
    [
        (said("positive", 0.9, 0.05), -1.0, True),
        (said("positive", 0.9, 0.05), -0.5, True),
        (said("positive", 0.9, 0.05), 0.0, False),
        (said("positive", 0.9, 0.05), 1.0, False),
        (said("positive", 0.9, 0.05), None, False),
        (said("positive", 0.6, 0.2), -1.0, False),  # not clearly
        (said("negative", 0.05, 0.9), 1.0, True),
        (said("negative", 0.05, 0.9), 0.5, True),
        (said("negative", 0.05, 0.9), 0.25, False),
        (said("negative", 0.05, 0.9), -1.0, False),
        (said("mixed", 0.9, 0.0), -1.0, False),
        (said("neutral", 0.0, 0.9), 1.0, False),
        (said("negative", 0.05, 0.9, ("other_language",)), 1.0, False),
        (said("negative", 0.05, 0.9, ("empty",)), 1.0, False),
        (None, 1.0, False),
        (toy({}), 1.0, False),  # a taxonomy without positive and negative
    ],
)
def test_stars_that_the_text_contradicts(prediction: Prediction | None, rating: float | None, conflict: bool) -> None:
    assert rating_conflict(prediction, rating) is conflict


def test_what_stands_without_spaces_is_cut_before_spacy_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time grows with the square of such a run: five thousand emoji took nine seconds."""
    seen: list[str] = []
    whole = sentences._pipeline

    def noted(name: str) -> Callable[[str], Any]:
        pipeline = whole(name)

        class Noted:
            def memory_zone(self) -> Any:
                return pipeline.memory_zone()

            def __call__(self, text: str) -> Any:
                seen.append(text)
                return pipeline(text)

        return Noted()

    monkeypatch.setattr(sentences, "_pipeline", noted)
    texts = ["😀" * 5_000 + "!" * 2_000 + " Bra. Fint!", "a" * 199 + ". B.", "www." + "x" * 900 + ".no er bra. Fint."]
    found = split_sentences(texts, ["", "no", "no"])
    assert max(len(run) for text in seen for run in text.split()) < 200
    assert sorted(map(len, seen)) == sorted(map(len, texts))
    # Offsets are those of the text as it stands.
    cut = [[text[start:end] for start, end in ranges] for text, ranges in zip(texts, found, strict=True)]
    assert cut[0][-1] == "Fint!" and cut[1] == ["a" * 199 + ".", "B."] and cut[2][-1] == "Fint."
