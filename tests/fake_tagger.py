"""A stand-in for the tagger, whose labels depend on the text alone; run as a script it is the command line with it."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from cxnlp.inference.prediction import EMPTY, OTHER_LANGUAGE, Prediction
from cxnlp.taxonomy import Taxonomy, decide, default_thresholds, load_taxonomy, probabilities
from cxnlp.text import clean


class FakeTagger:
    """Gives pseudo-random labels; calls ``before_chunk`` with the number of the chunk, from 1."""

    def __init__(self, taxonomy: Taxonomy | None = None, before_chunk: Callable[[int], None] | None = None) -> None:
        self.taxonomy = taxonomy or load_taxonomy()
        self.before_chunk = before_chunk
        self.seen: list[str] = []
        self.chunk_sizes: list[int] = []

    def tag(
        self,
        texts: Sequence[str],
        *,
        languages: bool = True,
        declared: Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Prediction]:
        self.chunk_sizes.append(len(texts))
        if self.before_chunk:
            self.before_chunk(len(self.chunk_sizes))
        predictions = [self._one(text) for text in texts]
        if progress:
            progress(len(texts))
        return predictions

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        logits = [
            np.random.default_rng(zlib.crc32(text.encode("utf-8", "replace"))).normal(0, 2, self.taxonomy.n_logits)
            for text in texts
        ]
        return probabilities(self.taxonomy, np.array(logits, np.float32).reshape(-1, self.taxonomy.n_logits))

    def _one(self, text: str) -> Prediction:
        probs = self.probabilities([text])
        labels = decide(self.taxonomy, probs, default_thresholds(self.taxonomy, 0.8))[0]
        named = {
            facet.name: dict(
                zip(
                    [name.split("=", 1)[1] for name in self.taxonomy.logit_names[self.taxonomy.slices[facet.name]]],
                    map(float, probs[0, self.taxonomy.slices[facet.name]]),
                    strict=True,
                )
            )
            for facet in self.taxonomy.facets
        }
        flags = []
        language = "no"
        if not clean(text):
            flags, language = [EMPTY], "und"
        elif "ist" in text.split():
            flags, language = [OTHER_LANGUAGE], "de"
        first = self.taxonomy.answers[0]
        return Prediction(self.taxonomy, labels, named, max(named[first.name].values()), tuple(flags), language)


def main() -> int:
    """Run the command line with the stand-in, under a limit on the size of files if CXNLP_TEST_FILE_BYTES is set."""
    from cxnlp.cli import main as command_line
    from cxnlp.inference.tagger import Tagger

    if limit := os.environ.get("CXNLP_TEST_FILE_BYTES"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    command_line._COMMANDS = ("score",)
    Tagger.load = lambda *args, **kwargs: FakeTagger()
    return command_line.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
