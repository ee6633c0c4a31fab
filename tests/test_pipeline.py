"""The pipeline between reader and writer: copies, rows that fail, chosen rows, hooks, streams, and memory."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxnlp.cli.summary import summary_text
from cxnlp.cli.writing import output_path
from cxnlp.data.tables import Row, open_table
from cxnlp.errors import DataError
from cxnlp.inference import labelling
from cxnlp.inference.hooks import Hooks, make_hooks
from cxnlp.inference.journal import Chunk, Journal
from cxnlp.inference.options import ScoreOptions
from cxnlp.inference.packed import Packer
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.score import score_file
from cxnlp.inference.tally import ScoreSummary
from fake_tagger import FakeTagger
from test_score import Heard

SCRIPT = Path(__file__).with_name("fake_tagger.py")


def write(folder: Path, texts: Sequence[str], name: str = "in.csv") -> Path:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "review"], *enumerate(texts)])
    return folder / name


def score(
    folder: Path, source: Path, name: str = "out.csv", tagger: FakeTagger | None = None, **more: Any
) -> ScoreSummary:
    return score_file(tagger or FakeTagger(), open_table(source), folder / name, **more)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_prediction_comes_back_from_few_bytes() -> None:
    tagger = FakeTagger()
    packer = Packer(tagger.taxonomy)
    for made in tagger.tag(["fin", "das ist gut", "", "sen levering"]):
        packed = packer.pack(made)
        assert packed is not None
        back = packer.unpack(packed)
        assert (back.labels, back.flags, back.language) == (made.labels, made.flags, made.language)
        assert list(back.labels["touchpoints"]) == list(made.labels["touchpoints"])  # in the same order
        record, expected = back.as_record(), made.as_record()
        if made.empty:
            assert record == expected
            continue
        assert abs(record.pop("sentiment_score") - expected.pop("sentiment_score")) < 0.00011
        assert record == expected
        assert packer.pack(back) == packed
        assert len(packed.probabilities) == 2 * tagger.taxonomy.n_logits


def test_copies_are_scored_once(tmp_path: Path) -> None:
    texts = ["bra", "fin mat", " bra ", "Bra", "bra\u200b", "", "  ", "fin  mat"] + [f"nr {i}" for i in range(1_100)]
    texts += ["bra", "nr 3"]
    tagger = FakeTagger()
    summary = score(tmp_path, write(tmp_path, texts), tagger=tagger)
    assert max(Counter(tagger.seen).values()) == 1
    assert len(tagger.seen) == 3 + 1 + 1_100  # bra, fin mat, Bra; nothing; the others
    assert summary.n_duplicates == 5  # empty texts are not counted
    assert "copies   5 rows with the text of an earlier one" in summary_text(summary)
    found = rows(tmp_path / "out.csv")
    assert [row["review"] for row in found] == texts
    labels = [[value for key, value in row.items() if key.startswith("cx_")] for row in found]
    assert labels[0] == labels[2] == labels[4] == labels[-2] != labels[3]
    assert labels[1] == labels[7]


def test_labels_do_not_depend_on_the_texts_beside(tmp_path: Path) -> None:
    texts = [f"nr {i % 700}" for i in range(1_500)]
    score(tmp_path, write(tmp_path, texts), "forward.csv")
    score(tmp_path, write(tmp_path, texts[::-1]), "backward.csv")
    forward, backward = (
        [list(row.values())[1:] for row in rows(tmp_path / f"{name}.csv")] for name in ("forward", "backward")
    )
    assert forward == backward[::-1]


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "MAX_REMEMBERED", 100)
    tagger = FakeTagger()
    made = labelling.ChunkLabeller(tagger, Hooks())
    for start in range(0, 1_000, 50):
        chunk = [Row(i, {}, f"nr {i}") for i in [*range(start, start + 50), 0]]
        made.label(made.prepare(chunk), lambda n: None)
        assert len(made._known) <= 100
    assert len(tagger.seen) == 1_000  # the text that keeps coming back is kept


class Failing(FakeTagger):
    """Fails on whole batches that hold a certain word, as an engine does."""

    def tag(self, texts: Sequence[str], **more: Any) -> list[Prediction]:
        if any("gift" in text for text in texts):
            if more.get("progress"):
                more["progress"](len(texts) // 2)  # some were done before it failed
            raise RuntimeError(texts[0])
        return super().tag(texts, **more)


def test_a_row_that_cannot_be_scored(tmp_path: Path) -> None:
    texts = [f"nr {i}" for i in range(1_500)]
    texts[0], texts[700], texts[701], texts[1_499] = "gift a", "gift b", "gift a", "gift c"
    source, heard = write(tmp_path, texts), Heard()
    summary = score(tmp_path, source, tagger=Failing(), watch=heard)
    found = rows(tmp_path / "out.csv")
    assert [i for i, row in enumerate(found) if row["cx_flags"] == "not_scored"] == [0, 700, 701, 1_499]
    assert all((row["cx_sentiment"] == "") == (row["cx_flags"] == "not_scored") for row in found)
    assert [row["review"] for row in found] == texts
    assert (summary.n_scored, summary.n_damaged, summary.flags) == (1_496, 4, {"not_scored": 4})
    assert [problem.line for problem in heard.problems] == [2, 702, 703, 1_501]
    assert "gift" not in " ".join(map(str, heard.problems))
    assert heard.counts == {"scoring": 1_500, "writing": 1_500}
    score(tmp_path, source, "out.jsonl", Failing())
    record = records(tmp_path / "out.jsonl")[0]
    assert (record["id"], record["text"], record["sentiment"], record["flags"]) == ("0", "gift a", None, ["not_scored"])
    assert set(record) == set(records(tmp_path / "out.jsonl")[1])


def test_numbers_that_are_none(tmp_path: Path) -> None:
    class Broken(FakeTagger):
        def _one(self, text: str) -> Prediction:
            made = super()._one(text)
            bad = {"sentiment": dict.fromkeys(made.probabilities["sentiment"], float("nan"))}
            return replace(made, probabilities={**made.probabilities, **bad}) if "gift" in text else made

    score(tmp_path, write(tmp_path, ["bra", "gift", "fin"]), tagger=Broken())
    assert [row["cx_flags"] for row in rows(tmp_path / "out.csv")] == ["", "not_scored", ""]


def test_the_first_rows(tmp_path: Path) -> None:
    source = write(tmp_path, [f"nr {i}" for i in range(2_000)])
    tagger, heard = FakeTagger(), Heard()
    summary = score(tmp_path, source, tagger=tagger, options=ScoreOptions(limit=1_030), watch=heard)
    assert [row["id"] for row in rows(tmp_path / "out.csv")] == [str(i) for i in range(1_030)]
    assert (summary.n_rows, len(tagger.seen), heard.phases[0]) == (1_030, 1_030, ("scoring", 1_030))
    assert score(tmp_path, source, options=ScoreOptions(limit=5_000)).n_rows == 2_000


def test_a_sample_is_drawn_by_its_seed_and_keeps_the_order(tmp_path: Path) -> None:
    source = write(tmp_path, [f"nr {i}" for i in range(400)])

    def sample(n: int, seed: int, name: str = "out.csv") -> list[int]:
        assert score(tmp_path, source, name, options=ScoreOptions(sample=n, seed=seed)).n_rows == min(n, 400)
        return [int(row["id"]) for row in rows(tmp_path / name)]

    drawn = [sample(40, seed) for seed in range(40)]
    assert all(ids == sorted(set(ids)) and len(ids) == 40 for ids in drawn)
    assert sample(40, 7) == drawn[7] != drawn[8]
    times = Counter(i for ids in drawn for i in ids)  # each row 4 times on average
    assert np.mean([times[i] for i in range(200)]) == pytest.approx(4, abs=0.5)
    assert max(times.values()) < 16
    assert sample(400, 1) == sample(999, 1) == list(range(400))


@pytest.mark.parametrize(
    "options", [{"limit": 0}, {"sample": -1}, {"limit": 1, "sample": 1}, {"decimal": "x"}, {"delimiter": ";;"}]
)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        ScoreOptions(**options)


def test_hooks(tmp_path: Path) -> None:
    """The places for personal data, evidence, and flags that depend on the row."""

    def declared(row: Row, prediction: Prediction) -> Prediction:
        return replace(prediction, language="sv", flags=(*prediction.flags, f"row_{row.fields['id']}"))

    class Noter:
        columns = ("cx_what", "cx_where")
        field = "what"

        def find(self, texts: Sequence[str], predictions: Sequence[Prediction]) -> list[Any]:
            assert len(texts) == len(predictions)
            return [text.index("mat") for text in texts]

        def cells(self, text: str, found: int) -> dict[str, str]:
            return {"cx_what": text[found : found + 3], "cx_where": str(found)}

        def record(self, text: str, found: int) -> Any:
            return [text[found:]]

    hooks = Hooks(mask=lambda text: text.replace("Kari", "[name]"), noter=Noter(), refine=(declared,), identity="test")
    source = write(tmp_path, ["Kari lager  god mat", "mat til Kari", "mat til  Kari"])
    tagger = FakeTagger()
    score(tmp_path, source, tagger=tagger, hooks=hooks)
    assert "Kari" not in "".join(tagger.seen)  # nothing sees it unmasked
    found = rows(tmp_path / "out.csv")
    assert [row["review"] for row in found] == ["[name] lager  god mat", "mat til [name]", "mat til  [name]"]
    assert [(row["cx_what"], row["cx_where"]) for row in found] == [("mat", "18"), ("mat", "0"), ("mat", "0")]
    assert [(row["cx_language"], row["cx_flags"]) for row in found] == [("sv", f"row_{i}") for i in range(3)]
    score(tmp_path, source, "out.jsonl", hooks=hooks)
    assert "Kari" not in (tmp_path / "out.jsonl").read_text("utf-8")
    assert records(tmp_path / "out.jsonl")[0]["text"] == "[name] lager  god mat"
    assert records(tmp_path / "out.jsonl")[2]["what"] == ["mat til  [name]"]


def test_personal_data_evidence_and_stars_of_a_real_export(tmp_path: Path) -> None:
    pytest.importorskip("phonenumbers")
    pytest.importorskip("spacy")
    tagger = FakeTagger()
    text = "Ring meg på 22 33 44 55. Maten var god! Kaffen var kald."
    lines = [{"text": text, "rating": stars, "by": "ola@example.no"} for stars in (1, 2, 3, 4, 5)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    hooks = make_hooks(tagger, mask=True, evidence=True)
    score(tmp_path, tmp_path / "in.jsonl", "out.jsonl", tagger, hooks=hooks)
    found = records(tmp_path / "out.jsonl")
    assert "22 33" not in (tmp_path / "out.jsonl").read_text("utf-8")
    assert all(record["text"] == "Ring meg på [phone]. Maten var god! Kaffen var kald." for record in found)
    touchpoints = found[0]["touchpoints"]
    assert touchpoints and [one["label"] for one in found[0]["evidence"]] == list(touchpoints)
    assert all(
        one["sentence"] == record["text"][one["start"] : one["end"]] for record in found for one in record["evidence"]
    )
    made = found[0]["sentiment"], found[0]["sentiment_score"]
    opposite = {("positive", True): [1, 2], ("negative", True): [4, 5]}.get((made[0], abs(made[1]) >= 0.5), [])
    assert [record["rating"] for record in found if "rating_conflict" in record["flags"]] == opposite
    score(tmp_path, tmp_path / "in.jsonl", "out.csv", tagger, hooks=hooks)
    assert rows(tmp_path / "out.csv")[0]["cx_evidence"].startswith(f'{next(iter(touchpoints))}: "')


def test_a_declared_language_is_told_to_the_model(tmp_path: Path) -> None:
    class Told(FakeTagger):
        def tag(self, texts: Sequence[str], *, declared: Sequence[str] | None = None, **more: Any) -> list[Prediction]:
            made = super().tag(texts, **more)
            return [replace(one, language=language) for one, language in zip(made, declared or [], strict=True)]

    lines = [("bra", "sv-SE"), ("bra", "nb"), ("bra", "sv"), ("bra", "")]
    text = "review,language\n" + "".join(f"{a},{b}\n" for a, b in lines)
    (tmp_path / "in.csv").write_text(text, "utf-8")
    tagger = Told()
    summary = score(tmp_path, tmp_path / "in.csv", tagger=tagger)
    assert [row["cx_language"] for row in rows(tmp_path / "out.csv")] == ["sv", "no", "sv", ""]
    assert (len(tagger.seen), summary.n_duplicates) == (3, 1)


def test_columns_that_are_not_carried(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("id,name,review\n1,Kari,bra\n", "utf-8")
    table = replace(open_table(source), carried=("id", "review"))
    for name in ("out.csv", "out.jsonl"):
        score_file(FakeTagger(), table, tmp_path / name)
        assert "Kari" not in (tmp_path / name).read_text("utf-8-sig")


def test_what_was_decided_is_in_the_summary(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, ["bra"]))

    def read(left_out: Counter[str]) -> Iterator[Row]:
        left_out["preview responses"] += 12  # counted on each of the two readings, and given once
        return table.rows(left_out)

    decisions = ("03.04.2026 is read as 3 April, since every date has a dot. " * 3,)
    table_read = replace(table, format="trustpilot", decisions=decisions, rows=read)
    summary = score_file(FakeTagger(), table_read, tmp_path / "out.csv", summary=tmp_path / "s.json")
    record = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert (record["format"], record["left_out"]) == ("trustpilot", {"preview responses": 12})
    assert record["decisions"] == list(decisions)
    assert (record["n_duplicates"], record["n_kept"], record["notes"]) == (0, 0, [])
    text = summary_text(summary)
    assert "  left out 12 rows: preview responses" in text
    assert "  read as  03.04.2026 is read" in text
    assert max(map(len, (line for line in text.splitlines() if "put" not in line and "result" not in line))) <= 100


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    variables = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(
        [sys.executable, str(SCRIPT), "score", *arguments], cwd=folder, env=variables, capture_output=True, timeout=300
    )


def test_standard_output(tmp_path: Path) -> None:
    write(tmp_path, ["blåbær", "ok"])
    done = command(tmp_path, "in.csv", "-o", "-")
    assert done.returncode == 0, done.stderr
    found = list(csv.reader(io.StringIO(done.stdout.decode("utf-8"), newline="")))
    assert [row[:2] for row in found] == [["id", "review"], ["0", "blåbær"], ["1", "ok"]]
    assert b"2 reviews scored" in done.stderr
    assert os.listdir(tmp_path) == ["in.csv"]
    done = command(tmp_path, "in.csv", "-o", "-", "--output-format", "jsonl")
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["blåbær", "ok"]
    done = command(tmp_path, "in.csv", "-o", "-", "--output-format", "xlsx")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"xlsx cannot go to standard output; give the name of a file" in done.stderr


def test_standard_input(tmp_path: Path) -> None:
    data = write(tmp_path, ["blåbær", "ok"]).read_bytes()
    arguments = [sys.executable, str(SCRIPT), "score", "-", "-o"]
    done = subprocess.run([*arguments, "-"], cwd=tmp_path, input=data, capture_output=True, timeout=300)
    assert [row[:2] for row in csv.reader(done.stdout.decode().splitlines())][1:] == [["0", "blåbær"], ["1", "ok"]]
    for name in ("out.csv", "out.xlsx"):
        done = subprocess.run([*arguments, name], cwd=tmp_path, input=data, capture_output=True, timeout=300)
        assert (done.returncode, b"2 reviews scored" in done.stdout) == (0, True)
    assert [row["review"] for row in rows(tmp_path / "out.csv")] == ["blåbær", "ok"]
    assert sorted(os.listdir(tmp_path)) == ["in.csv", "out.csv", "out.xlsx"]


def test_two_runs_from_standard_input_into_one_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = open_table(write(tmp_path, ["bra"]))
    other = replace(table, path=Path("-"))

    def second(number: int) -> None:
        with pytest.raises(DataError, match="another run"):
            score_file(FakeTagger(), other, tmp_path / "out.csv")

    score_file(FakeTagger(None, second), other, tmp_path / "out.csv")
    assert sorted(os.listdir(tmp_path)) == ["in.csv", "out.csv"]


def test_a_reader_of_standard_output_that_goes_away(tmp_path: Path) -> None:
    write(tmp_path, [f"nr {i}" for i in range(5_000)])
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "score", "in.csv", "-o", "-"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("file", "made", "expected"),
    [
        ("a.csv", None, "a.scored.csv"), ("a.tsv.gz", None, "a.scored.csv"), ("a.XLSX", None, "a.scored.xlsx"),
        ("a.jsonl.gz", None, "a.scored.jsonl"), ("a.parquet", None, "a.scored.parquet"), ("-", None, "-"),
        ("b/a.json", "xlsx", "b/a.scored.xlsx"),
    ],
)  # fmt: skip
def test_the_name_of_the_output(file: str, made: str | None, expected: str) -> None:
    class Given:
        output = None
        output_format = made

    Given.file = Path(file)
    assert output_path(Given()) == Path(expected)


def test_progress_tells_rows_speed_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cxnlp.cli import progress

    now = [1_000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Progress("in.csv") as told:
        told.phase("scoring", 10_000)
        told.rows(4_000, kept=True)
        for _ in range(4):
            now[0] += 20
            told.rows(1_000)
    assert capsys.readouterr().err.splitlines() == [
        "cxnlp: scoring 10,000 rows of in.csv",
        "cxnlp: scoring: 6,000 of 10,000 rows, 50 rows/s, 01:20 left",
        "cxnlp: scoring: 8,000 of 10,000 rows, 50 rows/s, 00:40 left",
        "cxnlp: done",
    ]


def test_a_journal_of_every_length_is_read_up_to_where_it_is_whole(tmp_path: Path) -> None:
    tagger = FakeTagger()
    packer, path = Packer(tagger.taxonomy), tmp_path / "predictions"
    chunks = [
        Chunk((*map(packer.pack, tagger.tag([f"nr {n}", "das ist gut"])), None), bytes([n]) * 16, {"n": ["int"]})
        for n in range(3)
    ]
    ends = [0]
    with Journal(path, packer.n_bytes) as journal:
        for chunk in chunks:
            journal.append(chunk)
            ends.append(path.stat().st_size)
        assert list(journal.replay()) == chunks
    data = path.read_bytes()
    for size in [*range(0, len(data), 7), *ends]:
        path.write_bytes(data[:size])
        with Journal(path, packer.n_bytes) as journal:
            whole = sum(end <= size for end in ends) - 1
            assert (journal.n_rows, journal.damaged) == (3 * whole, size not in ends)
            assert [journal.take(3, chunk.texts) for chunk in chunks[:whole]] == chunks[:whole]
            assert journal.take(3, b"?" * 16) is None
            journal.append(chunks[whole % 3])
        assert path.stat().st_size > ends[whole]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """20,000 and 1,000,000 rows are compared by benchmarks/memory.py."""
    pytest.importorskip("resource")
    peaks = []
    for n in (20_000, 80_000):
        write(tmp_path, [f"tekst nummer {i} om varen som kom" for i in range(n)])
        done = command(tmp_path, "in.csv", "-o", "out.csv", CXNLP_TEST_RSS="1")
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stderr.split(b"peak ")[1]))
        assert sum(1 for _ in (tmp_path / "out.csv").open("rb")) == n + 1
    assert peaks[1] < 1.15 * peaks[0]


def test_masking_spares_the_columns_of_ids_and_ratings(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("review_id,rating,review,note\n41234567,4,Ring 41234567,tlf. 412 34 567\n", "utf-8")
    score_file(FakeTagger(), open_table(source), tmp_path / "out.csv", hooks=make_hooks(FakeTagger(), mask=True))
    (row,) = rows(tmp_path / "out.csv")
    assert [row[name] for name in ("review_id", "rating", "review", "note")] == [
        "41234567", "4", "Ring [phone]", "tlf. [phone]",
    ]  # fmt: skip
