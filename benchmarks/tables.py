"""Figures to Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

BEGIN, END = "<!-- speed:begin -->", "<!-- speed:end -->"
# What was aimed at: `cxnlp score` against each engine, in rows per second.
_AIMS = {"pipeline-1": 4.5, "pipeline-32": 10.0, "pipeline-sorted": 2.8}
_COLD = (
    ("python", "`python -c pass`", ""),
    ("import", "`import cxnlp`, with Python", ""),
    ("first", "first prediction, languages left out, with Python", ""),
    ("first.import_s", "of it: imports", ""),
    ("first.load_s", "of it: `Tagger.load()`", ""),
    ("first.predict_s", "of it: `tag([text], languages=False)`", ""),
    ("first_language", "first prediction with its language, with Python", "1.5"),
    ("first_language.predict_s", "of it: `tag([text])`", ""),
)
_STAGES = {
    "files": "reading and writing",
    "tokens": "cleaning and tokenising",
    "languages": "identifying languages",
    "network": "the network",
    "deciding": "labels from logits",
}


def has_markers(document: str) -> bool:
    """Whether there is a place for the tables."""
    return -1 < document.find(BEGIN) < document.find(END)


def between_markers(document: str, report: str) -> str:
    """Put the report in the place of what stands between the markers."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n{report}{END}{rest.partition(END)[2]}"


def report(results: dict[str, Any]) -> str:
    """Give all tables of a run."""
    parts = [_machine(results), _rates(results), _peak(results), _stages(results), _cold(results)]
    parts += [_latency(results), _lengths(results), _left_out(results)]
    return "\n".join(part for part in parts if part) + "\n"


def score_rates(results: dict[str, Any]) -> list[float]:
    """Give rows per second of ``cxnlp score`` in each round, start-up taken off."""
    if "score" not in results["rounds"]:
        return []
    n_rows, n_few = results["score_rows"]
    return [(n_rows - n_few) / max(whole - few, 1e-9) for whole, few in results["rounds"]["score"]]


def _rates_by_engine(results: dict[str, Any]) -> dict[str, list[float]]:
    return {
        key: [results["rows"] / seconds for seconds in results["rounds"][key]]
        for key in results["titles"]
        if key in results["rounds"]
    }


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a Markdown table, the first column flush left."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows]) + "\n"


