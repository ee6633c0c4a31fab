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
    "encoder", "train", "tune", "benchmark", "export", "serve", "info", "card",
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
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors made on purpose are printed without a traceback."""
    parser = build_parser()
    if not (sys.argv[1:] if argv is None else argv):
        parser.print_help()
        return FAILED
    args = parser.parse_args(argv)
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
