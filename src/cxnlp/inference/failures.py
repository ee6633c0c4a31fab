"""Where an engine fails: on which of many items, and whether it fails on everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

MAX_FAILURES = 64
"""Texts in a row that an engine fails on before it, and not they, is held to be broken."""

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass
class Failures:
    """Counts the texts that an engine failed on since it last gave something."""

    in_row: int = 0

    @property
    def broken(self) -> bool:
        """Whether the engine has failed on everything for long."""
        return self.in_row >= MAX_FAILURES

    def spare(
        self,
        work: Callable[[Sequence[Item]], Sequence[Made | None]],
        items: Sequence[Item],
        failed: Callable[[int, Exception], None],
        *,
        passed_on: tuple[type[Exception], ...] = (),
    ) -> list[Made | None]:
        """Give what ``work`` makes of each item; None for one that it fails on, which costs no other.

        Items that it fails on together are halved until it is known on which, but not by a broken engine. ``failed`` is
        told of how many items without an answer and of the error, whose words might hold a text; what it raises ends
        the work, as do errors of the kinds ``passed_on``.
        """
        if not items:
            return []
        try:
            made = list(work(items))
        except passed_on:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an engine raises; one text must not cost the others
            if len(items) > 1 and not self.broken:
                half = len(items) // 2
                parts = (items[:half], items[half:])
                return [one for part in parts for one in self.spare(work, part, failed, passed_on=passed_on)]
            self.in_row += len(items)
            failed(len(items), error)
            return [None] * len(items)
        self.in_row = self.in_row + len(made) if all(one is None for one in made) else 0
        return made
