"""Text to token ids, in windows where a text is longer than the encoder's input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from cxnlp.text.capitals import unshout
from cxnlp.text.clean import clean

_SPECIALS = {
    "pad": ("<pad>", "[PAD]"),
    "bos": ("<s>", "[CLS]", "<bos>"),
    "eos": ("</s>", "[SEP]", "<eos>"),
    "mask": ("<mask>", "[MASK]"),
}
# Characters of one text that are tokenised at once; a far longer cell is cut in pieces at white space, so that memory
# and time stay proportional to its length.
_PIECE_CHARS = 20_000


class TextTokenizer:
    """A ``tokenizer.json`` with the window length that a model was trained for.

    ``max_tokens`` counts the two special tokens; consecutive windows share ``overlap`` tokens.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, overlap: int = 32) -> None:
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.max_tokens = max_tokens
        self.overlap = min(overlap, (max_tokens - 2) // 4)
        self.pad_id = self._special("pad")
        self.bos_id = self._special("bos")
        self.eos_id = self._special("eos")
        known = (self.tokenizer.token_to_id(token) for tokens in _SPECIALS.values() for token in tokens)
        self._special_ids = frozenset(index for index in known if index is not None)

    @classmethod
    def from_file(cls, path: Path, max_tokens: int, overlap: int = 32) -> TextTokenizer:
        """Read a ``tokenizer.json``."""
        return cls(Tokenizer.from_file(str(path)), max_tokens, overlap)

    def _special(self, role: str) -> int:
        for token in _SPECIALS[role]:
            if (index := self.tokenizer.token_to_id(token)) is not None:
                return int(index)
        raise ValueError(f"the tokenizer has no {role} token; expected one of {', '.join(_SPECIALS[role])}")

    @property
    def mask_id(self) -> int:
        """The id that stands for a hidden token."""
        return self._special("mask")

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Give the token ids of each text, cleaned and not shouted, without special tokens and uncut."""
        pieces: list[str] = []
        owners: list[int] = []
        for row, text in enumerate(texts):
            for piece in _split(unshout(clean(text))):
                pieces.append(piece)
                owners.append(row)
        out: list[list[int]] = [[] for _ in texts]
        for row, encoding in zip(owners, self.tokenizer.encode_batch(pieces, add_special_tokens=False), strict=True):
            # A review that holds the characters "</s>" does not end there.
            out[row].extend(index for index in encoding.ids if index not in self._special_ids)
        return out

    def windows(self, ids: Sequence[int]) -> list[list[int]]:
        """Cut token ids into overlapping windows of at most ``max_tokens``, each with its special tokens."""
        room = self.max_tokens - 2
        if len(ids) <= room:
            return [[self.bos_id, *ids, self.eos_id]]
        step = room - self.overlap
        starts = range(0, len(ids) - self.overlap, step)
        return [[self.bos_id, *ids[start : start + room], self.eos_id] for start in starts]


def _split(text: str) -> list[str]:
    if len(text) <= _PIECE_CHARS:
        return [text]
    pieces = []
    while len(text) > _PIECE_CHARS:
        cut = text.rfind(" ", 1, _PIECE_CHARS)
        cut = cut if cut > 0 else _PIECE_CHARS
        pieces.append(text[:cut])
        text = text[cut:].lstrip(" ")
    return [*pieces, text]
