"""Bad input at the command line: no rows lost, no traceback, nothing half-written, and an exit code that tells."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxnlp.cli import main as command_line
from cxnlp.inference.tagger import Tagger
from cxnlp.text import clean
from fake_tagger import FakeTagger

Run = Callable[..., tuple[int, str, str]]
CX_COLUMNS = 9


@pytest.fixture
def tagger(monkeypatch: pytest.MonkeyPatch) -> FakeTagger:
    fake = FakeTagger()
    monkeypatch.setattr(Tagger, "load", lambda *args, **options: fake)
    monkeypatch.setattr(command_line, "_COMMANDS", ("score",))
    return fake


@pytest.fixture
def run(tagger: FakeTagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``cxnlp score`` in an empty folder; gives the exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def score(*arguments: str) -> tuple[int, str, str]:
        code = command_line.main(["score", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return score


def refused(run: Run, *arguments: str) -> str:
    """Check that a command ends with an explained error and leaves the folder as it was; give the error."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    lines = err.splitlines()
    assert lines[-1].startswith("cxnlp: error: ")
    return lines[-1]


def rows(name: str = "out.csv", delimiter: str = ",") -> list[list[str]]:
    text = Path(name).read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def flags(name: str = "out.csv") -> list[str]:
    header, *body = rows(name)
    return [row[header.index("cx_flags")] for row in body]


def write(data: str | bytes, name: str = "in.csv") -> str:
    Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
    return name


GOOD = "id,review\n1,fin app\n2,sen levering\n"


def test_clean_rows_exit_with_0_and_say_where_the_result_lies(run: Run) -> None:
    code, out, err = run(write(GOOD), "--summary", "summary.json")
    assert code == 0
    assert "2 reviews scored" in out
    assert "result   in.scored.csv" in out
    assert err.splitlines() == ["cxnlp: scoring 2 rows of in.csv", "cxnlp: done"]
    assert [row[:2] for row in rows("in.scored.csv")] == [["id", "review"], ["1", "fin app"], ["2", "sen levering"]]
    assert json.loads(Path("summary.json").read_text("utf-8"))["n_rows"] == 2


def test_no_such_file(run: Run) -> None:
    assert "none.csv: no such file" in refused(run, "none.csv", "-o", "out.csv")


def test_a_name_that_cannot_be(run: Run) -> None:
    assert "File name too long" in refused(run, "x" * 300 + ".csv", "-o", "out.csv")


def test_a_folder(run: Run) -> None:
    Path("reviews").mkdir()
    assert "reviews: is a folder" in refused(run, "reviews", "-o", "out.csv")


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl"])
def test_an_empty_file(run: Run, name: str) -> None:
    assert "the file is empty" in refused(run, write("", name), "-o", "out.csv")


@pytest.mark.parametrize("data", [b"\n\n", b"\xef\xbb\xbf", b"\xff\xfe\n\x00"])
def test_a_file_of_nothing_but_line_ends(run: Run, data: bytes) -> None:
    assert "no text in the file" in refused(run, write(data), "-o", "out.csv")


def test_a_header_and_no_rows(run: Run) -> None:
    assert "a header and no rows" in refused(run, write("id,review\n\n"), "-o", "out.csv")


def test_no_text_column(run: Run) -> None:
    message = refused(run, write("id,stars,shop\n1,5,Oslo\n"), "-o", "out.csv")
    assert "--text-column; the columns are: id, stars, shop" in message
    message = refused(run, write('{"id": 1, "stars": 5}\n', "in.jsonl"), "-o", "out.csv")
    assert "the columns are: id, stars" in message


def test_a_workbook_named_csv(run: Run) -> None:
    assert "a ZIP archive or a workbook" in refused(run, write(b"PK\x03\x04rest"), "-o", "out.csv")


def test_unknown_kinds_of_files(run: Run) -> None:
    assert "unknown kind of file '.docx'" in refused(run, write(GOOD, "in.docx"), "-o", "out.csv")
    assert "unknown kind of output '.docx'" in refused(run, write(GOOD), "-o", "out.docx")
    assert "unknown kind of output '(no extension)'" in refused(run, write(GOOD), "-o", "out")


def test_rows_too_short_and_too_long(run: Run) -> None:
    code, _, err = run(write("id,review,shop\n1\n2,fin,a,b\n3,fin,c\n"), "-o", "out.csv")
    assert code == 1
    assert [row[:3] for row in rows()[1:]] == [["1", "", ""], ["2", "fin", "a,b"], ["3", "fin", "c"]]
    assert flags() == ["too_few_fields; empty", "too_many_fields", ""]
    assert "cxnlp: in.csv, line 2: 1 cells, expected 3; the missing ones are empty" in err
    assert "fin" not in err


def test_invalid_bytes(run: Run) -> None:
    code, _, err = run(write("id,review\n1,blåbær på fjøla\n2,f".encode() + b"\xff\xe5n\n3,ok\n"), "-o", "out.csv")
    assert code == 1
    assert [row[1] for row in rows()[1:]] == ["blåbær på fjøla", "f\ufffd\ufffdn", "ok"]
    assert flags() == ["", "invalid_bytes", ""]
    assert "in.csv, line 3: bytes that are not text" in err


