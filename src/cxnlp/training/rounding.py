"""The last steps of a run: the network learns to say the same when its export rounds to eight bits."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from cxnlp.model.calibrate import Calibration
from cxnlp.model.network import Network
from cxnlp.model.rounding import rounded
from cxnlp.settings import Recipe
from cxnlp.taxonomy import Kind, Taxonomy
from cxnlp.training.dataset import Collator, ReviewDataset

_WARMUP_STEPS = 20
_LOG_STEPS = 25


def learn_rounding(
    network: Network, seen: Calibration, data: ReviewDataset, collate: Collator, recipe: Recipe, taxonomy: Taxonomy
) -> None:
    """Train ``network`` on for some steps, until it says rounded, and still says exactly, what it says now.

    What it says now is a frozen copy's reading of the same batch; labels are not looked at (distillation, Hinton et al.
    2015, "Distilling the Knowledge in a Neural Network").
    """
    steps, size = recipe.export.rounding_steps, recipe.training.batch_size
    device = next(network.parameters()).device
    network.eval()  # the readings differ by their rounding alone, not by dropout
    before = copy.deepcopy(network).requires_grad_(False)
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.export.rounding_learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / _WARMUP_STEPS) * (1 + math.cos(math.pi * step / steps)) / 2
    )
    batches = _batches(data, collate, size, steps, recipe.seed)
    for step, rows in enumerate(tqdm(batches, "rounding", steps, unit="step", disable=None), 1):
        ids, mask = rows["input_ids"].to(device), rows["attention_mask"].to(device)
        with torch.no_grad():
            wanted = before(ids, mask)
        exact = disagreement(taxonomy, network(ids, mask), wanted)
        with rounded(network, seen):
            coarse = disagreement(taxonomy, network(ids, mask), wanted)
        optimizer.zero_grad()
        (exact + coarse).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, recipe.training.max_grad_norm)
        optimizer.step()
        schedule.step()
        if step % _LOG_STEPS == 0 or step == steps:
            found = f"disagreement exact {exact.item():.4f}, rounded {coarse.item():.4f}"
            tqdm.write(f"rounding: step {step} of {steps}, {found}", file=sys.stderr)


def _batches(data: ReviewDataset, collate: Collator, size: int, steps: int, seed: int) -> Iterator[dict[str, Tensor]]:
    """Give ``steps`` batches of reviews of like length, at random."""
    generator = torch.Generator().manual_seed(seed)
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
