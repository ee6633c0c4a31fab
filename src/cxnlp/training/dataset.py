"""Reviews as the Trainer wants them."""

from __future__ import annotations

import glob
import random
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cxnlp.data import (
    Problem,
    Review,
    hash_fraction,
    read_norec_sentence,
    read_review_files,
    split_reviews,
    unfinished_note,
)
from cxnlp.errors import DataError
from cxnlp.evaluation.checklist.shipped import suite_hashes
from cxnlp.settings import DataSettings
from cxnlp.taxonomy import Targets, Taxonomy, encode_labels
from cxnlp.text import TextTokenizer, pad, text_hash
from cxnlp.training.augment import augment


@dataclass(frozen=True)
class TrainingData:
    """The labelled reviews of a run; ``select`` are the ``dev`` ones that choose the best epoch and the thresholds."""

    train: list[Review]
    dev: list[Review]
    select: list[Review]
    problems: list[Problem]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason to the number of reviews of the training parts that are not trained on for it."""
    unfinished: str = ""
    """Of how many reviews which facets are still to be labelled, in words; empty if of none."""

    def notes(self) -> list[str]:
        """Say, one line each, what the files hold and training does not use."""
        listed = "; ".join(f"{n:,} {reason}" for reason, n in self.left_out.items())
        left = f"training on {len(self.train):,} reviews; left out of the training parts: {listed}" if listed else ""
        return [line for line in (self.unfinished, left) if line]


def read_training_data(sets: Sequence[DataSettings], taxonomy: Taxonomy) -> TrainingData:
    """Read every data set; a text of one set's development or test part is never trained on through another set.

    Nor is a text of the checklist suite, whatever set it comes in.

    Raises:
        DataError: a file is missing, or nothing is left to train or select on.
    """
    train: list[Review] = []
    dev: list[Review] = []
    select: list[Review] = []
    held_out: set[str] = set()
    everything: list[Review] = []
    left_out: Counter[str] = Counter()
    problems: list[Problem] = []
    facets = {facet.name for facet in taxonomy.answers}
    for settings in sets:
        parts = _read(settings, taxonomy, problems)
        everything += [review for part in parts.values() for review in part]
        held_out.update(text_hash(review.text) for review in parts["dev"] + parts["test"])
        labelled = {split: [r for r in reviews if facets & r.labels.keys()] for split, reviews in parts.items()}
        used = [review for review in labelled["train"] if hash_fraction(review.text) < settings.share]
        left_out["without a known label"] += len(parts["train"]) - len(labelled["train"])
        left_out["beyond the share that the recipe asks for"] += len(labelled["train"]) - len(used)
        train += used
        dev += labelled["dev"]
        select += labelled["dev"] if settings.select else []
    train = _without(train, held_out, left_out)
    if not train or not select:
        raise DataError(f"{len(train)} training and {len(select)} development reviews; expected at least one of each")
    return TrainingData(train, dev, select, problems, dict(+left_out), unfinished_note(everything))


def _without(reviews: Sequence[Review], held_out: Set[str], left_out: Counter[str]) -> list[Review]:
    """Take out the texts by which models are measured: those of the checklist, and those held out in some set."""
    suite = suite_hashes()
    kept = []
    for review in reviews:
        if (one := text_hash(review.text)) in suite:
            left_out["whose text is a case of the checklist, which measures what was never trained on"] += 1
        elif one in held_out:
            left_out["whose text is in the development or test part of a set"] += 1
        else:
            kept.append(review)
    return kept


def _read(settings: DataSettings, taxonomy: Taxonomy, problems: list[Problem]) -> dict[str, list[Review]]:
    if settings.kind == "norec_sentence":
        folder = Path(settings.paths[0]) if settings.paths else None
        return {split: read_norec_sentence(folder, split) for split in ("train", "dev", "test")}
    files = [Path(file) for pattern in settings.paths for file in sorted(glob.glob(pattern)) or [pattern]]
    reviews, wrong = read_review_files(files, taxonomy, settings.name)
    problems += wrong
    return split_reviews(reviews)


def spread(reviews: Sequence[Review], n: int) -> list[Review]:
    """Give at most ``n`` reviews, taken evenly from beginning to end, so from every data set."""
    size = min(n, len(reviews))
    return [reviews[i * len(reviews) // size] for i in range(size)]


class ReviewDataset(Dataset[dict[str, Any]]):
    """Token ids (first window only) and targets of reviews; a share of the texts is read changed, each time anew."""

    def __init__(
        self,
        reviews: Sequence[Review],
        taxonomy: Taxonomy,
        tokenizer: TextTokenizer,
        augmented: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.texts = [review.text for review in reviews]
        self.tokenizer = tokenizer
        self.augmented = augmented
        self.rng = random.Random(seed)
        self.input_ids = [tokenizer.windows(ids)[0] for ids in tokenizer.encode(self.texts)]
        self.targets: Targets = encode_labels(taxonomy, [review.labels for review in reviews])

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "input_ids": self._read(index),
            "values": self.targets.values[index],
            "mask": self.targets.mask[index],
            "main": self.targets.main[index],
        }

    def _read(self, index: int) -> list[int]:
        text = augment(self.texts[index], self.augmented, self.rng)
        if text == self.texts[index]:
            return self.input_ids[index]
        return self.tokenizer.windows(self.tokenizer.encode([text])[0])[0]


@dataclass(frozen=True)
class Collator:
    """Pads a batch, and hides some of its tokens so that the network does not lean on single words."""

    pad_id: int
    mask_id: int
    token_dropout: float

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch of rows of the dataset."""
        batch = pad([row["input_ids"] for row in rows], self.pad_id)
        ids, attention = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
        hide = torch.rand(ids.shape) < self.token_dropout
        hide[:, 0] = False  # the first token marks the beginning
        stacked = {key: torch.stack([torch.as_tensor(row[key]) for row in rows]) for key in ("values", "mask", "main")}
        return {
            "input_ids": torch.where(hide & attention.bool(), self.mask_id, ids),
            "attention_mask": attention,
            **stacked,
        }
