"""How the inputs of eight-bit layers are rounded: chosen on calibration texts, and the same for every text after.

Fixed ranges (against ranges measured anew in every batch) make the logits of a review independent of the reviews that
are scored beside it, and spare a pass over the activations. A few channels of these encoders are ten times larger than
the others and would leave them no resolution; they are multiplied down before rounding, and the weights that read them
up (Xiao et al. 2023, "SmoothQuant"), as far as disturbs the layers' outputs least.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from tqdm import tqdm

from cxnlp.model.int8 import Grid, quantise_rows
from cxnlp.model.layers import linear_layers
from cxnlp.model.network import Network
from cxnlp.text import Batch

# What is tried for every input: how far channels are drawn towards the same size (0: not, 1: wholly), how many times
# the median of all channels one may reach, and what part of the range that then occurs the grid covers; clipping the
# rest leaves finer steps for the many.
_EXPONENTS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8)
_CEILINGS = (math.inf, 4.0, 2.5, 1.5)
_CLIPS = (1.0, 0.85, 0.7)
# Tokens of each batch on which these are tried.
_TOKENS_PER_BATCH = 32


@dataclass(frozen=True)
class LayerInput:
    """What the input of linear layers looks like on calibration texts; all tensors are per channel, (in,)."""

    smoothing: Tensor
    """What each channel is multiplied by before it is rounded."""
    grid: Grid
    """Of the smoothed values."""
    mean: Tensor
    rounded_mean: Tensor
    """The mean of the rounded values; rounding and clipping shift it where values crowd between two grid points."""
    moments: Tensor | None = None
    """Second moments (in, in) of the rounded, smoothed values about their means, where they were asked for."""

    def to(self, device: torch.device) -> LayerInput:
        """Give a copy on a device, without the moments."""
        smoothing, mean, rounded_mean = (x.to(device) for x in (self.smoothing, self.mean, self.rounded_mean))
        return LayerInput(smoothing, self.grid, mean, rounded_mean)


Calibration = dict[str, LayerInput]
"""Module name to what its input looks like; layers with the same input share it."""


def choose_rounding(inputs: Tensor, bounds: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Grid]:
    """Choose the smoothing (in,) and the grid of an input that disturb the outputs of its layers least.

    ``inputs`` (tokens, in) are examples, ``bounds`` (in,) how large each channel usually gets, ``weights`` the matrices
    (out, in) that read it. The disturbance is what rounding of inputs and weights changes in the outputs, the mean left
    out, as a share of what a token's outputs differ from the mean; averaged over tokens. So the few tokens with huge
    activations that such encoders have (Sun et al. 2024, "Massive Activations in Large Language Models") do not
    outweigh all others.
    """
    expected = [inputs @ weight.t() for weight in weights]
    signals = [_deviation(outputs).clamp_min(1e-12) for outputs in expected]
    bounds = bounds.clamp_min(1e-6)
    typical = bounds.median()
    best: tuple[float, Tensor, Grid] | None = None
    for exponent, ceiling in itertools.product(_EXPONENTS, _CEILINGS):
        smoothing = (typical / bounds.clamp_min(0.01 * typical)) ** exponent  # silent channels are not blown up
        smoothing = torch.minimum(smoothing, ceiling * (bounds * smoothing).median() / bounds)
        smoothed = inputs * smoothing
        low, high = min(float(smoothed.min()), 0.0), max(float(smoothed.max()), 1e-6)
        rounded = [values * scale[:, None] for values, scale in (quantise_rows(w / smoothing) for w in weights)]
        for clip in _CLIPS:
            grid = Grid.between(low * clip, high * clip)
            on_grid = grid.round(smoothed)
            changes = [on_grid @ weight.t() - outputs for weight, outputs in zip(rounded, expected, strict=True)]
            shares = [_deviation(change) / signal for change, signal in zip(changes, signals, strict=True)]
            cost = float(torch.stack(shares).mean())
            if best is None or cost < best[0]:
                best = cost, smoothing, grid
    assert best is not None
    return best[1:]


def _deviation(x: Tensor) -> Tensor:
    """Mean square (tokens,) by which each token of ``x`` (tokens, out) differs from the tokens' mean."""
    return (x - x.mean(0)).square().mean(1)


