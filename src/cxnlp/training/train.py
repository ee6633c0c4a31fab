"""From a recipe to a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer
from transformers import set_seed

from cxnlp.bundle import Bundle, is_bundle, load_bundle, read_manifest, refuse_taken
from cxnlp.data import Problem, Review
from cxnlp.errors import EncoderError, SettingsError, nearest
from cxnlp.evaluation import Confidence, evaluate, scores, show, too_few
from cxnlp.inference.tagger import Tagger
from cxnlp.model.encoder import load_encoder
from cxnlp.model.network import Network
from cxnlp.model.restore import restore_network
from cxnlp.model.warm import warm_network
from cxnlp.settings import EncoderSettings, Recipe
from cxnlp.taxonomy import Taxonomy, load_taxonomy
from cxnlp.text import TextTokenizer, pad
from cxnlp.training.checkpoints import checkpoints, last_whole, stopped_early
from cxnlp.training.dataset import ReviewDataset, TrainingData, read_training_data, spread
from cxnlp.training.exportable import refuse_unexportable
from cxnlp.training.finish import write_trained_bundle
from cxnlp.training.started import WarmStart
from cxnlp.training.trainer import ReviewTrainer, freeze

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_STANDARDISE_REVIEWS = 512
_STANDARDISE_TOKENS = 64


@dataclass(frozen=True)
class Overrides:
    """What differs from one machine to the next; the bundle records the recipe as it was written."""

    encoder: str | None = None
    warm_start: str | None = None
    """A bundle to start from: an encoder that must be one."""
    data: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None

    def apply(self, recipe: Recipe) -> Recipe:
        """Give the recipe with these put in.

        Raises:
            SettingsError: there is no data set of a name.
            BundleError: what should start it is no bundle.
        """
        try:
            for name, path in self.data.items():
                recipe = recipe.with_data_path(name, path)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        if self.warm_start:
            read_manifest(Path(self.warm_start))
        encoder = self.warm_start or self.encoder
        return recipe.with_encoder(encoder) if encoder else recipe


def train(
    recipe: Recipe,
    overrides: Overrides,
    *,
    run: Path,
    output: Path,
    resume: bool = False,
    on_problem: Callable[[Problem], None] = lambda problem: None,
    say: Callable[[str], None] = lambda line: None,
) -> str:
    """Train, write the bundle to ``output``, and give its scores on the development data as text.

    ``run`` takes checkpoints and the log; with ``resume`` an interrupted run goes on from its last checkpoint, and a
    finished one is only exported anew. ``say`` is told what of the data is not used, what a warm start kept, what the
    development reviews are too few to learn, and each step of the export.

    Raises:
        CxnlpError: data, encoder or recipe cannot be used, or the export failed its parity gate.
    """
    refuse_taken(output)  # now, and not after hours of training
    if run.resolve().is_relative_to(output.resolve()):
        raise SettingsError(f"the run {run} would lie in the bundle {output}; name another folder for one of them")
    if overrides.seed is not None:
        try:
            recipe = replace(recipe, seed=overrides.seed)
        except ValueError as error:
            raise SettingsError(str(error)) from error
    trainer, data = make_trainer(overrides.apply(recipe), run)
    for problem in data.problems:
        on_problem(problem)
    for note in data.notes():
        say(note)
    if trainer.warm:
        say(trainer.warm.message())
    if few := too_few(trainer.taxonomy, data.select):
        instead = (
            "where a facet is the same, those of the model that it is started from stay"
            if trainer.warm
            else "so no scaling and no such cutoffs, and thresholds of what there is"
        )
        say(f"of the development part {few}; {instead}")
    refuse_unexportable(trainer.network().encoder.config, recipe.encoder.max_tokens, recipe.encoder.source)
    train_network(trainer, run, resume)
    say(f"training done, {trainer.state.epoch:g} epochs; exporting to eight bits")
    network, tokenizer = trainer.network(), trainer.tokenizer
    bundle = write_trained_bundle(output, network, tokenizer, trainer.taxonomy, data, recipe, trainer.warm, say)
    return _report(bundle, data)


def _report(bundle: Bundle, data: TrainingData) -> str:
    tagger = Tagger.load(bundle.folder)
    size = sum(record.bytes for record in bundle.manifest.files.values()) / 1e6
    parity = ", ".join(f"{language} {share:.2%}" for language, share in bundle.manifest.parity.items())
    return "\n".join(
        [
            f"Bundle: {bundle.folder} ({size:.1f} MB)",
            f"Labels changed by eight bits: {parity}",
            "",
            show(evaluate(tagger, data.select)),
            "",
            "These reviews are the development part: they chose the epoch, the thresholds and the scaling, so the",
            "figures flatter. Measure on others, or on the test part of the same files, which was not used:",
            f"  cxnlp evaluate {bundle.folder} FILE.jsonl --split test",
        ]
    )


def build_network(recipe: Recipe, taxonomy: Taxonomy) -> tuple[Network, TextTokenizer, WarmStart | None]:
    """Load the encoder and put heads on it.

    A bundle as encoder gives its encoder, and its heads label by label; the last value then says what was kept.
    """
    source = Path(recipe.encoder.source)
    settings = recipe.encoder
    if is_bundle(source):
        bundle = load_bundle(source)
        restored = restore_network(bundle.taxonomy, bundle.manifest.encoder, bundle.weights)
        raw = Tokenizer.from_file(str(bundle.tokenizer))
        network, rows = warm_network(restored, bundle.taxonomy, taxonomy)
        confidence = Confidence.of(bundle.manifest).for_taxonomy(bundle.taxonomy, taxonomy)
        warm = WarmStart(bundle.manifest.as_origin(), rows, confidence)
    else:
        encoder, raw = load_encoder(settings.source)
        warm, network = None, Network(encoder, taxonomy)
    tokenizer = _tokenizer(raw, settings, network.encoder)
    _set_dropout(network, settings.dropout, recipe.training.head_dropout)
    return network, tokenizer, warm


def _tokenizer(raw: Tokenizer, settings: EncoderSettings, encoder: PreTrainedModel) -> TextTokenizer:
    longest = getattr(encoder.config, "max_position_embeddings", None)
    positions = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    padding = getattr(positions, "padding_idx", None)
    if longest and padding is not None:
        longest -= padding + 1  # RoBERTa's positions begin after that of padding
    if longest and settings.max_tokens > longest:
        raise SettingsError(f"encoder.max_tokens: is {settings.max_tokens}, {settings.source} reads at most {longest}")
    try:
        tokenizer = TextTokenizer(raw, settings.max_tokens, settings.overlap)
        _ = tokenizer.mask_id  # which only training needs
    except ValueError as error:
        raise EncoderError(f"{settings.source}: {error}; use another encoder") from error
    return tokenizer


def _set_dropout(network: Network, encoder: float, heads: float) -> None:
    for name, module in network.encoder.named_modules():
        if isinstance(module, torch.nn.Dropout):
            # Of attention weights there is none: it would rule out the fused attention, and halve the speed on a CPU.
            module.p = 0.0 if ".self." in name else encoder
    network.dropout.p = heads


def make_trainer(recipe: Recipe, folder: Path) -> tuple[ReviewTrainer, TrainingData]:
    """Read what a recipe names and prepare its Trainer; ``folder`` takes checkpoints and the log."""
    taxonomy = load_taxonomy(recipe.taxonomy)
    data = read_training_data(recipe.data, taxonomy)
    return prepare_trainer(recipe, taxonomy, data, folder), data


def prepare_trainer(recipe: Recipe, taxonomy: Taxonomy, data: TrainingData, folder: Path) -> ReviewTrainer:
    """Prepare network and Trainer for reviews that are at hand; what the recipe says of data and taxonomy is not read.

    ``folder`` takes checkpoints and the log.

    Raises:
        SettingsError: the recipe names a figure or a loss that the taxonomy and the reviews do not have.
    """
    set_seed(recipe.seed)
    check_names(recipe, taxonomy, data.select)
    network, tokenizer, warm = build_network(recipe, taxonomy)
    freeze(network, recipe.encoder)
    if warm is None:  # the heads of a bundle were learnt with its own statistics
        _standardise(network, tokenizer, data.train)
    dataset = ReviewDataset(data.train, taxonomy, tokenizer, recipe.training.augment, recipe.seed)
    folder.mkdir(parents=True, exist_ok=True)
    return ReviewTrainer(network, recipe, taxonomy, tokenizer, dataset, data.select, folder, warm)


def check_names(recipe: Recipe, taxonomy: Taxonomy, select: Sequence[Review]) -> None:
    """Refuse names of figures and losses that there are not, before hours of training."""
    figures = list(scores(taxonomy, select, [review.labels for review in select]))
    losses = [facet.name for facet in taxonomy.facets] + [f"{facet.name}.main" for facet in taxonomy.main_facets]
    for key, names, known in (
        ("metric", [recipe.training.metric], figures),
        ("loss_weights", recipe.training.loss_weights, losses),
    ):
        for name in names:
            if name not in known:
                found = f"unknown name {name!r}{nearest(name, known)}; there are: {', '.join(known)}"
                raise SettingsError(f"{recipe.name}: training.{key}: {found}")


def _standardise(network: Network, tokenizer: TextTokenizer, reviews: Sequence[Review]) -> None:
    texts = [review.text for review in spread(reviews, _STANDARDISE_REVIEWS)]
    short = [tokenizer.windows(ids)[0][:_STANDARDISE_TOKENS] for ids in tokenizer.encode(texts)]
    batch = pad(short, tokenizer.pad_id)
    network.eval()
    network.standardise(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))


def train_network(trainer: ReviewTrainer, folder: Path, resume: bool) -> None:
    """Train; the best epoch's weights are loaded at the end.

    Raises:
        SettingsError: there is a run in the folder already and ``resume`` is not set.
    """
    if checkpoints(folder) and not resume:
        raise SettingsError(f"{folder} holds a run already; add --resume to go on with it, or name another folder")
    last = last_whole(folder)
    if last and (epochs := stopped_early(last, trainer.recipe.training.patience)):
        trainer.args.num_train_epochs = epochs  # no further one; only the best is loaded
    trainer.train(resume_from_checkpoint=str(last) if last else None)
