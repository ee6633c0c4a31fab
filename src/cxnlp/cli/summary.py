"""The summary of a scored file, as text for a terminal: at most 100 columns and 60 lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from cxnlp.inference.tally import FacetCounts, ScoreSummary
from cxnlp.taxonomy import Facet
from cxnlp.text.counted import counted
from cxnlp.text.shorten import shorten

_WIDTH = 100
_MAX_LINES = 60
_MAX_SMALL = 7
_MAX_LARGE = 20
_BAR = 20
_HALF = 48
_MAX_DECISIONS = 8
# Those that text/language.py can tell.
_LANGUAGES = {
    "no": "Norwegian", "da": "Danish", "sv": "Swedish", "en": "English", "fi": "Finnish", "de": "German", "nl": "Dutch",
    "fr": "French", "es": "Spanish", "pl": "Polish", "is": "Icelandic", "et": "Estonian", "ru": "Russian",
    "uk": "Ukrainian", "ar": "Arabic", "he": "Hebrew", "el": "Greek", "zh": "Chinese", "und": "unknown",
}  # fmt: skip


def summary_text(summary: ScoreSummary, *, bar: str = "█") -> str:
    """Lay out a summary; ``bar`` is the character that bars are made of."""
    small: list[list[str]] = []
    large: list[list[str]] = []
    languages = {_LANGUAGES.get(code, code): n for code, n in summary.languages.items()}
    small.append(_block("language", languages, summary, bar))
    for facet in summary.taxonomy.answers:
        counts = summary.facets[facet.name]
        if counts.polarities:
            large.append(_polarity_block(facet, counts, summary, bar))
            continue
        labels, title = (counts.main, facet.main) if facet.main else (counts.labels, facet.name)
        small.append(_block(f"{title} (main one of each review)" if facet.main else str(title), labels, summary, bar))
        if facet.rollup:
            small.append(_block(facet.rollup.name, counts.rollup, summary, bar))
    lines = _head(summary)
    if summary.n_scored:
        first, rest = small[:2], small[2:]
        lines += _pairs(first)
        for block in large:
            lines += ["", *block]
        lines += _pairs(rest)
    lines += _flags(summary)
    if len(lines) > _MAX_LINES:  # a taxonomy of many facets
        lines = [*lines[: _MAX_LINES - 1], "… the rest is in the file that --summary writes"]
    return "\n".join(line.rstrip() for line in lines)


def _head(summary: ScoreSummary) -> list[str]:
    lines = [
        f"{counted(summary.n_rows, 'review')} scored in {summary.elapsed_s:.1f} s ({summary.rows_per_s:,.0f} a second)",
        "",
        f"  input    {summary.input}",  # a path is never cut, however long
        *(_titled("read as", summary.decisions[:_MAX_DECISIONS]) or _read_as(summary)),
        *_titled(
            "left out", [f"{counted(n, 'row')}: {reason}" for reason, n in summary.left_out.items()][:_MAX_DECISIONS]
        ),
        f"  result   {summary.output}",
    ]
    if summary.replaced_columns:
        lines.append(f"  anew     {', '.join(summary.replaced_columns)}"[:_WIDTH])
    if summary.n_duplicates:
        lines.append(
            f"  copies   {counted(summary.n_duplicates, 'row')} with the text of an earlier one, "
            "scored together with it"
        )
    if summary.n_kept:
        lines.append(f"  resumed  {counted(summary.n_kept, 'row')} had been scored by an earlier run")
    return lines + _titled("note", summary.notes)


def _read_as(summary: ScoreSummary) -> list[str]:
    delimiter = "tab" if summary.delimiter == "\t" else f'"{summary.delimiter}"'
    read = f"{summary.encoding}, delimiter {delimiter}" if summary.delimiter else summary.encoding
    text = f'  text     column "{summary.text_column[:40]}" ({summary.text_column_reason})'
    return [f"  read as  {read}", shorten(text, _WIDTH)]


def _titled(title: str, sentences: Sequence[str]) -> list[str]:
    """Lay out sentences under each other, the title before the first."""
    lines = [line for sentence in sentences for line in wrap(sentence, _WIDTH - 11)]
    return [f"  {title if i == 0 else '':<8} {line}" for i, line in enumerate(lines)]


def _block(title: str, counts: Mapping[str, int], summary: ScoreSummary, bar: str) -> list[str]:
    """Give one line per label: name, count, share, bar. At most ``_HALF`` wide."""
    shown = list(counts.items())
    others = 0
    if len(shown) > _MAX_SMALL:
        shown = sorted(((label, n) for label, n in shown if n), key=lambda item: -item[1])
        others = max(0, len(shown) - _MAX_SMALL)
    lines = [title[:1].upper() + title[1:].replace("_", " ")]
    for label, n in shown[: _MAX_SMALL - 1] if others else shown:
        share = summary.share(n)
        lines.append(f"  {_name(label, 14):<14} {n:>7,} {share:>7.1%}  {bar * round(share * 14)}")
    if others:  # without a number: where a review can have several labels, their sum is of no use
        lines.append(f"  and {others + 1} more")
    return lines


def _polarity_block(facet: Facet, counts: FacetCounts, summary: ScoreSummary, bar: str) -> list[str]:
    """Give one line per label that occurs, the most frequent first, with the share of each polarity."""
    order = sorted((label for label, n in counts.labels.items() if n), key=lambda label: -counts.labels[label])
    negative = "negative" if "negative" in next(iter(counts.polarities.values())) else None
    title = facet.name[:1].upper() + facet.name[1:].replace("_", " ")
    columns = f"{title:<20} {'reviews':>9} {'share':>7}"
    lines = [f"{columns}  {'':<{_BAR}} {'negative':>9}  (of these)" if negative else columns]
    if not order:
        return [*lines, "  none"]
    for label in order[:_MAX_LARGE]:
        n = counts.labels[label]
        share = summary.share(n)
        line = f"  {_name(label, 18):<18} {n:>9,} {share:>7.1%}  {bar * round(share * _BAR):<{_BAR}}"
        if negative:
            of_these = counts.polarities[label][negative] / n
            line += f" {of_these:>9.1%}  {bar * round(of_these * _BAR)}"
        lines.append(line)
    if len(order) > _MAX_LARGE:
        lines.append(f"  and {len(order) - _MAX_LARGE} more")
    return lines


def _pairs(blocks: Sequence[list[str]]) -> list[str]:
    """Lay blocks out two beside each other."""
    lines: list[str] = []
    for start in range(0, len(blocks), 2):
        left, right = blocks[start], blocks[start + 1] if start + 1 < len(blocks) else []
        lines.append("")
        for row in range(max(len(left), len(right))):
            first = left[row] if row < len(left) else ""
            lines.append(f"{first:<{_HALF + 2}}{right[row] if row < len(right) else ''}")
    return lines


def _flags(summary: ScoreSummary) -> list[str]:
    lines: list[str] = []
    if left_out := summary.n_rows - summary.n_scored:
        lines += ["", f"Shares are of {summary.n_scored:,} reviews; {left_out:,} had nothing to read."]
    if summary.flags:
        flags = ", ".join(f"{flag} {n:,}" for flag, n in summary.flags.items())
        lines += [*([] if lines else [""]), *wrap(f"Flagged: {flags}", _WIDTH)]
    return lines


def _name(label: str, width: int) -> str:
    return shorten(label.replace("_", " "), width)
