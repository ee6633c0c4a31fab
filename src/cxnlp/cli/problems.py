"""What could not be used of a file, named line by line on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxnlp.data import Problem

BROKEN_LINES = 1
"""Exit code when some lines could not be used, and the rest was."""
_SHOWN = 20


def tell_problems(problems: Sequence[Problem]) -> int:
    """Name the first twenty, and say how many more there are; give the exit code, 0 without any."""
    for problem in problems[:_SHOWN]:
        print(f"cxnlp: {problem}", file=sys.stderr)
    if len(problems) > _SHOWN:
        print(f"cxnlp: and {len(problems) - _SHOWN:,} more", file=sys.stderr)
    return BROKEN_LINES if problems else 0
