"""Make an encoder smaller by keeping only the pieces of its vocabulary that some languages and texts use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer

from cxnlp.errors import EncoderError
from cxnlp.text import clean

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_CHUNK = 10_000
_WORDFREQ = {"no": "nb"}


@dataclass(frozen=True)
class TrimReport:
    """What trimming did."""

    pieces_before: int
    pieces_after: int
    parameters_before: int
    parameters_after: int
    tokens_before: int
    tokens_after: int
    """Tokens of the check texts, in all."""

    @property
    def more_tokens(self) -> float:
        """How many more tokens the trimmed vocabulary needs for the check texts, as a fraction."""
        return self.tokens_after / max(1, self.tokens_before) - 1


def frequent_words(languages: Sequence[str], n: int) -> list[str]:
    """Give the ``n`` most frequent words of each language (wordfreq), as they stand, capitalised and in capitals.

    Raises:
        EncoderError: there is no list of words for a language.
    """
    from wordfreq import top_n_list

    words: dict[str, None] = {}
    for language in languages:
        try:
            frequent = top_n_list(_WORDFREQ.get(language, language), n)
        except LookupError as error:
            what = "expected a code such as no, da, sv or en"
            raise EncoderError(f"wordfreq has no words of language {language!r}, {what}; or give --texts") from error
        for word in frequent:
            words.update(dict.fromkeys((word, word.capitalize(), word.upper())))
    return list(words)


def trim_vocabulary(
    model: PreTrainedModel, tokenizer: Tokenizer, texts: Iterable[str], check: Sequence[str]
) -> tuple[PreTrainedModel, Tokenizer, TrimReport]:
    """Keep special tokens, every single character, and the pieces that ``texts`` use; ``check`` texts measure the loss.

    ``check`` should not be among ``texts``. The model is changed in place.

    Raises:
        EncoderError: the tokenizer is not a Unigram model.
    """
    layout = json.loads(tokenizer.to_str())
    if layout["model"]["type"] != "Unigram":
        raise EncoderError(
            f"a {layout['model']['type']} vocabulary cannot be trimmed, only Unigram; use the encoder whole"
        )
    vocabulary: list[list[Any]] = layout["model"]["vocab"]
    before = _sizes(model, tokenizer, check)
    used = _used_pieces(tokenizer, texts)
    special = {token["id"] for token in layout["added_tokens"]}
    keep = [i for i, (piece, _) in enumerate(vocabulary) if i in used or i in special or len(piece.lstrip("▁")) <= 1]
    trimmed = Tokenizer.from_str(json.dumps(_renumber(layout, vocabulary, keep)))
    _trim_embedding(model, keep)
    after = _sizes(model, trimmed, check)
    return model, trimmed, TrimReport(before[0], after[0], before[1], after[1], before[2], after[2])


def _sizes(model: PreTrainedModel, tokenizer: Tokenizer, check: Sequence[str]) -> tuple[int, int, int]:
    encoded = tokenizer.encode_batch([clean(text) for text in check], add_special_tokens=False)
    return tokenizer.get_vocab_size(), sum(p.numel() for p in model.parameters()), sum(len(e.ids) for e in encoded)


def _used_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> set[int]:
    used: set[int] = set()
    texts = iter(texts)
    while chunk := [clean(text) for text in islice(texts, _CHUNK)]:
        for encoding in tokenizer.encode_batch(chunk, add_special_tokens=False):
            used.update(encoding.ids)
    return used


def _renumber(layout: dict[str, Any], vocabulary: list[list[Any]], keep: list[int]) -> dict[str, Any]:
    new_id = {old: new for new, old in enumerate(keep)}
    layout["model"]["vocab"] = [vocabulary[i] for i in keep]
    layout["model"]["unk_id"] = new_id[layout["model"]["unk_id"]]
    for token in layout["added_tokens"]:
        token["id"] = new_id[token["id"]]
    for token in ((layout.get("post_processor") or {}).get("special_tokens") or {}).values():
        token["ids"] = [new_id[i] for i in token["ids"]]
    return layout


def _trim_embedding(model: PreTrainedModel, keep: list[int]) -> None:
    old = model.get_input_embeddings()
    pad = model.config.pad_token_id
    new = torch.nn.Embedding(len(keep), old.embedding_dim, padding_idx=keep.index(pad) if pad in keep else None)
    with torch.no_grad():
        new.weight.copy_(old.weight[torch.tensor(keep)])
    model.set_input_embeddings(new)
    model.config.vocab_size = len(keep)
    if pad is not None:
        model.config.pad_token_id = keep.index(pad)
