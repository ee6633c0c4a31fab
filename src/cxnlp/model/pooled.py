"""One vector for each text: the mean of its tokens' hidden states, for classifiers that learn on a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from cxnlp.model.network import Network
from cxnlp.text import TextTokenizer, batches

_BATCH_TOKENS, _BATCH_ROWS = 2_048, 64
_MAX_WINDOWS = 32


@torch.inference_mode()
def mean_states(network: Network, tokenizer: TextTokenizer, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Give the means (n, h) of the standardised hidden states of n texts, over all tokens of all windows."""
    windows: list[list[int]] = []
    owners: list[int] = []
    for row, tokens in enumerate(tokenizer.encode(texts)):
        cut = tokenizer.windows(tokens)[:_MAX_WINDOWS]
        windows += cut
        owners += [row] * len(cut)
    device = network.token_mean.device
    sums = np.zeros((len(texts), len(network.token_mean)), np.float64)
    counts = np.zeros(len(texts), np.int64)
    network.eval()
    for batch in batches(windows, tokenizer.pad_id, _BATCH_TOKENS, _BATCH_ROWS):
        ids, mask = torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.mask).to(device)
        hidden = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # (w, t, h)
        hidden = (hidden - network.token_mean) * network.token_scale
        rows = np.asarray(owners)[batch.rows]
        np.add.at(sums, rows, (hidden * mask[..., None]).sum(1).float().cpu().numpy())
        np.add.at(counts, rows, batch.mask.sum(axis=1))
    return (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