def test_a_utf16_file_cut_in_the_middle_of_a_character(run: Run) -> None:
    code, _, _ = run(write("id,review\n1,fin\n2,sen".encode("utf-16")[:-1]), "-o", "out.csv")
    assert code == 1
    assert [row[1] for row in rows()[1:]] == ["fin", "se\ufffd"]
    assert flags() == ["", "invalid_bytes"]


def test_nul_bytes(run: Run) -> None:
    code, _, _ = run(write(b"id,review\n1,f\x00in\n2,ok then\n3,also fine\n"), "-o", "out.csv")
    assert code == 1
    assert [row[1] for row in rows()[1:]] == ["fin", "ok then", "also fine"]
    assert flags() == ["nul_bytes", "", ""]


def test_a_quote_left_open(run: Run) -> None:
    code, _, err = run(write('id,review\n1,"fin\n2,"god, ja"\n3,ok\n'), "-o", "out.csv")
    assert code == 1
    assert [row[0] for row in rows()[1:]] == ["1", "2", "3"]
    assert flags() == ["bad_quotes", "", ""]
    assert "in.csv, line 2: a quote is not closed" in err


def test_a_megabyte_in_one_cell(run: Run, tagger: FakeTagger) -> None:
    big = "ord, med\nlinjer " * 70_000
    assert len(big) > 1_000_000
    code, _, _ = run(write(f'id,review\n1,"{big}"\n2,ok\n'), "-o", "out.csv")
    assert code == 0
    assert tagger.seen == [clean(big), "ok"]
    csv.field_size_limit(2**31 - 1)
    assert rows()[1][1] == big


