"""Eight-bit weights and activations for the CPU, with activation ranges fixed beforehand.

Fixed ranges (against ranges measured anew in every batch) make the logits of a review independent of the reviews that
are scored beside it, and spare a pass over the activations. A few channels of these encoders are ten times larger than
the others and would leave them no resolution; they are taken out and multiplied in float32 (Dettmers et al. 2022,
"LLM.int8()").
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxnlp.model.network import Network
from cxnlp.text import Batch

_INT8, _SCALE, _FLOAT = "weight_int8", "weight_scale", "weight_float"
# Tensors of an eight-bit layer that have no counterpart in a float one.
_ONLY_INT8 = (_SCALE, "rounded_bias", "input_scale", "input_zero", "outlier_channels", "outlier_weight")
_MAX_OUTLIERS = 8
# Channels are taken out where that narrows the range of the rest by this much.
_MIN_GAIN = 1.3


@dataclass(frozen=True)
class Grid:
    """The 256 values that a quantised input can take: ``step`` × (0…255 − ``zero``)."""

    step: float
    zero: int

    @classmethod
    def between(cls, low: float, high: float) -> Grid:
        """Make the grid that reaches from ``low`` (at most 0) to ``high`` (above 0)."""
        step = (high - low) / 255
        return cls(step, round(-low / step))

    def round(self, x: Tensor) -> Tensor:
        """Give the nearest value on the grid for each of ``x``."""
        return (torch.clamp(torch.round(x / self.step) + self.zero, 0, 255) - self.zero) * self.step


@dataclass(frozen=True)
class LayerInput:
    """What the input of a linear layer looks like on calibration texts; all tensors are per channel, (in,)."""

    channels: Tensor
    """The outliers (k,), ascending, which are not quantised."""
    grid: Grid
    """Of all other channels."""
    mean: Tensor
    rounded_mean: Tensor
    """The mean of the values on the grid; rounding and clipping shift it where values crowd between two grid points."""
    power: Tensor
    """Mean square of the values."""
    noise: Tensor
    """Mean square of what rounding changes."""

    def to(self, device: torch.device) -> LayerInput:
        """Give a copy on a device."""
        return LayerInput(
            self.channels.to(device),
            self.grid,
            *(x.to(device) for x in (self.mean, self.rounded_mean, self.power, self.noise)),
        )

    def noise_share(self, weight: Tensor) -> float:
        """Estimate how much of the output's power is noise, for a matrix ``weight`` (out, in)."""
        gain = weight.pow(2).sum(0)  # (in,)
        return float((gain * self.noise).sum() / (gain * self.power).sum().clamp_min(1e-12))


Calibration = dict[str, LayerInput]
"""Module name to what its input looks like."""


def split_channels(low: Tensor, high: Tensor) -> tuple[Tensor, Grid]:
    """Divide channels by their lowest and highest values (in,) into outliers (k,) and the grid of the rest."""

    def bounds(channels: Tensor) -> tuple[float, float]:
        return min(float(low[channels].min()), 0.0), max(float(high[channels].max()), 1e-6)

    order = torch.maximum(high, -low).argsort(descending=True)
    outliers, rest = order[:_MAX_OUTLIERS], order[_MAX_OUTLIERS:]
    whole = Grid.between(*bounds(order))
    if len(rest) and whole.step / (narrow := Grid.between(*bounds(rest))).step >= _MIN_GAIN:
        return outliers.sort().values, narrow
    return order[:0], whole


def quantise_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise each row of ``weight`` (rows, h) to −127…127; give int8 (rows, h) and scales (rows,)."""
    scale = (weight.abs().amax(dim=1) / 127).clamp_min(1e-9)
    return torch.round(weight / scale[:, None]).to(torch.int8), scale


class Int8Linear(nn.Module):
    """A linear layer as ONNX Runtime computes it: uint8 input of fixed range, int8 weights with a scale per output."""

    weight_int8: Tensor
    weight_scale: Tensor
    bias: Tensor
    rounded_bias: Tensor
    input_scale: Tensor
    input_zero: Tensor
    outlier_channels: Tensor
    outlier_weight: Tensor

    def __init__(self, linear: nn.Linear, seen: LayerInput) -> None:
        super().__init__()
        exact = linear.weight.detach()
        weight = exact.clone()
        weight[:, seen.channels] = 0
        quantised, scale = quantise_rows(weight)
        weight = quantised * scale[:, None]
        bias = torch.zeros(len(weight)) if linear.bias is None else linear.bias.detach().clone()
        # Give the outputs the mean that they had (Nagel et al. 2019, "Data-Free Quantization Through Weight
        # Equalization and Bias Correction"): for the rounded weights, and on top of it for the rounded inputs.
        rest = torch.ones(exact.shape[1]).index_fill(0, seen.channels, 0.0)
        bias += (exact - weight) @ (seen.mean * rest)
        rounded_bias = bias + weight @ (seen.mean - seen.rounded_mean)  # outliers have no weight here
        self.register_buffer(_INT8, quantised.t().contiguous())  # (in, out), the layout that the runtime multiplies
        self.register_buffer(_SCALE, scale)
        self.register_buffer("bias", bias)
        self.register_buffer("rounded_bias", rounded_bias)
        self.register_buffer("input_scale", torch.tensor(seen.grid.step, dtype=torch.float32))
        self.register_buffer("input_zero", torch.tensor(seen.grid.zero, dtype=torch.uint8))
        if len(seen.channels):
            self.register_buffer("outlier_channels", seen.channels)
            self.register_buffer("outlier_weight", exact[:, seen.channels].t().contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """Turn (…, in) into (…, out); only to be exported, not run."""
        quantised = torch.onnx.ops.symbolic(
            "QuantizeLinear", (x, self.input_scale, self.input_zero), dtype=torch.uint8, shape=x.shape, version=20
        )
        out: Tensor = torch.onnx.ops.symbolic(
            "com.microsoft::MatMulIntegerToFloat",
            (
                quantised,
                self.weight_int8,
                self.input_scale,
                self.weight_scale,
                self.input_zero,
                None,
                self.rounded_bias,
            ),
            dtype=torch.float32,
            shape=(*x.shape[:-1], self.weight_int8.shape[1]),
            version=1,
        )
        if "outlier_channels" in self._buffers:
            out = out + torch.index_select(x, -1, self.outlier_channels) @ self.outlier_weight
        return out


class FloatLinear(nn.Module):
    """A linear layer that stays in float32, its weights laid out as the graph multiplies them."""

    weight_float: Tensor
    bias: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        bias = torch.zeros(linear.out_features) if linear.bias is None else linear.bias.detach().clone()
        self.register_buffer(_FLOAT, linear.weight.detach().t().contiguous())  # (in, out)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Turn (…, in) into (…, out)."""
        return x @ self.weight_float + self.bias


