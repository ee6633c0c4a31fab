"""`cxnlp labels export` and `import` of the tools that take JSON, as the tests call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tiny
from cxnlp.cli.main import main


def export_to(tool: str, tmp_path: Path, toml: Path, records: list[dict[str, Any]], *more: str) -> list[dict[str, Any]]:
    """Export records for a tool; give what was written."""
    tiny.write_jsonl(tmp_path / "in.jsonl", records)
    out = tmp_path / "out.json"
    arguments = ["labels", "export", str(tmp_path / "in.jsonl"), "--to", tool, "--output", str(out)]
    assert main([*arguments, "--taxonomy", str(toml), *more]) == 0
    found: list[dict[str, Any]] = json.loads(out.read_text("ascii"))
    return found


def import_from(
    tool: str, tmp_path: Path, toml: Path, exported: object, *more: str
) -> tuple[int, list[dict[str, Any]]]:
    """Import what a tool exported; give the exit code, and the labelled records."""
    given, out = tmp_path / "project.json", tmp_path / "labels.jsonl"
    given.write_text(json.dumps(exported), "utf-8")
    arguments = ["labels", "import", str(given), "--from", tool, "--output", str(out)]
    code = main([*arguments, "--taxonomy", str(toml), *more])
    return code, [json.loads(line) for line in out.read_text("utf-8").split("\n")[:-1]]
