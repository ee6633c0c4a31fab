"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cxnlp.benchmark.baseline import NAME

_NONE = "–"


def show_results(results: Mapping[str, Any]) -> str:
    """Give the tables of one ``results.json``: ours beside the baseline and what others reported, and each seed."""
    encoder, settings = results["encoder"], results["settings"]["training"]
    lines = [f"# {results['title']}", ""]
    lines += [f"{_encoder_note(results['name'], encoder)}. Learning rate {settings['learning_rate']:g}, "
              f"{settings['epochs']:g} epochs, batches of {settings['batch_size']}."]  # fmt: skip
    lines += ["Figures × 100 on the test part; best epoch and thresholds are chosen on the development part."]
    for part, one in results["parts"].items():
        lines += ["", f"## {part}", "", *part_table(results, part), "", _sizes(one), "", *_seed_table(one)]
    return "\n".join(lines) + "\n"


def part_table(results: Mapping[str, Any], part: str) -> list[str]:
    """Give the lines of the table of one part: model, its figures, and where they come from."""
    return table_of(results["parts"][part]["published"], [ours_row(results, part), *baseline_rows(results, part)])


def table_of(published: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the lines of a table of rows with ``model``, ``source`` and ``values`` (title to text or number)."""
    titles = list(dict.fromkeys(title for row in [*published, *measured] for title in row["values"]))
    rows = [
        [row["model"], *(_cell(row["values"].get(title)) for title in titles), row["source"]]
        for row in [*published, *measured]
    ]
    return table(["model", *titles, "source"], rows)


def ours_row(results: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Give the row of the trained network: mean ± standard deviation over seeds."""
    one, encoder = results["parts"][part], results["encoder"]
    n = len(one["seeds"])
    seeds = f"mean ± sd of {n} seeds" if n > 1 else "one seed"
    values = {title: _spread(figure) for title, figure in one["figures"].items()}
    knows = f"; the encoder knew the training part ({encoder['knows']:,} reviews)" if encoder["knows"] else ""
    return {"model": f"**cxnlp**, from {encoder['name']}", "source": f"measured, {seeds}{knows}", "values": values}


def baseline_rows(results: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    """Give the row of the baseline, if it was measured."""
    found = results["parts"][part]["baseline"]
    if not found:
        return []
    values = {title: 100 * one["value"] for title, one in found["figures"].items()}
    return [{"model": NAME, "source": "measured, the same split", "values": values}]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Give the lines of a Markdown table, the figures flush right."""
    rule = ["---", *["---:"] * (len(head) - 2), "---"]
    return ["| " + " | ".join(row) + " |" for row in [head, rule, *rows]]


def _encoder_note(name: str, encoder: Mapping[str, Any]) -> str:
    known = f", which has learnt from {encoder['knows']:,} reviews of {name} before" if encoder["knows"] else ""
    return f"Encoder: {encoder['name']}{known}"


def _sizes(one: Mapping[str, Any]) -> str:
    reviews, left_out = one["reviews"], one["left_out"]
    return (
        f"{reviews['train']:,} reviews to train on, {reviews['dev']:,} to choose on, {reviews['test']:,} to test on. "
        f"Left out, because their text lies in a part that is measured on: {left_out['train']:,} of the training and "
        f"{left_out['dev']:,} of the development part."
    )


def _seed_table(one: Mapping[str, Any]) -> list[str]:
    titles = list(one["figures"])
    rows = [
        [str(done["seed"]), *(_interval(done["figures"][title]) for title in titles), f"{done['seconds']:,.0f}"]
        for done in one["seeds"]
    ]
    if one["baseline"]:
        figures = one["baseline"]["figures"]
        seconds = f"{one['baseline']['seconds']:,.0f}"
        rows.append([NAME, *(_interval(figures[title]) for title in titles), seconds])
    return ["Each seed, with 95 % bootstrap intervals over the test reviews:", "", *table(["seed", *titles, "s"], rows)]


def _cell(value: Any) -> str:
    if value is None:
        return _NONE
    return value if isinstance(value, str) else f"{value:.1f}"


def _spread(figure: Mapping[str, Any]) -> str:
    sd = "" if figure["sd"] is None else f" ± {100 * figure['sd']:.1f}"
    return f"{100 * figure['mean']:.1f}{sd}"


def _interval(figure: Mapping[str, float]) -> str:
    return f"{100 * figure['value']:.1f} [{100 * figure['low']:.1f}–{100 * figure['high']:.1f}]"
