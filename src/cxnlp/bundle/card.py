"""The model card of a bundle: what it is, learnt from, and how well it does, in the form that model hubs read.

The head is YAML with a ``model-index`` (https://huggingface.co/docs/hub/model-cards); its values are written as JSON,
which YAML contains.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cxnlp.bundle.manifest import Manifest, digest_of
from cxnlp.taxonomy import Taxonomy

CARD_FILE = "README.md"
TOO_FEW = "too few to say"
"""Stands for a figure that rests on too few reviews, here and wherever figures are shown."""
_MARK = "<!-- written by cxnlp"
Figures = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
"""Facet to figure to slice to estimate, as ``Report.as_json()["figures"]`` has them."""
FIGURE_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "polarity_f1": "F1 with polarity",
    "polarity_accuracy": "polarity, if found",
    "main_accuracy": "main label",
    "rollup_accuracy": "main, rolled up",
}
"""Figure to its name for people, here and wherever figures are shown."""
_HEADLINE = ("accuracy", "micro_f1", "polarity_f1", "main_accuracy")


@dataclass(frozen=True)
class Usage:
    """For whom a card is written, other than users of cxnlp: a library, the facet it sees, and how it is used."""

    library: str
    facet: str
    text: str
    """A section in Markdown."""


def is_generated(card: str) -> bool:
    """Whether a card was written by ``model_card``, and may be written anew."""
    return _MARK in card


def model_card(
    manifest: Manifest,
    taxonomy: Taxonomy,
    scores: Mapping[str, Figures] | None = None,
    usage: Usage | None = None,
) -> str:
    """Write the card.

    Args:
        manifest: of the bundle.
        taxonomy: the bundle's.
        scores: name of a data set to its figures; by default those on the development data in the manifest.
        usage: of a card that lies beside one facet, in another library's form.
    """
    calibrated = "calibrated_on" in manifest.data
    part = "" if calibrated else ", development part"
    named = scores or {f"{name}{part}": report for name, report in manifest.scores.items()}
    if usage:
        named = {name: {usage.facet: of[usage.facet]} for name, of in named.items() if usage.facet in of}
    head = _head(manifest, taxonomy, named, usage.library if usage else "cxnlp")
    parts = [head, _intro(manifest, taxonomy), usage.text if usage else "", _learnt_from(manifest), _tables(named)]
    if named and not scores:
        parts.append(
            "Thresholds and calibration were learnt on these reviews; here each is labelled by what the others say."
            if calibrated
            else "Epoch, thresholds and calibration were chosen on these development parts, so the figures flatter."
        )
    parts += [_limits(manifest), f"{_MARK} from manifest {digest_of(asdict(manifest))[:12]} -->"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(manifest: Manifest, taxonomy: Taxonomy, scores: Mapping[str, Figures], library: str) -> str:
    results = [result for name, figures in scores.items() for result in _results(name, figures)]
    head: dict[str, Any] = {
        "language": list(taxonomy.languages),
        "license": manifest.recipe.get("license") or "other",
        "library_name": library,
        "pipeline_tag": "text-classification",
        "tags": ["cxnlp", "sentiment-analysis", "aspect-based-sentiment-analysis", "customer-experience"],
        "datasets": list(manifest.learnt_from()),
        "model-index": [{"name": manifest.name, "results": results}],
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items() if key != "model-index"]
    lines += ["model-index:", f"- name: {json.dumps(manifest.name)}", "  results:" if results else "  results: []"]
    lines += [f"  - {json.dumps(result, ensure_ascii=False)}" for result in results]
    return "\n".join(["---", *lines, "---"])


def _results(name: str, figures: Figures) -> Iterator[dict[str, Any]]:
    for facet, by_figure in figures.items():
        metrics = [
            {
                "type": "accuracy" if figure.endswith("accuracy") else "f1",
                "name": f"{FIGURE_NAMES.get(figure, figure)} ({part})",
                "value": estimate["value"],
            }
            for figure, slices in by_figure.items()
            for part, estimate in slices.items()
            if estimate["value"] is not None and not estimate.get("few")
        ]
        if metrics:
            yield {
                "task": {"type": "text-classification", "name": facet},
                "dataset": {"name": name, "type": name.split(",")[0]},
                "metrics": metrics,
            }


def _intro(manifest: Manifest, taxonomy: Taxonomy) -> str:
    facets = "\n".join(f"- `{facet.name}` ({facet.kind}): {', '.join(facet.labels)}" for facet in taxonomy.facets)
    languages = ", ".join(taxonomy.languages) or "any language"
    return f"""# {manifest.name}

