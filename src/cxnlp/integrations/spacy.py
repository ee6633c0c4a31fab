"""A component of spaCy pipelines: ``nlp.add_pipe("cxnlp")`` gives each Doc its labels, and evidence as spans."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cxnlp.bundle import copy_bundle, digest_of, is_bundle, read_manifest, shipped_bundle
from cxnlp.data.rows import Row
from cxnlp.data.write import AtomicText
from cxnlp.errors import BundleError, ExtraError
from cxnlp.inference.failures import Failures
from cxnlp.inference.hooks import make_hooks
from cxnlp.inference.labelling import ChunkLabeller
from cxnlp.inference.prediction import Prediction, record_keys
from cxnlp.inference.shared import shared_tagger
from cxnlp.inference.tagger import Tagger
from cxnlp.taxonomy import Taxonomy
from cxnlp.text.declared import language_of

try:
    from spacy.language import Language
    from spacy.tokens import Doc, Span
    from spacy.util import minibatch
except ImportError as error:
    raise ExtraError("cxnlp.integrations.spacy", "spacy", "spacy") from error

NAME = "cxnlp"
_SETTINGS, _BUNDLE = "cxnlp.json", "bundle"


@dataclass
class CxComponent:
    """Labels Docs with a bundle, which is loaded when the first Doc comes.

    ``doc.cats`` gets the probability of every label under its full name (``sentiment=positive``, ``touchpoints=app``,
    ``touchpoints=app:negative``); ``doc._.cxnlp`` the record of the prediction, as a line of a scored file has it;
    ``doc.spans[spans_key]`` the sentence behind each touchpoint, with a label such as ``app:negative``. A Doc without
    anything to read gets a record with empty labels, and no cats.
    """

    name: str = NAME
    model: str | None = None
    """The folder of a bundle; None: the shipped model."""
    backend: str = "onnx"
    device: str = "auto"
    threads: int = 0
    evidence: bool = True
    """Whether to find spans; without them it takes about half the time."""
    spans_key: str = NAME
    language: str = ""
    """What the pipeline says its texts are in, for those too short to tell."""
    digest: str = ""
    """Of the model that the pipeline was saved with; empty before."""
    carried: Path | None = field(default=None, repr=False)
    """The copy of the bundle that lies in a saved pipeline."""
    _failures: Failures = field(default_factory=Failures, init=False, repr=False, compare=False)
    """Of all calls. Predictions are not kept beyond a call, so that a text which failed once is tried again."""

    def __call__(self, doc: Doc) -> Doc:
        """Label one Doc."""
        self._label([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Label Docs, ``batch_size`` at a time, and yield them in order.

        Raises:
            BundleError: the bundle cannot be used, or is another one than the pipeline was saved with.
            BackendError: the back end is not available here, or fails on text after text.
        """
        for docs in minibatch(stream, size=batch_size):
            self._label(docs)
            yield from docs

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save into the folder of a pipeline; a bundle of your own is copied there, the shipped model is not.

        Raises:
            BundleError: the bundle cannot be read, or its copy not be written.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        with AtomicText(folder / _SETTINGS) as file:
            file.write(self._saved())
        target = folder / _BUNDLE
        if self.model is None and self.carried is None and is_bundle(target):
            shutil.rmtree(target)  # of a pipeline that was saved here before
        elif self.model is not None and target.resolve() != self._folder().resolve():
            copy_bundle(self._folder(), target)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> CxComponent:
        """Take what ``to_disk`` saved."""
        folder = Path(path)
        self._take((folder / _SETTINGS).read_text("utf-8"))
        self.carried = folder / _BUNDLE if is_bundle(folder / _BUNDLE) else None
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Give which model it is; of the model itself nothing."""
        return self._saved().encode()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> CxComponent:
        """Take what ``to_bytes`` gave; the bundle must lie here under the same name."""
        self._take(data.decode())
        return self

    def _folder(self) -> Path:
        if self.carried is not None:
            return self.carried
        return shipped_bundle() if self.model is None else Path(self.model)

    def _saved(self) -> str:
        return json.dumps({"digest": self.digest or _digest(self._folder())}) + "\n"

    def _take(self, text: str) -> None:
        self.digest = json.loads(text)["digest"]

    def _tagger(self) -> Tagger:
        folder = self._folder()
        tagger = shared_tagger(folder, self.backend, self.device, self.threads)
        if self.digest and tagger.manifest and digest_of(asdict(tagger.manifest)) != self.digest:
            raise BundleError(
                f"{folder}: another model than the pipeline was saved with; put that one there, or make a new pipeline"
            )
        return tagger

    def _label(self, docs: Sequence[Doc]) -> None:
        tagger = self._tagger()
        hooks = make_hooks(tagger, evidence=self.evidence)
        labels = ChunkLabeller(tagger, hooks, self._failures)
        rows = [Row(number, {}, doc.text, language=self.language) for number, doc in enumerate(docs, 1)]
        packed = labels.label(labels.prepare(rows), lambda n: None)
        for doc, found, (prediction, flags) in zip(docs, packed, labels.results(rows, packed), strict=True):
            noted = json.loads(found.noted) if found and found.noted else []
            doc._.set(NAME, _record(tagger.taxonomy, prediction, flags))
            if self.evidence:
                doc._.cxnlp["evidence"] = hooks.noter.record(doc.text, noted) if hooks.noter else []
                doc.spans[self.spans_key] = _spans(doc, tagger.taxonomy, prediction, noted)
            if prediction is not None and not prediction.empty:
                doc.cats |= _cats(tagger.taxonomy, prediction)


def _digest(folder: Path) -> str:
    return digest_of(asdict(read_manifest(folder)))


def _record(taxonomy: Taxonomy, prediction: Prediction | None, flags: Sequence[str]) -> dict[str, Any]:
    record = dict.fromkeys(record_keys(taxonomy)) if prediction is None else prediction.as_record()
    return record | {"flags": list(flags)}


def _cats(taxonomy: Taxonomy, prediction: Prediction) -> dict[str, float]:
    found = (p for facet in taxonomy.facets for p in prediction.probabilities[facet.name].values())
    return dict(zip(taxonomy.logit_names, found, strict=True))


def _spans(doc: Doc, taxonomy: Taxonomy, prediction: Prediction | None, noted: Sequence[Sequence[Any]]) -> list[Span]:
    """Give the sentences of ``noted``, which is in the order of the labels that have a polarity."""
    values = [prediction.labels[facet] for facet in taxonomy.polarity_of] if prediction else []
    polarities = [polarity for value in values if isinstance(value, Mapping) for polarity in value.values()]
    return [
        doc.char_span(start, end, label=f"{label}:{polarity}", alignment_mode="expand")
        for (label, start, end, _), polarity in zip(noted, polarities, strict=False)
    ]


@Language.factory(  # type: ignore[untyped-decorator]
    NAME,
    default_config={
        "model": None, "backend": "onnx", "device": "auto", "threads": 0, "evidence": True, "spans_key": NAME,
    },
    assigns=["doc.cats", "doc._.cxnlp", "doc.spans"],
)  # fmt: skip
def make_component(
    nlp: Language,
    name: str,
    model: str | None,
    backend: str,
    device: str,
    threads: int,
    evidence: bool,
    spans_key: str,
) -> CxComponent:
    """Make the component of a pipeline's config."""
    declared = language_of(nlp.lang)  # xx, of no one language, is none
    return CxComponent(name, model, backend, device, threads, evidence, spans_key, declared)


# The record and not the Prediction: a Doc must survive its own to_bytes, also on the way between processes.
if not Doc.has_extension(NAME):
    Doc.set_extension(NAME, default=None)
