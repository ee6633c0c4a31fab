"""Scoring a file: what is in the result and the summary, counted by hand."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.cli.summary import summary_text
from cxnlp.data import review_from_record
from cxnlp.data.read import Problem
from cxnlp.data.safe import safe_cell
from cxnlp.data.tables import open_table
from cxnlp.inference.cells import cell_columns, cells
from cxnlp.inference.options import Watch
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.score import score_file
from cxnlp.inference.tally import ScoreSummary, Tally
from cxnlp.taxonomy import load_taxonomy, parse_taxonomy
from fake_tagger import FakeTagger

CX = [
    "cx_language", "cx_sentiment", "cx_sentiment_score", "cx_touchpoints", "cx_phase", "cx_phases", "cx_stage",
    "cx_confidence", "cx_flags",
]  # fmt: skip


def score(folder: Path, source: Path, name: str, tagger: FakeTagger | None = None) -> ScoreSummary:
    return score_file(tagger or FakeTagger(), open_table(source), folder / name)


def write(folder: Path, text: str, name: str = "reviews.csv", codec: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(codec))
    return folder / name


def read_csv(path: Path, delimiter: str = ",", encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def read_jsonl(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


class Heard(Watch):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int | None]] = []
        self.counts: dict[str, int] = {}
        self.kept = 0
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def phase(self, name: str, n_rows: int | None) -> None:
        self.phases.append((name, n_rows))
        self.counts[name] = 0

    def rows(self, n: int, *, kept: bool = False) -> None:
        assert n >= 0
        self.counts[self.phases[-1][0]] += n
        self.kept += n if kept else 0

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def prediction(flags: tuple[str, ...] = (), **labels: object) -> Prediction:
    return Prediction(
        load_taxonomy(),
        {"sentiment": "mixed", "touchpoints": {"delivery": "negative", "product": "positive"}, "phases": ("use",)}
        | labels,
        {"sentiment": {"negative": 0.25, "neutral": 0.1, "positive": 0.05, "mixed": 0.6}},
        0.6,
        flags,
        "no",
    )


def test_the_cells_of_a_prediction() -> None:
    found = cells(load_taxonomy(), prediction(phases=("delivery", "use")), ("other_language", "truncated"))
    assert list(found) == CX
    assert list(found.values()) == [
        "no", "mixed", "-0.2000", "delivery:negative; product:positive", "delivery", "delivery; use", "loyalty",
        "0.6000", "other_language; truncated",
    ]  # fmt: skip


def test_nothing_to_read_has_no_labels() -> None:
    found = cells(load_taxonomy(), prediction(("empty",)), ("empty",))
    assert list(found.values()) == ["no", "", "", "", "", "", "", "", "empty"]


def test_the_columns_follow_another_taxonomy() -> None:
    taxonomy = parse_taxonomy(
        'name = "hotels"\n[facets.mood]\nkind = "one_of"\nlabels = ["good", "bad"]\n'
        '[facets.rooms]\nkind = "any_of"\nlabels = ["bed", "bath"]\n',
        "test",
    )
    assert cell_columns(taxonomy) == ("cx_language", "cx_mood", "cx_rooms", "cx_confidence", "cx_flags")
    made = Prediction(taxonomy, {"mood": "bad", "rooms": ("bath", "bed")}, {"mood": {"good": 0.1, "bad": 0.9}}, 0.9)
    assert list(cells(taxonomy, made, ()).values()) == ["", "bad", "bath; bed", "0.9000", ""]


@given(
    st.lists(st.lists(st.text(st.sampled_from("aå 1\n\r\"';,\t|=-"), max_size=9), min_size=3, max_size=3), min_size=1),
    st.sampled_from(";,\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_every_input_cell_and_the_order_are_kept(table: list[list[str]], delimiter: str, codec: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows([["a", "review", "b"], *table])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        score(folder, write(folder, buffer.getvalue(), codec=codec), "out.csv")
        raw = (folder / "out.csv").read_bytes()
    damage_free = raw.decode("utf-8-sig")
    assert raw.startswith(b"\xef\xbb\xbf")  # by which Excel knows UTF-8
    rows = list(csv.reader(io.StringIO(damage_free, newline=""), delimiter=delimiter))
    assert rows[0] == ["a", "review", "b", *CX]
    assert [row[:3] for row in rows[1:]] == [[safe_cell(cell) for cell in row] for row in table]
    tagger = FakeTagger()
    assert [row[4] for row in rows[1:]] == [
        "" if p.empty else p.sentiment for p in tagger.tag([row[1] for row in table])
    ]


def test_scoring_a_scored_file_replaces_the_old_labels(tmp_path: Path) -> None:
    score(tmp_path, write(tmp_path, "review,n\nfin app,1\ndårlig mat,2\n"), "once.csv")
    summary = score(tmp_path, tmp_path / "once.csv", "twice.csv")
    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "twice.csv").read_bytes()
    assert summary.replaced_columns == tuple(CX)
    assert f"anew     {CX[0]}" in summary_text(summary)


def test_jsonl_keeps_the_rows_own_fields_beside_the_prediction(tmp_path: Path) -> None:
    record = {
        "id": 7,
        "text": "fin app",
        "sentiment": "negative",
        "input_sentiment": "old",
        "rating": 4.5,
        "tags": ["x"],
    }
    score(tmp_path, write(tmp_path, json.dumps(record) + "\n", "in.jsonl"), "out.jsonl")
    (out,) = read_jsonl(tmp_path / "out.jsonl")
    made = FakeTagger().tag(["fin app"])[0]
    assert out["sentiment"] == made.sentiment
    assert (out["input_input_sentiment"], out["input_sentiment"]) == ("negative", "old")
    assert (out["id"], out["text"], out["rating"], out["tags"]) == (7, "fin app", 4.5, ["x"])
    assert out["phases"] == list(made.phases)
    assert out["flags"] == []


def test_a_jsonl_prediction_is_a_record_of_a_labelled_review(tmp_path: Path) -> None:
    score(tmp_path, write(tmp_path, "id,text,review text\nr1,another thing,fin app\nr2,,\n"), "out.jsonl")
    first, second = read_jsonl(tmp_path / "out.jsonl")
    assert (first["text"], first["review text"], first["input_text"]) == ("fin app", "fin app", "another thing")
    review = review_from_record(first, load_taxonomy())
    assert (review.id, review.text, review.labels) == ("r1", "fin app", FakeTagger().tag(["fin app"])[0].labels)
    # Nothing to read: its labels are unknown, not whatever the model makes of nothing.
    assert review_from_record(second, load_taxonomy()).labels == {}
    assert second["flags"] == ["empty"]


def test_jsonl_to_csv_has_every_key_as_a_column(tmp_path: Path) -> None:
    lines = [
        '{"text": "fin", "n": 1, "ok": true}',
        "broken, {",
        '{"more": {"a": null}, "text": null}',
        '{"text": "x\\ud800"}',
    ]
    summary = score(tmp_path, write(tmp_path, "\n".join(lines), "in.jsonl"), "out.csv")
    rows = read_csv(tmp_path / "out.csv")
    assert [(row["text"], row["n"], row["ok"], row["more"], row["cx_flags"]) for row in rows] == [
        ("fin", "1", "true", "", ""),
        ("broken, {", "", "", "", "broken_line"),
        ("", "", "", '{"a": null}', "empty"),
        ("x\ufffd", "", "", "", ""),
    ]
    assert (summary.n_rows, summary.n_scored, summary.n_damaged) == (4, 2, 1)


def test_a_broken_line_keeps_its_place_in_jsonl(tmp_path: Path) -> None:
    source = write(tmp_path, '{"text": "a"}\n\n{"text": "b\n{"text": "c\\ud83d"}\n', "in.jsonl")
    heard = Heard()
    score_file(FakeTagger(), open_table(source), tmp_path / "out.jsonl", watch=heard)
    assert heard.phases == [("scoring", 3), ("writing", 3)]
    assert heard.counts == {"scoring": 3, "writing": 3}
    assert [problem.line for problem in heard.problems] == [3]
    first, broken, last = read_jsonl(tmp_path / "out.jsonl")
    assert (first["text"], last["text"]) == ("a", "c\ud83d")
    assert broken == {"flags": ["broken_line"], "line": 3, "raw": '{"text": "b'}


def test_the_flags_of_row_and_prediction_are_joined(tmp_path: Path) -> None:
    score(tmp_path, write(tmp_path, "id,review,n\n1,das ist gut\n2,\n"), "out.csv")
    assert [row["cx_flags"] for row in read_csv(tmp_path / "out.csv")] == [
        "too_few_fields; other_language",
        "too_few_fields; empty",
    ]
    score(tmp_path, tmp_path / "reviews.csv", "out.jsonl")
    assert [record["flags"] for record in read_jsonl(tmp_path / "out.jsonl")] == [
        ["too_few_fields", "other_language"],
        ["too_few_fields", "empty"],
    ]


def test_delimiters_of_the_result(tmp_path: Path) -> None:
    source = write(tmp_path, "review\nfin, men dyr\n")
    score(tmp_path, source, "out.csv")
    score(tmp_path, source, "out.tsv")
    assert read_csv(tmp_path / "out.csv")[0]["review"] == "fin, men dyr"
    assert read_csv(tmp_path / "out.tsv", "\t")[0]["review"] == "fin, men dyr"


def test_memory_is_bounded_by_chunks(tmp_path: Path) -> None:
    tagger, heard = FakeTagger(), Heard()
    source = write(tmp_path, "review,n\n" + "".join(f"tekst {i},{i}\n" for i in range(2500)))
    score_file(tagger, open_table(source), tmp_path / "out.csv", watch=heard)
    assert tagger.chunk_sizes == [1024, 1024, 452]
    assert heard.counts == {"scoring": 2500, "writing": 2500}
    assert tagger.seen == [f"tekst {i}" for i in range(2500)]
    big = write(tmp_path, "review,n\n" + "".join(f"{i} {'ord ' * 250_000},{i}\n" for i in range(9)), "big.csv")
    tagger = FakeTagger()
    score(tmp_path, big, "out.csv", tagger)
    assert tagger.chunk_sizes == [4, 4, 1]


def test_the_result_has_ordinary_permissions_or_those_it_had(tmp_path: Path) -> None:
    source = write(tmp_path, "review,n\nfin,1\n")
    umask = os.umask(0o027)
    try:
        score(tmp_path, source, "out.csv")
        assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o640
        (tmp_path / "out.csv").chmod(0o664)
        score(tmp_path, source, "out.csv")
        assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o664
    finally:
        os.umask(umask)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out.csv").symlink_to(tmp_path / "there" / "real.csv")
    score(tmp_path, write(tmp_path, "review,n\nfin,1\n"), "out.csv")
    assert (tmp_path / "out.csv").is_symlink()
    assert read_csv(tmp_path / "there" / "real.csv")[0]["review"] == "fin"


def counted() -> ScoreSummary:
    """Five rows: three read, one empty, one broken."""
    tally = Tally(load_taxonomy())
    tally.add(prediction(), (), damaged=False)
    tally.add(prediction(("other_language",), sentiment="negative"), ("other_language",), damaged=False)
    tally.add(prediction(touchpoints={"delivery": "positive"}, phases=("search", "use")), ("nul_bytes",), damaged=True)
    tally.add(prediction(("empty",)), ("empty",), damaged=False)
    tally.add(None, ("broken_line",), damaged=True)
    return ScoreSummary(
        "in.csv", "out.csv", "UTF-8", ";", "review", "by its name", (), tally.n_rows, tally.n_scored, tally.n_damaged,
        tally.flags, tally.languages, tally.taxonomy, tally.facets(), 2.0,
    )  # fmt: skip


def test_the_summary_counted_by_hand() -> None:
    record = counted().as_record()
    assert (record["n_rows"], record["n_scored"], record["n_damaged"], record["rows_per_s"]) == (5, 3, 2, 2.5)
    assert record["flags"] == {"other_language": 1, "nul_bytes": 1, "empty": 1, "broken_line": 1}
    assert record["languages"] == {"no": {"count": 3, "share": 1.0}}
    assert record["sentiment"]["mixed"] == {"count": 2, "share": 0.6667}
    delivery = {"count": 3, "share": 1.0, "polarity": {"negative": 2, "neutral": 0, "positive": 1}}
    assert record["touchpoints"]["delivery"] == delivery
    assert record["touchpoints"]["app"]["count"] == 0
    assert record["phases"]["use"]["count"] == 3
    assert {k: v["count"] for k, v in record["phase"].items() if v["count"]} == {"use": 2, "search": 1}
    assert {k: v["count"] for k, v in record["stage"].items()} == {
        "search": 1,
        "information": 0,
        "purchase": 0,
        "loyalty": 2,
    }


def test_the_summary_as_text() -> None:
    lines = summary_text(counted(), bar="#").splitlines()
    assert lines[0] == "5 reviews scored in 2.0 s (2 a second)"
    assert '  read as  UTF-8, delimiter ";"' in lines
    assert "  delivery                   3  100.0%  ####################     66.7%  #############" in lines
    assert "  product                    2   66.7%  #############             0.0%" in lines
    assert "Shares are of 3 reviews; 2 had nothing to read." in lines
    assert any(line.startswith("  Norwegian            3  100.0%") for line in lines)


def test_the_summary_fits_a_terminal(tmp_path: Path) -> None:
    text = "review\n" + "".join(f"ord {i}\n" for i in range(400))
    assert_fits(summary_text(score(tmp_path, write(tmp_path, text), "out.csv")))
    many = "".join(
        f'[facets.f{i}]\nkind = "any_of"\nlabels = {json.dumps([f"label_with_a_long_name_{j}" for j in range(30)])}\n'
        for i in range(14)
    )
    wide = parse_taxonomy('name = "wide"\n' + many, "test")
    lines = summary_text(score(tmp_path, tmp_path / "reviews.csv", "out.csv", FakeTagger(wide)))
    assert_fits(lines)
    assert "--summary" in lines.splitlines()[-1]


def assert_fits(text: str) -> None:
    lines = [line for line in text.splitlines() if not line.startswith(("  input", "  result"))]
    assert len(lines) <= 58
    assert max(map(len, lines)) <= 100


def test_a_file_of_nothing_but_empty_texts_has_a_summary(tmp_path: Path) -> None:
    summary = score(tmp_path, write(tmp_path, "id,review\n1,\n2,  \n"), "out.csv")
    assert "Flagged: empty 2" in summary_text(summary)
    assert summary.as_record()["sentiment"]["mixed"] == {"count": 0, "share": 0.0}


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_no_part_of_a_file_is_left_beside_the_result(tmp_path: Path, name: str) -> None:
    score(tmp_path, write(tmp_path, "review,n\nfin,1\n"), name)
    assert sorted(os.listdir(tmp_path)) == sorted(["reviews.csv", name])
