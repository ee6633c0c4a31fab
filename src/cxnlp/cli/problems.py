"""Broken lines, named on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxnlp.data import Problem

_SHOWN = 20


def tell_broken_lines(problems: Sequence[Problem]) -> None:
    """Name the first twenty, and say how many more there are."""
    for problem in problems[:_SHOWN]:
        print(f"cxnlp: {problem}", file=sys.stderr)
    if len(problems) > _SHOWN:
        print(f"cxnlp: and {len(problems) - _SHOWN} more broken lines", file=sys.stderr)