Labels customer reviews ({languages}) by the taxonomy *{taxonomy.name}*, version {taxonomy.version}:

{facets}

Made by cxnlp {manifest.cxnlp_version}; used with `Tagger.load("{manifest.name}")` or
`cxnlp score FILE --model {manifest.name}`. It holds no code. `manifest.json` holds the recipe, thresholds,
calibration and hashes.

**Meant for** labelling many reviews to count and compare them, and to find those worth reading. **Not for** judging
single persons, nor for decisions without a look at the texts."""


def _learnt_from(manifest: Manifest) -> str:
    licences = manifest.licenses()
    rows = []
    for name, counts in manifest.learnt_from().items():
        licence = licences.get(name, "not stated")
        by_language = ", ".join(f"{language} {n:,}" for language, n in counts.items())
        rows.append(f"| {name} | {by_language} | {licence} |")
    encoder = manifest.encoder_origin()
    origin, licence = encoder["origin"] or "not recorded", encoder["license"] or "not stated"
    table = "\n".join(["| data | reviews | licence |", "| --- | --- | --- |", *rows])
    earlier = manifest.data.get("started_from")
    started = ""
    if earlier:
        stated = f", licence {earlier['license']}" if earlier.get("license") else ""
        bundle = f"*{earlier['name']}* (manifest {earlier['digest'][:12]}{stated})"
        started = f"\n\nStarted from the model {bundle}, whose data stand here too."
    calibrated = manifest.data.get("calibrated_on")
    fitted = ""
    if calibrated:
        by_language = ", ".join(f"{language} {n:,}" for language, n in calibrated["reviews"].items())
        fitted = f"\n\nThresholds and calibration were learnt on {calibrated['name']}: {by_language}."
    left_out = "; ".join(f"{n:,} {reason}" for reason, n in manifest.data.get("left_out", {}).items())
    left = f"\n\nNot trained on, of the training parts of these data: {left_out}." if left_out else ""
    return (
        f"## Learnt from\n\nThe encoder: {origin} (licence: {licence}).{started}\n\n{table}{left}{fitted}"
        if rows
        else ""
    )


def _tables(scores: Mapping[str, Figures]) -> str:
    blocks = ["## How good it is", "× 100, with 95 % bootstrap intervals."]
    for name, figures in scores.items():
        columns = [
            (facet, figure) for facet, by_figure in figures.items() for figure in by_figure if figure in _HEADLINE
        ]
        slices = list(dict.fromkeys(part for facet, figure in columns for part in figures[facet][figure]))
        head = " | ".join(f"{facet}, {FIGURE_NAMES[figure]}" for facet, figure in columns)
        rows = [
            f"| {part} | " + " | ".join(_cell(figures[facet][figure].get(part)) for facet, figure in columns) + " |"
            for part in slices
        ]
        blocks.append("\n".join([f"**{name}**", "", f"| | {head} |", "| --- |" + " ---: |" * len(columns), *rows]))
    return "\n\n".join(blocks) if len(blocks) > 2 else ""


def _cell(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "–"
    if estimate.get("few"):
        return TOO_FEW
    value, low, high = (100 * estimate[key] for key in ("value", "low", "high"))
    return f"{value:.1f} [{low:.0f}–{high:.0f}]"


def _limits(manifest: Manifest) -> str:
    changed = ", ".join(f"{language} {share:.2%}" for language, share in manifest.parity.items())
    eight = f" Eight bits changed these shares of the labels: {changed}." if changed else ""
    return f"""## Limits

It is as good as the labels that it learnt from, on texts like those; measure it on your own reviews (`cxnlp evaluate`)
before you trust a share.{eight} Errors that go one way do not average out over many reviews. Texts in other languages
are scored and flagged, without a promise."""
