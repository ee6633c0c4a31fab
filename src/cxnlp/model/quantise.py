"""Eight-bit weights and activations for the CPU, with activation ranges fixed beforehand.

Fixed ranges (against ranges measured anew in every batch) make the logits of a review independent of the reviews that
are scored beside it, and spare a pass over the activations.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxnlp.model.network import Network
from cxnlp.text import Batch

# Weights use -63..63: on processors without VNNI, two products of uint8 and int8 are added in 16 bits, which a full
# range would overflow. So all machines compute the same.
_WEIGHT_MAX = 63
_INT8, _SCALE = "weight_int8", "weight_scale"

Ranges = dict[str, tuple[float, float]]
"""Module name to the lowest and highest value of its input."""


def quantise_rows(weight: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Quantise each row of ``weight`` (rows, h) symmetrically; give int8 (rows, h) and scales (rows,)."""
    scale = weight.abs().amax(dim=1).clamp_min(1e-9) / levels
    return torch.round(weight / scale[:, None]).to(torch.int8), scale


class Int8Linear(nn.Module):
    """A linear layer as ONNX Runtime computes it: uint8 input of fixed range, int8 weights with a scale per output."""

    weight_int8: Tensor
    weight_scale: Tensor
    bias: Tensor
    input_scale: Tensor
    input_zero: Tensor

    def __init__(self, linear: nn.Linear, low: float, high: float) -> None:
        super().__init__()
        weight, scale = quantise_rows(linear.weight.detach(), _WEIGHT_MAX)
        low, high = min(low, 0.0), max(high, 1e-6)
        step = (high - low) / 255
        bias = torch.zeros(len(weight)) if linear.bias is None else linear.bias.detach().clone()
        self.register_buffer(_INT8, weight.t().contiguous())  # (in, out), the layout that the runtime multiplies
        self.register_buffer(_SCALE, scale)
        self.register_buffer("bias", bias)
        self.register_buffer("input_scale", torch.tensor(step, dtype=torch.float32))
        self.register_buffer("input_zero", torch.tensor(round(-low / step), dtype=torch.uint8))

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
        return out


class Int8Embedding(nn.Module):
    """An embedding table in int8 with a scale per row."""

    weight_int8: Tensor
    weight_scale: Tensor

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        weight, scale = quantise_rows(embedding.weight.detach(), 127)
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
    """Measure the input range of every layer: lowest and highest value of a batch's tokens, averaged over batches."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in _layers(network)}
    mask = torch.empty(0)

    def record(name: str, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        tokens = inputs[0][mask]  # padding is not part of any text
        seen[name].append((float(tokens.min()), float(tokens.max())))

    hooks = [m.register_forward_pre_hook(partial(record, name)) for name, m in _layers(network).items()]
    try:
        network.eval()
        for batch in batches:
            mask = torch.from_numpy(batch.mask).bool()
            network(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (_mean([low for low, _ in r]), _mean([high for _, high in r])) for name, r in seen.items() if r}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def quantise(network: Network, ranges: Ranges) -> Network:
    """Give a copy of the network with eight-bit layers and word embeddings, to be exported."""
    quantised = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    for name, module in _layers(quantised).items():
        _replace(quantised, name, Int8Linear(module, *ranges[name]))
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
            scale = tensors[f"{name}.{_SCALE}"]
            # The scale broadcasts: (rows, 1) for an embedding, (out,) for a linear layer's transposed weights.
            weight = value.float() * scale
            state[f"{name}.weight"] = weight if name in embeddings else weight.t().contiguous()
        elif part not in (_SCALE, "input_scale", "input_zero"):
            state[key] = value
    return state
