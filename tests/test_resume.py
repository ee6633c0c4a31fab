"""Runs that are cut short: killed, torn, changed, or two at a time. The result is that of a run that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxnlp.cli.main import main
from cxnlp.data.tables import ReadingOptions, open_table
from cxnlp.errors import DataError
from cxnlp.inference.options import ScoreOptions
from cxnlp.inference.progress import progress_folder
from cxnlp.inference.score import score_file
from fake_tagger import FakeTagger
from test_score import Heard

SCRIPT = Path(__file__).with_name("fake_tagger.py")
N_ROWS = 220  # four chunks, the last one with nothing new
CHUNK_ROWS = 64
SECRET = "hemmelighet"
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "CXNLP_TEST_CHUNK_ROWS": str(CHUNK_ROWS)}


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxnlp.inference.score.CHUNK_ROWS", CHUNK_ROWS)
        yield


def source(folder: Path) -> Path:
    """Rows in which texts occur again, near and far, with an empty one and a broken one."""
    folder.mkdir(exist_ok=True)
    rows = [f"{i},{SECRET} nummer {i % 190},{i * 7}" for i in range(N_ROWS)]
    rows[10], rows[100] = "10,,3", "100,alene"
    (folder / "in.csv").write_text("id,review,n\n" + "\n".join(rows) + "\n", "utf-8")
    return folder / "in.csv"


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "score", "in.csv", *arguments]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | ENVIRONMENT | environment
    return subprocess.run(
        command(*arguments), cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def whole(small_chunks: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What uninterrupted runs write, by name."""
    folder = tmp_path_factory.mktemp("whole")
    path = source(folder)
    found = {}
    for name in ("out.csv", "out.xlsx", "out.parquet", "out.jsonl"):
        if name != "out.parquet" or _has_pyarrow():
            score_file(FakeTagger(), open_table(path), folder / name)
            found[name] = (folder / name).read_bytes()
    return found


def _has_pyarrow() -> bool:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


POINTS = [
    ("cxnlp.inference.progress:identify:1", 0),
    ("fake_tagger:FakeTagger.tag:1", 0),
    ("fake_tagger:FakeTagger.tag:3", 128),
    ("cxnlp.inference.journal:_encode:2", 64),
    ("cxnlp.inference.sinks:TableSink.write:1", N_ROWS),
    ("cxnlp.inference.sinks:TableSink.write:150", N_ROWS),
    ("cxnlp.data.write:put_in_place:1", N_ROWS),
    ("cxnlp.inference.progress:Progress.done:1", N_ROWS),
]