class Int8Embedding(nn.Module):
    """An embedding table in int8 with a scale per row."""

    weight_int8: Tensor
    weight_scale: Tensor

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        weight, scale = quantise_rows(embedding.weight.detach())
        self.register_buffer(_INT8, weight)
        self.register_buffer(_SCALE, scale[:, None])

    def forward(self, ids: Tensor) -> Tensor:
        """Turn ids (n, t) into vectors (n, t, h)."""
        return functional.embedding(ids, self.weight_int8).float() * functional.embedding(ids, self.weight_scale)


def linear_layers(network: Network) -> dict[str, nn.Linear]:
    """The linear layers that see every token; those of the heads see a few vectors per review and stay float32."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(("encoder.", "attention."))
    }


def calibrate(network: Network, batches: Sequence[Batch]) -> Calibration:
    """Look at the input of every linear layer on calibration texts.

    A channel's bounds are its lowest and highest value in a batch, averaged over the batches.
    """
    lows: dict[str, list[Tensor]] = {}
    highs: dict[str, list[Tensor]] = {}

    def bounds(name: str, tokens: Tensor) -> None:
        lows.setdefault(name, []).append(tokens.amin(0))
        highs.setdefault(name, []).append(tokens.amax(0))

    _watch(network, batches, bounds)
    parts = {name: split_channels(torch.stack(lows[name]).mean(0), torch.stack(highs[name]).mean(0)) for name in lows}
    sums: dict[str, Tensor] = {}  # (4, in)
    counts: dict[str, int] = {}

    def means(name: str, tokens: Tensor) -> None:
        channels, grid = parts[name]
        rounded = grid.round(tokens).index_copy(1, channels, tokens[:, channels])
        values = (tokens, rounded, tokens.square(), (rounded - tokens).square())
        sums[name] = sums.get(name, torch.zeros(())) + torch.stack([value.sum(0) for value in values])
        counts[name] = counts.get(name, 0) + len(tokens)

    _watch(network, batches, means)
    return {name: LayerInput(*parts[name], *(sums[name] / counts[name])) for name in parts}


@torch.no_grad()
def _watch(network: Network, batches: Sequence[Batch], look: Callable[[str, Tensor], None]) -> None:
    """Run batches, and show ``look`` the input (tokens, in) of every linear layer, without padding."""
    mask = torch.empty(0)

    def hook(name: str, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        look(name, inputs[0][mask])

    hooks = [module.register_forward_pre_hook(partial(hook, name)) for name, module in linear_layers(network).items()]
    try:
        network.eval()
        for batch in batches:
            mask = torch.from_numpy(batch.mask).bool()
            network(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
    finally:
        for handle in hooks:
            handle.remove()


def quantise(network: Network, seen: Calibration, n_float: int = 0) -> Network:
    """Give a copy of the network with eight-bit layers and word embeddings, to be exported.

    The ``n_float`` layers that rounding of their input disturbs most stay in float32.
    """
    quantised = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    layers = linear_layers(quantised)
    by_noise = sorted(layers, key=lambda name: -seen[name].noise_share(layers[name].weight))
    for i, name in enumerate(by_noise):
        layer = FloatLinear(layers[name]) if i < n_float else Int8Linear(layers[name], seen[name])
        replace_module(quantised, name, layer)
    words, name = input_embeddings(quantised)
    replace_module(quantised, name, Int8Embedding(words))
    return quantised


def input_embeddings(network: Network) -> tuple[nn.Embedding, str]:
    """Give the word embeddings of the encoder and their name in the network."""
    words: nn.Embedding = network.encoder.get_input_embeddings()
    return words, next(name for name, module in network.named_modules() if module is words)


def replace_module(network: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` in the place of the one called ``name``."""
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, module)


def dequantise(network: Network, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn the tensors of a quantised network into the state of ``network``, in float32."""
    embeddings = {name for name, module in network.named_modules() if isinstance(module, nn.Embedding)}
    state: dict[str, Tensor] = {}
    for key, value in tensors.items():
        name, _, part = key.rpartition(".")
        if part == _INT8:
            # The scale broadcasts: (rows, 1) for an embedding, (out,) for a linear layer's transposed weights.
            weight = value.float() * tensors[f"{name}.{_SCALE}"]
            if f"{name}.outlier_channels" in tensors:
                weight[tensors[f"{name}.outlier_channels"]] = tensors[f"{name}.outlier_weight"]
            state[f"{name}.weight"] = weight if name in embeddings else weight.t().contiguous()
        elif part == _FLOAT:
            state[f"{name}.weight"] = value.t().contiguous()
        elif part not in _ONLY_INT8:
            state[key] = value
    return state
