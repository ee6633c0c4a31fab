"""The last steps of a run: the network learns to give the same labels when its export rounds to eight bits."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from cxnlp.model.loss import facet_losses, total_loss
from cxnlp.model.network import Network
from cxnlp.model.quantise import Calibration
from cxnlp.model.rounding import rounded
from cxnlp.settings import Recipe
from cxnlp.taxonomy import Kind, Taxonomy
from cxnlp.training.dataset import Collator, ReviewDataset

_WARMUP_STEPS = 20
_LOG_STEPS = 25


def learn_rounding(
    network: Network, seen: Calibration, data: ReviewDataset, collate: Collator, recipe: Recipe, taxonomy: Taxonomy
) -> None:
    """Train ``network`` on for ``export.rounding_steps`` steps, each a batch read twice: exactly and rounded.

    The loss is that of the rounded reading, plus what the two readings disagree about on any label, known or not.
    """
    steps = recipe.export.rounding_steps
    device = next(network.parameters()).device
    network.eval()  # the two readings differ by their rounding alone, not by dropout
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.export.rounding_learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / _WARMUP_STEPS) * (1 + math.cos(math.pi * step / steps)) / 2
    )
    bar = tqdm(_batches(data, collate, recipe, steps), "rounding", steps, unit="step", disable=None)
    for step, rows in enumerate(bar, 1):
        batch = {name: tensor.to(device) for name, tensor in rows.items()}
        ids, mask = batch["input_ids"], batch["attention_mask"]
        exact = network(ids, mask)
        with rounded(network, seen):
            coarse = network(ids, mask)
        losses = facet_losses(
            taxonomy, coarse, batch["values"], batch["mask"], batch["main"], recipe.training.label_smoothing
        )
        loss = total_loss(losses, recipe.training.loss_weights)
        gap = disagreement(taxonomy, exact, coarse)
        loss = loss + recipe.export.rounding_agreement * gap
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, recipe.training.max_grad_norm)
        optimizer.step()
        schedule.step()
        if step % _LOG_STEPS == 0 or step == steps:
            found = f"loss {loss.item():.3f}, disagreement {gap.item():.4f}"
            tqdm.write(f"rounding: step {step} of {steps}, {found}", file=sys.stderr)


def _batches(data: ReviewDataset, collate: Collator, recipe: Recipe, steps: int) -> Iterator[dict[str, Tensor]]:
    """Give ``steps`` batches of reviews of like length, at random."""
    size = recipe.training.batch_size
    generator = torch.Generator().manual_seed(recipe.seed)
    by_length = sorted(range(len(data)), key=lambda i: len(data.input_ids[i]))
    parts = [by_length[i : i + size] for i in range(0, len(by_length), size)]
    for step in range(steps):
        if step % len(parts) == 0:
            order = torch.randperm(len(parts), generator=generator).tolist()
        yield collate([data[i] for i in parts[order[step % len(parts)]]])


def disagreement(taxonomy: Taxonomy, a: Tensor, b: Tensor) -> Tensor:
    """Give the symmetric Kullback-Leibler divergence of two readings (n, l), summed over labels, mean over reviews."""
    total = a.new_zeros(())
    for facet in taxonomy.facets:
        x, y = a[:, taxonomy.slices[facet.name]], b[:, taxonomy.slices[facet.name]]
        if facet.kind is Kind.ANY_OF:
            log_p, log_q = (functional.logsigmoid(torch.stack([z, -z], dim=-1)) for z in (x, y))
        else:
            k = len(facet.labels)
            log_p, log_q = (torch.log_softmax(z.reshape(len(z), -1, k), dim=-1) for z in (x, y))
        total = total + ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum() / 2
    return total / len(a)
