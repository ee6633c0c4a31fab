"""How many tokens a device takes at a time: grown to the memory that is free, halved when that was too much."""

from __future__ import annotations

from cxnlp.text import Batch

# Of the memory that a batch could take, the share that is planned with; allocators round up and leave gaps.
_SHARE = 0.7
# Batches of short texts have many rows, and the heads' memory goes with rows; this bounds it.
_TOKENS_PER_ROW = 32


class TokenBudget:
    """The budget of one engine. Starts at ``tokens`` and never exceeds ``most``, however much memory there is.

    Beyond some size a batch is not computed faster; ``most`` is where that surely holds.
    """

    def __init__(self, tokens: int, most: int, rows: int) -> None:
        self.tokens = min(tokens, most)
        self.most = most
        self._rows = rows
        self._bytes_per_token = 0.0

    @property
    def rows(self) -> int:
        """Rows that go with the tokens."""
        return max(self._rows, self.tokens // _TOKENS_PER_ROW)

    @property
    def may_grow(self) -> bool:
        """Whether there is any use in measuring."""
        return self.tokens < self.most

    def learn(self, batch: Batch, used_bytes: int, free_bytes: int) -> None:
        """Take in that ``batch`` needed ``used_bytes``, where ``free_bytes`` were to be had; grow or shrink by it.

        It grows at most to the double at a time. Only batches that fill more than half of it count: what is allocated
        once, whatever the size, would make a small batch look greedy. The most memory that any of them needed for a
        token is what it plans with.
        """
        tokens = batch.ids.size
        if 2 * tokens <= self.tokens:
            return
        self._bytes_per_token = max(self._bytes_per_token, used_bytes / tokens)
        fits = int(_SHARE * free_bytes / self._bytes_per_token) if self._bytes_per_token else self.most
        self.tokens = max(1, min(2 * self.tokens, fits, self.most))

    def too_much(self, batch: Batch) -> None:
        """Take in that there was no room for ``batch``: from now on at most half of it."""
        self.most = max(1, min(self.most, batch.ids.size // 2))
        self.tokens = min(self.tokens, self.most)

    def refuses(self, batch: Batch) -> bool:
        """Whether ``batch`` is larger than what is known to be the most, and can be divided."""
        return batch.ids.size > self.most and len(batch.rows) > 1
