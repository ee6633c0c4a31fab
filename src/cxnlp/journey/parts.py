"""Which facets of a taxonomy play which part in a journey report."""

from __future__ import annotations

from dataclasses import dataclass

from cxnlp.errors import TaxonomyError
from cxnlp.inference.prediction import has_score
from cxnlp.taxonomy import Facet, Kind, Taxonomy

PRAISE = "positive"
BLAME = "negative"


@dataclass(frozen=True)
class Parts:
    """The facets that a report is made of."""

    taxonomy: Taxonomy
    touchpoints: Facet
    """The first facet whose labels are praised and blamed."""
    polarity: Facet
    verdict: Facet | None
    """The first facet that has a score: what the review says as a whole."""
    phases: Facet | None
    """The facet with a main label, otherwise the first one of several labels without polarities."""

    @property
    def phase_labels(self) -> tuple[str, ...]:
        """The phases in the order of the journey."""
        return self.phases.labels if self.phases else ()


def parts_of(taxonomy: Taxonomy) -> Parts:
    """Give each facet its part.

    Raises:
        TaxonomyError: no facet has labels that are praised and blamed.
    """
    for facet in taxonomy.answers:
        polarity = taxonomy.polarity_of.get(facet.name)
        if polarity is not None and {PRAISE, BLAME} <= set(polarity.labels):
            break
    else:
        raise TaxonomyError(
            f"the taxonomy {taxonomy.name!r} has no facet with the polarities {PRAISE!r} and {BLAME!r}; expected one, "
            "since a journey report shows what is praised and what is blamed"
        )
    others = [f for f in taxonomy.answers if f.kind is Kind.ANY_OF and f.name not in taxonomy.polarity_of]
    phases = next((f for f in others if f.main), next(iter(others), None))
    verdict = next((f for f in taxonomy.answers if has_score(f)), None)
    return Parts(taxonomy, facet, polarity, verdict, phases)
