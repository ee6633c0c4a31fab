"""A stand-in for the tagger, whose labels depend on the text alone; run as a script it is the command line with it."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cxnlp.inference.prediction import EMPTY, OTHER_LANGUAGE, Prediction
from cxnlp.taxonomy import Cutoffs, Taxonomy, decide, default_thresholds, load_taxonomy, probabilities
from cxnlp.text import clean


class FakeTagger:
    """Gives pseudo-random labels; calls ``before_chunk`` with the number of the chunk, from 1."""

    def __init__(self, taxonomy: Taxonomy | None = None, before_chunk: Callable[[int], None] | None = None) -> None:
        self.taxonomy = taxonomy or load_taxonomy()
        self.before_chunk = before_chunk
        self.seen: list[str] = []
        self.chunk_sizes: list[int] = []

    fingerprint = "fake"

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
            np.random.default_rng(zlib.crc32(clean(text).encode("utf-8", "replace"))).normal(
                0, 2, self.taxonomy.n_logits
            )
            for text in texts
        ]
        return probabilities(self.taxonomy, np.array(logits, np.float32).reshape(-1, self.taxonomy.n_logits))

    def _one(self, text: str) -> Prediction:
        probs = self.probabilities([text])
        labels = decide(self.taxonomy, probs, Cutoffs(default_thresholds(self.taxonomy, 0.8)))[0]
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


class QuickTagger(FakeTagger):
    """Answers with one of few predictions made beforehand, and keeps nothing: for files of a million rows."""

    def __init__(self) -> None:
        super().__init__()
        self._ready = [self._one(f"tekst {i}") for i in range(64)]

    def tag(
        self,
        texts: Sequence[str],
        *,
        languages: bool = True,
        declared: Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Prediction]:
        return [self._ready[zlib.crc32(text.encode()) % 64] for text in texts]


def kill_at(point: str) -> None:
    """Have this process killed at the nth call of a function: ``module:name:n``, or ``module:class.name:n``."""
    module, name, n = point.split(":")
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    function, left = getattr(owner, last), int(n)

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)

    setattr(owner, last, counted)


def main() -> int:
    """Run the command line with the stand-in.

    CXNLP_TEST_FILE_BYTES limits the size of files, CXNLP_TEST_KILL is a point for ``kill_at``, CXNLP_TEST_SLEEP_S is
    how long each chunk takes, CXNLP_TEST_CHUNK_ROWS how many rows it has, and CXNLP_TEST_RSS has the peak of the memory
    printed at the end, in KiB.
    """
    from cxnlp.cli import main as command_line
    from cxnlp.inference.tagger import Tagger

    if limit := os.environ.get("CXNLP_TEST_FILE_BYTES"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    command_line._COMMANDS = ("score",)
    if point := os.environ.get("CXNLP_TEST_KILL"):
        kill_at(point)
    if rows := os.environ.get("CXNLP_TEST_CHUNK_ROWS"):
        importlib.import_module("cxnlp.inference.score").CHUNK_ROWS = int(rows)
    pause_s = float(os.environ.get("CXNLP_TEST_SLEEP_S", "0"))
    quick = "CXNLP_TEST_RSS" in os.environ
    Tagger.load = lambda *args, **kwargs: QuickTagger() if quick else FakeTagger(None, lambda n: time.sleep(pause_s))
    code = command_line.main(sys.argv[1:])
    if quick:
        import resource

        print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
