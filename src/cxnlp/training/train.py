"""From a recipe to a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import set_seed

from cxnlp.data import Review
from cxnlp.errors import SettingsError
from cxnlp.model.encoder import load_encoder
from cxnlp.model.network import Network
from cxnlp.settings import Recipe
from cxnlp.taxonomy import Taxonomy, load_taxonomy
from cxnlp.text import TextTokenizer, pad
from cxnlp.training.dataset import ReviewDataset, TrainingData, read_training_data
from cxnlp.training.trainer import ReviewTrainer, freeze

_STANDARDISE_REVIEWS = 512


def build_network(recipe: Recipe, taxonomy: Taxonomy) -> tuple[Network, TextTokenizer]:
    """Load the encoder and put untrained heads on it."""
    encoder, tokenizer = load_encoder(recipe.encoder.source)
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        if hasattr(encoder.config, name):
            setattr(encoder.config, name, recipe.encoder.dropout)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = recipe.encoder.dropout
    text_tokenizer = TextTokenizer(tokenizer, recipe.encoder.max_tokens, recipe.encoder.overlap)
    return Network(encoder, taxonomy, recipe.training.head_dropout), text_tokenizer


def make_trainer(recipe: Recipe, folder: Path) -> tuple[ReviewTrainer, TrainingData]:
    """Prepare data, network and Trainer; ``folder`` takes checkpoints and the log."""
    set_seed(recipe.seed)
    taxonomy = load_taxonomy(recipe.taxonomy)
    data = read_training_data(recipe.data, taxonomy)
    network, tokenizer = build_network(recipe, taxonomy)
    freeze(network, recipe.encoder)
    _standardise(network, tokenizer, data.train)
    dataset = ReviewDataset(data.train, taxonomy, tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    return ReviewTrainer(network, recipe, taxonomy, tokenizer, dataset, data.select, folder), data


def _standardise(network: Network, tokenizer: TextTokenizer, reviews: Sequence[Review]) -> None:
    step = max(1, len(reviews) // _STANDARDISE_REVIEWS)
    texts = [review.text for review in reviews[::step]][:_STANDARDISE_REVIEWS]
    short = [tokenizer.windows(ids)[0][:64] for ids in tokenizer.encode(texts)]
    batch = pad(short, tokenizer.pad_id)
    network.eval()
    network.standardise(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))


def train_network(trainer: ReviewTrainer, folder: Path, resume: bool) -> None:
    """Train; the best epoch's weights are loaded at the end.

    Raises:
        SettingsError: there is a run in the folder already and ``resume`` is not set, or the other way round.
    """
    checkpoints = sorted((folder / "checkpoints").glob("checkpoint-*"))
    if checkpoints and not resume:
        raise SettingsError(f"{folder} holds a run already; add --resume to go on with it, or name another folder")
    trainer.train(resume_from_checkpoint=True if checkpoints else None)
