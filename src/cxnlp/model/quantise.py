"""Eight-bit weights and activations for the CPU, with activation ranges fixed beforehand.

Fixed ranges (against ranges measured anew in every batch) make the logits of a review independent of the reviews that
are scored beside it, and spare a pass over the activations. A few channels of these encoders are ten times larger than
the others and would leave them no resolution; they are taken out and multiplied in float32 (Dettmers et al. 2022,
"LLM.int8()").
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxnlp.model.network import Network
from cxnlp.text import Batch

_INT8, _SCALE = "weight_int8", "weight_scale"
_MAX_OUTLIERS = 8
# Channels are taken out where that narrows the range of the rest by this much.
_MIN_GAIN = 1.3


@dataclass(frozen=True)
class InputRange:
    """What the input of a linear layer looked like: lowest and highest value per channel, (in,) each."""

    low: Tensor
    high: Tensor

    def split(self) -> tuple[Tensor, float, float]:
        """Give the outlier channels (k,), ascending, and the lowest and highest value of all others."""
        order = torch.maximum(self.high, -self.low).argsort(descending=True)
        outliers, rest = order[:_MAX_OUTLIERS], order[_MAX_OUTLIERS:]
        if len(rest) and self._width(order) / self._width(rest) >= _MIN_GAIN:
            return outliers.sort().values, *self._bounds(rest)
        return order[:0], *self._bounds(order)

    def _bounds(self, channels: Tensor) -> tuple[float, float]:
        return min(float(self.low[channels].min()), 0.0), max(float(self.high[channels].max()), 1e-6)

    def _width(self, channels: Tensor) -> float:
        low, high = self._bounds(channels)
        return high - low


Ranges = dict[str, InputRange]
"""Module name to the range of its input."""


def _int8_rows(weight: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    scale = scale.clamp_min(1e-9)
    return torch.round(weight / scale[:, None]).to(torch.int8), scale


def quantise_table(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise each row of ``weight`` (rows, h) to −127…127; give int8 (rows, h) and scales (rows,)."""
    return _int8_rows(weight, weight.abs().amax(dim=1) / 127)


def quantise_matrix(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise each row of ``weight`` (out, in) so that no pair of neighbours exceeds 128 together.

    Processors without VNNI add two products of uint8 and int8 in 16 bits: 255 × 128 still fits, so that all machines
    compute the same. Gives int8 (out, in) and scales (out,).
    """
    padded = functional.pad(weight.abs(), (0, weight.shape[1] % 2))
    pairs = padded.reshape(len(weight), -1, 2).sum(2)  # (out, in / 2), none below either of its two
    # 127, as rounding may add one half to each of the two.
    return _int8_rows(weight, pairs.amax(dim=1) / 127)


class Int8Linear(nn.Module):
    """A linear layer as ONNX Runtime computes it: uint8 input of fixed range, int8 weights with a scale per output."""

    weight_int8: Tensor
    weight_scale: Tensor
    bias: Tensor
    input_scale: Tensor
    input_zero: Tensor
    outlier_channels: Tensor
    outlier_weight: Tensor

    def __init__(self, linear: nn.Linear, seen: InputRange) -> None:
        super().__init__()
        channels, low, high = seen.split()
        weight = linear.weight.detach().clone()
        outlier_weight = weight[:, channels].t().contiguous()
        weight[:, channels] = 0
        quantised, scale = quantise_matrix(weight)
        step = (high - low) / 255
        bias = torch.zeros(len(weight)) if linear.bias is None else linear.bias.detach().clone()
        self.register_buffer(_INT8, quantised.t().contiguous())  # (in, out), the layout that the runtime multiplies
        self.register_buffer(_SCALE, scale)
        self.register_buffer("bias", bias)
        self.register_buffer("input_scale", torch.tensor(step, dtype=torch.float32))
        self.register_buffer("input_zero", torch.tensor(round(-low / step), dtype=torch.uint8))
        if len(channels):
            self.register_buffer("outlier_channels", channels)
            self.register_buffer("outlier_weight", outlier_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Turn (…, in) into (…, out); only to be exported, not run."""
        quantised = torch.onnx.ops.symbolic(
            "QuantizeLinear", (x, self.input_scale, self.input_zero), dtype=torch.uint8, shape=x.shape, version=20
        )
        out: Tensor = torch.onnx.ops.symbolic(
            "com.microsoft::MatMulIntegerToFloat",
            (quantised, self.weight_int8, self.input_scale, self.weight_scale, self.input_zero, None, self.bias),
            dtype=torch.float32,
            shape=(*x.shape[:-1], self.weight_int8.shape[1]),
            version=1,
        )
        if "outlier_channels" in self._buffers:
            out = out + torch.index_select(x, -1, self.outlier_channels) @ self.outlier_weight
        return out


class Int8Embedding(nn.Module):
    """An embedding table in int8 with a scale per row."""

    weight_int8: Tensor
    weight_scale: Tensor

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        weight, scale = quantise_table(embedding.weight.detach())
        self.register_buffer(_INT8, weight)
        self.register_buffer(_SCALE, scale[:, None])

    def forward(self, ids: Tensor) -> Tensor:
        """Turn ids (n, t) into vectors (n, t, h)."""
        return functional.embedding(ids, self.weight_int8).float() * functional.embedding(ids, self.weight_scale)


def _layers(network: Network) -> dict[str, nn.Linear]:
    """The linear layers that see every token; those of the heads see a few vectors per review and stay float32."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(("encoder.", "attention."))
    }


@torch.no_grad()
def calibrate(network: Network, batches: Iterable[Batch]) -> Ranges:
    """Measure the input of every linear layer: lowest and highest value per channel, averaged over the batches."""
    seen: dict[str, list[InputRange]] = {name: [] for name in _layers(network)}
    mask = torch.empty(0)

    def record(name: str, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        tokens = inputs[0][mask]  # (tokens, in); padding is not part of any text
        seen[name].append(InputRange(tokens.amin(0), tokens.amax(0)))

    hooks = [m.register_forward_pre_hook(partial(record, name)) for name, m in _layers(network).items()]
    try:
        network.eval()
        for batch in batches:
            mask = torch.from_numpy(batch.mask).bool()
            network(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: InputRange(torch.stack([r.low for r in some]).mean(0), torch.stack([r.high for r in some]).mean(0))
        for name, some in seen.items()
    }


def quantise(network: Network, ranges: Ranges) -> Network:
    """Give a copy of the network with eight-bit layers and word embeddings, to be exported."""
    quantised = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    for name, module in _layers(quantised).items():
        _replace(quantised, name, Int8Linear(module, ranges[name]))
    words = quantised.encoder.get_input_embeddings()
    name = next(name for name, module in quantised.named_modules() if module is words)
    _replace(quantised, name, Int8Embedding(words))
    return quantised


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
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
        elif part not in (_SCALE, "input_scale", "input_zero", "outlier_channels", "outlier_weight"):
            state[key] = value
    return state
