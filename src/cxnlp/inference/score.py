"""Score a file of reviews: from an input file to an output file and a summary."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cxnlp.data.delimited import NO_DELIMITER
from cxnlp.data.kinds import add_kinds
from cxnlp.data.read import Problem
from cxnlp.data.source import STANDARD
from cxnlp.data.tables import ROW_FLAGS, Row, Table
from cxnlp.data.write import AtomicFile, AtomicText
from cxnlp.errors import DataError
from cxnlp.inference.hooks import Hooks, masked_row
from cxnlp.inference.journal import Chunk
from cxnlp.inference.labelling import NOT_SCORED, ChunkLabeller, Labeller
from cxnlp.inference.options import ScoreOptions, Watch
from cxnlp.inference.packed import Packed
from cxnlp.inference.paths import check_paths
from cxnlp.inference.progress import Progress, held, identify
from cxnlp.inference.select import count_rows, n_selected, select_rows
from cxnlp.inference.sinks import Kinds, Sink, open_sink
from cxnlp.inference.tally import ScoreSummary, Tally

CHUNK_ROWS = 1024
"""Rows that are scored, and kept for resuming, together. Their borders depend on the rows alone."""
# A chunk also ends here, so that a file of megabyte cells is not held in memory either.
_CHUNK_CHARS = 4_000_000
_DAMAGED = frozenset((*ROW_FLAGS, NOT_SCORED))
_NOTHING = ScoreOptions()
_NO_HOOKS = Hooks()
_NO_WATCH = Watch()


def score_file(
    labeller: Labeller,
    table: Table,
    output: Path,
    *,
    options: ScoreOptions = _NOTHING,
    hooks: Hooks = _NO_HOOKS,
    summary: Path | None = None,
    watch: Watch = _NO_WATCH,
) -> ScoreSummary:
    """Score the rows of ``table`` into ``output`` (``-``: standard output), and write the summary as JSON if asked.

    Rows keep their order and their cells. The files appear only when they are complete. What is scored is kept beside
    the output until then; a run that was cut short goes on with it, and gives the same bytes as one that was not.

    Raises:
        DataError: the input cannot be read, the output cannot be written, or another run is writing it.
        BackendError: the model fails on every row.
    """
    check_paths(table.path, output, summary, options)
    run = _Run(labeller, table, output, options, hooks, watch)
    started = time.perf_counter()  # and not the clock, which can be set back
    if STANDARD in (output, table.path):
        run.at_once()
        return _finish(run, summary, started)
    before = os.stat(table.path)
    identity = identify(table, labeller.fingerprint, options, hooks.identity, CHUNK_ROWS)
    with Progress(output, identity, run.labels.packer.n_bytes, watch.note, restart=options.restart) as progress:
        run.score(progress)
        run.write(progress, before)
        result = _finish(run, summary, started)
        progress.done()
    return result


class _Run:
    """One run of ``score_file``."""

    def __init__(
        self, labeller: Labeller, table: Table, output: Path, options: ScoreOptions, hooks: Hooks, watch: Watch
    ) -> None:
        self.table, self.output, self.options, self.hooks, self.watch = table, output, options, hooks, watch
        self.labels = ChunkLabeller(labeller, hooks)
        self.tally = Tally(labeller.taxonomy)
        self.format = options.format_of(output)
        if output == STANDARD and options.format is None and table.is_json:
            self.format = "jsonl"
        self.replaced: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.n_kept = 0
        """Rows that an earlier run had scored."""
        self._n_rows = table.n_rows if options.sample is None else count_rows(table)

    def at_once(self) -> None:
        """Score and write in one pass: where the input cannot be read twice, or the output is a stream."""
        if self.output == STANDARD:
            self._write_at_once(STANDARD)
        else:
            with held(self.output), AtomicFile(self.output) as part:
                self._write_at_once(part)

    def _write_at_once(self, part: Path) -> None:
        self._begin("scoring")
        with self._sink(part, {}) as sink:
            for rows in self._chunks():
                packed = self.labels.label(self.labels.prepare(rows), self.watch.rows)
                self._report(rows, packed)
                self._write(sink, rows, packed)
            self._end(sink)

    def score(self, progress: Progress) -> None:
        """Score every row that an earlier run has not, and keep the predictions."""
        self._begin("scoring")
        journal = progress.journal
        for rows in self._chunks():
            prepared = self.labels.prepare(rows)
            texts_hash = prepared.hash
            packed: Sequence[Packed | None]
            if (chunk := journal.take(len(rows), texts_hash)) is not None:
                packed = chunk.packed
                self.labels.remember(prepared, packed)
                self.n_kept += len(rows)
                self.watch.rows(len(rows), kept=True)
            else:
                packed = self.labels.label(prepared, self.watch.rows)
                kinds: dict[str, set[str]] = {}
                for row in rows:
                    add_kinds(kinds, row.fields)
                made = {name: sorted(found) for name, found in kinds.items()}
                journal.append(Chunk(tuple(packed), texts_hash, made))
            self._report(rows, packed)

    def write(self, progress: Progress, before: os.stat_result) -> None:
        """Write the output from the rows, read once more, and the predictions that were kept."""
        self._begin("writing")
        kinds: dict[str, set[str]] = {}
        if self.format == "parquet":
            for found in progress.journal.replay():
                for name, some in (found.kinds if found else {}).items():
                    kinds.setdefault(name, set()).update(some)
        with AtomicFile(self.output) as part:
            with self._sink(part, {name: sorted(some) for name, some in kinds.items()}) as sink:
                chunks = progress.journal.replay()
                for rows in self._chunks():
                    chunk = next(chunks, None)
                    if chunk is None or len(chunk.packed) != len(rows):
                        raise DataError(
                            f"{progress.folder}: was altered while it was in use; run the same command again"
                        )
                    self._write(sink, rows, chunk.packed)
                    self.watch.rows(len(rows))
                self._end(sink)
            self._check_unchanged(before)

    def _begin(self, phase: str) -> None:
        self.watch.phase(phase, n_selected(self._n_rows, self.options))

    def _sink(self, part: Path, kinds: Kinds) -> Any:
        return open_sink(part, self.table, self.tally.taxonomy, self.options, self.hooks, kinds, self.format)

    def _chunks(self) -> Iterator[list[Row]]:
        chunk: list[Row] = []
        size = 0
        for row in select_rows(self.table, self.options, self._n_rows):
            chunk.append(masked_row(row, self.hooks.mask, self.table))
            size += len(row.text)
            if len(chunk) >= CHUNK_ROWS or size >= _CHUNK_CHARS:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _report(self, rows: Sequence[Row], packed: Sequence[Packed | None]) -> None:
        for row, found in zip(rows, packed, strict=True):
            failed = found is None and not row.broken
            if row.problem or failed:
                reason = "; ".join(filter(None, [row.problem, "the model failed on it; not scored" if failed else ""]))
                self.watch.problem(Problem(str(self.table.path), row.line, reason))

    def _write(self, sink: Sink, rows: Sequence[Row], packed: Sequence[Packed | None]) -> None:
        results = self.labels.results(rows, packed)
        for row, found, (prediction, flags) in zip(rows, packed, results, strict=True):
            sink.write(row, prediction, flags, json.loads(found.noted) if found and found.noted else None)
            self.tally.add(prediction, flags, damaged=not _DAMAGED.isdisjoint(flags))

    def _end(self, sink: Sink) -> None:
        self.notes = sink.close()
        self.replaced = sink.replaced

    def _check_unchanged(self, before: os.stat_result) -> None:
        now = os.stat(self.table.path)
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise DataError(f"{self.table.path}: was changed while it was being scored; run the same command again")


def _finish(run: _Run, path: Path | None, started: float) -> ScoreSummary:
    table, tally = run.table, run.tally
    result = ScoreSummary(
        input=str(table.path),
        output=str(run.output),
        encoding=table.encoding.name,
        delimiter="" if table.delimiter == NO_DELIMITER else table.delimiter,
        text_column=table.text_column,
        text_column_reason=table.text_column_reason,
        replaced_columns=run.replaced,
        n_rows=tally.n_rows,
        n_scored=tally.n_scored,
        n_damaged=tally.n_damaged,
        flags=dict(tally.flags.most_common()),
        languages=dict(tally.languages.most_common()),
        taxonomy=tally.taxonomy,
        facets=tally.facets(),
        elapsed_s=time.perf_counter() - started,
        format=table.format,
        roles=dict(table.roles),
        decisions=table.decisions,
        left_out=dict(table.left_out.most_common()),
        n_duplicates=run.labels.n_duplicates,
        n_kept=run.n_kept,
        notes=run.notes,
    )
    if path is not None:
        with AtomicText(path) as file:
            file.write(json.dumps(result.as_record(), ensure_ascii=False, indent=2) + "\n")
    return result
