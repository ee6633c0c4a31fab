"""The command line as a whole: help with examples, and mistakes that are explained."""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

import pytest

import tiny
from cxnlp.cli.main import build_parser, main

COMMANDS = (
    "score", "columns", "report", "monitor", "evaluate", "checklist", "data", "taxonomy", "suggest", "labels",
    "encoder", "train", "tune", "calibrate", "benchmark", "export", "serve", "info", "card",
)  # fmt: skip


def _leaves(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> dict[tuple[str, ...], argparse.ArgumentParser]:
    """Every command that can be run, with its parser."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        return {path: parser}
    return {k: v for name, sub in below[0].choices.items() for k, v in _leaves(sub, (*path, name)).items()}


LEAVES = _leaves(build_parser())


def test_the_commands() -> None:
    assert {path[0] for path in LEAVES} == set(COMMANDS)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for name in COMMANDS:
        assert re.search(rf"^ +{name}\s+\w", out, re.MULTILINE), name  # a long name has a line of its own
    assert "example: cxnlp score" in out


def test_without_a_command_there_is_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "example: cxnlp score" in capsys.readouterr().out


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_of_each_command_has_an_example_that_parses(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*path, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "example" in out
    examples = re.findall(r"cxnlp (\S.*?)(?:   .*)?$", out.split("example", 1)[1], re.MULTILINE)
    of_this = [line for line in examples if line.split()[: len(path)] == list(path)]
    assert of_this, f"no example of {' '.join(path)}"
    for line in of_this:
        build_parser().parse_args(re.sub(r'"([^"]*)"', lambda m: m[1].replace(" ", "_"), line).split())


@pytest.mark.parametrize("arguments", [["scor"], ["score"], ["score", "a.csv", "--no-such-option"], ["encoder"]])
def test_a_mistake_ends_with_2_and_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert "usage: cxnlp" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["score", "evaluate"])
def test_a_bundle_that_is_not_there(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reviews = tiny.write_jsonl(tmp_path / "reviews.jsonl", tiny.records())
    missing = str(tmp_path / "none")
    arguments = [str(reviews), "--model", missing] if command == "score" else [missing, str(reviews)]
    assert main([command, *arguments]) == 2
    assert f"cxnlp: error: {missing}: not a bundle (no such folder)" in capsys.readouterr().err


def test_a_recipe_that_is_not_there_or_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.toml"
    assert main(["train", str(recipe)]) == 2
    assert str(recipe) in capsys.readouterr().err
    recipe.write_text('name = "x"\nepoch = 3\n', "utf-8")
    assert main(["train", str(recipe)]) == 2
    err = capsys.readouterr().err
    assert "epoch: unknown key" in err
    assert "Traceback" not in err


def test_the_commands_start_as_a_process(tiny_bundle: Path, tmp_path: Path) -> None:
    done = tiny.run_cxnlp("info", str(tiny_bundle), cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("tiny: bundle format 3")
    assert done.stderr == ""
    done = tiny.run_cxnlp("info", str(tmp_path), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cxnlp: error: ") and done.stderr.count("\n") == 1


def test_a_reader_that_stops_reading_is_no_error(tiny_bundle: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        tiny.cxnlp_command("info", str(tiny_bundle)), cwd=tmp_path, env=tiny.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0
