"""Training under the rounding of eight bits, so that it later changes as little as can be.

A network's layers compute as the exported ones will, but in float32, and gradients pass through the rounding as if it
were not there (Bengio et al. 2013, "Estimating or Propagating Gradients Through Stochastic Neurons"; Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from cxnlp.model.calibrate import Calibration, LayerInput
from cxnlp.model.int8 import quantise_rows
from cxnlp.model.layers import input_embeddings, linear_layers, replace_module
from cxnlp.model.network import Network
from cxnlp.text import Batch


class RoundedLinear(nn.Module):
    """A linear layer whose input and weights are rounded as ``Int8Linear`` rounds them."""

    def __init__(self, linear: nn.Linear, seen: LayerInput) -> None:
        super().__init__()
        self.linear = linear
        seen = seen.to(linear.weight.device)
        self.smoothing = seen.smoothing
        self.grid = seen.grid
        self.mean = seen.mean * seen.smoothing
        self.shift = (seen.mean - seen.rounded_mean) * seen.smoothing

    def forward(self, x: Tensor) -> Tensor:
        """Turn (…, in) into (…, out)."""
        x = x * self.smoothing
        weight = self.linear.weight / self.smoothing
        rounded = _passing(weight, _round_rows(weight.detach()))
        with torch.no_grad():
            correction = (weight - rounded) @ self.mean + rounded @ self.shift  # (out,)
        bias = correction if self.linear.bias is None else self.linear.bias + correction
        inside = x.clamp(-self.grid.zero * self.grid.step, (255 - self.grid.zero) * self.grid.step)
        return functional.linear(_passing(inside, self.grid.round(inside.detach())), rounded, bias)


class RoundedEmbedding(nn.Module):
    """An embedding whose rows are rounded as ``Int8Embedding`` rounds them."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.embedding = embedding

    def forward(self, ids: Tensor) -> Tensor:
        """Turn ids (n, t) into vectors (n, t, h)."""
        vectors: Tensor = self.embedding(ids)
        rounded = _round_rows(vectors.detach().flatten(0, -2))
        return _passing(vectors, rounded.view_as(vectors))


def _passing(exact: Tensor, rounded: Tensor) -> Tensor:
    """Give ``rounded``, with the gradient of ``exact``."""
    return exact + (rounded - exact).detach()


def _round_rows(x: Tensor) -> Tensor:
    quantised, scale = quantise_rows(x)
    return quantised * scale[:, None]


@contextmanager
def rounded(network: Network, seen: Calibration) -> Iterator[None]:
    """Round inside the block; the weights are the network's own, and may be trained there."""
    words, name = input_embeddings(network)
    layers = linear_layers(network)
    for layer, linear in layers.items():
        replace_module(network, layer, RoundedLinear(linear, seen[layer]))
    replace_module(network, name, RoundedEmbedding(words))
    try:
        yield
    finally:
        for layer, linear in layers.items():
            replace_module(network, layer, linear)
        replace_module(network, name, words)


@torch.no_grad()
def by_disturbance(network: Network, seen: Calibration, batches: Sequence[Batch]) -> list[str]:
    """Name all layers, first the one whose rounding alone changes the logits of ``batches`` most."""
    network.eval()
    inputs = [(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)) for batch in batches]
    expected = [network(ids, mask) for ids, mask in inputs]
    changes: dict[str, float] = {}
    layers = linear_layers(network)
    for name, linear in tqdm(layers.items(), "eight bits: comparing layers", unit="layer", disable=None):
        replace_module(network, name, RoundedLinear(linear, seen[name]))
        found = [network(ids, mask) for ids, mask in inputs]
        replace_module(network, name, linear)
        changes[name] = sum(float((x - y).square().sum()) for x, y in zip(found, expected, strict=True))
    return sorted(changes, key=lambda name: -changes[name])
