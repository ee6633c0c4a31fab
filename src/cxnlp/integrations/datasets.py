"""Labelled reviews and predictions as a Hugging Face Dataset, whose labels are numbers with names, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cxnlp.data import Problem, Review, review_from_record, split_reviews
from cxnlp.data.columns import listed
from cxnlp.errors import DataError, ExtraError, TaxonomyError, kind_of
from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Facet, Kind, Taxonomy, check_labels

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

_OWN = ("id", "text", "lang", "source")
_WHERE = "the dataset"


def to_datasets(
    reviews: Sequence[Review], taxonomy: Taxonomy, predictions: Sequence[Prediction] | None = None
) -> Dataset:
    """Give n reviews as a Dataset of n rows, with their own labels or with those of a prediction each.

    Columns: ``id``, ``text``, ``lang``, ``source``; for each facet a ``ClassLabel`` (``one_of``) or a list of them
    (``any_of``, the main label first); for each polarity a list beside that of its facet, label by label. Numbers are
    places in the taxonomy. An unknown facet or polarity is None. With predictions also ``confidence``, ``flags``, and
    ``probabilities``, a list in the order of ``taxonomy.logit_names``; of an empty text they and the labels are None.

    Raises:
        ExtraError: datasets is not installed.
        DataError: a label that the taxonomy does not have, a facet called ``source``, or predictions of another number.
    """
    for review in reviews:
        if not isinstance(review, Review):
            raise DataError(f"a review is {kind_of(review)}, expected cxnlp.data.Review(id, text)")
    features = _features(taxonomy, predicted=predictions is not None)
    if predictions is not None:
        if len(predictions) != len(reviews):
            raise DataError(f"{len(reviews)} reviews and {len(predictions)} predictions, expected one for each")
        pairs = zip(reviews, predictions, strict=True)
        reviews = [replace(review, labels={} if found.empty else found.labels) for review, found in pairs]
    rows = [_row(taxonomy, review) for review in reviews]
    for row, found in zip(rows, predictions or (), strict=False):
        row["lang"] = row["lang"] or found.language
        row |= {"confidence": None, "probabilities": None, "flags": list(found.flags)}
        if not found.empty:
            row["confidence"] = found.confidence
            row["probabilities"] = [p for facet in taxonomy.facets for p in found.probabilities[facet.name].values()]
    from datasets import Dataset

    return Dataset.from_dict({name: [row[name] for row in rows] for name in features}, features=features)


def to_dataset_dict(reviews: Sequence[Review], taxonomy: Taxonomy) -> DatasetDict:
    """Give the parts ``train``, ``dev`` and ``test``, into which reviews are divided by the hash of their text.

    Raises:
        ExtraError, DataError: as ``to_datasets``.
    """
    parts = {name: to_datasets(part, taxonomy) for name, part in split_reviews(reviews).items()}
    from datasets import DatasetDict

    return DatasetDict(parts)


def from_datasets(dataset: Dataset, taxonomy: Taxonomy) -> tuple[list[Review], list[Problem]]:
    """Give the reviews of a Dataset, and what was wrong with the other rows, which are counted from 1.

    Labels are read by name, so their numbers may be others than in the taxonomy; names as text are read too. What is
    None, or -1, is unknown, and so is a facet without a column. Further columns are left aside.

    Raises:
        DataError: the dataset has no column ``text``, or several parts.
    """
    features = getattr(dataset, "features", None)
    if features is None:
        kind = type(dataset).__name__
        parts = f" with the parts {', '.join(map(str, dataset))}; give one of them" if kind == "DatasetDict" else ""
        raise DataError(f"{_WHERE} is a {kind}, expected a Dataset{parts}")
    if "text" not in features:
        raise DataError(f'{_WHERE}: no column "text"; {listed(list(features), _WHERE)}')
    reviews: list[Review] = []
    problems: list[Problem] = []
    for number, row in enumerate(dataset.with_format(None), 1):
        try:
            record = dict(_record(taxonomy, features, row))
            reviews.append(review_from_record(record, taxonomy, str(row.get("source") or ""), number))
        except DataError as error:
            problems.append(Problem(_WHERE, number, str(error), "row"))
    return reviews, problems


def _features(taxonomy: Taxonomy, *, predicted: bool) -> Features:
    try:
        from datasets import ClassLabel, Features, List, Value
    except ImportError as error:
        raise ExtraError("a Dataset", "datasets", "datasets") from error
    if taken := [facet.name for facet in taxonomy.facets if facet.name in _OWN]:
        raise DataError(f"the facet {taken[0]!r} has the name of a column of every dataset; rename it in the taxonomy")
    columns: dict[str, Any] = {name: Value("string") for name in _OWN}
    for facet in taxonomy.facets:
        label = ClassLabel(names=list(facet.labels))
        columns[facet.name] = label if facet.kind is Kind.ONE_OF else List(label)
    if predicted:
        columns |= {"confidence": Value("float64"), "flags": List(Value("string"))}
        columns["probabilities"] = List(Value("float32"))
    return Features(columns)


def _row(taxonomy: Taxonomy, review: Review) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(review, name) for name in _OWN}
    row |= dict.fromkeys(facet.name for facet in taxonomy.facets)
    for facet in taxonomy.answers:
        if facet.name not in review.labels:
            continue
        try:
            present = check_labels(taxonomy, facet, review.labels[facet.name])
        except TaxonomyError as error:
            raise DataError(f"review {review.id[:60]!r}: {error}") from error
        places = [facet.labels.index(label) for label in present]
        row[facet.name] = places[0] if facet.kind is Kind.ONE_OF else places
        if polarity := taxonomy.polarity_of.get(facet.name):
            row[polarity.name] = [polarity.labels.index(p) if p else None for p in present.values()]
    return row


def _record(taxonomy: Taxonomy, features: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a labelled review."""
    for name in ("id", "text", "lang"):
        yield name, row.get(name)
    for facet in taxonomy.answers:
        value = _names(features, facet, row)
        polarity = taxonomy.polarity_of.get(facet.name)
        if value is not None and polarity is not None:
            found = _names(features, polarity, row)
            if found is not None and len(found) != len(value):
                raise DataError(f"{len(value)} {facet.name} and {len(found)} of {polarity.name}, expected one for each")
            value = dict(zip(value, found or [None] * len(value), strict=True))
        yield facet.name, value


def _names(features: Mapping[str, Any], facet: Facet, row: Mapping[str, Any]) -> Any:
    """Give the names of the labels in a row's column, None where it is unknown."""
    value = row.get(facet.name)
    feature = features.get(facet.name)
    known = getattr(getattr(feature, "feature", feature), "names", None)
    if isinstance(value, list):
        return [_name(known, facet, one) for one in value]
    return _name(known, facet, value)


def _name(known: Sequence[str] | None, facet: Facet, value: Any) -> Any:
    if known is None or not isinstance(value, int) or value == -1:
        return None if value == -1 else value
    if not 0 <= value < len(known):
        raise DataError(f"{facet.name} is {value}, expected 0 to {len(known) - 1}")
    return known[value]
