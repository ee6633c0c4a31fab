"""Join the windows of long texts into one row of probabilities per review."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cxnlp.taxonomy import Kind, Taxonomy

Floats = npt.NDArray[np.float32]


def join_windows(taxonomy: Taxonomy, probs: Floats, owners: npt.NDArray[np.int64], lengths: Floats, n: int) -> Floats:
    """Join window probabilities (w, l) into (n, l).

    ``owners`` (w,) is the review of each window, ascending, ``lengths`` (w,) its number of tokens. ``any_of`` labels
    take the maximum over the windows; ``one_of`` facets the mean weighted by length; a label's polarity is read in the
    window that speaks of the label most.
    """
    if len(probs) == n:
        return probs
    out = np.empty((n, taxonomy.n_logits), np.float32)
    starts = np.searchsorted(owners, np.arange(n + 1))
    for row in range(n):
        block, weights = probs[starts[row] : starts[row + 1]], lengths[starts[row] : starts[row + 1]]
        for facet in taxonomy.facets:
            where = taxonomy.slices[facet.name]
            part = block[:, where]
            if facet.kind is Kind.ONE_OF:
                out[row, where] = weights @ part / weights.sum()
            elif facet.of is None:
                out[row, where] = part.max(axis=0)
            else:
                best = block[:, taxonomy.slices[facet.of]].argmax(axis=0)  # (labels,) the window to read
                groups = part.reshape(len(part), len(best), -1)  # (windows, labels, polarities)
                out[row, where] = groups[best, np.arange(len(best))].reshape(-1)
    return out
