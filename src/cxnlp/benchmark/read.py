"""Read a benchmark's files and divide them; what is measured on is never learnt from."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxnlp.benchmark.flat import pair, pairs_name
from cxnlp.benchmark.spec import Benchmark
from cxnlp.data import Review, hash_fraction, read_norec_sentence
from cxnlp.errors import DataError, nearest
from cxnlp.taxonomy import FacetValue, Taxonomy
from cxnlp.text import text_hash

_TEST_SHARE, _DEV_SHARE = 0.15, 0.10
"""Of a set that has no splits, by the hash of the text."""
_DEV_SHARE_OF_ROWS = 0.10
"""Of the training rows of a set that has a test part only."""
_FABSA_POLARITIES = {"-1": "negative", "0": "neutral", "1": "positive"}
_FABSA_COLUMNS = ("text", "labels")


@dataclass(frozen=True)
class Divided:
    """The parts of a data set, with labels of the flat taxonomy."""

    train: list[Review]
    dev: list[Review]
    """Chooses the best epoch and the thresholds; never trained on."""
    test: list[Review]
    left_out: Mapping[str, int]
    """Reviews of ``train`` and ``dev`` that were taken out, because their text lies in a part that must not know it."""


def read_divided(benchmark: Benchmark, taxonomy: Taxonomy, data: Path, part: str) -> Divided:
    """Read one part of a benchmark from its folder (or, where it is a single file, from that).

    Raises:
        DataError: a file is missing or not as expected, or a part of it would be empty.
    """
    file = data if data.is_file() or not benchmark.files[part] else data / benchmark.files[part]
    if benchmark.kind == "norec_sentence":
        raw = {split: read_norec_sentence(file, split) for split in ("train", "dev", "test")}
    elif benchmark.kind == "fabsa":
        raw = _by_hash(list(_fabsa(file, taxonomy)))
    else:
        raw = _by_order(list(_rows(file, benchmark, taxonomy)))
    divided = _apart(raw["train"], raw["dev"], raw["test"])
    for name in ("train", "dev", "test"):
        if not getattr(divided, name):
            sizes = ", ".join(f"{len(raw[one])} {one}" for one in raw)
            raise DataError(f"{file}: nothing is left for {name} ({sizes} reviews); expected the whole data set")
    return divided


def _apart(train: list[Review], dev: list[Review], test: list[Review]) -> Divided:
    """Take out of the training part what lies in the other two, and out of the development part what is tested on."""
    tested = {text_hash(review.text) for review in test}
    kept_dev = [review for review in dev if text_hash(review.text) not in tested]
    held_out = tested | {text_hash(review.text) for review in kept_dev}
    kept = [review for review in train if text_hash(review.text) not in held_out]
    return Divided(kept, kept_dev, test, {"train": len(train) - len(kept), "dev": len(dev) - len(kept_dev)})


def _by_hash(reviews: list[Review]) -> dict[str, list[Review]]:
    parts: dict[str, list[Review]] = {"train": [], "dev": [], "test": []}
    for review in reviews:
        fraction = hash_fraction(review.text)
        name = "test" if fraction < _TEST_SHARE else "dev" if fraction < _TEST_SHARE + _DEV_SHARE else "train"
        parts[name].append(review)
    return parts


def _by_order(reviews: list[Review]) -> dict[str, list[Review]]:
    first = len(reviews) * 3 // 4  # 7,500 of 10,000
    parts: dict[str, list[Review]] = {"train": [], "dev": [], "test": reviews[first:]}
    for review in reviews[:first]:
        parts["dev" if hash_fraction(review.text) < _DEV_SHARE_OF_ROWS else "train"].append(review)
    return parts


def _fabsa(file: Path, taxonomy: Taxonomy) -> Iterator[Review]:
    """Read ``text`` and ``labels``, a list such as ``['value.price-value-for-money.-1']``."""
    (facet,) = taxonomy.answers
    for number, row in _table(file, _FABSA_COLUMNS):
        try:
            names = ast.literal_eval(row["labels"])  # a list written by Python; read as a value, not run
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            names = None
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{file}, row {number}: labels are no list; expected one such as ['aspect.-1']")
        pairs = [name.rpartition(".")[::2] for name in names]
        for aspect, polarity in pairs:
            if aspect not in facet.labels or polarity not in _FABSA_POLARITIES:
                hint = nearest(aspect, list(facet.labels))
                what = f"{aspect[:60]!r} with polarity {polarity[:10]!r}{hint}"
                raise DataError(f"{file}, row {number}: unknown label {what}; polarities are -1, 0 and 1")
        labels: dict[str, FacetValue] = {
            facet.name: tuple(dict.fromkeys(aspect for aspect, _ in pairs)),
            pairs_name(facet.name): tuple(dict.fromkeys(pair(a, _FABSA_POLARITIES[p]) for a, p in pairs)),
        }
        yield Review(str(number), row["text"], "en", labels, "fabsa")


def _rows(file: Path, benchmark: Benchmark, taxonomy: Taxonomy) -> Iterator[Review]:
    (facet,) = taxonomy.answers
    for number, row in _table(file, (benchmark.text_column, benchmark.label_column)):
        label = benchmark.labels.get(row[benchmark.label_column].strip())
        if label is None:
            found = row[benchmark.label_column][:40]
            raise DataError(f"{file}, row {number}: label {found!r}, expected one of {', '.join(benchmark.labels)}")
        yield Review(str(number), row[benchmark.text_column], benchmark.language, {facet.name: label}, file.stem)


def _table(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                has = ", ".join(map(str, reader.fieldnames or ()))[:200]
                raise DataError(f"{file}: no column {missing[0]!r}; it has: {has or 'nothing'}")
            for number, row in enumerate(reader, 1):
                if any(row[name] is None for name in columns):
                    raise DataError(f"{file}, row {number}: too few cells; expected {len(reader.fieldnames or ())}")
                yield number, row
    except OSError as error:
        what = "give the folder that the benchmark's files lie in (--data)"
        raise DataError(f"{file}: cannot be read ({error.strerror}); {what}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a CSV file in UTF-8 ({error})") from error
