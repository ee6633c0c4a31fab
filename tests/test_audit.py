"""The audit of labelled data: each fault put in by hand is found with its file and line, and no review is shown."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp.cli import data as command
from cxnlp.data.audit import KINDS, Audit, audit
from cxnlp.data.splits import split_of
from cxnlp.errors import DataError, SettingsError
from cxnlp.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()


def record(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "lang": "no", "text": text, "sentiment": "positive", **more}


def write(path: Path, *lines: Any) -> Path:
    rows = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("".join(f"{row}\n" for row in rows), "utf-8")
    return path


def found(result: Audit) -> dict[str, list[tuple[int, str]]]:
    return {kind: [(p.line, p.reason) for p in problems] for kind, problems in result.problems.items()}


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="cxnlp")
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["data", "check", *arguments])
    return int(args.run(args))


def test_a_clean_file_has_no_problems(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", record(1, "Fin app"), record(2, "God hjelp"), "")
    result = audit([file], TAXONOMY)
    assert result.ok
    assert (result.problems, result.records, result.reviews) == ({}, 2, 2)


def test_each_fault_of_a_record_is_found_on_its_line(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        record(1, "Fin app"),
        '{"id": "r2", "text": ',
        {"id": "r3", "lang": "no", "sentiment": "positive"},
        record(4, " \u200b "),
        record(5, "👍 5"),
        {"lang": "no", "text": "Uten navn", "sentiment": "negative"},
        record(1, "Samme navn"),
        {"id": "r8", "lang": "no", "text": "Uten svar", "sentimnet": "negative"},
        record(9, "Feil svar", sentiment="positve", touchpoints={"ap": "positive"}, phases=["use"]),
        record(10, "Feil tegn", touchpoints={"app": "god"}),
        record(11, "Annet språk", lang="nb"),
    )
    result = audit([file], TAXONOMY)
    assert found(result) == {
        "broken line": [(2, "not a JSON object at column 21; expected one object a line")],
        "no text": [(3, 'no "text", expected a string'), (4, "the text is empty")],
        "near-empty text": [(5, "letters and digits in the text: 1, expected at least 2")],
        "no id": [(6, 'no "id"; give each review a name of its own')],
        "duplicate id": [(7, f"id 'r1' is also that of {file}, line 1")],
        "no labels": [(8, "none of sentiment, touchpoints, phases; did you mean 'sentiment'?")],
        "unknown label": [
            (9, "unknown label 'positve' in sentiment; did you mean 'positive'?"),
            (9, "unknown label 'ap' in touchpoints; did you mean 'app'?"),
            (10, "unknown polarity 'god' of 'app', expected one of negative, neutral, positive"),
        ],
        "unknown language": [(11, "'nb', expected one of no, da, sv, en")],
    }
    assert list(result.problems) == [kind for kind in KINDS if kind in result.problems]
    assert (result.records, result.reviews) == (11, 8)
    # What is right in a record with a wrong label is counted.
    assert result.counts.labels["phases"]["use"] == {"no": 1}
    assert sum(result.counts.labels["sentiment"]["positive"].values()) == 5


def test_duplicates_are_found_across_files_and_name_both_places(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", record(1, "Rask levering!"), record(2, "Noe annet"))
    two = write(tmp_path / "two.jsonl", record(3, "Enda noe"), record(4, " RASK  lever\u00ading! "))
    result = audit([one, two], TAXONOMY)
    assert found(result) == {"duplicate text": [(2, f"same text as {one}, line 1")]}
    assert result.problems["duplicate text"][0].path == str(two)


@pytest.mark.parametrize(
    ("first", "second", "facets"),
    [
        ({"sentiment": "positive"}, {"sentiment": "mixed"}, "sentiment"),
        ({"touchpoints": {"app": "positive"}}, {"touchpoints": {"app": "negative"}}, "touchpoints"),
        ({"touchpoints": {"app": "positive"}}, {"touchpoints": {}}, "touchpoints"),
        ({"touchpoints": {}}, {"touchpoints": {"app": "positive"}}, "touchpoints"),
        ({"phases": ["use", "support"]}, {"phases": ["use"]}, "phases"),
        ({"phases": ["use", "support"]}, {"phases": ["support", "use"]}, "phases"),
        (
            {"sentiment": "mixed", "phases": ["use"]},
            {"sentiment": "neutral", "phases": ["search"]},
            "sentiment, phases",
        ),
        # No conflict: another order of what has no order, and what one of the two does not know.
        ({"touchpoints": {"app": "positive", "chat": ""}}, {"touchpoints": ["chat", "app"]}, None),
        ({"phases": ["use", "search", "support"]}, {"phases": ["use", "support", "search"]}, None),
        ({"sentiment": "positive"}, {"phases": ["use"]}, None),
    ],
)
def test_the_same_text_with_other_labels_is_a_conflict(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], facets: str | None
) -> None:
    rows = [{"id": i, "lang": "no", "text": "Samme tekst", **labels} for i, labels in enumerate((first, second))]
    file = write(tmp_path / "a.jsonl", *rows)
    expected = {"duplicate text": [(2, f"same text as {file}, line 1")]}
    if facets:
        expected = {"conflicting labels": [(2, f"same text as {file}, line 1, but other {facets}")]}
    assert found(audit([file], TAXONOMY)) == expected


def test_a_text_in_two_splits_leaks(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", record(1, "Lekker"), record(2, "Lekker"), record(3, "Bare her"))
    dev = write(tmp_path / "dev.jsonl", record(4, "lekker", sentiment="mixed"), record(5, "bare her"))
    result = audit([train, dev], TAXONOMY, {train: "train", dev: "dev"})
    assert found(result) == {
        "duplicate text": [(2, f"same text as {train}, line 1")],
        "conflicting labels": [(1, f"same text as {train}, line 1, but other sentiment")],
        "leakage": [
            (1, f"in dev, and the same text is in train: {train}, line 1"),
            (2, f"in dev, and the same text is in train: {train}, line 3"),
        ],
    }
    assert result.splits_given
    assert result.counts.splits == {"train": {"no": 3}, "dev": {"no": 2}}


def test_records_may_name_their_split_and_the_option_wins(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        record(1, "En", split="train"),
        record(2, "en", split="test"),
        record(3, "To", split="train"),
        record(4, "Tre"),
    )
    result = audit([file], TAXONOMY)
    assert [p.line for p in result.problems["leakage"]] == [2]
    assert result.counts.splits == {"train": {"no": 2}, "test": {"no": 1}, "none": {"no": 1}}
    assert "leakage" not in audit([file], TAXONOMY, {file: "train"}).problems


def test_without_splits_the_counts_are_those_of_the_hash(tmp_path: Path) -> None:
    texts = [f"tekst nummer {i}" for i in range(120)]
    file = write(tmp_path / "a.jsonl", *(record(i, text) for i, text in enumerate(texts)))
    result = audit([file], TAXONOMY)
    assert not result.splits_given
    assert list(result.counts.splits) == ["train", "dev", "test"]
    for split, counts in result.counts.splits.items():
        assert counts == {"no": sum(split_of(text) == split for text in texts)}


def test_counts_by_hand(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.jsonl",
        record(1, "en to tre", touchpoints={"app": "positive", "chat": "negative"}, phases=["use"]),
        record(2, "en", touchpoints={"app": "negative"}),
        record(3, "en to", touchpoints=["app"], sentiment="mixed"),
        {"id": "r4", "text": "one two three four", "touchpoints": {}},
        record(5, "ett", lang="sv"),
    )
    counts = audit([file], TAXONOMY).counts
    assert counts.languages == {"no": 3, "?": 1, "sv": 1}
    assert counts.labels["sentiment"]["positive"] == {"no": 2, "sv": 1}
    assert counts.labels["sentiment"]["negative"] == {}
    assert counts.labelled == {"sentiment": {"no": 3, "sv": 1}, "touchpoints": {"no": 3, "?": 1}, "phases": {"no": 1}}
    assert counts.labels["touchpoints"]["app"] == {"no": 3}
    assert counts.polarities["touchpoints"]["app"] == {"negative": 1, "positive": 1, "?": 1}
    assert counts.polarities["touchpoints"]["chat"] == {"negative": 1}
    assert counts.words["no"] == {"min": 1, "5%": 1, "25%": 1, "50%": 2, "75%": 3, "95%": 3, "max": 3}
    assert counts.words["?"] == dict.fromkeys(counts.words["no"], 4)


def test_a_file_given_twice_or_not_there_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", record(1, "Fin app"))
    with pytest.raises(DataError, match="given twice"):
        audit([file, tmp_path / "." / "a.jsonl"], TAXONOMY)
    with pytest.raises(DataError, match="cannot be read"):
        audit([tmp_path / "none.jsonl"], TAXONOMY)


def test_an_empty_file_is_a_problem_and_still_laid_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "a.jsonl")
    assert run(str(file)) == 1
    out = capsys.readouterr().out
    assert "1 file, 0 records, 0 reviews with a text" in out
    assert "line 1: the file holds no records; expected one JSON object a line" in " ".join(out.split())


# --- the command


def test_the_exit_code_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path / "good.jsonl", record(1, "Fin app"))
    bad = write(tmp_path / "bad.jsonl", record(2, "Fin app"))
    assert run(str(good)) == 0
    assert "No problems found." in capsys.readouterr().out
    assert run(str(good), str(bad)) == 1
    assert "duplicate text: 1" in capsys.readouterr().out


def test_splits_are_named_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "one.jsonl", record(1, "Fin app"))
    two = write(tmp_path / "two.jsonl", record(2, "Fin app"))
    assert run("--split", f"train={one}", "--split", f"dev={two}") == 1
    assert "leakage: 1" in capsys.readouterr().out
    for wrong in ("train", "=x.jsonl", "train="):
        with pytest.raises(SettingsError, match="expected NAME=FILE"):
            run("--split", wrong)
    with pytest.raises(SettingsError, match="no file to check"):
        run()


def test_twenty_problems_of_a_kind_are_shown_and_the_json_has_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "a.jsonl", *(record(i, "Fin app") for i in range(24)))
    target = tmp_path / "audit.json"
    assert run(str(file), "--json", str(target)) == 1
    out = capsys.readouterr().out
    assert "duplicate text: 23" in out
    assert out.count("same text as") == 20
    assert "and 3 more" in out
    saved = json.loads(target.read_text("utf-8"))
    assert saved == json.loads(json.dumps(audit([file], TAXONOMY).as_json()))
    assert len(saved["problems"]["duplicate text"]) == 23
    assert saved["problems"]["duplicate text"][0] == {
        "path": str(file),
        "line": 2,
        "reason": f"same text as {file}, line 1",
    }


def test_a_json_file_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", record(1, "Fin app"))
    with pytest.raises(DataError, match="choose another place for --json"):
        run(str(file), "--json", str(tmp_path / "none" / "audit.json"))


def test_what_is_read_is_not_overwritten(tmp_path: Path) -> None:
    file, taxonomy = write(tmp_path / "a.jsonl", record(1, "Fin app")), tmp_path / "t.toml"
    taxonomy.write_text('name = "x"\n[facets.mood]\nkind = "one_of"\nlabels = ["bad", "good"]\n', "utf-8")
    (tmp_path / "link.json").symlink_to(file)
    before = file.read_bytes(), taxonomy.read_bytes()
    for target in (file, tmp_path / "link.json", taxonomy):
        for given in ([str(file)], ["--split", f"train={file}"]):
            with pytest.raises(DataError, match=r"--json would overwrite .*; expected another file; give the result"):
                run(*given, "--taxonomy", str(taxonomy), "--json", str(target))
    assert (file.read_bytes(), taxonomy.read_bytes()) == before


def test_a_taxonomy_of_ones_own_is_checked_against(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taxonomy = tmp_path / "t.toml"
    taxonomy.write_text('name = "x"\n[facets.mood]\nkind = "one_of"\nlabels = ["bad", "good"]\n', "utf-8")
    file = write(tmp_path / "a.jsonl", {"id": 1, "lang": "xx", "text": "Fin app", "mood": "god"})
    assert run(str(file), "--taxonomy", str(taxonomy)) == 1
    assert "unknown label 'god' in mood; did you mean 'good'?" in " ".join(capsys.readouterr().out.split())


def test_nothing_is_wider_than_100_columns_and_no_review_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "hemmelig anmeldelse som ingen skal lese"
    folder = tmp_path / ("long " * 20).strip()
    folder.mkdir()
    rows = [record(i, secret, lang=f"x{i}", sentiment=secret, touchpoints={secret: secret}) for i in range(20)]
    file = write(folder / "a.jsonl", *rows, record(21, secret, touchpoints={"app": secret * 3}, phases=[secret * 3]))
    # Labels longer than any label are not shown; these two are short enough to be a slip of the pen.
    assert run(str(file)) == 1
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert "other" in out
    assert secret * 2 not in " ".join(out.split())


def test_a_file_in_two_splits_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", record(1, "Fin app"))
    with pytest.raises(DataError, match="given twice"):
        run("--split", f"train={file}", "--split", f"dev={file}")


def test_half_a_surrogate_pair_is_no_crash(tmp_path: Path) -> None:
    bad = '{"id": "\\ud800", "lang": "no", "text": "Fin app", "sentiment": "positive"}'
    file, target = write(tmp_path / "a.jsonl", bad, bad), tmp_path / "audit.json"
    done = tiny.run_cxnlp("data", "check", str(file), "--json", str(target), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "duplicate id: 1" in done.stdout
    assert len(json.loads(target.read_text("utf-8"))["problems"]["duplicate id"]) == 1


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        run("--help")
    assert leaving.value.code == 0
    assert "cxnlp data check data/corpus/*.jsonl" in capsys.readouterr().out
