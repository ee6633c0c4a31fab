"""The onnx back end: batches side by side give what one after the other gives, in order, and padding is refused."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import load_bundle
from cxnlp.inference.onnx_backend import OnnxBackend
from cxnlp.text import Batch, batches, pad

TEXTS = tiny.sample_texts() + [record["text"] for record in tiny.records()]


@pytest.fixture(scope="module")
def made(tiny_bundle: Path) -> list[Batch]:
    tokenizer = Tagger.load(tiny_bundle).tokenizer
    windows = [tokenizer.windows(ids)[0] for ids in tokenizer.encode(TEXTS)]
    found = list(batches(windows, tokenizer.pad_id, 64, 2, padded=False))
    assert len(found) > 20
    return found


@pytest.fixture(scope="module")
def graph(tiny_bundle: Path) -> Path:
    return load_bundle(tiny_bundle).onnx


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_side_by_side_is_one_after_the_other_in_order(graph: Path, made: list[Batch], threads: int) -> None:
    backend = OnnxBackend(graph, threads)
    found = list(backend.logits_many(made))
    assert [batch.rows.tolist() for batch, _ in found] == [batch.rows.tolist() for batch in made]
    for batch, logits in found:
        assert np.abs(logits - backend.logits(batch)).max() < 1e-5


@pytest.mark.parametrize("threads", [1, 2])
def test_no_batch_and_one_batch(graph: Path, made: list[Batch], threads: int) -> None:
    backend = OnnxBackend(graph, threads)
    assert list(backend.logits_many([])) == []
    ((batch, logits),) = backend.logits_many(made[:1])
    assert batch is made[0]
    assert logits.shape == (len(batch.rows), backend.n_logits)


def test_padding_is_refused_whichever_batch_it_is_in(graph: Path, made: list[Batch]) -> None:
    backend = OnnxBackend(graph, 2)
    padded = pad([[0, 5, 6, 2], [0, 5, 2]], 1)
    with pytest.raises(ValueError, match="has padding, expected rows of one length"):
        backend.logits(padded)
    for place in (0, 1, 9):
        given = [*made[:place], padded, *made[place:12]]
        with pytest.raises(ValueError, match="has padding"):
            list(backend.logits_many(given))
    assert len(list(backend.logits_many(made))) == len(made)  # and it works on afterwards


def test_it_takes_batches_as_it_goes_and_leaves_no_thread_behind(graph: Path, made: list[Batch]) -> None:
    backend = OnnxBackend(graph, 2)
    list(backend.logits_many(made))
    before = threading.active_count()
    taken = 0

    def counted() -> Iterator[Batch]:
        nonlocal taken
        for batch in made:
            taken += 1
            yield batch

    found = backend.logits_many(counted())
    next(found)
    assert taken <= 6  # two in work, a few waiting: not the file
    found.close()  # as when scoring is interrupted
    assert threading.active_count() == before


def test_no_more_threads_than_cores(graph: Path, made: list[Batch]) -> None:
    backend = OnnxBackend(graph, 10_000)
    assert backend.session.get_session_options().intra_op_num_threads <= (os.cpu_count() or 1)
    assert len(list(backend.logits_many(made))) == len(made)