def test_emoji_and_right_to_left_and_other_languages(run: Run) -> None:
    texts = ["🎉🎉👍🏽", "שירות מצוין", "خدمة ممتازة", "das ist gut", "   "]
    code, _, _ = run(write("id,review\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts))), "-o", "out.csv")
    assert code == 0
    assert [row[1] for row in rows()[1:]] == texts
    assert flags() == ["", "", "", "other_language", "empty"]
    assert all(row[3] for row in rows()[1:5])  # a sentiment for all but the empty one


def test_broken_lines_of_jsonl(run: Run) -> None:
    lines = ['{"text": "fin"}', *['{"text": "hemmelig'] * 23, '{"text": "god"}']
    code, out, err = run(write("\n".join(lines), "in.jsonl"), "-o", "out.jsonl")
    assert code == 1
    found = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
    assert [record["flags"] for record in found] == [[], *[["broken_line"]] * 23, []]
    named = [line for line in err.splitlines() if "not a JSON object" in line]
    assert len(named) == 20
    assert named[0].startswith("cxnlp: in.jsonl, line 2: ")
    assert "cxnlp: and 3 more damaged rows" in err
    assert "hemmelig" not in out + err


def test_lines_that_are_all_broken(run: Run) -> None:
    assert "none of the 2 lines is a JSON object" in refused(run, write("a\nb\n", "in.jsonl"), "-o", "out.csv")


def test_the_output_folder_is_missing_or_a_file(run: Run) -> None:
    write(GOOD)
    assert "does not exist; make it first" in refused(run, "in.csv", "-o", "nowhere/out.csv")
    assert "does not exist" in refused(run, "in.csv", "-o", "in.csv/out.csv")
    assert "File name too long" in refused(run, "in.csv", "-o", "x" * 300 + ".csv")
    Path("out.csv").mkdir()
    assert "out.csv: is a folder" in refused(run, "in.csv", "-o", "out.csv")
    Path("out.csv").rmdir()
    assert "does not exist" in refused(run, "in.csv", "-o", "out.csv", "--summary", "nowhere/s.json")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_the_output_folder_is_read_only(run: Run) -> None:
    write(GOOD)
    Path("closed").mkdir(mode=0o555)
    assert "cannot be written (Permission denied)" in refused(run, "in.csv", "-o", "closed/out.csv")


def test_the_disk_is_read_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(GOOD)

    def refuse(*args: object, **options: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("cxnlp.data.write.os.mkdir", refuse)
    assert "out.csv: cannot be written (Read-only file system); nothing was changed" in refused(
        run, "in.csv", "-o", "out.csv"
    )


def test_the_output_is_the_input(run: Run) -> None:
    write(GOOD)
    os.link("in.csv", "hard.csv")
    Path("soft.csv").symlink_to("in.csv")
    assert "both the input and the output" in refused(run, "in.csv", "-o", "./in.csv")
    assert "both the input and the output" in refused(run, "in.csv", "-o", "soft.csv")
    assert "is the input under another name" in refused(run, "in.csv", "-o", "hard.csv")
    assert "both the output and the summary" in refused(run, "in.csv", "-o", "out.csv", "--summary", "out.csv")


@pytest.mark.parametrize("existing", [None, "what was there"])
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_a_full_disk(tmp_path: Path, name: str, existing: str | None) -> None:
    """The system refuses to let the file grow: the same path as a disk that fills up."""
    pytest.importorskip("resource")
    (tmp_path / "in.csv").write_text("id,review\n" + "1,tekst\n" * 4000, "utf-8")  # the journal of copies is small
    if existing:
        (tmp_path / name).write_text(existing, "utf-8")
    before = sorted(os.listdir(tmp_path))
    script = Path(__file__).with_name("fake_tagger.py")
    command = [sys.executable, str(script), "score", "in.csv", "-o", name, "--summary", "summary.json"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    small = environment | {"CXNLP_TEST_FILE_BYTES": "100000"}
    done = subprocess.run(command, cwd=tmp_path, env=small, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert f"cxnlp: error: {name}: cannot be written (File too large); nothing was changed there" in done.stderr
    assert "Traceback" not in done.stderr
    assert "run the same command again to go on" in done.stderr
    assert sorted(os.listdir(tmp_path)) == sorted([*before, f"{name}.progress"])
    if existing:
        assert (tmp_path / name).read_text("utf-8") == existing
    # Once there is room, nothing is scored again.
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "4,000 rows are scored already" in done.stderr) == (0, True)
    assert sorted(os.listdir(tmp_path)) == sorted({*before, name, "summary.json"})


@pytest.mark.parametrize("step", ["fsync", "place"])
def test_a_disk_that_fills_up_at_the_very_end(run: Run, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    write(GOOD)
    write("old", "out.csv")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cxnlp.data.write.put_in_place", full) if step == "place" else monkeypatch.setattr(
        "cxnlp.data.write.os.fsync", full
    )
    code, out, err = run("in.csv", "-o", "out.csv")
    assert (code, out) == (2, "")
    assert "error: out.csv: cannot be written (No space left on device)" in err
    assert "free some space" in err
    assert Path("out.csv").read_text("utf-8") == "old"
    assert sorted(os.listdir()) == ["in.csv", "out.csv", "out.csv.progress"]
    monkeypatch.undo()


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Heed SIGINT, also where the tests run in the background and a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
@pytest.mark.parametrize("existing", [False, True])
def test_ctrl_c_half_way(run: Run, tagger: FakeTagger, existing: bool) -> None:
    write("id,review\n" + "".join(f"1,tekst {i}\n" for i in range(4000)))
    if existing:
        write("old", "out.csv")
    before = sorted(os.listdir())
    tagger.before_chunk = lambda number: signal.raise_signal(signal.SIGINT) if number == 3 else None
    code, out, err = run("in.csv", "-o", "out.csv", "--summary", "summary.json")
    assert (code, out) == (130, "")
    assert "interrupted; what was scored is kept in out.csv.progress" in err
    assert "run the same command again to go on" in err
    assert "done" not in err
    assert len(tagger.seen) == 2048  # it was half-way
    assert sorted(os.listdir()) == sorted([*before, "out.csv.progress"])
    assert not existing or Path("out.csv").read_text("utf-8") == "old"
    tagger.before_chunk = None
    code, _, err = run("in.csv", "-o", "out.csv", "--summary", "summary.json")
    assert (code, len(tagger.seen)) == (0, 4000)
    assert "going on where an earlier run stopped: 2,048 rows are scored already" in err
    assert sorted(os.listdir()) == ["in.csv", "out.csv", "summary.json"]
    assert [row[1] for row in rows()[1:]] == [f"tekst {i}" for i in range(4000)]


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_before_anything_is_scored(run: Run, tagger: FakeTagger) -> None:
    write(GOOD)
    tagger.before_chunk = lambda number: signal.raise_signal(signal.SIGINT)
    code, out, err = run("in.csv", "-o", "out.csv")
    assert (code, out) == (130, "")
    assert "interrupted; nothing was written" in err
    assert os.listdir() == ["in.csv"]


def test_an_engine_that_has_failed_for_good_ends_the_run(run: Run, tagger: FakeTagger) -> None:
    write("id,review\n" + "".join(f"1,hemmelig {i}\n" for i in range(2000)))

    def fail(number: int) -> None:
        if number >= 2:
            raise RuntimeError("lost: hemmelig")

    tagger.before_chunk = fail
    code, _, err = run("in.csv", "-o", "out.csv")
    assert code == 2
    assert "error: the engine failed on 64 reviews in a row (RuntimeError)" in err
    assert "hemmelig" not in err
    assert sorted(os.listdir()) == ["in.csv", "out.csv.progress"]  # the first chunk is kept


def test_an_existing_result_is_replaced(run: Run) -> None:
    write("old", "out.csv")
    assert run(write(GOOD), "-o", "out.csv")[0] == 0
    assert len(rows()) == 3
    assert all(len(row) == 2 + CX_COLUMNS for row in rows())


def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    (tmp_path / "blåbær.csv").write_text("id,omdöme\n1,bra\n", "utf-8")
    script = Path(__file__).with_name("fake_tagger.py")
    command = [sys.executable, str(script), "score", "blåbær.csv"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "result   bl?b?r.scored.csv" in done.stdout
    assert "####" in done.stdout


def test_help_has_an_example_and_the_exit_codes(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--help")
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "cxnlp score reviews.csv --output scored.csv" in out
    assert "130  stopped with Ctrl-C" in out
