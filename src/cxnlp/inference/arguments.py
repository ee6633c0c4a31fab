"""Arguments of programs that would be taken for something else, or fail late and far from here."""

from __future__ import annotations

import numpy as np

from cxnlp.errors import ArgumentTypeError, kind_of


def check_choice(name: str, value: object, hint: str = "") -> None:
    """Refuse what is neither True nor False: a word such as ``"no"`` would count as True.

    Raises:
        ArgumentTypeError: it is something else; ``hint`` ends the message.
    """
    if not isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{name} is {kind_of(value)}, expected True or False{hint}")


def check_progress(progress: object) -> None:
    """Refuse a progress that cannot be called.

    Raises:
        ArgumentTypeError: it is neither None nor can be called.
    """
    if progress is not None and not callable(progress):
        raise ArgumentTypeError(
            f"progress is {kind_of(progress)}, expected a function, which is called with the number of texts finished "
            "since the last call, or None"
        )
