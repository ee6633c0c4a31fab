"""The heads of a network as layers of a BART decoder.

What a layer of the decoder does to its one state, of the encoder's width h, and what it does here:

- *It begins* with the embedding of a token, normalised: times 0, plus a constant. So each position holds the same.
- *It attends to itself*: adds nothing.
- *It attends to the text.* The query is a constant (the bias of its projection), so each attention head is the look of
  one label: its key is that label's score of a token, its values the rows of the label's matrix, by which the state
  then holds units of the head's hidden layer, before GELU.
- *It applies GELU* to them and adds their share to the logits, which the state holds too.
- *It normalises* after each step. Two numbers of the state, C and -C, are so much larger than all others that what the
  normalisation divides by is theirs; it is multiplied by again. The others sum to zero, by two numbers kept for that,
  so that nothing is subtracted but what sums of floats lose, and two numbers that would be 0 tell how much that was.
  After the last step the units are multiplied by 0, and make room for others.

A layer has room for nearly h units. A head needs h for every label, so the decoder has a layer or so for each label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cxnlp.errors import EncoderError
from cxnlp.model.network import AnyOfHead, Network, OneOfHead, PolarityHead
from cxnlp.taxonomy import Facet, Taxonomy

if TYPE_CHECKING:
    from transformers.models.bart.modeling_bart import BartClassificationHead, BartDecoder, BartDecoderLayer

# C. What the normalisation gets wrong is the sum of the squares of the others over 4 C²; what the sums of floats lose
# grows with C.
_LARGE = 2.0**18
# tanh(x) is x where x is small: the classes' own head has one on the way.
_SMALL = 2.0**-14
# The state: units, logits, then these, counted from its end.
_ZERO_LOGITS, _ZERO_UNITS, _EVENS_LOGITS, _EVENS_UNITS, _PLUS, _MINUS = range(-6, 0)
_KEPT = 6


@dataclass(frozen=True)
class Look:
    """One label's attention: shapes (h,) and (u, h), of tokens as the encoder gives them, not standardised."""

    key: Tensor
    key_bias: Tensor
    values: Tensor
    value_bias: Tensor


@dataclass(frozen=True)
class Job:
    """Some units of a head's hidden layer, u of them: the looks whose values add up to them, and what becomes of them.

    Shapes: ``bias`` (u,), ``out`` (l, u).
    """

    looks: tuple[Look, ...]
    bias: Tensor
    out: Tensor


@dataclass(frozen=True)
class Head:
    """A head, taken apart: units of its hidden layer that are read by ``looks`` (label rows), and its last weights.

    ``groups`` holds, for every set of h units, the looks that add up to them; shapes as in ``Job``.
    """

    groups: tuple[Job, ...]
    bias: Tensor

    @property
    def width(self) -> int:
        """The encoder's width h."""
        return int(self.groups[0].looks[0].key.shape[0])

    @property
    def n_logits(self) -> int:
        """How many labels it answers with."""
        return int(self.bias.shape[0])


@dataclass(frozen=True)
class Plan:
    """Which layer does which jobs; ``room`` is how many units a layer can hold."""

    head: Head
    layers: tuple[tuple[Job, ...], ...]
    n_heads: int
    room: int


def read_head(network: Network, taxonomy: Taxonomy, facet: Facet, label: str | None) -> Head:
    """Take the head of a facet apart, in float64; of a ``polarity`` facet for one ``label`` of the other facet."""
    at = taxonomy.facets.index(facet)
    head = network.heads[at]
    first = sum(network.counts[:at])
    if isinstance(head, OneOfHead):
        width = head.out.in_features
        parts = head.mix.weight.double().reshape(width, -1, width).unbind(1)  # (h, h) for each label
        looks = tuple(_look(network, first + i, part) for i, part in enumerate(parts))
        return Head((Job(looks, head.mix.bias.double(), head.out.weight.double()),), head.out.bias.double())
    if isinstance(head, PolarityHead):
        query = first + taxonomy[str(facet.of)].labels.index(str(label))
        look = _look(network, query, head.mix.weight.double())
        return Head((Job((look,), head.mix.bias.double(), head.out.weight.double()),), head.out.bias.double())
    assert isinstance(head, AnyOfHead)
    rows = torch.diag_embed(head.weight.double().t()).permute(1, 2, 0)  # (label, l, h), zero where label is not l
    groups = tuple(
        Job((_look(network, first + i, head.mix.weight.double()),), head.mix.bias.double(), row)
        for i, row in enumerate(rows)
    )
    return Head(groups, head.bias.double())


