"""The network of a bundle in OpenVINO, behind our own back end contract: the same tokens, order and batches as ours."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np

from cxnlp.inference.backend import Backend
from workers import Unavailable

_CALIBRATION_REVIEWS = 256
_CHECKED_REVIEWS = 64
_CORPUS = Path(__file__).parents[1] / "data" / "corpus"


class OpenVinoBackend(Backend):
    """A compiled model."""

    pads = True
    max_batch_tokens = 1_024
    max_batch_rows = 32

    def __init__(self, compiled: Any) -> None:
        self.request = compiled.create_infer_request()

    def logits(self, batch: Any) -> Any:
        """Turn a batch (n, t) into logits (n, l) float32."""
        return np.array(self.request.infer([batch.ids, batch.mask])[0])


def backend(tagger: Any, kind: str) -> OpenVinoBackend:
    """Convert the torch network of ``tagger``; ``kind`` is fp32, bf16, int8-dynamic or int8.

    Raises:
        Unavailable: the processor does not compute in this kind, or the result is not the network's.
    """
    import openvino
    import torch

    core = openvino.Core()
    if kind == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Unavailable("the processor does not compute in bfloat16")
    # Exported, not traced: a trace would keep what happens to hold for its example.
    ids, mask = torch.ones(3, 17, dtype=torch.int64), torch.ones(3, 17, dtype=torch.int64)
    mask[1:, 9:] = 0
    anything = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with torch.no_grad():
        network = _with_any_of_heads_by_einsum(tagger.backend.network)
        model = openvino.convert_model(torch.export.export(network, (ids, mask), dynamic_shapes=(anything, anything)))
    _check(OpenVinoBackend(core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})), tagger)
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if kind == "bf16" else "f32"}
    if kind == "int8-dynamic":
        import nncf

        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
        config["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = "32"
    elif kind == "int8":
        model = _calibrated(model, tagger)
    return OpenVinoBackend(core.compile_model(model, "CPU", config))


def _with_any_of_heads_by_einsum(network: Any) -> Any:
    """Give a copy whose ``any_of`` heads sum their products by ``einsum``.

    OpenVINO 2026.4 on CPU adds the bias of ``(x * weight).sum(-1) + bias`` along the reviews instead of the labels.
    """
    import torch

    from cxnlp.model.network import AnyOfHead

    class Head(AnyOfHead):
        def forward(self, pooled: Any) -> Any:
            mixed = torch.nn.functional.gelu(self.mix(pooled))
            return torch.einsum("nlh,lh->nl", mixed, self.weight) + self.bias

    network = copy.deepcopy(network)
    for head in network.heads:
        if isinstance(head, AnyOfHead):
            head.__class__ = Head
    return network


def _corpus(n_reviews: int) -> list[str]:
    from cxnlp.data.read import texts_of

    texts = [text for path in sorted(_CORPUS.glob("*.jsonl")) for text in texts_of(path)]
    return texts[:: max(1, len(texts) // n_reviews)]


def _calibrated(model: Any, tagger: Any) -> Any:
    import nncf

    from cxnlp.text import batches

    texts = _corpus(_CALIBRATION_REVIEWS)
    windows = [window for ids in tagger.tokenizer.encode(texts) for window in tagger.tokenizer.windows(ids)]
    found = list(batches(windows, tagger.tokenizer.pad_id, 1_024, 16))
    data = nncf.Dataset(found, lambda batch: [batch.ids, batch.mask])
    return nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(found))


def _check(made: OpenVinoBackend, tagger: Any) -> None:
    """See that the conversion kept the network: a fast wrong answer is no peer."""
    texts = _corpus(_CHECKED_REVIEWS)
    expected = tagger.probabilities(texts)
    exact, tagger.backend = tagger.backend, made
    found = tagger.probabilities(texts)
    tagger.backend = exact
    if (difference := float(np.abs(found - expected).max())) > 1e-3:
        raise Unavailable(f"OpenVINO's probabilities differ from those of torch by {difference:.3f}")
