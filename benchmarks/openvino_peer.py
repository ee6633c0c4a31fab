"""The network of a bundle in OpenVINO, behind our own back end contract: the same tokens, order and batches as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workers import Unavailable

_CALIBRATION_REVIEWS = 256
_CORPUS = Path(__file__).parents[1] / "data" / "corpus"


class OpenVinoBackend:
    """A compiled model."""

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
    # Exported, not traced: a trace keeps lengths of its example, and gives wrong answers for longer reviews.
    example = torch.ones(3, 17, dtype=torch.int64)
    anything = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with torch.no_grad():
        exported = torch.export.export(tagger.backend.network, (example, example), dynamic_shapes=(anything, anything))
        model = openvino.convert_model(exported)
    _check(OpenVinoBackend(core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})), tagger)
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if kind == "bf16" else "f32"}
    if kind == "int8-dynamic":
        import nncf

        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
        config["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = "32"
    elif kind == "int8":
        model = _calibrated(model, tagger)
    return OpenVinoBackend(core.compile_model(model, "CPU", config))


def _calibrated(model: Any, tagger: Any) -> Any:
    import nncf

    from cxnlp.data.read import texts_of
    from cxnlp.text import batches

    texts = [text for path in sorted(_CORPUS.glob("*.jsonl")) for text in texts_of(path)]
    texts = texts[:: max(1, len(texts) // _CALIBRATION_REVIEWS)]
    windows = [window for ids in tagger.tokenizer.encode(texts) for window in tagger.tokenizer.windows(ids)]
    found = list(batches(windows, tagger.tokenizer.pad_id, 1_024, 16))
    data = nncf.Dataset(found, lambda batch: [batch.ids, batch.mask])
    return nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(found))


def _check(made: OpenVinoBackend, tagger: Any) -> None:
    """See that the conversion kept the network: a fast wrong answer is no peer."""
    short = ["Pakken kom aldri, men appen er grei", "Friendly staff, fair price.", "Bra"]
    texts = [*short, " ".join(short * 5), " ".join(short * 20)]
    expected = tagger.probabilities(texts)
    exact, tagger.backend = tagger.backend, made
    found = tagger.probabilities(texts)
    tagger.backend = exact
    if (difference := float(np.abs(found - expected).max())) > 0.05:
        raise Unavailable(f"OpenVINO's probabilities differ from those of torch by {difference:.3f}")
