"""What a run was started from, if from a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxnlp.evaluation import Confidence
from cxnlp.model.warm import KeptRows

_SHOWN = 6


@dataclass(frozen=True)
class WarmStart:
    """The bundle that a network grew out of, and the labels that it handed on."""

    origin: Mapping[str, Any]
    """``Manifest.as_origin()`` of that bundle."""
    rows: KeptRows
    confidence: Confidence
    """Scaling and cutoffs of that bundle, for facets that are the same."""

    def message(self) -> str:
        """Say in one line what was kept and what is new."""
        said = f"warm start from {self.origin['name']}: encoder kept, and the heads of {self.rows.n_kept} labels"
        if not self.rows.new and not self.rows.dropped:
            return f"{said}, which are all"
        return "; ".join([said, f"new: {_listed(self.rows.new)}", f"not kept: {_listed(self.rows.dropped)}"])


def _listed(labels: Mapping[str, tuple[str, ...]]) -> str:
    """Name the labels of each facet, the first few of many."""
    parts = []
    for facet, some in labels.items():
        more = f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else ""
        parts.append(f"{facet} {', '.join(some[:_SHOWN])}{more}")
    return " · ".join(parts) or "none"
