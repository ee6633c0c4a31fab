"""The loss of all facets together, over what is labelled only."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from cxnlp.taxonomy import Kind, Taxonomy


def facet_losses(
    taxonomy: Taxonomy, logits: Tensor, values: Tensor, mask: Tensor, main: Tensor, label_smoothing: float = 0.0
) -> dict[str, Tensor]:
    """Give each facet's loss, summed over its labels and averaged over the reviews of the batch.

    Shapes: ``logits``, ``values`` and ``mask`` (n, l); ``main`` (n, facets with a main label), -1 where unknown.
    What is masked has no loss and no gradient. The key ``<facet>.main`` is the cross-entropy of the main label.
    """
    n = len(logits)
    losses: dict[str, Tensor] = {}
    for facet in taxonomy.facets:
        where = taxonomy.slices[facet.name]
        x, y, m = logits[:, where].float(), values[:, where], mask[:, where]
        if facet.kind is Kind.ANY_OF:
            losses[facet.name] = (functional.binary_cross_entropy_with_logits(x, y, reduction="none") * m).sum() / n
            if facet.main:
                index = main[:, taxonomy.main_facets.index(facet)]
                losses[f"{facet.name}.main"] = functional.cross_entropy(x, index, ignore_index=-1, reduction="sum") / n
        else:
            k = len(facet.labels)
            log_p = torch.log_softmax(x.reshape(n, -1, k), dim=-1)  # (n, groups, choices)
            smooth = y.reshape(n, -1, k) * (1 - label_smoothing) + label_smoothing / k
            losses[facet.name] = -(log_p * smooth * m.reshape(n, -1, k)).sum() / n
    return losses


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Add the losses, each times its weight (1 where none is given)."""
    return torch.stack([loss * weights.get(name, 1.0) for name, loss in losses.items()]).sum()
