"""The recipes for larger encoders, with small stand-ins of the same architectures and random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer
from transformers import BertConfig, ModernBertConfig, RobertaConfig, XLMRobertaConfig

import tiny
from cxnlp import Tagger
from cxnlp.data import review_from_record
from cxnlp.errors import EncoderError
from cxnlp.settings import Recipe, read_recipe
from cxnlp.taxonomy import load_taxonomy
from cxnlp.training.dataset import TrainingData
from cxnlp.training.exportable import refuse_unexportable
from cxnlp.training.finish import write_trained_bundle
from cxnlp.training.train import prepare_trainer, train_network

RECIPES = tiny.REPOSITORY / "models" / "recipes"
TAXONOMY = load_taxonomy()
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48}
# Names of the special tokens: of RoBERTa and XLM-R, of BERT, and of the Gemma tokenizer that mmBERT uses.
BERT = {"<s>": "[CLS]", "</s>": "[SEP]", "<pad>": "[PAD]", "<unk>": "[UNK]", "<mask>": "[MASK]"}
GEMMA = {"<s>": "<bos>", "</s>": "<eos>"}
STAND_INS: dict[str, tuple[type, dict[str, Any], dict[str, str], str]] = {
    "xlm-r": (XLMRobertaConfig, {"max_position_embeddings": 514, "type_vocab_size": 1}, {}, "xlm-r-base"),
    "modernbert": (ModernBertConfig, {"local_attention": 128}, GEMMA, "mmbert-base"),
    "bert": (BertConfig, {"max_position_embeddings": 512}, BERT, "nb-bert-base"),
    "roberta": (RobertaConfig, {"max_position_embeddings": 514, "type_vocab_size": 1}, {}, "xlm-r-base"),
}


def _tokenizer(names: dict[str, str]) -> Tokenizer:
    text = tiny.tiny_tokenizer([row["text"] for row in tiny.records()]).to_str()
    for old, new in names.items():
        text = text.replace(json.dumps(old), json.dumps(new))
    return Tokenizer.from_str(text)


def _save(folder: Path, name: str) -> tuple[Path, Recipe]:
    """Write a stand-in as a Hugging Face folder, and give the recipe that is meant for its like."""
    import torch
    from transformers import AutoModel

    kind, more, names, recipe = STAND_INS[name]
    tokenizer = _tokenizer(names)
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2}
    config = kind(vocab_size=tokenizer.get_vocab_size(), **SIZES, **more, **ids)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        AutoModel.from_config(config).save_pretrained(folder / "encoder")
    tokenizer.save(str(folder / "encoder" / "tokenizer.json"))
    found = read_recipe(RECIPES / f"{recipe}.toml").with_encoder(str(folder / "encoder"))
    few = replace(found.training, epochs=1.0, batch_size=20)
    lax = replace(found.export, max_label_changes=1.0, float_layers=(0,))  # random weights lie close to every border
    return folder / "encoder", replace(found, training=few, export=lax)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_is_read_and_named_after_its_file(path: Path) -> None:
    assert read_recipe(path).name == path.stem


@pytest.mark.parametrize("name", STAND_INS)
def test_a_recipe_trains_its_architecture_and_ends_with_a_bundle(name: str, tmp_path: Path) -> None:
    _, recipe = _save(tmp_path, name)
    reviews = [review_from_record(record, TAXONOMY, "composed") for record in tiny.records()]
    data = TrainingData(reviews, reviews[:8], reviews[:8], [])
    trainer = prepare_trainer(recipe, TAXONOMY, data, tmp_path / "run")
    assert not trainer.network().encoder.get_input_embeddings().weight.requires_grad
    before = {key: value.clone() for key, value in trainer.network().state_dict().items()}
    train_network(trainer, tmp_path / "run", resume=False)
    assert trainer.state.global_step == 2
    moved = {key for key, value in trainer.network().state_dict().items() if not value.equal(before[key])}
    assert any("layer" in key for key in moved)
    assert not any(words in key for key in moved for words in ("word_embeddings", "tok_embeddings"))
    network = trainer.network()
    refuse_unexportable(network.encoder.config, recipe.encoder.max_tokens, recipe.encoder.source)
    texts = [review.text for review in reviews] + [" ".join(review.text for review in reviews)]  # in several windows
    exact = trainer.tagger().probabilities(texts)
    write_trained_bundle(tmp_path / "bundle", network, trainer.tokenizer, TAXONOMY, data, recipe)
    for backend in ("onnx", "torch"):
        found = Tagger.load(tmp_path / "bundle", backend=backend, device="cpu").probabilities(texts)
        assert np.isfinite(found).all()
        # Rounded to eight bits, and no more than that: far less than the texts differ among themselves.
        assert np.abs(found - exact).max() < 0.05 * np.ptp(exact, axis=0).max(), backend


def test_local_attention_that_the_graph_cannot_say_is_refused_before_training() -> None:
    config = ModernBertConfig(vocab_size=50, **SIZES, local_attention=128)
    refuse_unexportable(config, 65, "x")
    with pytest.raises(EncoderError, match=r"x: some layers of this modernbert .* only 64 tokens .* at most 65"):
        refuse_unexportable(config, 66, "x")
    refuse_unexportable(XLMRobertaConfig(), 512, "x")


def test_the_command_refuses_it_too(tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cxnlp.cli.main import main

    encoder, _ = _save(tmp_path, "modernbert")
    path = tmp_path / "recipe.toml"
    text = tiny.recipe_text(encoder, tiny_home / "reviews.jsonl")
    path.write_text(text.replace("max_tokens = 32", "max_tokens = 128"), "utf-8")
    assert main(["train", str(path), "--run", str(tmp_path / "run"), "--output", str(tmp_path / "b")]) == 2
    assert "set encoder.max_tokens to at most 65" in capsys.readouterr().err
    assert not list((tmp_path / "run").rglob("checkpoint-*"))