@pytest.mark.parametrize(("point", "kept"), POINTS, ids=[point for point, _ in POINTS])
def test_killed_at(tmp_path: Path, whole: dict[str, bytes], point: str, kept: int) -> None:
    source(tmp_path)
    dead = run(tmp_path, "-o", "out.csv", CXNLP_TEST_KILL=point.replace("fake_tagger:", "__main__:"))
    assert dead.returncode == -signal.SIGKILL
    assert_no_text(progress_folder(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").exists() == ("Progress.done" in point)
    done = run(tmp_path, "-o", "out.csv")
    assert done.returncode == 1  # one row is damaged
    assert (f"{kept:,} rows are scored already" in done.stderr) == (kept > 0)
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]
    assert sorted(os.listdir(tmp_path)) == ["in.csv", "out.csv"]


def assert_no_text(folder: Path) -> None:
    for path in folder.rglob("*") if folder.is_dir() else ():
        data = path.read_bytes()
        assert SECRET.encode() not in data
        if path.name == "predictions":  # whose chunks are compressed
            for chunk in data.split(b"cxj1")[1:]:
                content = chunk[16 + 16 :]
                assert SECRET.encode() not in zlib.decompressobj().decompress(content)


@pytest.mark.parametrize("name", ["out.xlsx", "out.jsonl", "out.parquet"])
def test_killed_at_any_moment(tmp_path: Path, whole: dict[str, bytes], name: str) -> None:
    """Killed from outside, again and again, after as long as each chunk takes and a bit more."""
    if name not in whole:
        pytest.skip("needs pyarrow")
    source(tmp_path)
    environment = os.environ | ENVIRONMENT | {"CXNLP_TEST_SLEEP_S": "0.3"}
    journal = progress_folder(tmp_path / name) / "predictions"
    killed, size = 0, 0
    while killed < 2:
        process = subprocess.Popen(command("-o", name), cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            if journal.exists() and journal.stat().st_size > size:
                time.sleep(0.1 * killed)
                process.kill()
                break
            time.sleep(0.002)
        if process.wait() != -signal.SIGKILL:
            break
        killed += 1
        size = journal.stat().st_size if journal.exists() else 0
    assert killed
    assert run(tmp_path, "-o", name).returncode == 1
    assert (tmp_path / name).read_bytes() == whole[name]
    assert sorted(os.listdir(tmp_path)) == ["in.csv", name]


def interrupted(folder: Path, chunks: int = 2, **options: object) -> Path:
    """Stop a run by Ctrl-C after some chunks; give the journal."""

    def stop(number: int) -> None:
        if number > chunks:
            raise KeyboardInterrupt

    path = source(folder)
    with pytest.raises(KeyboardInterrupt):
        score_file(FakeTagger(None, stop), open_table(path), folder / "out.csv", options=ScoreOptions(**options))
    return progress_folder(folder / "out.csv") / "predictions"


def resume(folder: Path, tagger: FakeTagger | None = None, **options: object) -> Heard:
    heard = Heard()
    table = open_table(folder / "in.csv")
    score_file(tagger or FakeTagger(), table, folder / "out.csv", watch=heard, options=ScoreOptions(**options))
    return heard


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.45, 0.6, 0.99, 0.9999])
def test_a_torn_journal(tmp_path: Path, whole: dict[str, bytes], share: float) -> None:
    journal = interrupted(tmp_path)
    size = journal.stat().st_size
    os.truncate(journal, int(size * share))
    heard = resume(tmp_path)
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]
    assert heard.kept == (64 if share > 0.5 else 0)
    assert any("torn or damaged" in note for note in heard.notes) == (share > 0)


@pytest.mark.parametrize("place", [0, 5, 9, 20, 30, 2_000, -1])
def test_a_corrupt_journal(tmp_path: Path, whole: dict[str, bytes], place: int) -> None:
    journal = interrupted(tmp_path)
    data = bytearray(journal.read_bytes())
    data[place] ^= 0x40
    journal.write_bytes(data)
    heard = resume(tmp_path)
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]
    assert any("torn or damaged" in note for note in heard.notes)
    assert heard.kept == (64 if place == -1 else 0)


def test_an_intact_journal_is_not_scored_again(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path)
    tagger = FakeTagger()
    heard = resume(tmp_path, tagger)
    assert heard.kept == 128
    assert len(tagger.seen) == 63  # rows 128 to 189, and row 200, whose text row 10 does not have
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]
    assert not progress_folder(tmp_path / "out.csv").exists()


def test_before_anything_is_kept_the_run_starts_anew_and_says_so(tmp_path: Path, whole: dict[str, bytes]) -> None:
    source(tmp_path)
    dead = run(tmp_path, "-o", "out.csv", CXNLP_TEST_KILL="__main__:FakeTagger.tag:1")
    assert dead.returncode == -signal.SIGKILL
    done = run(tmp_path, "-o", "out.csv")
    assert "before the first part of its rows could be kept; starting anew" in done.stderr
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]
    assert "earlier run" not in run(tmp_path, "-o", "out.csv").stderr


