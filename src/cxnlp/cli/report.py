"""``cxnlp report``: a scored file as one page for the person who owns the customers' experience."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.cli.engine import folder_of, own_folder
from cxnlp.cli.problems import tell_problems
from cxnlp.cli.reading import add_reading_options, reading_options
from cxnlp.errors import SettingsError

if TYPE_CHECKING:
    from cxnlp.inference.tagger import Tagger
    from cxnlp.journey.result import Journey
    from cxnlp.journey.rows import ScoredFile

_STANDARD_NAME = "standard input"
_DESCRIPTION = """\
Make a page of a file that cxnlp score wrote: the journey map, what to mend first, what delights, moments of truth,
change over time, differences between languages, stores and whatever column, and how far to trust it. The page is one
file that works offline; figures have intervals, and the tables behind them can be downloaded from it."""
_EPILOG = """\
examples:
  cxnlp report scored.csv --output report.html
  cxnlp report scored.csv --output report.html --language no --by store --by source
  cxnlp report scored.csv --output report.html --title "Spring campaign" --rating-scale 1-10
  cxnlp report scored.jsonl --output report.html --evaluation scores.json --xlsx tables.xlsx --json report.json

Needs pip install "cxnlp[report]"; to show texts, whose personal data is masked, also "cxnlp[privacy]" (or give
--without-text). Exit code: 0; 1 if rows are broken, or have labels or a confidence that cannot be read; 2 if nothing
was written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    from cxnlp.journey.words import LANGUAGES

    parser = subparsers.add_parser(
        "report",
        help="make a page of a scored file",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="SCORED", help="what cxnlp score wrote, of any kind")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE.html", help="the page (default: NAME.report.html beside the input)"
    )
    parser.add_argument("--title", metavar="TEXT", help="title of the page (default: after the input's name)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    parser.add_argument("--xlsx", type=Path, metavar="FILE", help="write the tables here too")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="language of the page (default: en)")
    parser.add_argument(
        "--by", action="append", default=[], metavar="COLUMN",
        help="divide reviews by this column, besides by language; may be given several times (default: columns such as "
        "source, store or country)",
    )  # fmt: skip
    parser.add_argument(
        "--evaluation", type=Path, metavar="FILE",
        help="what cxnlp evaluate --json wrote: shares are corrected for the model's errors",
    )  # fmt: skip
    parser.add_argument(
        "--model", metavar="BUNDLE",
        help="folder of the model that scored the file (default: the shipped one)",
    )  # fmt: skip
    parser.add_argument(
        "--reviews", type=int, default=5, metavar="N", help="reviews shown of each polarity behind a cell (default: 5)"
    )
    parser.add_argument("--without-text", action="store_true", help="show no texts of reviews")
    parser.add_argument(
        "--evidence", action=argparse.BooleanOptionalAction,
        help="mark the sentence behind each touchpoint, found by the model where the file does not name it "
        "(default: if spaCy is installed)",
    )  # fmt: skip
    add_reading_options(parser, scored=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, count, write; give the exit code."""
    from cxnlp.bundle import read_manifest
    from cxnlp.data.source import STANDARD
    from cxnlp.data.write import AtomicFile, AtomicText
    from cxnlp.journey.analysis import analyse
    from cxnlp.journey.choose import choose
    from cxnlp.journey.errors import read_errors
    from cxnlp.journey.page import Page
    from cxnlp.journey.parts import parts_of
    from cxnlp.journey.rows import read_review_rows
    from cxnlp.journey.shown import read_shown
    from cxnlp.journey.summary import summary
    from cxnlp.journey.tables import Tables
    from cxnlp.journey.words import load_words

    outputs = _outputs(args)
    words = load_words(args.language)
    bundle = folder_of(args.model)
    manifest = read_manifest(bundle)
    parts = parts_of(manifest.read_taxonomy(str(bundle)))
    errors = read_errors(args.evaluation) if args.evaluation else None
    with ExitStack() as stack:
        page = stack.enter_context(AtomicText(outputs["output"]))
        figures = stack.enter_context(AtomicText(outputs["json"])) if "json" in outputs else None
        book = stack.enter_context(AtomicFile(outputs["xlsx"])) if "xlsx" in outputs else None
        scored = read_review_rows(args.file, parts, reading_options(args), args.by)
        journey = analyse(scored, errors)
        chosen = choose(scored.reviews, args.reviews)
        load = _loader(bundle) if _finds_evidence(args) else None
        shown = read_shown(scored, chosen.reviews, with_text=not args.without_text, load=load)
        title = (args.title or "").strip() or _title(words.say["title"], args.file)
        said = summary(journey, parts, words, _STANDARD_NAME if args.file == STANDARD else args.file.name)
        page.write(Page(journey, scored, chosen, shown, words, manifest.name, title, said).html())
        if figures:
            facts = _facts(args, scored) | {"title": title, "summary": said}
            figures.write(json.dumps(facts | journey.as_json(), ensure_ascii=False, indent=1) + "\n")
        if book:
            from cxnlp.journey.workbook import write_workbook

            write_workbook(book, Tables(journey, parts, words).all(), words, title)
    _print(outputs["output"], scored, journey, texts=scored.source.with_text and not args.without_text)
    return tell_problems(scored.problems)


def _outputs(args: argparse.Namespace) -> dict[str, Path]:
    """Give option to file; refuse what cannot work before the long part.

    Raises:
        DataError: a file is one that is read, or two are the same.
        ExtraError: a package is missing.
        SettingsError: an option is out of range.
    """
    from cxnlp.data.source import STANDARD, unpacked
    from cxnlp.data.write import refuse_outputs
    from cxnlp.reports import need_jinja
    from cxnlp.text.personal import require_personal
    from cxnlp.text.sentences import require_sentences

    if args.reviews < 0:
        raise SettingsError(f"--reviews {args.reviews}: expected a whole number of 0 or more")
    if args.output is None and args.file == STANDARD:
        raise SettingsError("standard input has no name to call the page after; give --output FILE.html")
    files = {name: path for name in ("output", "json", "xlsx") if (path := getattr(args, name)) is not None}
    if args.output is not None and args.output.suffix.lower() not in (".html", ".htm"):
        raise SettingsError(
            f"--output {args.output}: the page is HTML, expected a name that ends in .html; a browser prints it as PDF"
        )
    files.setdefault("output", args.file.with_name(f"{unpacked(args.file).stem}.report.html"))
    inputs = [path for path in (args.file, args.evaluation, own_folder(args.model)) if path is not None]
    refuse_outputs({f"--{name}": path for name, path in files.items()}, inputs)
    need_jinja("cxnlp report")
    if not args.without_text and args.reviews:
        require_personal()
    if args.evidence:
        require_sentences()
    return files


def _title(title: str, file: Path) -> str:
    """Give a title after the name of a file, without its suffixes and with spaces."""
    from cxnlp.data.source import unpacked

    name = unpacked(file).stem.replace("_", " ").replace("-", " ").strip()
    return f"{title}: {name}" if name else title


def _finds_evidence(args: argparse.Namespace) -> bool:
    return find_spec("spacy") is not None if args.evidence is None else bool(args.evidence)


def _loader(bundle: Path) -> Callable[[], Tagger]:
    """Give what loads the model, should a sentence have to be found."""
    from cxnlp.inference.tagger import Tagger

    def load() -> Tagger:
        print("cxnlp: finding the sentences behind the touchpoints of the reviews that are shown", file=sys.stderr)
        return Tagger.load(bundle)

    return load


def _facts(args: argparse.Namespace, scored: ScoredFile) -> dict[str, Any]:
    """Say what was read, for the top of the JSON."""
    return {"scored": str(args.file), "columns": dict(scored.roles), "by": list(scored.divided_by)}


def _print(output: Path, scored: ScoredFile, journey: Journey, *, texts: bool) -> None:
    from cxnlp.text.counted import counted

    print(f"{output}: {counted(journey.overview.reviews, 'review')} of {counted(scored.n_rows, 'row')}")
    read = {
        "rating": sum(review.rating is not None for review in scored.reviews),
        "date": sum(review.day is not None for review in scored.reviews),
    }
    ratings = scored.source.table.ratings
    scale = f", on a scale of {ratings.scale.name}" if ratings and ratings.scale else ""
    for role, n in read.items():
        found = (
            f"{scored.roles[role]} ({n:,} of them can be read{scale if role == 'rating' else ''})"
            if role in scored.roles
            else ""
        )
        print(f"  {role:<8} {found or f'none found; --{role}-column NAME names it'}")
    none = "not shown" if scored.source.with_text else "none found; --text-column NAME names them"
    print(f"  texts    {'of some reviews, masked' if texts else none}")
    print(f"  by       {', '.join(('language', *scored.divided_by))}")
    if scored.n_unknown:
        print(
            f"cxnlp: {counted(scored.n_unknown, 'row')} left out: labels or confidence cannot be read", file=sys.stderr
        )
