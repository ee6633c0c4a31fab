"""A stand-in for the tagger that can be slow, held up or broken; run as a script it is ``cxnlp serve`` with it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Taxonomy
from fake_tagger import FakeTagger


class ServedTagger(FakeTagger):
    """Fails on every text with ``POISON`` in it; waits at each call until ``gate`` is open; sleeps ``pause_s``."""

    manifest = None

    def __init__(self, taxonomy: Taxonomy | None = None, pause_s: float = 0) -> None:
        super().__init__(taxonomy)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.pause_s = pause_s
        self.broken = False

    def tag(
        self,
        texts: Sequence[str],
        *,
        languages: bool = True,
        declared: Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Prediction]:
        self.entered.set()
        self.gate.wait(30)
        time.sleep(self.pause_s)
        if self.broken or any("POISON" in text for text in texts):
            raise RuntimeError(f"cannot read {texts}")
        return super().tag(texts, languages=languages, declared=declared)


def main() -> int:
    """Run ``cxnlp serve``; CXNLP_TEST_SLEEP_S is how long each call of the tagger takes."""
    from cxnlp.cli.main import main as command_line
    from cxnlp.inference.tagger import Tagger

    pause_s = float(os.environ.get("CXNLP_TEST_SLEEP_S", "0"))
    Tagger.load = lambda *args, **kwargs: ServedTagger(pause_s=pause_s)
    return command_line(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
