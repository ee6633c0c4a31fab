"""Fine-tune a network on reviews that are at hand, without files, recipe or bundle; and keep what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.torch import save
from tokenizers import Tokenizer
from transformers import PrinterCallback

from cxnlp.bundle import is_bundle, read_manifest, shipped_bundle
from cxnlp.data import Review, hash_fraction
from cxnlp.evaluation import choose_cutoffs
from cxnlp.inference.tagger import Tagger
from cxnlp.inference.torch_backend import TorchBackend
from cxnlp.model.encoder import config_of
from cxnlp.model.restore import restore_network
from cxnlp.settings import DataSettings, EncoderSettings, Recipe, TrainingSettings
from cxnlp.taxonomy import Cutoffs, Taxonomy
from cxnlp.text import TextTokenizer
from cxnlp.training.dataset import TrainingData
from cxnlp.training.train import prepare_trainer, train_network

_DEV_SHARE = 0.1


@dataclass(frozen=True)
class Finetuned:
    """A trained network as plain values: text, numbers and safetensors, from which it is built when it is needed."""

    taxonomy: Taxonomy
    cutoffs: Cutoffs
    encoder: Mapping[str, Any]
    """The encoder's Hugging Face configuration."""
    weights: bytes
    """Float32, in safetensors format."""
    tokenizer: str
    """``tokenizer.json``."""
    max_tokens: int
    overlap: int

    @cached_property
    def tagger(self) -> Tagger:
        """A Tagger around the network, on the CPU."""
        with tempfile.TemporaryDirectory(prefix="cxnlp-") as folder:
            path = Path(folder) / "weights.safetensors"
            path.write_bytes(self.weights)
            network = restore_network(self.taxonomy, self.encoder, path)
        tokenizer = TextTokenizer(Tokenizer.from_str(self.tokenizer), self.max_tokens, self.overlap)
        return Tagger(self.taxonomy, tokenizer, TorchBackend(network), self.cutoffs)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is built: only plain values are copied and stored."""
        return {name: value for name, value in self.__dict__.items() if name in self.__dataclass_fields__}


def finetune(
    source: str | None, taxonomy: Taxonomy, reviews: Sequence[Review], training: TrainingSettings, seed: int
) -> Finetuned:
    """Train the whole network on reviews; a tenth of them, by the hash of the text, chooses epoch and thresholds.

    ``source`` is a bundle (None: the shipped model), or what a recipe takes as encoder. The heads of a bundle go on
    label by label. Seeds the random numbers of Python, numpy and torch.

    Raises:
        EncoderError, BundleError: the source cannot be used.
        SettingsError: the encoder reads fewer tokens than 256, and is not in a bundle that says how many.
    """
    place = Path(source) if source is not None else shipped_bundle()
    settings = EncoderSettings(source or str(place))
    if is_bundle(place):
        manifest = read_manifest(place)
        settings = EncoderSettings(str(place), manifest.max_tokens, manifest.overlap)
    data = DataSettings("in memory", paths=("in memory",))
    recipe = Recipe("in memory", settings, (data,), seed=seed, training=training)
    dev = [review for review in reviews if hash_fraction(review.text) < _DEV_SHARE]
    train = [review for review in reviews if hash_fraction(review.text) >= _DEV_SHARE]
    if not dev or not train:  # too few to set some aside
        dev = train = list(reviews)
    with tempfile.TemporaryDirectory(prefix="cxnlp-") as folder:
        trainer = prepare_trainer(recipe, taxonomy, TrainingData(train, dev, dev, []), Path(folder))
        trainer.remove_callback(PrinterCallback)  # a library prints nothing of its own
        train_network(trainer, Path(folder), resume=False)
    probs = trainer.tagger().probabilities([review.text for review in dev])
    network, tokenizer = trainer.network().cpu().eval(), trainer.tokenizer
    return Finetuned(
        taxonomy,
        choose_cutoffs(taxonomy, probs, dev),
        config_of(network.encoder),
        save({name: value.contiguous() for name, value in network.state_dict().items()}),
        tokenizer.tokenizer.to_str(),
        tokenizer.max_tokens,
        tokenizer.overlap,
    )