def test_ctrl_c_before_anything_is_kept_says_that_the_command_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chunks = [0]

    def stop(number: int) -> None:
        if number > chunks[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr("cxnlp.inference.tagger.Tagger.load", lambda *_, **__: FakeTagger(None, stop))
    for chunks[0], said in ((0, "the same command starts anew"), (2, "run the same command again to go on")):
        assert main(["score", str(source(tmp_path)), "-o", str(tmp_path / "out.csv")]) == 130
        assert said in capsys.readouterr().err
    assert progress_folder(tmp_path / "out.csv").is_dir()  # of the second


def test_a_changed_input_starts_anew(tmp_path: Path) -> None:
    interrupted(tmp_path)
    path = tmp_path / "in.csv"
    stat = path.stat()
    text = path.read_text("utf-8")
    path.write_text(text.replace("nummer 189", "nummer 981"), "utf-8")  # as long as before, in a chunk not yet scored
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # and as old
    assert path.stat().st_size == stat.st_size
    heard = resume(tmp_path)
    assert heard.kept == 0
    assert any("changed: the input" in note and "starting anew" in note for note in heard.notes)
    assert (tmp_path / "out.csv").read_bytes() == fresh(tmp_path, path)


def fresh(folder: Path, path: Path, **options: object) -> bytes:
    score_file(FakeTagger(), open_table(path), folder / "fresh.csv", options=ScoreOptions(**options))
    return (folder / "fresh.csv").read_bytes()


def test_an_input_that_is_only_touched_goes_on(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path)
    os.utime(tmp_path / "in.csv", ns=(1, 1))
    assert resume(tmp_path).kept == 128
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]


def test_another_model_starts_anew(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path)
    other = FakeTagger()
    other.fingerprint = "another"
    heard = resume(tmp_path, other)
    assert heard.kept == 0
    assert any("changed: the model" in note for note in heard.notes)


@pytest.mark.parametrize(
    ("options", "changed"),
    [({"limit": 200}, "--limit"), ({"sample": 200}, "--sample"), ({"engine": "torch cuda"}, "the engine")],
)
def test_another_option_starts_anew(tmp_path: Path, options: dict[str, object], changed: str) -> None:
    interrupted(tmp_path)
    heard = resume(tmp_path, **options)
    assert heard.kept == 0
    assert any(changed in note and "starting anew" in note for note in heard.notes)
    assert (tmp_path / "out.csv").read_bytes() == fresh(tmp_path, tmp_path / "in.csv", **options)


def test_another_text_column_starts_anew(tmp_path: Path) -> None:
    interrupted(tmp_path)
    heard = Heard()
    table = open_table(tmp_path / "in.csv", ReadingOptions(text_column="n"))
    score_file(FakeTagger(), table, tmp_path / "out.csv", watch=heard)
    assert any("changed: how the input is read" in note for note in heard.notes)
    assert heard.kept == 0


def test_how_the_result_is_written_may_change(tmp_path: Path) -> None:
    interrupted(tmp_path)
    assert resume(tmp_path, decimal=",", delimiter=";").kept == 128
    made = (tmp_path / "out.csv").read_bytes()
    assert made == fresh(tmp_path, tmp_path / "in.csv", decimal=",", delimiter=";")


def test_restart(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path)
    heard = resume(tmp_path, restart=True)
    assert (heard.kept, heard.notes) == (0, ["starting anew, as asked"])
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]


def test_a_damaged_record_of_the_run_starts_anew(tmp_path: Path, whole: dict[str, bytes]) -> None:
    journal = interrupted(tmp_path)
    journal.with_name("run.json").write_text("{", "utf-8")
    heard = resume(tmp_path)
    assert (heard.kept, heard.notes) == (0, ["an earlier run's progress cannot be read; starting anew"])
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]


