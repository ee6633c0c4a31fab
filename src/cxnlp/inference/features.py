"""Numbers of a text for other people's classifiers to learn from, computed once for each text."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Literal, cast

import numpy as np

from cxnlp.inference.backend import Floats
from cxnlp.inference.tagger import Tagger
from cxnlp.taxonomy.scaling import log_odds
from cxnlp.text import clean

Features = Literal["logits", "hidden"]
MAX_REMEMBERED = 32_768
"""Texts whose features are remembered for a model; of the shipped one some 15 MB of logits, 60 MB of hidden states."""


def features_of(tagger: Tagger, texts: Sequence[str], kind: Features) -> Floats:
    """Give features (n, f) of n texts: ``logits``, the log odds of all labels, or ``hidden``, the mean hidden state.

    A search over settings and a cross-validation ask for the same texts again and again; the latest are remembered.
    ``hidden`` needs a tagger with the torch back end.
    """
    return _store(tagger.fingerprint, kind).features(tagger, texts)


@lru_cache(maxsize=4)
def _store(fingerprint: str, kind: Features) -> _Store:
    return _Store(kind)


class _Store:
    def __init__(self, kind: Features) -> None:
        self._kind = kind
        self._known: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = Lock()

    def features(self, tagger: Tagger, texts: Sequence[str]) -> Floats:
        keys = [hashlib.blake2b(clean(text).encode(), digest_size=16).digest() for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if fresh:
            found |= zip(fresh, self._computed(tagger, list(fresh.values())), strict=True)
        with self._lock:
            for key in keys:
                self._known[key] = found[key]
                self._known.move_to_end(key)
            while len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, 1), np.float32)

    def _computed(self, tagger: Tagger, texts: Sequence[str]) -> Floats:
        if self._kind == "logits":
            return log_odds(tagger.probabilities(texts)).astype(np.float32)
        from cxnlp.inference.torch_backend import TorchBackend
        from cxnlp.model.pooled import mean_states

        return mean_states(cast(TorchBackend, tagger.backend).network, tagger.tokenizer, texts)