def _machine(results: dict[str, Any]) -> str:
    found = results["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    threads = f", OMP_NUM_THREADS={found['omp_num_threads']}" if found["omp_num_threads"] else ""
    lines = [
        f"{results['date']}: {found['processor']}, {found['cores']} cores ({', '.join(found['features'])}), "
        f"{found['memory_gib']} GiB, {found['system']}{threads}. Python {found['python']}; {packages}.",
        "",
        f"{results['rows']:,} reviews, {results['characters'] / results['rows']:.0f} characters on average"
        + (f", {results['work']['tokens'] / results['rows']:.0f} tokens" if "work" in results else "")
        + f"; {results['repeats']} rounds. Load average {results['load_before']} before and {results['load_after']} "
        "after (the run itself counts).",
        "",
        "<!-- not run: needs a file of reviews and the peers -->",
        "```bash",
        results["command"],
        "```",
        "",
    ]
    return "\n".join(lines)


def _rates(results: dict[str, Any]) -> str:
    rates, scored = _rates_by_engine(results), score_rates(results)
    if not rates and not scored:
        return ""
    rows = []
    ours = rates.get("onnx", [])
    for key, values in rates.items():
        rows.append([results["titles"][key], *_spread(values), _ratio(ours, values), _ratio(scored, values)])
        aim = _AIMS.get(key)
        rows[-1].append(f"{aim:g} ×" if aim else "")
    if scored:
        rows.append(["(g) `cxnlp score`, file to file, start-up taken off", *_spread(scored), "", "", ""])
    head = ["engine", "reviews/s", "lowest to highest", "(d) is", "(g) is", "aim for (g)"]
    text = "### Reviews per second\n\n" + table(head, rows)
    if scored:
        start = median(few for _, few in results["rounds"]["score"])
        text += f"\nA whole run of `cxnlp score` on {results['score_rows'][1]} reviews takes {start:.1f} s.\n"
    return text


def _spread(values: Sequence[float]) -> list[str]:
    return [f"{median(values):,.1f}", f"{min(values):,.1f} to {max(values):,.1f}"]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Give the median of the rounds' ratios: both of a round ran one after the other."""
    if not ours or ours is theirs:
        return ""
    return f"{median(a / b for a, b in zip(ours, theirs, strict=True)):.2f} ×"


def _peak(results: dict[str, Any]) -> str:
    rounds = results["rounds"]
    if "peak" not in rounds or "work" not in results:
        return ""
    best = [max(rates) for rates in rounds["peak"]]
    text = "### Share of the int8 peak\n\nA plain product of uint8 and int8 matrices reaches "
    text += f"{median(best) / 1e9:,.0f} thousand million operations a second"
    if "onnx" in rounds:
        operations = results["work"]["operations"]
        shares = [operations / s / top for s, top in zip(rounds["onnx"], best, strict=True)]
        rate = median(operations / s for s in rounds["onnx"])
        text += f"; (d) does {rate / 1e9:,.0f} of use to its reviews (tokenising, padding, "
        text += f"softmax and the like counted as nothing): **{median(shares):.0%}**"
    return text + ".\n"


def _stages(results: dict[str, Any]) -> str:
    rounds = results["rounds"]
    if "stages.whole" not in rounds:
        return ""
    values = {name.removeprefix("stages."): v for name, v in rounds.items() if name.startswith("stages.")}
    values["network"] = _minus(values["probabilities"], values["tokens"])
    values["deciding"] = _minus(values["labels"], values["probabilities"])
    whole = values["whole"]
    rows = []
    for name, title in _STAGES.items():
        share = median(a / b for a, b in zip(values[name], whole, strict=True))
        rows.append([title, f"{1e3 * median(values[name]) / results['rows']:.3f}", f"{share:.1%}"])
    rows.append(["the whole, measured by itself", f"{1e3 * median(whole) / results['rows']:.3f}", "100 %"])
    around = median((f + t) / w for f, t, w in zip(values["files"], values["tokens"], whole, strict=True))
    text = "### Where the time of scoring a file goes\n\n" + table(["stage", "ms a review", "share"], rows)
    text += f"\nTokenising, reading and writing together: {around:.1%} (aim: under 10 %). Stages are measured one "
    return text + "by one, so where they overlap in the whole their shares add up to more than it.\n"


def _minus(whole: Sequence[float], part: Sequence[float]) -> list[float]:
    return [max(0.0, a - b) for a, b in zip(whole, part, strict=True)]


def _cold(results: dict[str, Any]) -> str:
    if "cold" not in results:
        return ""
    rows = [
        [title, f"{median(results['cold'][name]):.2f}", f"{max(results['cold'][name]):.2f}", aim]
        for name, title, aim in _COLD
    ]
    return "### Cold start\n\n" + table(["in fresh processes", "median s", "highest", "aim"], rows)


def _latency(results: dict[str, Any]) -> str:
    if not results.get("latency"):
        return ""
    rows = []
    for key, values in results["latency"].items():
        ordered = sorted(values)
        p50, p99 = (1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.99))
        rows.append([results["titles"][key], f"{p50:.1f}", f"{p99:.1f}", "8" if key == "onnx" else ""])
    head = ["one review at a time", "p50 ms", "p99 ms", "aim for p50"]
    return "### Latency\n\n" + table(head, rows)


def _lengths(results: dict[str, Any]) -> str:
    if not results.get("lengths"):
        return ""
    lengths = list(dict.fromkeys(t for found in results["lengths"].values() for t in found))
    rows = [
        [results["titles"][key], *(f"{median(found[t]):,.0f}" if t in found else "" for t in lengths)]
        for key, found in results["lengths"].items()
    ]
    return "### Tokens per second as the text grows\n\n" + table(["tokens a text", *lengths], rows)


def _left_out(results: dict[str, Any]) -> str:
    if not results["left_out"]:
        return ""
    lines = [f"- {results['titles'].get(name, name)}: {why}" for name, why in results["left_out"].items()]
    return "\n".join(["Not measured:", "", *lines, ""])
