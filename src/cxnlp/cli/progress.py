"""How far a run is: a bar on a terminal, a line now and then elsewhere; and what is wrong with rows."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from cxnlp.data.read import Problem
from cxnlp.inference.options import Watch

_MAX_PROBLEMS = 20
_LINE_EVERY_S = 30.0


class Progress(Watch):
    """Tells standard error of rows, rows a second (those of an earlier run left out) and time left."""

    def __init__(self, name: str) -> None:
        self.n_scored = 0
        """Rows that have predictions, with those of an earlier run."""
        self._name = name
        self._shown = sys.stderr.isatty()
        self._phase = ""
        self._total: int | None = None
        self._done = 0
        self._before = 0
        self._started_s = self._told_s = time.monotonic()
        self._bar: Any = None
        self._n_problems = 0

    def phase(self, name: str, n_rows: int | None) -> None:
        """A part of the work begins."""
        self._close()
        self._phase, self._total, self._done, self._before = name, n_rows, 0, 0
        self._started_s = self._told_s = time.monotonic()
        if not self._shown and name == "scoring":
            many = "the" if n_rows is None else f"{n_rows:,}"
            self._say(f"scoring {many} rows of {self._name}")

    def rows(self, n: int, *, kept: bool = False) -> None:
        """So many more rows are done."""
        self._done += n
        if self._phase == "scoring":
            self.n_scored += n
        if kept:
            self._before += n
            self._started_s = time.monotonic()
        elif self._shown:
            self._on_bar(n)
        elif time.monotonic() - self._told_s > _LINE_EVERY_S:
            self._told_s = time.monotonic()
            self._say(self._line())

    def problem(self, problem: Problem) -> None:
        """A row was not read cleanly, or could not be scored; the first ones are named."""
        self._n_problems += 1
        if self._n_problems <= _MAX_PROBLEMS:
            self._say(str(problem))

    def note(self, sentence: str) -> None:
        """Something that people should know."""
        self._say(sentence)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()
        if self._n_problems > _MAX_PROBLEMS:
            self._say(f"and {self._n_problems - _MAX_PROBLEMS:,} more damaged rows; see cx_flags")
        if kind is None and not self._shown:
            self._say("done")

    def _on_bar(self, n: int) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=self._total, initial=self._before, unit=" rows", file=sys.stderr, dynamic_ncols=True,
                desc=self._phase,
            )  # fmt: skip
        self._bar.update(n)

    def _line(self) -> str:
        elapsed_s = time.monotonic() - self._started_s
        rate = (self._done - self._before) / elapsed_s if elapsed_s > 0 else 0.0
        of = "" if self._total is None else f" of {self._total:,}"
        left = ""
        if self._total is not None and rate > 0:
            left = f", {tqdm.format_interval(max(0, self._total - self._done) / rate)} left"
        return f"{self._phase}: {self._done:,}{of} rows, {rate:,.0f} rows/s{left}"

    def _say(self, sentence: str) -> None:
        tqdm.write(f"cxnlp: {sentence}", file=sys.stderr)
        sys.stderr.flush()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
