"""``cxnlp columns``: what would be read of a file, on a terminal; and that ``score`` knows the same options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cxnlp.cli.main import build_parser, main
from cxnlp.cli.reading import reading_options
from cxnlp.data.rows import ReadingOptions

EXPORTS = Path(__file__).with_name("exports")


def test_a_plain_excel_file(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXPORTS)
    assert main(["columns", "nordic-excel.csv"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "nordic-excel.csv: 3 rows",
        "  Encoding: Windows-1252.",
        '  Delimiter: ";" (divides the rows as the header).',
        "  Format: no known export; columns found by their names and cells.",
        '  Text: column "Kommentar" (by its name).',
        '  Rating: column "Karakter", on a scale of 1 to 5, with a decimal comma.',
        '  Date: column "Dato", day first (in 2 of 3 the first number is over 12), so that 03.04.2026 is 3 April.',
        "  Personal columns not carried to the output: Navn, E-post (--keep-personal carries them).",
        "",
        "Columns",
        "  Kundenr",
        "  Dato: date",
        "  Navn: not carried",
        "  E-post: not carried",
        "  Karakter: rating",
        "  Beløp",
        "  Kommentar: text",
        "",
        "line 2: rating +0.75, 2026-04-03",
        "  Grei butikk; men «køen» var lang – og dyrt",
        "",
        "line 3: rating -1.00, 2026-04-17",
        "  Fikk feil størrelse. Måtte betale returen selv",
        "",
        "line 5: rating +1.00, 2026-04-21",
        "  n/a",
    ]


def test_five_rows_with_short_texts_and_broken_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ['{"review": "' + "ord " * 100 + '", "review ": "x"}', "{", '{"review": ""}', *['{"review": "a"}'] * 9]
    (tmp_path / "r.jsonl").write_text("\n".join(lines), "utf-8")
    assert main(["columns", str(tmp_path / "r.jsonl")]) == 0
    rows = capsys.readouterr().out.split("\n\n")[2:]
    assert len(rows) == 5
    assert rows[0].splitlines()[1] == "  " + ("ord " * 100)[:69] + "…"
    assert rows[1].startswith("line 2: not a JSON object")
    assert rows[2].splitlines() == ["line 3", "  (nothing to read)"]


def test_names_given_to_columns_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.csv").write_text("id,review,,id\n1,fin,2,3\n", "utf-8")
    assert main(["columns", str(tmp_path / "r.csv")]) == 0
    out = capsys.readouterr().out
    assert "\n  (no name) (called column_3)\n  id (called id_2)\n" in out


def test_an_export_without_text_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["columns", str(EXPORTS / "zendesk.csv")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "this is a Zendesk tickets export, and it holds no text" in err


def test_score_and_columns_take_the_same_options() -> None:
    given = [
        "r.csv", "--text-column", "a", "--title-column", "b", "--rating-column", "c", "--date-column", "d",
        "--language-column", "e", "--encoding", "cp1252", "--delimiter", "tab", "--sheet", "s", "--format", "generic",
        "--mapping", "m.toml", "--keep-personal", "--keep-unfinished", "--rating-scale", "1-6",
    ]  # fmt: skip
    expected = ReadingOptions(
        "a", "b", "c", "d", "e", "cp1252", "\t", "s", "generic", True, True, Path("m.toml"), "1-6"
    )
    for command in ("score", "columns"):
        assert reading_options(build_parser().parse_args([command, *given])) == expected
        assert reading_options(build_parser().parse_args([command, "r.csv"])) == ReadingOptions()


def test_a_reader_is_imported_only_for_its_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("id,review\n1,fin\n", "utf-8")
    script = (
        "import sys; from cxnlp.cli.main import main; main(['columns', sys.argv[1]])\n"
        "print(*{'pyarrow', 'ijson', 'python_calamine', 'numpy'} & set(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "r.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() in ("", "numpy")
