"""The network: encoder, one attention look at the text per label, and a row of logits.

Label-wise attention (Mullenbach et al. 2018, "Explainable Prediction of Medical Codes from Clinical Text"): every label
has a query of its own over the encoder's tokens, so that two touchpoints of one review read different words. Polarity
has a second query per label, and its weights are shared by all labels: praise sounds alike whatever is praised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cxnlp.taxonomy import Facet, Kind, Taxonomy

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class LabelAttention(nn.Module):
    """Softmax attention of q learned queries over the tokens of each review."""

    def __init__(self, width: int, n_queries: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, width)
        self.queries = nn.Parameter(torch.empty(n_queries, width))
        nn.init.normal_(self.queries, std=0.02)  # close to zero: every label begins with the mean of the tokens
        self.scale = width**-0.5

    def forward(self, hidden: Tensor, bias: Tensor | None) -> Tensor:
        """Pool ``hidden`` (n, t, h), with ``bias`` (n, 1, t) very negative at padding, into (n, q, h)."""
        scores = (self.key(hidden) @ self.queries.t() * self.scale).transpose(1, 2)  # (n, q, t)
        weights = torch.softmax(scores if bias is None else scores + bias, dim=-1)
        return weights @ hidden


class OneOfHead(nn.Module):
    """Logits of a ``one_of`` facet: the labels exclude each other, so their vectors are read together."""

    def __init__(self, width: int, n_labels: int) -> None:
        super().__init__()
        self.mix = nn.Linear(n_labels * width, width)
        self.out = nn.Linear(width, n_labels)

    def forward(self, pooled: Tensor) -> Tensor:
        """Turn (n, labels, h) into (n, labels)."""
        logits: Tensor = self.out(nn.functional.gelu(self.mix(pooled.flatten(1))))
        return logits


class AnyOfHead(nn.Module):
    """Logits of an ``any_of`` facet: one direction and bias per label on its own vector."""

    def __init__(self, width: int, n_labels: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width, width)
        self.weight = nn.Parameter(torch.empty(n_labels, width))
        self.bias = nn.Parameter(torch.zeros(n_labels))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, pooled: Tensor) -> Tensor:
        """Turn (n, labels, h) into (n, labels)."""
        return (nn.functional.gelu(self.mix(pooled)) * self.weight).sum(-1) + self.bias


class PolarityHead(nn.Module):
    """Logits of a ``polarity`` facet: the same weights for every label."""

    def __init__(self, width: int, n_polarities: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width, width)
        self.out = nn.Linear(width, n_polarities)

    def forward(self, pooled: Tensor) -> Tensor:
        """Turn (n, labels, h) into (n, labels × polarities)."""
        logits: Tensor = self.out(nn.functional.gelu(self.mix(pooled)))  # (n, labels, polarities)
        return logits.flatten(1)


def _n_queries(taxonomy: Taxonomy, facet: Facet) -> int:
    return len(taxonomy[facet.of].labels) if facet.of else len(facet.labels)


class Network(nn.Module):
    """Encoder and heads for every facet of a taxonomy."""

    token_mean: Tensor
    token_scale: Tensor

    def __init__(self, encoder: PreTrainedModel, taxonomy: Taxonomy, dropout: float = 0.1) -> None:
        super().__init__()
        width = int(encoder.config.hidden_size)
        self.encoder = encoder
        self.counts = [_n_queries(taxonomy, facet) for facet in taxonomy.facets]
        self.attention = LabelAttention(width, sum(self.counts))
        self.dropout = nn.Dropout(dropout)
        heads = {Kind.ONE_OF: OneOfHead, Kind.ANY_OF: AnyOfHead, Kind.POLARITY: PolarityHead}
        self.heads = nn.ModuleList(heads[facet.kind](width, len(facet.labels)) for facet in taxonomy.facets)
        # Sentence encoders put every text near one point; standardising lets the heads see the differences at once.
        self.register_buffer("token_mean", torch.zeros(width))
        self.register_buffer("token_scale", torch.ones(width))

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Turn token ids and mask (n, t) into logits (n, l); without a mask, there is no padding."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (n, t, h)
        hidden = (hidden - self.token_mean) * self.token_scale
        bias = None  # or (n, 1, t)
        if attention_mask is not None:
            bias = (1 - attention_mask[:, None, :].to(hidden.dtype)) * -10_000.0
        pooled = self.dropout(self.attention(hidden, bias))  # (n, q, h)
        parts = pooled.split(self.counts, dim=1)
        return torch.cat([head(part) for head, part in zip(self.heads, parts, strict=True)], dim=1)

    @torch.no_grad()
    def standardise(self, input_ids: Tensor, attention_mask: Tensor) -> None:
        """Set the mean and scale of token vectors from one large batch (n, t) of training texts."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        tokens = hidden[attention_mask.bool()]  # (tokens, h)
        self.token_mean.copy_(tokens.mean(0))
        self.token_scale.copy_(1 / tokens.std(0).clamp_min(1e-3))