def _look(network: Network, query: int, matrix: Tensor) -> Look:
    """Give the look of a query whose pooled, standardised tokens go through ``matrix`` (u, h)."""
    attention = network.attention
    mean, scale = network.token_mean.double(), network.token_scale.double()
    asked = attention.queries[query].double() * attention.scale
    key = (asked @ attention.key.weight.double()) * scale  # (h,)
    values = matrix * scale
    # The weights of the tokens sum to 1, so a constant can be taken off before or after.
    return Look(key, asked @ attention.key.bias.double() - key @ mean, values, -(values @ mean))


def make_plan(head: Head) -> Plan:
    """Divide the jobs among as few layers as can be, and these among as few attention heads.

    Raises:
        EncoderError: the encoder is too narrow for so many labels.
    """
    room = head.width - head.n_logits - _KEPT
    n_looks = len(head.groups[0].looks)
    best: tuple[int, int] | None = None
    for n_heads in (n for n in range(1, head.width + 1) if head.width % n == 0):
        size = min(head.width // n_heads, max(room, 1))
        per_layer = min(n_heads // n_looks, room // size)
        if per_layer >= 1:
            n_jobs = len(head.groups) * math.ceil(head.width / size)
            best = min(best or (n_jobs, n_heads), (math.ceil(n_jobs / per_layer), n_heads))
    if best is None:
        what = f"it answers with {head.n_logits} labels, and its encoder is {head.width} wide"
        raise EncoderError(f"no class of transformers expresses this model: {what}; see docs/huggingface.md")
    n_heads = best[1]
    size = min(head.width // n_heads, room)
    per_layer = min(n_heads // n_looks, room // size)
    jobs = [job for group in head.groups for job in _divide(group, size)]
    layers = tuple(tuple(jobs[i : i + per_layer]) for i in range(0, len(jobs), per_layer))
    return Plan(head, layers, n_heads, room)


def _divide(group: Job, size: int) -> Iterator[Job]:
    for start in range(0, len(group.bias), size):
        part = slice(start, start + size)
        looks = tuple(Look(look.key, look.key_bias, look.values[part], look.value_bias[part]) for look in group.looks)
        yield Job(looks, group.bias[part], group.out[:, part])


def fill_layers(decoder: BartDecoder, plan: Plan, louder: float) -> None:
    """Set the weights of a decoder, all of them zero before, for tokens that are ``louder`` times as large."""
    start = torch.zeros(plan.head.width)
    start[_PLUS], start[_MINUS] = _LARGE, -_LARGE
    decoder.layernorm_embedding.bias.copy_(start)
    for layer, jobs in zip(decoder.layers, plan.layers, strict=True):
        _fill_layer(layer, jobs, plan, louder)


def _fill_layer(layer: BartDecoderLayer, jobs: tuple[Job, ...], plan: Plan, louder: float) -> None:
    width, room, n_logits = plan.head.width, plan.room, plan.head.n_logits
    logits = slice(room, room + n_logits)
    kept = torch.full((width,), _LARGE * math.sqrt(2 / width))
    layer.encoder_attn_layer_norm.weight.copy_(kept)
    kept[:room] = kept[_ZERO_UNITS] = kept[_EVENS_UNITS] = 0
    layer.self_attn_layer_norm.weight.copy_(kept)
    layer.final_layer_norm.weight.copy_(kept)
    attention, size = layer.encoder_attn, width // plan.n_heads
    at = n_used = 0
    for job in jobs:
        units = torch.arange(at, at + len(job.bias))
        for look in job.looks:
            first = n_used * size
            rows = slice(first, first + len(units))
            attention.q_proj.bias[first] = math.sqrt(size)
            attention.k_proj.weight[first] = look.key / louder
            attention.k_proj.bias[first] = look.key_bias
            attention.v_proj.weight[rows] = (look.values / louder).float()
            attention.v_proj.bias[rows] = look.value_bias.float()
            attention.out_proj.weight[units, first + torch.arange(len(units))] = 1
            attention.out_proj.weight[_EVENS_UNITS, rows] = -1
            n_used += 1
        layer.fc1.weight[units, units] = 1
        layer.fc1.weight[units, _ZERO_UNITS] = -1
        layer.fc1.bias[units] = job.bias.float()
        layer.fc2.weight[logits, at : at + len(units)] = job.out.float()
        layer.fc2.weight[_EVENS_LOGITS, at : at + len(units)] = -job.out.sum(0).float()
        at += len(units)


def fill_head(head: BartClassificationHead, plan: Plan, scaling: Tensor) -> None:
    """Set the weights of the class's own head, all of them zero before, with the scale and shift (l, 2) of labels."""
    room, n_logits = plan.room, plan.head.n_logits
    each = torch.arange(n_logits)
    head.dense.weight[each, room + each] = _SMALL
    head.dense.weight[each, _ZERO_LOGITS] = -_SMALL
    head.out_proj.weight[each, each] = (scaling[:, 0] / _SMALL).float()
    head.out_proj.bias.copy_(plan.head.bias * scaling[:, 0] + scaling[:, 1])