def calibrate(network: Network, batches: Sequence[Batch]) -> Calibration:
    """Look at the input of every linear layer on calibration texts, and choose how to round it.

    How large a channel usually gets is its largest absolute value in a batch, averaged over the batches.
    """
    layers = linear_layers(network)
    largest: dict[str, list[Tensor]] = {}
    examples: dict[str, list[Tensor]] = {}

    def collect(name: str, tokens: Tensor) -> None:
        largest.setdefault(name, []).append(tokens.abs().amax(0))
        spread = torch.linspace(0, len(tokens) - 1, min(_TOKENS_PER_BATCH, len(tokens))).long()
        examples.setdefault(name, []).append(tokens[spread])

    chosen: Calibration = {}
    sharing = _watch(network, batches, collect)
    for first, names in tqdm(sharing.items(), "eight bits: choosing ranges", unit="input", disable=None):
        bounds = torch.stack(largest[first]).mean(0)
        weights = [layers[name].weight.detach() for name in names]
        smoothing, grid = choose_rounding(torch.cat(examples.pop(first)), bounds, weights)
        unknown = torch.zeros_like(smoothing)
        chosen |= dict.fromkeys(names, LayerInput(smoothing, grid, unknown, unknown))
    return measure(network, batches, chosen)


def measure(network: Network, batches: Sequence[Batch], chosen: Calibration, moments: bool = False) -> Calibration:
    """Measure the means of every input, and if asked the moments, for the rounding that was chosen.

    Tokens count by the inverse of their power, so that a few huge ones do not decide for all.
    """
    sums: dict[str, list[Tensor]] = {}
    total: dict[str, float] = {}
    products: dict[str, Tensor] = {}

    def add(name: str, tokens: Tensor) -> None:
        one = chosen[name]
        rounded = one.grid.round(tokens * one.smoothing)
        shares = 1 / tokens.square().mean(1).clamp_min(1e-12)
        known = sums.setdefault(name, [torch.zeros(()), torch.zeros(())])
        sums[name] = [before + shares @ values for before, values in zip(known, (tokens, rounded), strict=True)]
        total[name] = total.get(name, 0.0) + float(shares.sum())
        if moments:
            products[name] = products.get(name, torch.zeros(())) + (rounded * shares[:, None]).t() @ rounded

    measured: Calibration = {}
    for first, names in _watch(network, batches, add).items():
        mean, rounded_mean = (x / total[first] for x in sums[first])
        about = products.pop(first) / total[first] - torch.outer(rounded_mean, rounded_mean) if moments else None
        one = replace(chosen[first], mean=mean, rounded_mean=rounded_mean / chosen[first].smoothing, moments=about)
        measured |= dict.fromkeys(names, one)
    return measured


@torch.no_grad()
def _watch(network: Network, batches: Sequence[Batch], look: Callable[[str, Tensor], None]) -> dict[str, list[str]]:
    """Run batches, and show ``look`` every input (tokens, in) of linear layers once, without padding.

    An input goes by the name of the first layer that reads it. Give these names, each with those of all its readers.
    """
    mask = latest = torch.empty(0)
    first = ""
    sharing: dict[str, list[str]] = {}

    def hook(name: str, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal latest, first
        if inputs[0] is not latest:
            latest, first = inputs[0], name
            look(name, latest[mask])
        if name not in (readers := sharing.setdefault(first, [])):
            readers.append(name)

    hooks = [module.register_forward_pre_hook(partial(hook, name)) for name, module in linear_layers(network).items()]
    try:
        network.eval()
        for batch in batches:
            mask = torch.from_numpy(batch.mask).bool()
            network(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
    finally:
        for handle in hooks:
            handle.remove()
    return sharing
