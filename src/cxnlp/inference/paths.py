"""Names of input, output and summary that cannot be right."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from cxnlp.data.source import STANDARD
from cxnlp.data.write import writable_target
from cxnlp.errors import DataError
from cxnlp.inference.options import ScoreOptions


def check_paths(source: Path, output: Path, summary: Path | None, options: ScoreOptions) -> None:
    """Refuse names that cannot be right, before a model is loaded.

    Raises:
        DataError: an unknown kind of output, a package for it is missing, or two of the three are the same file.
    """
    _check_package(output, options.format_of(output))
    if summary is not None:
        writable_target(summary)
    if output != STANDARD:
        writable_target(output)
    named = [("the input", source), ("the output", output), *([("the summary", summary)] if summary else [])]
    seen: dict[str, str] = {}
    for what, path in named:
        if path == STANDARD:
            continue
        real = os.path.normcase(os.path.realpath(path))
        if real in seen:
            raise DataError(f"{path}: is both {seen[real]} and {what}; give each a name of its own")
        seen[real] = what
    if STANDARD not in (source, output) and os.path.exists(output) and os.path.samefile(source, output):
        raise DataError(f"{output}: is the input under another name; give the output a name of its own")


def _check_package(output: Path, made: str) -> None:
    if made == "parquet" and find_spec("pyarrow") is None:  # asked for now, and not when all is scored
        raise DataError(f'{output}: Parquet needs pyarrow: pip install "cxnlp[parquet]"')
