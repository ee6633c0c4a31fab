"""Reviews whose text says the opposite of the stars beside it."""

from __future__ import annotations

from cxnlp.inference.prediction import OTHER_LANGUAGE, Prediction, has_score

RATING_CONFLICT = "rating_conflict"
"""Flag of a review that clearly says the opposite of the rating that its writer gave."""

# One and two stars of five are −1 and −0.5, four and five 0.5 and 1; three, and a seven or eight of ten, are 0.
_RATED = 0.5
_CLEAR = 0.5


def rating_conflict(prediction: Prediction | None, rating: float | None) -> bool:
    """Say whether the text clearly says the opposite of ``rating``, which is from −1 to 1 or unknown.

    That is a ``positive`` review with a rating of −0.5 or less, or a ``negative`` one with 0.5 or more, where the
    sentiment's score (P(positive) − P(negative)) is beyond ±0.5. ``neutral`` and ``mixed`` go with any rating, and a
    middle rating goes with any text: people give three stars, and five, to much that they also complain of. A text in
    a language that the model does not know, or without anything to read, says nothing.
    """
    if prediction is None or rating is None or prediction.empty or OTHER_LANGUAGE in prediction.flags:
        return False
    for facet in prediction.taxonomy.answers:
        if not has_score(facet):
            continue
        score = prediction.score(facet.name) or 0.0
        label = prediction.labels[facet.name]
        return (label == "positive" and score >= _CLEAR and rating <= -_RATED) or (
            label == "negative" and score <= -_CLEAR and rating >= _RATED
        )
    return False
