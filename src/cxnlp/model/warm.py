"""A warm start: what the heads of a trained network hand on to those of another taxonomy, label by label.

A label keeps its query, its row of the classifier and its bias where the facet of that name and kind had it. What the
labels of a facet share (the layer before the rows) is kept with the facet. A label that is new starts at random, as in
a new network: starting at the mean of the facet's rows was tried on FABSA, and read the development reviews worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch

from cxnlp.model.network import AnyOfHead, Network, OneOfHead, PolarityHead
from cxnlp.taxonomy import Facet, Kind, Taxonomy

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class KeptRows:
    """Facet to labels, by what became of them; facets with none are left out."""

    kept: Mapping[str, tuple[str, ...]]
    new: Mapping[str, tuple[str, ...]]
    """Labels of the new taxonomy that the trained network does not have."""
    dropped: Mapping[str, tuple[str, ...]]
    """Labels of the trained network that the new taxonomy does not have."""

    @property
    def n_kept(self) -> int:
        """How many labels were kept, over all facets."""
        return sum(map(len, self.kept.values()))


@torch.no_grad()
def warm_network(old: Network, before: Taxonomy, taxonomy: Taxonomy) -> tuple[Network, KeptRows]:
    """Put the heads of ``taxonomy`` on the encoder of ``old``, whose taxonomy is ``before``.

    The encoder, the keys of the attention and the statistics by which tokens are standardised go on as they are, since
    the kept rows were learnt with them. With an equal taxonomy the logits are exactly those of ``old``. A label that is
    added to a facet leaves the logits of the others as they are. One that is taken out of a ``one_of`` facet does not,
    as its labels are read together.
    """
    network = Network(old.encoder, taxonomy)
    network.attention.key = old.attention.key
    network.token_mean.copy_(old.token_mean)
    network.token_scale.copy_(old.token_scale)
    old_queries = dict(zip(_names(before), torch.split(old.attention.queries, old.counts), strict=True))
    queries = dict(zip(_names(taxonomy), torch.split(network.attention.queries, network.counts), strict=True))
    old_heads = dict(zip(_names(before), old.heads, strict=True))
    for facet, head in zip(taxonomy.facets, network.heads, strict=True):
        was = _counterpart(facet, before, taxonomy)
        if was is None:
            continue
        rows = _places(was.labels, facet.labels)
        asked = _places(_asked(before, was), _asked(taxonomy, facet))
        _keep(queries[facet.name], old_queries[was.name], asked)
        _copy_head(cast(Head, head), cast(Head, old_heads[was.name]), rows)
    return network.eval(), _compare(before, taxonomy)


Head = OneOfHead | AnyOfHead | PolarityHead


def _names(taxonomy: Taxonomy) -> list[str]:
    return [facet.name for facet in taxonomy.facets]


def _counterpart(facet: Facet, before: Taxonomy, taxonomy: Taxonomy) -> Facet | None:
    """Give the facet of the trained network that a facet continues.

    It has the same name and kind; the labels of a ``one_of`` facet are read together, so one of them at least must be
    the same. A polarity without such takes another polarity of the same labels that is not spoken for: its weights are
    shared by all that is judged, so they serve other labels as well.
    """
    same = next((one for one in before.facets if (one.name, one.kind) == (facet.name, facet.kind)), None)
    if same and (facet.kind is Kind.ANY_OF or set(same.labels) & set(facet.labels)):
        return same
    if facet.kind is not Kind.POLARITY:
        return None
    taken = {one.name for one in taxonomy.facets if one.kind is Kind.POLARITY}
    others = [one for one in before.facets if one.kind is Kind.POLARITY and one.name not in taken]
    return next((one for one in others if set(one.labels) == set(facet.labels)), None)


def _asked(taxonomy: Taxonomy, facet: Facet) -> tuple[str, ...]:
    """Give the labels that have a query each: for a polarity, those that are judged."""
    return taxonomy[facet.of].labels if facet.of else facet.labels


def _places(before: Sequence[str], labels: Sequence[str]) -> list[int | None]:
    return [before.index(label) if label in before else None for label in labels]


def _keep(rows: Tensor, old: Tensor, places: Sequence[int | None]) -> None:
    """Put old rows (m, …) in their new places among ``rows`` (n, …); those without one stay as they are."""
    for row, place in zip(rows, places, strict=True):
        if place is not None:
            row.copy_(old[place])


def _copy_head(head: Head, old: Head, places: Sequence[int | None]) -> None:
    head.mix.bias.copy_(old.mix.bias)
    if isinstance(head, OneOfHead):
        width = head.out.in_features
        blocks = old.mix.weight.reshape(width, -1, width)  # (h, labels, h)
        # A new label's vector is not read at first, so that the logits of the others stay as they are.
        none = torch.zeros_like(blocks[:, 0])
        head.mix.weight.copy_(torch.cat([none if place is None else blocks[:, place] for place in places], dim=1))
    else:
        head.mix.weight.copy_(old.mix.weight)
    if isinstance(head, AnyOfHead):
        old = cast(AnyOfHead, old)
        _keep(head.weight, old.weight, places)
        _keep(head.bias, old.bias, places)
    else:
        out = cast(OneOfHead | PolarityHead, old).out
        _keep(head.out.weight, out.weight, places)
        _keep(head.out.bias, out.bias, places)


def _compare(before: Taxonomy, taxonomy: Taxonomy) -> KeptRows:
    kept: dict[str, tuple[str, ...]] = {}
    new: dict[str, tuple[str, ...]] = {}
    continued: dict[str, set[str]] = {}
    for facet in taxonomy.facets:
        was = _counterpart(facet, before, taxonomy)
        known = set(was.labels) if was else set()
        kept[facet.name] = tuple(label for label in facet.labels if label in known)
        new[facet.name] = tuple(label for label in facet.labels if label not in known)
        if was:
            continued[was.name] = set(facet.labels)
    dropped = {
        one.name: tuple(label for label in one.labels if label not in continued.get(one.name, ()))
        for one in before.facets
    }
    return KeptRows(*({name: labels for name, labels in part.items() if labels} for part in (kept, new, dropped)))
