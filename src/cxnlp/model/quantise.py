"""Eight-bit weights and activations for the CPU: a network's layers replaced by such as ONNX Runtime computes them."""

from __future__ import annotations

import copy
from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxnlp.model.calibrate import Calibration, LayerInput
from cxnlp.model.int8 import quantise_rows, quantise_rows_for
from cxnlp.model.layers import input_embeddings, linear_layers, replace_module
from cxnlp.model.network import Network

_INT8, _SCALE, _FLOAT, _SMOOTHING = "weight_int8", "weight_scale", "weight_float", "input_smoothing"
# Tensors of an eight-bit layer that have no counterpart in a float one.
_ONLY_INT8 = (_SCALE, "rounded_bias", "input_scale", "input_zero", _SMOOTHING)


class Int8Linear(nn.Module):
    """A linear layer as ONNX Runtime computes it: uint8 input of fixed range, int8 weights with a scale per output."""

    weight_int8: Tensor
    weight_scale: Tensor
    bias: Tensor
    rounded_bias: Tensor
    input_scale: Tensor
    input_zero: Tensor
    input_smoothing: Tensor

    def __init__(self, linear: nn.Linear, seen: LayerInput) -> None:
        super().__init__()
        exact = linear.weight.detach()
        smoothed, moments = exact / seen.smoothing, seen.moments
        quantised, scale = quantise_rows(smoothed) if moments is None else quantise_rows_for(smoothed, moments)
        weight = quantised * scale[:, None] * seen.smoothing
        bias = torch.zeros(len(weight)) if linear.bias is None else linear.bias.detach().clone()
        # Give the outputs the mean that they had (Nagel et al. 2019, "Data-Free Quantization Through Weight
        # Equalization and Bias Correction"): for the rounded weights, and on top of it for the rounded inputs.
        bias += (exact - weight) @ seen.mean
        rounded_bias = bias + weight @ (seen.mean - seen.rounded_mean)
        self.register_buffer(_INT8, quantised.t().contiguous())  # (in, out), the layout that the runtime multiplies
        self.register_buffer(_SCALE, scale)
        self.register_buffer("bias", bias)
        self.register_buffer("rounded_bias", rounded_bias)
        self.register_buffer("input_scale", torch.tensor(seen.grid.step, dtype=torch.float32))
        self.register_buffer("input_zero", torch.tensor(seen.grid.zero, dtype=torch.uint8))
        self.register_buffer(_SMOOTHING, seen.smoothing)

    def forward(self, x: Tensor) -> Tensor:
        """Turn (…, in) into (…, out); only to be exported, not run."""
        x = x * self.input_smoothing
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


def quantise(network: Network, seen: Calibration, in_float: Collection[str] = ()) -> Network:
    """Give a copy of the network with eight-bit layers and word embeddings, to be exported.

    The layers named by ``in_float`` stay in float32.
    """
    quantised = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    for name, layer in linear_layers(quantised).items():
        replace_module(quantised, name, FloatLinear(layer) if name in in_float else Int8Linear(layer, seen[name]))
    words, name = input_embeddings(quantised)
    replace_module(quantised, name, Int8Embedding(words))
    return quantised


def dequantise(network: Network, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn the tensors of a quantised network into the state of ``network``, in float32."""
    embeddings = {name for name, module in network.named_modules() if isinstance(module, nn.Embedding)}
    state: dict[str, Tensor] = {}
    for key, value in tensors.items():
        name, _, part = key.rpartition(".")
        if part == _INT8:
            # The scale broadcasts: (rows, 1) for an embedding, (out,) for a linear layer's transposed weights.
            weight = value.float() * tensors[f"{name}.{_SCALE}"]
            if name not in embeddings:
                weight = (weight * tensors[f"{name}.{_SMOOTHING}"][:, None]).t().contiguous()
            state[f"{name}.weight"] = weight
        elif part == _FLOAT:
            state[f"{name}.weight"] = value.t().contiguous()
        elif part not in _ONLY_INT8:
            state[key] = value
    return state
