"""Behavioural tests of a model: cases, verdicts counted by hand, tables, the shipped suite and the command."""

from __future__ import annotations

import argparse
import json
import sys
import types
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
from cxnlp.cli import checklist as command
from cxnlp.data import json_lines
from cxnlp.errors import DataError
from cxnlp.evaluation.checklist import (
    Case,
    Rate,
    checklist_table,
    read_suite,
    run_checklist,
    shipped_suite,
    show_checklist,
    show_failures,
    suite_hashes,
)
from cxnlp.evaluation.checklist.answers import Answer
from cxnlp.evaluation.checklist.cases import case_from_record, texts_of_suite
from cxnlp.evaluation.checklist.disturb import DISTURBANCES, disturbed
from cxnlp.evaluation.checklist.expect import Adds, IsOneOf, Moves, Names, NamesNothing, Same
from cxnlp.evaluation.checklist.lengths import LONG, SHORT, sweep
from cxnlp.taxonomy import Cutoffs, FacetValue, default_thresholds, encode_labels, load_taxonomy
from cxnlp.text import text_hash

TAXONOMY = load_taxonomy()
Labels = dict[str, FacetValue]


class Fake:
    """A fake model that says what a function says."""

    taxonomy = TAXONOMY
    cutoffs = Cutoffs(default_thresholds(TAXONOMY))

    def __init__(self, answer: Callable[[str], Labels]) -> None:
        self.answer = answer
        self.asked: list[list[str]] = []

    def probabilities(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        self.asked.append(list(texts))
        if progress:
            progress(len(texts))
        blank: Labels = {"sentiment": "neutral", "touchpoints": {}, "phases": ("use",)}
        values = encode_labels(TAXONOMY, [{**blank, **self.answer(text)} for text in texts]).values
        return 0.1 + 0.8 * values


def says(**by_word: str) -> Fake:
    """A fake model that goes by words: the last one that the text has decides the sentiment."""

    def answer(text: str) -> Labels:
        found = [label for word, label in by_word.items() if word in text]
        return {"sentiment": found[-1] if found else "neutral"}

    return Fake(answer)


def mft(identity: str, lang: str, capability: str, text: str, **expect: Any) -> dict[str, Any]:
    return {"id": identity, "lang": lang, "type": "mft", "capability": capability, "text": text, "expect": expect}


def inv(identity: str, lang: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": identity, "lang": lang, "type": "inv", "text": text, **more}


def change(identity: str, lang: str, text: str, changed: str, **expect: Any) -> dict[str, Any]:
    record = {"id": identity, "lang": lang, "type": "dir", "capability": "added", "text": text, "changed": changed}
    return {**record, "expect": expect}


RECORDS = [
    mft("1", "no", "negation", "ikke bra", sentiment="negative"),
    mft("2", "no", "negation", "slett ikke verst", sentiment="positive"),
    mft("3", "da", "negation", "ikke godt", sentiment=["negative", "mixed"]),
    mft("4", "da", "phase", "Pakken kom", phases="delivery"),
    change("5", "no", "Fin dag", "Fin dag. ikke mer", sentiment="not_higher"),
    change("6", "no", "ikke nå", "ikke nå. bra", sentiment="not_higher"),
]


def cases(*records: dict[str, Any]) -> list[Case]:
    return [case_from_record(record, TAXONOMY) for record in records]


def write(path: Path, records: Sequence[dict[str, Any] | str]) -> Path:
    lines = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in records]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


# Verdicts


def test_rates_are_those_counted_by_hand() -> None:
    model = says(ikke="negative", bra="positive")  # so "ikke bra" is positive, and wrong
    outcome = run_checklist(model, cases(*RECORDS))
    rows = {(row.type, row.capability): row for row in checklist_table(outcome)}
    counted = {key: {lang: (r.passed, r.checks) for lang, r in row.rates.items()} for key, row in rows.items()}
    assert counted == {
        ("mft", "all"): {"all": (1, 4), "no": (0, 2), "da": (1, 2)},
        ("mft", "negation"): {"all": (1, 3), "no": (0, 2), "da": (1, 1)},
        ("mft", "phase"): {"all": (0, 1), "da": (0, 1)},
        ("dir", "all"): {"all": (1, 2), "no": (1, 2)},
        ("dir", "added"): {"all": (1, 2), "no": (1, 2)},
    }
    assert [verdict.check.case for verdict in outcome.failures] == ["1", "2", "4", "6"]
    assert (outcome.cases, outcome.texts, outcome.languages) == (6, 8, ("no", "da"))


def test_every_text_is_scored_once_and_all_together() -> None:
    model = says()
    run_checklist(model, cases(*RECORDS, inv("7", "no", "ikke bra"), mft("8", "da", "x", "ikke bra", phases="use")))
    (asked,) = model.asked
    assert len(asked) == len(set(asked))
    assert asked.count("ikke bra") == 1


def test_a_disturbance_that_changes_the_answer_fails_in_its_facet_only() -> None:
    text = "Leveringen var bra."
    model = says(bra="positive", LEVERINGEN="neutral")  # capitals are not understood
    outcome = run_checklist(model, cases(inv("1", "no", text, expect={"sentiment": "positive"})))
    rows = {(row.facet, row.capability): row.rates["no"] for row in checklist_table(outcome) if row.type == "inv"}
    n = len(DISTURBANCES) - 4  # no letter with marks to respell (twice), no name, no city
    assert len(disturbed(cases(inv("1", "no", text, expect={"sentiment": "positive"}))[0])) == n
    assert rows["sentiment", "all"] == Rate(n - 1, n)
    assert rows["sentiment", "upper case"] == Rate(0, 1)
    assert rows["touchpoints", "all"] == rows["phases", "all"] == Rate(n, n)


def test_an_answer_that_is_no_number_passes_nothing_and_can_be_written() -> None:
    class Broken(Fake):
        def probabilities(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
            return np.full((len(texts), TAXONOMY.n_logits), np.nan, np.float32)

    outcome = run_checklist(
        Broken(lambda _: {}), cases(*RECORDS, inv("7", "no", "Bra", expect={"sentiment": "positive"}))
    )
    assert len(outcome.failures) == len(outcome.verdicts)
    json.dumps([verdict.as_json() for verdict in outcome.failures], allow_nan=False)


def answer(sentiment: str = "neutral", score: float = 0.0, phases: tuple[str, ...] = ("use",), **given: str) -> Answer:
    return Answer({"sentiment": sentiment, "touchpoints": given, "phases": phases}, {"sentiment": score})


@pytest.mark.parametrize(
    ("expect", "now", "before", "holds"),
    [
        (IsOneOf("sentiment", ("mixed", "negative")), answer("mixed"), None, True),
        (IsOneOf("sentiment", ("mixed",)), answer("negative"), None, False),
        (IsOneOf("phases", ("use",)), answer(phases=("use", "support")), None, True),
        (IsOneOf("phases", ("use",)), answer(phases=("support", "use")), None, False),
        (Names("touchpoints", {"app": ("negative",)}), answer(app="negative", store="neutral"), None, True),
        (Names("touchpoints", {"app": ("negative",)}), answer(app="positive"), None, False),
        (Names("touchpoints", {"app": ()}), answer(app="positive"), None, True),
        (Names("touchpoints", {"app": (), "store": ()}), answer(app="positive"), None, False),
        (Names("touchpoints", absent=("phone",)), answer(product="positive"), None, True),
        (Names("touchpoints", absent=("phone",)), answer(phone="positive"), None, False),
        (NamesNothing("touchpoints"), answer(), None, True),
        (NamesNothing("touchpoints"), answer(app="neutral"), None, False),
        (Same("touchpoints", False), answer(app="", chat="neutral"), answer(chat="neutral", app=""), True),
        (Same("touchpoints", False), answer(app="neutral"), answer(app="negative"), False),
        (Same("phases", True), answer(phases=("use",)), answer(phases=("use", "support")), True),
        (Same("phases", True), answer(phases=("support",)), answer(phases=("use", "support")), False),
        (Moves("sentiment", True), answer(score=-0.96), answer(score=-0.92), True),  # within the tolerance
        (Moves("sentiment", True), answer(score=-0.99), answer(score=-0.92), False),
        (Moves("sentiment", False), answer(score=0.2), answer(score=0.1), False),
        (Moves("sentiment", False), answer(score=-0.2), answer(score=0.1), True),
        (Adds("touchpoints", {"app": ("negative",)}), answer(app="negative"), answer(), True),
        (Adds("touchpoints", {"app": ("negative",)}), answer(app="negative"), answer(app="neutral"), False),
        (Adds("touchpoints", {"app": ()}), answer(), answer(), False),
    ],
)  # fmt: skip
def test_expectations(expect: Any, now: Answer, before: Answer | None, holds: bool) -> None:
    assert expect.holds(now, before) is holds
    assert str(expect)


# Rates and tables


@pytest.mark.parametrize(
    ("passed", "checks", "low", "high"),
    [(15, 20, 0.5313, 0.8881), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_intervals(passed: int, checks: int, low: float, high: float) -> None:
    assert Rate(passed, checks).interval == pytest.approx((low, high), abs=1e-4)


def test_few_checks_are_counts_and_many_are_rates() -> None:
    many = [mft(str(i), "no", "many", f"bra {i}", sentiment="positive") for i in range(30)]
    few = [mft(f"d{i}", "da", "many", f"bra {i}", sentiment="positive") for i in range(29)]
    text = show_checklist(run_checklist(says(bra="positive"), cases(*many, *few)))
    (row,) = [line for line in text.splitlines() if line.startswith("  many")]
    assert row.split("  ")[-1].strip() == "29/29"
    assert "100 [89–100]" in row
    assert "59 cases, 59 checks of 30 texts" in text


def test_tables_are_at_most_a_hundred_columns() -> None:
    languages = ["no", "da", "sv", "en", "fi", "a-long-name"]
    records = [
        mft(f"{lang}{i}", lang, "a capability with a very long name", f"bra {i} {'ord ' * 60}", sentiment="negative")
        for lang in languages
        for i in range(40)
    ]
    outcome = run_checklist(
        says(bra="positive"), cases(*records, change("x", "no", "A", "A bra", sentiment="not_higher"))
    )
    for text in (show_checklist(outcome), show_failures(outcome)):
        assert max(map(len, text.splitlines())) <= 100
    assert "No room for: a-long-name, fi" in show_checklist(outcome)
    assert "got neutral (+0.00) → positive (+0.80)" in show_failures(outcome)


def test_without_failures_it_says_so() -> None:
    outcome = run_checklist(says(bra="positive"), cases(mft("1", "no", "praise", "bra", sentiment="positive")))
    assert show_failures(outcome) == "Every check was passed."


def test_an_empty_suite_is_refused() -> None:
    with pytest.raises(DataError, match="the suite has no case"):
        run_checklist(says(), [])


# Lengths


def test_texts_of_all_lengths_are_made() -> None:
    made = sweep(cases(inv("1", "no", "Dårlig og dyrt", expect={"sentiment": "negative"}), inv("2", "no", "Hva nå?")))
    assert {swept.words for swept in made} == {*SHORT, *LONG}
    for swept in made:
        words = len(swept.text.split())
        assert (words == swept.words) if swept.case is None else (swept.words <= words < swept.words + 3)
        assert "Hva" not in swept.text  # nobody said what it is


# Reading


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"id": ', "not a JSON object at column"),
        ({**RECORDS[0], "type": "mtf"}, "\"type\" is 'mtf', expected one of: mft, inv, dir"),
        ({**RECORDS[0], "txt": "x"}, "unknown key 'txt' of mft cases; did you mean 'text'"),
        ({**RECORDS[0], "text": " "}, '"text" is empty; expected a string; mft cases have: id, lang, type'),
        ({**RECORDS[0], "expect": None}, 'no "expect" (an object), such as {"sentiment": "negative"}'),
        ({**RECORDS[0], "expect": {"sentimnt": "negative"}}, "unknown facet 'sentimnt'; did you mean 'sentiment'"),
        ({**RECORDS[0], "expect": {"sentiment": "negativ"}}, "unknown label 'negativ' in sentiment; did you mean"),
        ({**RECORDS[0], "expect": {"sentiment": "mixed", "phases": "use"}}, "expect speaks of 2 facets"),
        ({**RECORDS[0], "expect": {"touchpoints": {"app": "mixed"}}}, "unknown label 'mixed' in polarity"),
        ({**RECORDS[0], "expect": {"sentiment": "mixed", "absent": ["mixed"]}}, '"absent" does not go with sentiment'),
        ({**RECORDS[4], "changed": "Fin dag"}, '"changed" is the same as "text"'),
        ({**RECORDS[4], "expect": {"sentiment": "negative"}}, "expected 'not_higher' or 'not_lower'"),
        ({**RECORDS[4], "expect": {"touchpoints": {}}}, "expect of touchpoints names no label"),
        (inv("9", "no", "Hei", names={"Kari": "Anne"}), "\"names\" has 'Kari', which the text does not name"),
        (inv("9", "no", "Hei", cities=["Oslo"]), '"cities" is not an object of names'),
        (inv("9", "no", "Hei", expect={"phases": "use"}), "speaks of phases; expected a facet with a score, or none"),
        (RECORDS[0], "id '1' is that of"),
    ],
)  # fmt: skip
def test_wrong_cases_are_named_with_file_and_line(record: Any, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", [RECORDS[0], "", record])
    with pytest.raises(DataError) as error:
        read_suite([path], TAXONOMY)
    assert f"{path}, line 3: " in str(error.value)
    assert message in str(error.value)
    assert "wrong cases: 1\n" in str(error.value)


def test_a_suite_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    case = '[[case]]\nid = "a"\nlang = "no"\ntype = "mft"\ncapability = "x"\ntext = "Bra"\n'
    path.write_text(f'{case}expect = {{ sentiment = "positive" }}\n', "utf-8")
    (found,) = read_suite([path], TAXONOMY)
    assert (found.id, found.expect) == ("a", IsOneOf("sentiment", ("positive",)))
    path.write_text(f'# mine\n{case}expect = {{ sentiment = "bra" }}\n', "utf-8")
    with pytest.raises(DataError, match=r"mine\.toml, line 2: unknown label 'bra' in sentiment"):
        read_suite([path], TAXONOMY)
    path.write_text("[[case]\n", "utf-8")
    with pytest.raises(DataError, match=r"mine\.toml: is not TOML \(.*line 1"):
        read_suite([path], TAXONOMY)
    path.write_text("case = 3\n", "utf-8")
    with pytest.raises(DataError, match=r"begin each case with \[\[case\]\]"):
        read_suite([path], TAXONOMY)


def test_what_is_no_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a folder, or a file that ends in \.jsonl or \.toml"):
        read_suite([tmp_path / "cases.csv"], TAXONOMY)
    with pytest.raises(DataError, match="cannot be read"):
        read_suite([tmp_path / "none.jsonl"], TAXONOMY)
    with pytest.raises(DataError, match="no case in"):
        read_suite([tmp_path], TAXONOMY)


# The shipped suite


@pytest.fixture(scope="module")
def suite() -> list[Case]:
    return read_suite([shipped_suite()], TAXONOMY)


def test_the_shipped_suite_is_large_enough_in_every_language(suite: list[Case]) -> None:
    counts = Counter((case.lang, str(case.type)) for case in suite)
    for lang in ("no", "da", "sv", "en"):
        assert counts[lang, "mft"] >= 150
        assert counts[lang, "inv"] >= 60
        assert counts[lang, "dir"] >= 40
        bases = [case for case in suite if case.lang == lang and case.type == "inv"]
        assert {case.mood for case in bases} >= {"positive", "negative", "mixed", "neutral"}
        lengths = sorted(len(case.text.split()) for case in bases)
        assert lengths[0] <= 3
        assert lengths[-1] >= 35
        assert sum(bool(case.names) for case in bases) >= 20
        assert any(len(case.text.split()) >= 280 for case in suite if case.lang == lang)
    assert {"nynorsk", "dialect"} <= {case.capability for case in suite if case.lang == "no"}
    assert sum(file.stat().st_size for file in shipped_suite().glob("*.jsonl")) < 300_000


def test_no_text_is_there_twice(suite: list[Case]) -> None:
    texts = [(case.lang, text_hash(text)) for case in suite for text in texts_of_suite([case])]
    assert [key for key, n in Counter(texts).items() if n > 1] == []


def test_no_text_of_the_corpus_or_the_samples_is_in_the_suite() -> None:
    files = [*tiny.REPOSITORY.glob("data/corpus/*.jsonl"), *tiny.REPOSITORY.glob("data/samples/*.jsonl")]
    assert len(files) > 40
    records = [record for file in files for _, record in json_lines(file) if isinstance(record, dict)]
    hashes = suite_hashes()
    assert [record["id"] for record in records if text_hash(record.get("text", "")) in hashes] == []


# The command


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command with a fake model."""
    fake = types.ModuleType("cxnlp.inference.tagger")
    model = says(ikke="negative", bra="positive")
    fake.Tagger = types.SimpleNamespace(load=lambda *_, **__: model)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cxnlp.inference.tagger", fake)

    def invoke(*argv: object) -> int:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        args = parser.parse_args(["checklist", *map(str, argv)])
        return int(args.run(args))

    return invoke


def test_texts_are_shown_only_when_asked_for(
    cli: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, target = write(tmp_path / "mine.jsonl", RECORDS), tmp_path / "out.json"
    assert cli("default", "--cases", data, "--json", target) == 0
    out, found = capsys.readouterr().out, json.loads(target.read_text("utf-8"))
    assert "  negation " in out
    assert found["rows"][0]["rates"]["all"]["passed"] == 1
    assert found["languages"] == ["no", "da"]
    assert "failures" not in found
    for text in texts_of_suite(cases(*RECORDS)):
        assert text not in out
        assert text not in target.read_text("utf-8")
    assert cli("default", "--cases", data, "--json", target, "--failures") == 0
    out, found = capsys.readouterr().out, json.loads(target.read_text("utf-8"))
    assert "slett ikke verst" in out
    assert [failure["case"] for failure in found["failures"]] == ["1", "2", "4", "6"]
    assert found["failures"][3]["base_text"] == "ikke nå"


def test_the_shipped_suite_runs_whole(cli: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("default") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    for name in ("Minimum functionality", "Invariance: touchpoints", "Direction", "Length", "1,000 words", "nynorsk"):
        assert name in out


def test_the_cases_are_not_overwritten(cli: Callable[..., int], tmp_path: Path) -> None:
    data = write(tmp_path / "mine.jsonl", RECORDS)
    before = data.read_bytes()
    for given in (data, tmp_path):
        with pytest.raises(DataError, match="--json would overwrite"):
            cli("default", "--cases", given, "--json", data)
    assert data.read_bytes() == before


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    from cxnlp.cli.main import main

    with pytest.raises(SystemExit):
        main(["checklist", "--help"])
    assert "cxnlp checklist default" in capsys.readouterr().out
