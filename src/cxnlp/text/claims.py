"""Which characters of a text belong to something that was found in it."""


class Claims:
    """The first to claim a character has it."""

    def __init__(self, text: str) -> None:
        self._taken = bytearray(len(text))  # 1 where a character is claimed

    def free(self, start: int, end: int) -> bool:
        """Say whether no character of ``text[start:end]`` is claimed."""
        return 1 not in self._taken[start:end]

    def claim(self, start: int, end: int) -> None:
        """Claim ``text[start:end]``."""
        self._taken[start:end] = b"\x01" * (end - start)
