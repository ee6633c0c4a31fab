"""Training under the rounding of eight bits, so that it later changes as little as can be.

A network's layers compute as the exported ones will, but in float32, and gradients pass through the rounding as if it
were not there (Bengio et al. 2013, "Estimating or Propagating Gradients Through Stochastic Neurons"; Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxnlp.model.network import Network
from cxnlp.model.quantise import Calibration, LayerInput, input_embeddings, linear_layers, quantise_rows, replace_module


class RoundedLinear(nn.Module):
    """A linear layer whose input and weights are rounded as ``Int8Linear`` rounds them."""

    def __init__(self, linear: nn.Linear, seen: LayerInput) -> None:
        super().__init__()
        self.linear = linear
        seen = seen.to(linear.weight.device)
        self.grid = seen.grid
        self.kept = torch.zeros_like(seen.mean, dtype=torch.bool).index_fill(0, seen.channels, True)
        self.mean = seen.mean * ~self.kept
        self.shift = (seen.mean - seen.rounded_mean) * ~self.kept

    def forward(self, x: Tensor) -> Tensor:
        """Turn (…, in) into (…, out)."""
        weight = self.linear.weight
        rest = weight.masked_fill(self.kept, 0.0)
        rounded = _passing(rest, _round_rows(rest.detach()))
        with torch.no_grad():
            correction = (rest - rounded) @ self.mean + rounded @ self.shift  # (out,)
        bias = correction if self.linear.bias is None else self.linear.bias + correction
        inside = x.clamp(-self.grid.zero * self.grid.step, (255 - self.grid.zero) * self.grid.step)
        inputs = torch.where(self.kept, x, _passing(inside, self.grid.round(inside.detach())))
        return functional.linear(inputs, torch.where(self.kept, weight, rounded), bias)


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
