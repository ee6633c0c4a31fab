"""How well ``CxClassifier`` learns labels that the model does not know, from few examples: FABSA's twelve aspects.

    python benchmarks/classifier.py FOLDER

FOLDER holds ``fabsa.csv``. Micro-F1 of the aspects (without polarity) on 400 reviews of the test part, learnt from the
first 100, 300 and 600 of the training part in a fixed random order, by logistic regression on TF-IDF, on the shipped
model's logits, and on its hidden states (which needs torch).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from cxnlp.benchmark.read import read_divided
from cxnlp.benchmark.spec import load_benchmark, load_labels
from cxnlp.data import Review
from cxnlp.integrations.sklearn import CxClassifier

SIZES = (100, 300, 600)
TEST = 400
SEED = 0


def drawn(reviews: list[Review], n: int) -> list[Review]:
    """Draw n reviews, in random order."""
    return [reviews[i] for i in np.random.default_rng(SEED).permutation(len(reviews))[:n]]


def main(folder: Path) -> None:
    """Print a table."""
    benchmark = load_benchmark("fabsa")
    taxonomy = load_labels(benchmark)
    (part,) = benchmark.files
    divided = read_divided(benchmark, taxonomy, folder, part)
    train, test = drawn(divided.train, max(SIZES)), drawn(divided.test, TEST)
    facet = taxonomy.answers[0]
    binarizer = MultiLabelBinarizer(classes=list(facet.labels))
    gold = binarizer.fit_transform([list(review.labels[facet.name]) for review in train])
    expected = binarizer.transform([list(review.labels[facet.name]) for review in test])
    texts = [review.text for review in train]
    tfidf = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), OneVsRestClassifier(LogisticRegression(C=10))
    )
    ways = {"TF-IDF": tfidf, "logits": CxClassifier(), "hidden": CxClassifier(mode="hidden", C=0.1)}
    print("learnt from", *SIZES, sep="\t")
    for name, way in ways.items():
        scores = []
        for n in SIZES:
            found = way.fit(texts[:n], gold[:n]).predict([review.text for review in test])
            scores.append(f"{100 * f1_score(expected, found, average='micro'):.1f}")
        print(name, *scores, sep="\t")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