def test_an_input_changed_while_it_is_scored(tmp_path: Path) -> None:
    path = source(tmp_path)

    def change(number: int) -> None:
        if number == 2:
            with path.open("a", encoding="utf-8") as file:
                file.write("1,ny,2\n")

    with pytest.raises(DataError, match="run the same command again"):
        score_file(FakeTagger(None, change), open_table(path), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    heard = resume(tmp_path)
    assert heard.kept == 0
    assert (tmp_path / "out.csv").read_bytes() == fresh(tmp_path, path)


def test_two_runs_into_one_output(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = source(tmp_path)
    refused: list[str] = []

    def second(number: int) -> None:
        if number == 2:
            done = run(tmp_path, "-o", "out.csv")
            assert done.returncode == 2
            refused.append(done.stderr)
            with pytest.raises(DataError, match="another run"):  # also within one process
                score_file(FakeTagger(), open_table(path), tmp_path / "out.csv")

    score_file(FakeTagger(None, second), open_table(path), tmp_path / "out.csv")
    assert f"out.csv: another run (process {os.getpid()}) is writing it; wait until it is done" in refused[0]
    assert "Traceback" not in refused[0]
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]


def test_a_dead_run_holds_nothing(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """The lock file is there, and even names a process that lives; but nobody holds it."""
    journal = interrupted(tmp_path)
    journal.with_name("lock").write_text(f"{os.getpid()}\n", "utf-8")
    assert resume(tmp_path).kept == 128
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]


def test_the_disk_fills_up_while_rows_are_scored(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """The system refuses to let the journal grow: the same path as a disk that fills up."""
    pytest.importorskip("resource")
    source(tmp_path)
    size = interrupted(tmp_path, chunks=1).stat().st_size
    assert run(tmp_path, "-o", "out.csv", "--restart", CXNLP_TEST_FILE_BYTES=str(size // 2)).returncode == 2
    assert os.listdir(tmp_path) == ["in.csv"]  # nothing to go on with
    done = run(tmp_path, "-o", "out.csv", CXNLP_TEST_FILE_BYTES=str(size + 1_000))
    assert done.returncode == 2
    assert "out.csv: cannot be written (File too large)" in done.stderr
    assert "run the same command again to go on" in done.stderr
    assert "Traceback" not in done.stderr
    done = run(tmp_path, "-o", "out.csv")
    assert "64 rows are scored already" in done.stderr
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]


def test_what_others_put_beside_the_progress_is_left_there(tmp_path: Path) -> None:
    journal = interrupted(tmp_path)
    journal.with_name("notes.txt").write_text("mine", "utf-8")
    resume(tmp_path)
    assert [path.name for path in journal.parent.iterdir()] == ["notes.txt"]


def test_the_clock_goes_backwards(tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    journal = interrupted(tmp_path)
    later = time.time_ns() + 10**15
    os.utime(journal, ns=(later, later))
    os.utime(journal.with_name("run.json"), ns=(later, later))
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    heard = Heard()
    summary = score_file(FakeTagger(), open_table(tmp_path / "in.csv"), tmp_path / "out.csv", watch=heard)
    assert heard.kept == 128
    assert summary.elapsed_s > 0
    assert summary.rows_per_s > 0
    assert (tmp_path / "out.csv").read_bytes() == whole["out.csv"]


def test_the_summary_is_that_of_a_whole_run(tmp_path: Path) -> None:
    interrupted(tmp_path)
    table = open_table(tmp_path / "in.csv")
    score_file(FakeTagger(), table, tmp_path / "out.csv", summary=tmp_path / "resumed.json")
    score_file(FakeTagger(), table, tmp_path / "out.csv", summary=tmp_path / "whole.json")
    resumed, whole_run = (json.loads((tmp_path / f"{name}.json").read_text("utf-8")) for name in ("resumed", "whole"))
    assert (resumed.pop("n_kept"), whole_run.pop("n_kept")) == (128, 0)
    for key in ("elapsed_s", "rows_per_s"):
        resumed.pop(key), whole_run.pop(key)
    assert resumed == whole_run
    # By hand: rows 190 to 219 have texts 0 to 29 again, but for text 10, which row 10 does not have.
    assert resumed["n_duplicates"] == 29
