"""Scoring with torch, on CPU or GPU."""

from __future__ import annotations

import numpy as np
import torch

from cxnlp.inference.backend import Floats
from cxnlp.model.network import Network
from cxnlp.text import Batch


class TorchBackend:
    """The network in torch; bfloat16 autocast on a GPU that has it, float32 elsewhere."""

    def __init__(self, network: Network, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device)
        on_gpu = self.device.type == "cuda"
        self.max_batch_tokens = 32_768 if on_gpu else 2_048
        self.max_batch_rows = 1_024 if on_gpu else 32
        self.half = on_gpu and torch.cuda.is_bf16_supported()

    def logits(self, batch: Batch) -> Floats:
        """Turn a batch (n, t) into logits (n, l) float32."""
        self.network.eval()
        ids = torch.from_numpy(batch.ids).to(self.device)
        mask = torch.from_numpy(batch.mask).to(self.device)
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            out = self.network(ids, mask).float().cpu().numpy()
        return np.asarray(out, np.float32)
