"""Texts and labels in the forms in which scikit-learn and its users have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cxnlp.errors import ArgumentValueError

Form = Literal["labels", "indicator", "lists"]
"""How the labels of texts are given: one each, a matrix (n, labels) of 0 and 1, or a list for each."""


def plain_texts(X: Any) -> list[str]:
    """Give n texts of a list, array or Series; None and NaN are empty ones.

    Raises:
        ArgumentValueError: it is something else, or holds something else.
    """
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        raise ArgumentValueError(f"X is of type {type(X).__name__}, expected a list, array or Series of texts")
    if getattr(X, "ndim", 1) != 1 or hasattr(X, "columns"):
        raise ArgumentValueError(
            "X has several dimensions, expected a list, array or Series of texts: one column, df[name]"
        )
    return [_text(text) for text in X]


def _is_missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float | np.floating) and bool(np.isnan(cell))) or _is_na(cell)


def _is_na(cell: Any) -> bool:
    return type(cell).__name__ in ("NAType", "NaTType")  # of pandas, which is not imported to ask


def _text(text: Any) -> str:
    if _is_missing(text):
        return ""
    if not isinstance(text, str):
        raise ArgumentValueError(f"a text is of type {type(text).__name__}, expected str (or None for an empty one)")
    return str(text)


def read_labels(y: Any) -> tuple[Form, npt.NDArray[Any], npt.NDArray[Any]]:
    """Give the form of labels, the labels (n,) or the matrix (n, k) of 0 and 1, and their names (k,).

    Raises:
        ArgumentValueError: they or one of them are missing, numbers of a scale, or of no form that scikit-learn knows.
    """
    from sklearn.preprocessing import MultiLabelBinarizer
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise ArgumentValueError("requires y to be passed, but the target y is None")
    if hasattr(y, "to_numpy"):  # of pandas or Polars; a column may hold lists
        y = y.to_list() if hasattr(y, "to_list") else y.to_numpy()
    if isinstance(y, list | tuple | np.ndarray):
        _refuse_missing(y)
    if isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.dtype.kind == "O"):
        lists = [one for one in y if isinstance(one, list | tuple | set | frozenset)]
        if lists and len(lists) == len(y) and all(isinstance(label, str) for one in lists for label in one):
            binarizer = MultiLabelBinarizer()
            return "lists", binarizer.fit_transform(lists), binarizer.classes_
    if type_of_target(y, input_name="y", raise_unknown=True) == "multilabel-indicator":
        matrix = np.asarray(y.toarray() if hasattr(y, "toarray") else y).astype(int)
        return "indicator", matrix, np.arange(matrix.shape[1])
    values = column_or_1d(y, warn=True)
    check_classification_targets(values)
    return "labels", values, np.unique(values)


def _refuse_missing(y: Iterable[Any]) -> None:
    for number, label in enumerate(y, 1):
        if _is_missing(label):
            raise ArgumentValueError(
                f"label {number} is missing, expected one for each text; leave out the texts that have none"
            )


def in_form(form: Form, present: npt.NDArray[np.bool_], classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give a matrix (n, k) as one of 0 and 1, or as an array (n,) of tuples of labels."""
    if form == "indicator":
        return present.astype(int)
    out = np.empty(len(present), dtype=object)
    for row, one in enumerate(present):
        out[row] = tuple(classes[one])
    return out
