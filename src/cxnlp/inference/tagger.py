"""The one way from texts to predictions; training, evaluation and scoring all use it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxnlp.bundle import Manifest, digest_of
from cxnlp.errors import ArgumentTypeError, kind_of
from cxnlp.inference.arguments import check_choice, check_progress
from cxnlp.inference.backend import Backend, Floats
from cxnlp.inference.prediction import EMPTY, NEEDS_REVIEW, OTHER_LANGUAGE, TRUNCATED, Prediction
from cxnlp.inference.windows import join_windows
from cxnlp.taxonomy import (
    Cutoffs,
    Scaling,
    Taxonomy,
    Thresholds,
    decide,
    first_labels,
    probabilities,
    scale_probabilities,
    uncertain,
)  # fmt: skip
from cxnlp.text import UNKNOWN, TextTokenizer, batches, clean, identify_languages

if TYPE_CHECKING:
    from cxnlp.inference.frames import Frame

# Windows scored of one text: with 256 tokens each, some 30,000 characters.
MAX_WINDOWS = 32


class Tagger:
    """Scores reviews. Safe to use from several threads.

    Between processes only the path and options of its bundle go, so it can be given to workers that are started with
    ``spawn``: each loads the bundle once, and refuses another model that has taken its place.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        tokenizer: TextTokenizer,
        backend: Backend,
        cutoffs: Cutoffs,
        manifest: Manifest | None = None,
        scaling: Scaling | None = None,
        again: Callable[[str], Tagger] | None = None,
        careful: bool = False,
    ) -> None:
        self.taxonomy = taxonomy
        self.tokenizer = tokenizer
        self.backend = backend
        self.cutoffs = cutoffs
        self.manifest = manifest
        self.scaling: Scaling = scaling or {}
        self.careful = careful
        self._again = again

    def __repr__(self) -> str:
        """Name the model and what computes it."""
        careful = ", careful" if self.careful else ""
        return f"Tagger({self.manifest.name if self.manifest else 'no bundle'}, {self.backend!r}{careful})"

    def __reduce__(self) -> tuple[Callable[[str], Tagger], tuple[str]]:
        """Go to another process as the path and options it was loaded with; there the bundle is loaded and checked.

        Raises:
            ArgumentTypeError: it was not loaded from a bundle.
        """
        if self._again is None:
            raise ArgumentTypeError(
                "this Tagger was not made by Tagger.load, and cannot be sent to another process or copied; write a "
                "bundle, and call Tagger.load in each process"
            )
        return self._again, (self.fingerprint,)

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        backend: str = "onnx",
        device: str = "auto",
        threads: int = 0,
        min_precision: float | None = None,
        careful: bool = False,
    ) -> Tagger:
        """Load a bundle, or without a path the shipped model, and check it.

        ``backend`` is ``onnx`` (CPU) or ``torch``; ``device`` is ``auto``, ``cpu`` or ``cuda``. ``threads`` is how many
        the network may use on a CPU, 0 for as many as there are cores. With ``min_precision``, such as 0.9, labels of
        touchpoints and phases are given only where they are right that often on the development reviews, and reviews
        whose sentiment or main phase is less certain are flagged ``needs_review``. ``careful`` reads each review three
        times, which is better and takes three times as long.

        Raises:
            SettingsError: the model has no cutoffs for that precision, or learnt none for careful reading.
            ExtraError: spaCy is not installed, and ``careful`` needs it.
            BundleError: the bundle is missing, incomplete, altered, of a newer format, or a file and no folder.
            ArgumentTypeError: ``path`` is no path, or ``threads`` no whole number.
            BackendError: the back end or the device is not available here.
        """
        from cxnlp.inference.load import load_tagger

        return load_tagger(path, backend, device, threads, min_precision, careful)

    @property
    def fingerprint(self) -> str:
        """The same for two taggers only if they give the same labels: model and engine, by hash and name."""
        digest = digest_of(asdict(self.manifest)) if self.manifest else "unnamed"
        careful = " careful" if self.careful else ""
        return f"{type(self.backend).__name__} {digest} {digest_of(asdict(self.cutoffs))}{careful}"

    @property
    def thresholds(self) -> Thresholds:
        """The probability from which each label is given."""
        return self.cutoffs.thresholds

    def tag(
        self,
        texts: Sequence[str],
        *,
        languages: bool = True,
        declared: Sequence[str | None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Prediction]:
        """Give one prediction per text, in order.

        ``languages=False`` leaves out the identification of languages; ``declared`` are the languages that their file
        says (one code a text, empty or None where unknown), for texts too short to tell; ``progress`` is called with
        the number of texts finished since the last call.

        Raises:
            ArgumentTypeError: ``texts`` is a single string, or holds something that is neither str nor None; or another
                argument is of another type.
            ArgumentValueError: ``declared`` has another length than ``texts``.
        """
        check_choice("languages", languages, "; the languages of the texts go into declared=")
        check_progress(progress)
        texts = _texts(texts)
        codes = [""] * len(texts)
        if languages and texts:
            codes = identify_languages(texts, declared, languages=self.taxonomy.languages)
        probs, truncated = self._probabilities(texts, progress)
        decided = decide(self.taxonomy, probs, self.cutoffs)
        doubtful = uncertain(self.taxonomy, probs, self.cutoffs)
        first = self.taxonomy.answers[0]
        sure = first_labels(first, probs[:, self.taxonomy.slices[first.name]], self.cutoffs)[1]
        return [
            Prediction(
                self.taxonomy,
                decided[row],
                self._named(probs[row]),
                float(sure[row]),
                self._flags(texts[row], codes[row], row in truncated, bool(doubtful[row])),
                codes[row],
            )
            for row in range(len(texts))
        ]

    def tag_frame(
        self,
        frame: Frame,
        text: Hashable,
        *,
        title: Hashable = None,
        rating: Hashable = None,
        language: Hashable = None,
        evidence: bool = False,
        mask_pii: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Frame:
        """Give a frame of pandas or Polars with the columns that ``cxnlp score`` adds; see ``inference/frames.py``.

        ``text`` names the column of the texts, the next three the columns of titles, ratings and declared languages
        (None: found as ``cxnlp score`` finds them; ``""``: there is none). Index, order and other columns stay.

        Raises:
            ArgumentTypeError: ``frame`` is neither kind of frame, or another argument is of another type.
            DataError: there is no column of a name given, or several.
            ExtraError: a package that ``evidence`` or ``mask_pii`` needs is not installed.
            BackendError: the model fails on text after text.
        """
        from cxnlp.inference.frames import tag_frame

        return tag_frame(
            self, frame, text, title=title, rating=rating, language=language, evidence=evidence, mask_pii=mask_pii,
            progress=progress,
        )  # fmt: skip

    def probabilities(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Floats:
        """Give the probabilities of every label, (n, l) in the order of ``taxonomy.logit_names``."""
        check_progress(progress)
        return self._probabilities(_texts(texts), progress)[0]

    def _probabilities(self, texts: Sequence[str], progress: Callable[[int], None] | None) -> tuple[Floats, set[int]]:
        if self.careful:
            from cxnlp.inference.careful import join_readings, readings

            read = readings(texts)
            probs, truncated = self._read(read.texts, read.owners, progress)
            probs = join_readings(self.taxonomy, probs, read)
        else:
            probs, truncated = self._read(texts, np.arange(len(texts)), progress)
        return scale_probabilities(self.taxonomy, probs, self.scaling), truncated

    def _read(
        self, texts: Sequence[str], reviews: npt.NDArray[np.int64], progress: Callable[[int], None] | None
    ) -> tuple[Floats, set[int]]:
        """Give the network's probabilities (m, l) of m texts, and which have more windows than are read.

        ``reviews`` (m,) is the review of each text; one counts as finished when all its texts are.
        """
        windows: list[list[int]] = []
        owners: list[int] = []
        truncated: set[int] = set()
        for row, ids in enumerate(self.tokenizer.encode(texts)):
            cut = self.tokenizer.windows(ids)
            if len(cut) > MAX_WINDOWS:
                truncated.add(row)
            windows += cut[:MAX_WINDOWS]
            owners += [row] * len(cut[:MAX_WINDOWS])
        of = reviews[np.array(owners, np.int64)]  # (windows,)
        left = np.bincount(of)
        logits = np.zeros((len(windows), self.taxonomy.n_logits), np.float32)
        engine = self.backend
        limits = engine.max_batch_tokens, engine.max_batch_rows
        made = batches(windows, self.tokenizer.pad_id, *limits, padded=engine.pads)
        for batch, found in engine.logits_many(made):
            logits[batch.rows] = found
            if progress:
                np.subtract.at(left, rows := of[batch.rows], 1)
                progress(int((left[np.unique(rows)] == 0).sum()))
        probs = probabilities(self.taxonomy, logits)
        lengths = np.array([len(window) for window in windows], np.float32)
        return join_windows(self.taxonomy, probs, np.array(owners, np.int64), lengths, len(texts)), truncated

    def _named(self, row: Floats) -> dict[str, dict[str, float]]:
        named: dict[str, dict[str, float]] = {}
        for facet in self.taxonomy.facets:
            names = self.taxonomy.logit_names[self.taxonomy.slices[facet.name]]
            values = row[self.taxonomy.slices[facet.name]]
            named[facet.name] = {name.split("=", 1)[1]: float(p) for name, p in zip(names, values, strict=True)}
        return named

    def _flags(self, text: str, language: str, truncated: bool, doubtful: bool) -> tuple[str, ...]:
        flags = []
        if not clean(text):
            flags.append(EMPTY)
        elif doubtful:
            flags.append(NEEDS_REVIEW)
        if self.taxonomy.languages and language not in ("", UNKNOWN, *self.taxonomy.languages):
            flags.append(OTHER_LANGUAGE)
        if truncated:
            flags.append(TRUNCATED)
        return tuple(flags)


def _texts(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str | bytes):
        raise ArgumentTypeError(f"texts is one {type(texts).__name__}, expected a list of texts; put it in brackets")
    if isinstance(texts, set | frozenset | dict) or not isinstance(texts, Iterable):
        raise ArgumentTypeError(
            f"texts is of type {type(texts).__name__}, expected a list of texts, in the order of answers"
        )
    return [_text(text) for text in texts]


def _text(text: object) -> str:
    if text is None:
        return ""
    if not isinstance(text, str):
        raise ArgumentTypeError(f"a text is {kind_of(text)}, expected str (or None for an empty one)")
    return text
