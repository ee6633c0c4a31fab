"""From a trained network to a bundle: thresholds, eight bits, the parity gate, scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from cxnlp.bundle import ONNX_FILE, TOKENIZER_FILE, WEIGHTS_FILE, Bundle, Manifest, write_bundle
from cxnlp.data import Review
from cxnlp.data.fingerprint import fingerprint
from cxnlp.errors import BundleError
from cxnlp.evaluation import NOTHING, Confidence, evaluate, learn_confidence
from cxnlp.evaluation.gold import NOREC_ONLY
from cxnlp.inference.backend import Backend
from cxnlp.inference.graph import write_graph
from cxnlp.inference.onnx_backend import OnnxBackend
from cxnlp.inference.parity import label_changes
from cxnlp.inference.tagger import Tagger
from cxnlp.inference.torch_backend import TorchBackend
from cxnlp.model.calibrate import calibrate, measure
from cxnlp.model.encoder import config_of
from cxnlp.model.network import Network
from cxnlp.model.quantise import quantise
from cxnlp.model.rounding import by_disturbance
from cxnlp.settings import Recipe, as_table
from cxnlp.taxonomy import Cutoffs, FacetValue, Taxonomy
from cxnlp.text import Batch, TextTokenizer, batches
from cxnlp.training.dataset import Collator, ReviewDataset, TrainingData, spread
from cxnlp.training.rounding import learn_rounding
from cxnlp.training.started import WarmStart
from cxnlp.version import __version__

_CALIBRATION_REVIEWS = 1_024
_CALIBRATION_TOKENS = 1_024
# Batches, of every length, on which layers are compared: each layer has to read them once.
_COMPARED = 3


def write_trained_bundle(
    folder: Path,
    network: Network,
    tokenizer: TextTokenizer,
    taxonomy: Taxonomy,
    data: TrainingData,
    recipe: Recipe,
    warm: WarmStart | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Bundle:
    """Learn scaling and thresholds, export, compare with float32, score, and write the bundle to ``folder``.

    ``warm`` says what it was started from: the bundle records it, and takes its confidence where there are too few
    development reviews to learn one. ``say`` is told each step as it begins.

    Raises:
        BundleError: eight bits changed more labels than the recipe allows, or the folder cannot be written.
    """
    device = next(network.parameters()).device
    network = network.cpu().eval()
    steps = _Steps(say, 5 if recipe.export.rounding_steps else 4)
    calibration_batches = _calibration_batches(tokenizer, data.train)
    steps.begin(f"how layers' inputs are rounded, on {min(_CALIBRATION_REVIEWS, len(data.train)):,} training reviews")
    calibration = calibrate(network, calibration_batches)
    if recipe.export.rounding_steps:
        steps.begin(f"{recipe.export.rounding_steps:,} steps in which the network learns to be rounded")
        rows = ReviewDataset(data.train, taxonomy, tokenizer)
        collate = Collator(tokenizer.pad_id, tokenizer.mask_id, token_dropout=0.0)
        learn_rounding(network.to(device), calibration, rows, collate, recipe, taxonomy)
        network = network.cpu().eval()
    calibration = measure(network, calibration_batches, calibration, moments=True)
    steps.begin(f"thresholds and probabilities, on {len(data.select):,} development reviews")
    exact = TorchBackend(network)
    raw = Tagger(taxonomy, tokenizer, exact, Cutoffs({}))
    probs = raw.probabilities([review.text for review in data.select])
    learnt = learn_confidence(taxonomy, probs, data.select, warm.confidence if warm else NOTHING)

    def tagger_of(backend: Backend) -> Tagger:
        return Tagger(taxonomy, tokenizer, backend, learnt.cutoffs, scaling=learnt.scaling)

    def fill(work: Path) -> Manifest:
        tokenizer.tokenizer.save(str(work / TOKENIZER_FILE), pretty=False)
        texts = _parity_texts(data, recipe)
        n_texts = sum(map(len, texts.values()))
        steps.begin(f"eight bits written, and their labels of {n_texts:,} texts compared with those of float32")
        expected = _labels(tagger_of(exact), texts, "in float32")
        worst: list[str] = []
        for n_float in recipe.export.float_layers:
            if n_float and not worst:
                some = calibration_batches[:: max(1, len(calibration_batches) // _COMPARED)]
                worst = by_disturbance(network, calibration, some)
            write_graph(quantise(network, calibration, worst[:n_float]), work / WEIGHTS_FILE, work / ONNX_FILE)
            tagger = tagger_of(OnnxBackend(work / ONNX_FILE))
            found = _labels(tagger, texts, "in eight bits")
            parity = {lang: round(label_changes(taxonomy, expected[lang], found[lang]), 5) for lang in texts}
            if max(parity.values()) <= recipe.export.max_label_changes:
                steps.begin(f"scores on {len(data.dev):,} development reviews")
                manifest = _manifest(tagger, network, learnt, parity, data, recipe)
                return replace(manifest, data={**manifest.data, "started_from": warm.origin}) if warm else manifest
            say(f"{max(parity.values()):.2%} of the labels of a language changed with {n_float} layers in float32")
        raise _refusal(parity, recipe.export.max_label_changes)

    return write_bundle(folder, fill)


class _Steps:
    """Counts the steps of an export, some of which take minutes, aloud."""

    def __init__(self, say: Callable[[str], None], total: int) -> None:
        self._say = say
        self._total = total
        self._begun = 0

    def begin(self, what: str) -> None:
        self._begun += 1
        self._say(f"export, step {self._begun} of {self._total}: {what}")


def _calibration_batches(tokenizer: TextTokenizer, reviews: Sequence[Review]) -> list[Batch]:
    ids = tokenizer.encode([review.text for review in spread(reviews, _CALIBRATION_REVIEWS)])
    return list(batches([tokenizer.windows(one)[0] for one in ids], tokenizer.pad_id, _CALIBRATION_TOKENS, 16))


def _parity_texts(data: TrainingData, recipe: Recipe) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for review in [*data.select, *data.dev, *data.train]:  # texts not trained on come first
        texts.setdefault(review.lang or "und", []).append(review.text)
    return {language: list(dict.fromkeys(some))[: recipe.export.max_parity_texts] for language, some in texts.items()}


def _labels(tagger: Tagger, texts: Mapping[str, Sequence[str]], what: str) -> dict[str, list[Mapping[str, FacetValue]]]:
    with tqdm(total=sum(map(len, texts.values())), desc=what, unit=" texts", disable=None, leave=False) as bar:
        return {
            language: [p.labels for p in tagger.tag(some, languages=False, progress=bar.update)]
            for language, some in texts.items()
        }


def _refusal(parity: Mapping[str, float], limit: float) -> BundleError:
    shown = ", ".join(f"{language} {share:.2%}" for language, share in parity.items() if share > limit)
    return BundleError(
        f"eight bits change more labels against float32 than the {limit:.2%} allowed ({shown}); nothing was written. "
        "Let the network learn to be rounded (export.rounding_steps), leave more layers in float32 "
        "(export.float_layers), or raise export.max_label_changes"
    )


def _manifest(
    tagger: Tagger,
    network: Network,
    learnt: Confidence,
    parity: dict[str, float],
    data: TrainingData,
    recipe: Recipe,
) -> Manifest:
    sources = sorted({review.source for review in data.dev})
    scores = {
        source: evaluate(tagger, [review for review in data.dev if review.source == source], _only(source, recipe))
        for source in sources
    }
    return Manifest(
        name=recipe.name,
        taxonomy=tagger.taxonomy.source,
        **learnt.as_fields(),
        max_tokens=tagger.tokenizer.max_tokens,
        overlap=tagger.tokenizer.overlap,
        encoder=config_of(network.encoder),
        recipe=as_table(recipe),
        data={
            "fingerprint": fingerprint(data.train),
            "train": _counts(data.train),
            "dev": _counts(data.dev),
            "left_out": dict(data.left_out),
        },
        scores={source: report.as_json()["figures"] for source, report in scores.items()},
        parity=parity,
        cxnlp_version=__version__,
    )


def _only(source: str, recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Give the labels to decide among, if not all: NoReC_sentence is scored as ``cxnlp evaluate`` scores it."""
    kinds = {settings.kind for settings in recipe.data if source in (settings.name, settings.kind)}
    return dict(NOREC_ONLY) if kinds == {"norec_sentence"} else {}


def _counts(reviews: Sequence[Review]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for review in reviews:
        counts.setdefault(review.source, Counter())[review.lang or "und"] += 1
    return {source: dict(sorted(by_language.items())) for source, by_language in sorted(counts.items())}
