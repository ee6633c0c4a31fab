"""Scoring with ONNX Runtime, on the CPU."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np

from cxnlp.errors import BackendError
from cxnlp.inference.backend import Backend, Floats
from cxnlp.text import Batch


class OnnxBackend(Backend):
    """The int8 graph of a bundle."""

    # The fastest on two cores among budgets of 512 to 4,096 tokens; larger batches leave the processor's cache.
    max_batch_tokens = 1_024
    max_batch_rows = 32

    def __init__(self, path: Path, threads: int = 0) -> None:
        onnxruntime = _silent_runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads  # 0: as many as there are cores
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BackendError(f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it ({error})") from error

    @property
    def n_logits(self) -> object:
        """Length of the label axis, as the graph says."""
        return self.session.get_outputs()[0].shape[-1]

    def logits(self, batch: Batch) -> Floats:
        """Turn a batch (n, t) into logits (n, l) float32."""
        (out,) = self.session.run(None, {"input_ids": batch.ids, "attention_mask": batch.mask})
        return np.asarray(out, np.float32)


def _silent_runtime() -> ModuleType:
    """Import ONNX Runtime with its reports to its maker switched off; they would name the machine, over the network."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # looked at when it is first imported
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # where somebody else had imported it
    return cast(ModuleType, onnxruntime)
