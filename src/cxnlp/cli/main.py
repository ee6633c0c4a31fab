"""The command line: arguments in, one function call, text out."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from cxnlp.errors import CxnlpError

# Each module has add_parser(subparsers) and run(args) -> exit code, and imports what is heavy only in run.
_COMMANDS = (
    "score", "columns", "report", "monitor", "evaluate", "checklist", "data", "taxonomy", "suggest", "labels",
    "encoder", "train", "tune", "calibrate", "benchmark", "export", "serve", "info", "card",
)  # fmt: skip

FAILED = 2
"""Exit code of an error that was explained; 1 is for commands whose answer is "no"."""
INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="cxnlp",
        description="Sentiment, touchpoints and journey phase of reviews in Norwegian, Danish, Swedish and English.",
        epilog="example: cxnlp score reviews.csv --output scored.csv",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in _COMMANDS:
        importlib.import_module(f"cxnlp.cli.{name}").add_parser(subparsers)
    _take_whole_names(parser)
    return parser


def _take_whole_names(parser: argparse.ArgumentParser) -> None:
    # An option that begins like another is a mistake: --api-key KEY is not --api-key-file, which would name its file.
    parser.allow_abbrev = False
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _take_whole_names(inner)


def _unknown(arguments: Sequence[str]) -> str:
    """Name the arguments that no option takes, without the values of options: one could be a key."""
    named = [
        argument.partition("=")[0] if argument.startswith("-") else argument
        for before, argument in zip(("", *arguments), arguments, strict=False)
        if argument.startswith("-") or not before.startswith("-")
    ]
    return f"unrecognized arguments: {' '.join(named)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors made on purpose are printed without a traceback."""
    parser = build_parser()
    if not (sys.argv[1:] if argv is None else argv):
        parser.print_help()
        return FAILED
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(_unknown(unknown))
    _never_fail_to_print()
    try:
        code = int(args.run(args))
        sys.stdout.flush()
        return code
    except CxnlpError as error:
        print(f"cxnlp: error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("cxnlp: interrupted; nothing was written under the output's name", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # such as a folder of checkpoints that cannot be written
        print(f"cxnlp: error: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return FAILED


def _never_fail_to_print() -> None:
    # A file name, column or label that the terminal's encoding does not have must not end in a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
