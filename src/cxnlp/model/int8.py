"""Eight-bit values: a grid for activations, rows of integers with a scale each for weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Weights rounded before what is left over is handed to the ones after them; only speed depends on it.
_BLOCK = 128
# Added to the diagonal of the moments, as a share of its mean, so that they can be inverted.
_DAMPING = 0.01


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


def quantise_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise each row of ``weight`` (rows, h) to −127…127; give int8 (rows, h) and scales (rows,)."""
    scale = (weight.abs().amax(dim=1) / 127).clamp_min(1e-9)
    return torch.round(weight / scale[:, None]).to(torch.int8), scale


def quantise_rows_for(weight: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise each row of ``weight`` (rows, h) as ``quantise_rows`` does, but so that its products change least.

    ``moments`` (h, h) are the second moments of the inputs that it will be multiplied by. Weights are rounded one input
    after the other, the loudest first, and what each rounding changes is made up for by the weights still to come
    (Frantar et al. 2023, "GPTQ").
    """
    n = len(moments)
    damped = moments + _DAMPING * moments.diagonal().mean().clamp_min(1e-12) * torch.eye(n)
    order = damped.diagonal().argsort(descending=True)
    inverse = torch.linalg.inv(damped[order][:, order].double())
    pull = torch.linalg.cholesky(inverse, upper=True).to(weight.dtype)  # (h, h)
    _, scale = quantise_rows(weight)
    left = weight[:, order].clone()
    quantised = torch.zeros_like(left)
    for start in range(0, n, _BLOCK):
        end = min(n, start + _BLOCK)
        errors = left.new_zeros(len(left), end - start)
        for i in range(start, end):
            quantised[:, i] = torch.round(left[:, i] / scale).clamp(-127, 127)
            errors[:, i - start] = (left[:, i] - quantised[:, i] * scale) / pull[i, i]
            left[:, i:end] -= errors[:, i - start, None] * pull[i, i:end]
        left[:, end:] -= errors @ pull[start:end, end:]
    return quantised[:, order.argsort()].to(torch.int8), scale
