"""Counts over the predictions of a file, for its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Taxonomy

Counts = Mapping[str, int]


@dataclass(frozen=True)
class FacetCounts:
    """How many reviews have each label of a facet."""

    labels: Counts
    """In the order of the taxonomy."""
    main: Counts = field(default_factory=dict)
    """Of facets with a main label: how many reviews have it as theirs."""
    rollup: Counts = field(default_factory=dict)
    polarities: Mapping[str, Counts] = field(default_factory=dict)
    """Label to polarity to number of reviews."""


class Tally:
    """Counts rows as they are scored. Shares are of the reviews that had something to read."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.n_rows = 0
        self.n_scored = 0
        self.n_damaged = 0
        """Rows that were not read cleanly."""
        self.flags: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self._labels: Counter[tuple[str, str]] = Counter()
        self._main: Counter[tuple[str, str]] = Counter()
        self._rollup: Counter[tuple[str, str]] = Counter()
        self._polarities: Counter[tuple[str, str, str]] = Counter()

    def add(self, prediction: Prediction | None, flags: Sequence[str], *, damaged: bool) -> None:
        """Count one row, which has no prediction if it could not be read at all."""
        self.n_rows += 1
        self.n_damaged += damaged
        self.flags.update(flags)
        if prediction is None or prediction.empty:
            return
        self.n_scored += 1
        self.languages[prediction.language] += 1
        for facet in self.taxonomy.answers:
            value = prediction.labels[facet.name]
            labels = [value] if isinstance(value, str) else list(value)
            self._labels.update((facet.name, label) for label in labels)
            if facet.main and labels:
                self._main[facet.name, labels[0]] += 1
            if (coarse := prediction.rollup(facet.name)) is not None:
                self._rollup[facet.name, coarse] += 1
            if isinstance(value, Mapping):
                self._polarities.update((facet.name, label, polarity) for label, polarity in value.items())

    def facets(self) -> dict[str, FacetCounts]:
        """Give the counts of every facet."""
        out = {}
        for facet in self.taxonomy.answers:
            name, polarity = facet.name, self.taxonomy.polarity_of.get(facet.name)
            coarse = dict.fromkeys(facet.rollup.labels[label] for label in facet.labels) if facet.rollup else {}
            out[name] = FacetCounts(
                labels={label: self._labels[name, label] for label in facet.labels},
                main={label: self._main[name, label] for label in facet.labels} if facet.main else {},
                rollup={label: self._rollup[name, label] for label in coarse},
                polarities={
                    label: {p: self._polarities[name, label, p] for p in polarity.labels} for label in facet.labels
                }
                if polarity
                else {},
            )
        return out


@dataclass(frozen=True)
class ScoreSummary:
    """What was read, how, what was found, and where the result lies."""

    input: str
    output: str
    encoding: str
    delimiter: str
    text_column: str
    text_column_reason: str
    replaced_columns: tuple[str, ...]
    """Columns of the input that a fresh one of the same name took the place of."""
    n_rows: int
    n_scored: int
    """Rows with something to read; shares are of these."""
    n_damaged: int
    flags: Counts
    languages: Counts
    taxonomy: Taxonomy = field(repr=False)
    facets: Mapping[str, FacetCounts] = field(repr=False)
    elapsed_s: float = 0.0
    format: str = "generic"
    """Which known export the input is."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Role to column of the input."""
    decisions: tuple[str, ...] = ()
    """What was decided on how to read the input, and why."""
    left_out: Counts = field(default_factory=dict)
    """Reason to rows of the input that are not among ``n_rows``."""
    n_duplicates: int = 0
    """Rows whose text an earlier row has; scored once."""
    n_kept: int = 0
    """Rows that an earlier run, cut short, had scored."""
    notes: tuple[str, ...] = ()
    """What the output's format asked to be changed."""

    @property
    def rows_per_s(self) -> float:
        """Rows read, scored and written a second, without those that an earlier run had scored."""
        return (self.n_rows - self.n_kept) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    def share(self, count: int) -> float:
        """Give a count as a share of the reviews scored, from 0 to 1."""
        return count / self.n_scored if self.n_scored else 0.0

    def as_record(self) -> dict[str, Any]:
        """Give the summary as JSON can hold it; every count comes with its share of the reviews scored."""
        facets: dict[str, Any] = {}
        for facet in self.taxonomy.answers:
            counts = self.facets[facet.name]
            table = self._shares(counts.labels)
            for label, polarities in counts.polarities.items():
                table[label]["polarity"] = dict(polarities)
            facets[facet.name] = table
            if facet.main:
                facets[facet.main] = self._shares(counts.main)
            if facet.rollup:
                facets[facet.rollup.name] = self._shares(counts.rollup)
        return {
            "input": self.input,
            "output": self.output,
            "format": self.format,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "text_column": self.text_column,
            "roles": dict(self.roles),
            "decisions": list(self.decisions),
            "replaced_columns": list(self.replaced_columns),
            "n_rows": self.n_rows,
            "n_scored": self.n_scored,
            "n_damaged": self.n_damaged,
            "n_duplicates": self.n_duplicates,
            "n_kept": self.n_kept,
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
            "elapsed_s": round(self.elapsed_s, 3),
            "rows_per_s": round(self.rows_per_s, 1),
            "flags": dict(self.flags),
            "languages": self._shares(self.languages),
            **facets,
        }

    def _shares(self, counts: Counts) -> dict[str, dict[str, Any]]:
        return {label: {"count": count, "share": round(self.share(count), 4)} for label, count in counts.items()}
