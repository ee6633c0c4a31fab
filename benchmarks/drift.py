"""How often `cxnlp monitor` gives alarm where nothing has changed, and where something has.

    cxnlp score REVIEWS.jsonl --output scored.csv --sample 1500
    python benchmarks/drift.py scored.csv --splits 200

The file is split by chance, 60 and 40 %, again and again: what is then called drift is a false alarm. For the other
question, reviews of the smaller part are drawn anew so that those with a label have a weight of their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxnlp.bundle import load_bundle, shipped_bundle
from cxnlp.evaluation.drift import compare
from cxnlp.evaluation.drift_limits import Limits, effects_of
from cxnlp.evaluation.drift_sample import Gatherer, Sample
from cxnlp.inference.scored import ScoredRow, open_scored
from cxnlp.taxonomy import Taxonomy
from cxnlp.text import TextTokenizer

_SHARE = 0.6
_WEIGHTS = (1.2, 1.35, 1.5, 2.0)


class Remembering(TextTokenizer):
    """Cuts every text once."""

    def learn(self, texts: Sequence[str]) -> None:
        """Cut the texts beforehand."""
        self._known = dict(zip(texts, super().encode(texts), strict=True))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Give what was cut."""
        return [self._known[text] for text in texts]


def sample(rows: Sequence[ScoredRow], taxonomy: Taxonomy, tokenizer: TextTokenizer) -> Sample:
    """Count rows."""
    gatherer = Gatherer("", taxonomy, tokenizer)
    for row in rows:
        gatherer.add(row)
    return gatherer.sample()


def main() -> None:
    """Split, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scored", type=Path, help="a file that cxnlp score wrote with the shipped model")
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--draws", type=int, default=40, help="for each weight")
    parser.add_argument("--label", default="sentiment=negative", help="FACET=LABEL of a one_of facet")
    args = parser.parse_args()
    bundle = load_bundle(shipped_bundle())
    taxonomy = bundle.taxonomy
    tokenizer = Remembering.from_file(bundle.tokenizer, bundle.manifest.max_tokens, bundle.manifest.overlap)
    rows = list(open_scored(args.scored, taxonomy).rows())
    tokenizer.learn(list({row.text for row in rows if row.text is not None}))
    rng = np.random.default_rng(1)

    def split(weights: np.ndarray | None = None) -> list[Sample]:
        order = rng.permutation(len(rows))
        cut = round(_SHARE * len(rows))
        first, second = order[:cut], order[cut:]
        if weights is not None:
            chance = weights[second] / weights[second].sum()
            second = rng.choice(second, len(second), p=chance)
        return [sample([rows[place] for place in part], taxonomy, tokenizer) for part in (first, second)]

    alarms, small = {"none": 0, "small": 0}, []
    for _ in range(args.splits):
        pair = split()
        for name in alarms:
            drift = compare(pair[0], pair[1], Limits(effects=effects_of(name, [])))
            alarms[name] += bool(drift.alarms)
        small += [one.p < 0.05 for one in drift.findings if one.p is not None]
    print(f"{args.splits} splits of {len(rows):,} rows, alarms by least effect: {alarms}")
    print(f"p below 0.05 before the correction: {np.mean(small):.3f} of the tests")
    facet, _, label = args.label.partition("=")
    has = np.array([row.prediction is not None and row.prediction.labels.get(facet) == label for row in rows])
    for weight in _WEIGHTS:
        share = has.mean() * weight / (1 - has.mean() + has.mean() * weight)
        found = 0
        for _ in range(args.draws):
            pair = split(np.where(has, weight, 1.0))
            found += any(one.group == facet for one in compare(pair[0], pair[1], Limits()).alarms)
        print(f"{args.label} from {has.mean():.1%} to {share:.1%}: found in {found} of {args.draws}")


if __name__ == "__main__":
    main()
