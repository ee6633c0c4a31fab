"""Agreement laid out in lines for people, and disagreements as a list to talk about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cxnlp.data.kinds import Column
from cxnlp.evaluation.report import FEW, Estimate
from cxnlp.loop.agreement import Level
from cxnlp.loop.annotators import Annotations
from cxnlp.loop.answers import as_json, write_records
from cxnlp.loop.majority import Disagreement, shown
from cxnlp.loop.write import write_list
from cxnlp.text.shorten import shorten

_NAME_WIDTH = 28
_FIGURE_WIDTH = 24
_MAX_PAIRS = 6


def show_agreement(levels: Sequence[Level], *, labels: bool = False) -> Iterator[str]:
    """Give the lines: of facets, then kappa of every two annotators, and with ``labels`` of every label.

    A figure of fewer than 30 units is put in brackets: too few to say.
    """
    facets = [level for level in levels if not level.label]
    yield from _table("facet", ((level.facet, level) for level in facets))
    yield ""
    yield from _pairs(facets)
    if labels:
        yield ""
        yield from _table("label", ((f"{level.facet}: {level.label}", level) for level in levels if level.label))
    if any(level.alpha.few for level in levels if labels or not level.label):
        yield ""
        yield f"(…): fewer than {FEW}, too few to say.  -: undefined, since everybody gave one and the same."


def _table(title: str, rows: Iterable[tuple[str, Level]]) -> Iterator[str]:
    yield f"{title:<{_NAME_WIDTH}}{'n':>7}  {'alpha':<{_FIGURE_WIDTH}}{'the same':<{_FIGURE_WIDTH}}".rstrip()
    for name, level in rows:
        figures = f"{_figure(level.alpha):<{_FIGURE_WIDTH}}{_figure(level.raw):<{_FIGURE_WIDTH}}"
        yield f"{shorten(name, _NAME_WIDTH - 1):<{_NAME_WIDTH}}{level.alpha.support:>7,}  {figures}".rstrip()


def _pairs(facets: Sequence[Level]) -> Iterator[str]:
    yield "kappa of two annotators"
    for level in facets:
        # The least alike first: they are the ones to talk to.
        pairs = sorted(level.kappas.items(), key=lambda one: (math.isnan(one[1].value), one[1].value))
        for (first, second), one in pairs[:_MAX_PAIRS]:
            name = shorten(level.facet, _NAME_WIDTH - 1)
            yield f"{name:<{_NAME_WIDTH}}{one.support:>7,}  {_figure(one):<{_FIGURE_WIDTH}}{first}, {second}"
        if len(pairs) > _MAX_PAIRS:
            yield f"{'':<{_NAME_WIDTH + 9}}and {len(pairs) - _MAX_PAIRS} pairs more alike"


def _figure(one: Estimate) -> str:
    if math.isnan(one.value):
        return "-"
    figure = f"{one.value:.3f} [{one.low:.2f} to {one.high:.2f}]"
    return f"({figure})" if one.few else figure


def write_disagreements(path: Path, found: Annotations, listed: Sequence[Disagreement], *, with_text: bool) -> None:
    """Write disagreements, one facet of one review a line, as CSV or, if the name ends so, as JSONL.

    Raises:
        DataError: it cannot be written.
    """
    if path.suffix.lower() == ".jsonl":
        write_records(path, (_record(one, found, with_text=with_text) for one in listed))
        return
    titles = ["id", "facet", *found.annotators, "majority", *(["text"] if with_text else [])]
    # By their places: an annotator may be called "id".
    columns = [Column(str(place), title) for place, title in enumerate(titles)]
    rows = []
    for one in listed:
        given = [shown(one.given.get(who)) for who in found.annotators]
        text = [found.texts.get(one.id, "")] if with_text else []
        values = [one.id, one.facet, *given, shown(one.settled), *text]
        rows.append({column.name: value for column, value in zip(columns, values, strict=True)})
    write_list(path, columns, rows)


def _record(one: Disagreement, found: Annotations, *, with_text: bool) -> dict[str, Any]:
    given = {who: as_json(value) for who, value in one.given.items()}
    settled = None if one.settled is None else as_json(one.settled)
    text = {"text": found.texts.get(one.id)} if with_text else {}
    return {"id": one.id, "facet": one.facet, "given": given, "majority": settled, **text}
