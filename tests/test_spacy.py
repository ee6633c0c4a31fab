"""The spaCy component: labels, evidence as spans, batches, other processes, and saved pipelines."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import MANIFEST_FILE, copy_bundle
from cxnlp.errors import BundleError
from cxnlp.inference.evidence import find_evidence
from cxnlp.taxonomy import load_taxonomy

pytest.importorskip("spacy", reason="needs spaCy")

import spacy
from spacy.tokens import Doc

from cxnlp.integrations import spacy as door

TEXTS = ["Leveringen var elendig.", "", "Appen var helt topp. Betjeningen var elendig!", "  ", "The app was lovely"] * 3
ENTRY = "[spacy_factories]\ncxnlp = cxnlp.integrations.spacy:make_component\n"


@pytest.fixture(scope="module")
def nlp(tiny_bundle: Path) -> Any:
    return pipeline(tiny_bundle)


def pipeline(bundle: Path, **config: Any) -> Any:
    made = spacy.blank("nb")
    made.add_pipe("cxnlp", config={"model": str(bundle), "threads": 1, **config})
    return made


def test_labels_are_those_of_the_tagger(nlp: Any, tiny_bundle: Path) -> None:
    text = TEXTS[2]
    tagger = Tagger.load(tiny_bundle)
    (expected,) = tagger.tag([text], declared=["no"])
    doc = nlp(text)
    record = doc._.cxnlp
    assert {key: value for key, value in record.items() if key != "evidence"} == expected.as_record()
    assert list(doc.cats) == list(load_taxonomy().logit_names)
    assert doc.cats["sentiment=positive"] == round(expected.probabilities["sentiment"]["positive"], 4)
    assert doc.cats["touchpoints=app"] == round(expected.probabilities["touchpoints"]["app"], 4)
    assert doc.cats["touchpoints=app:negative"] == round(expected.probabilities["polarity"]["app:negative"], 4)


def test_evidence_is_spans(nlp: Any, tiny_bundle: Path) -> None:
    tagger = Tagger.load(tiny_bundle)
    texts = [text for text in TEXTS if text.strip()] + ["Jakken var helt topp!Leveringen var elendig."]
    predictions = tagger.tag(texts, declared=["no"] * len(texts))
    seen = 0
    for doc, prediction, found in zip(
        nlp.pipe(texts), predictions, find_evidence(tagger, texts, predictions), strict=True
    ):
        spans = doc.spans["cxnlp"]
        assert [span.label_ for span in spans] == [f"{k}:{v}" for k, v in prediction.touchpoints.items()]
        for span, one in zip(spans, found, strict=True):
            # A token without a space between two sentences belongs to both.
            assert one.sentence in span.text
            assert span.text == one.sentence or "!L" in doc.text
        seen += len(spans)
        assert [one["label"] for one in doc._.cxnlp["evidence"]] == list(prediction.touchpoints)
    assert seen > 3
    without = pipeline(tiny_bundle, evidence=False)(TEXTS[2])
    assert "cxnlp" not in without.spans
    assert "evidence" not in without._.cxnlp
    named = pipeline(tiny_bundle, spans_key="sc")(TEXTS[2])
    assert len(named.spans["sc"]) == len(nlp(TEXTS[2]).spans["cxnlp"])


def test_nothing_to_read_has_a_record_without_labels(nlp: Any) -> None:
    doc = nlp("  ")
    assert doc._.cxnlp["flags"] == ["empty"]
    assert doc._.cxnlp["sentiment"] is None
    assert doc.cats == {}
    assert list(doc.spans["cxnlp"]) == []


def test_docs_come_in_batches_and_in_order(nlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    tag = Tagger.tag
    monkeypatch.setattr(Tagger, "tag", lambda self, texts, **o: (sizes.append(len(texts)), tag(self, texts, **o))[1])
    docs = list(nlp.pipe(((text, number) for number, text in enumerate(TEXTS)), as_tuples=True, batch_size=10))
    assert [(doc.text, number) for doc, number in docs] == [(text, number) for number, text in enumerate(TEXTS)]
    assert [doc._.cxnlp["sentiment"] for doc, _ in docs] == [nlp(text)._.cxnlp["sentiment"] for text in TEXTS]
    assert sizes[:2] == [5, 5]  # of ten Docs and of five, each text once


def test_a_failing_text_costs_no_other(nlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = Tagger.tag

    def failing(self: Tagger, texts: Any, **options: Any) -> Any:
        if TEXTS[0] in texts:
            raise RuntimeError("cannot")
        return tag(self, texts, **options)

    monkeypatch.setattr(Tagger, "tag", failing)
    docs = list(nlp.pipe(TEXTS[:3]))
    assert [doc._.cxnlp["flags"] for doc in docs][:2] == [["not_scored"], ["empty"]]
    assert docs[2]._.cxnlp["sentiment"]


def test_docs_survive_their_bytes(nlp: Any) -> None:
    doc = nlp(TEXTS[2])
    again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert again._.cxnlp == doc._.cxnlp
    assert again.cats == doc.cats
    assert [(s.start, s.end, s.label_) for s in again.spans["cxnlp"]] == [
        (s.start, s.end, s.label_) for s in doc.spans["cxnlp"]
    ]


@pytest.mark.skipif(multiprocessing.get_start_method() not in ("fork", "forkserver"), reason="shown by a script below")
def test_several_processes_after_this_one_has_scored(nlp: Any) -> None:
    expected = [doc._.cxnlp for doc in nlp.pipe(TEXTS)]
    docs = list(nlp.pipe(TEXTS, n_process=2, batch_size=4))
    assert [doc._.cxnlp for doc in docs] == expected
    assert [len(doc.cats) for doc in docs] == [83 if text.strip() else 0 for text in TEXTS]


def test_several_processes_that_are_spawned(tiny_bundle: Path, tmp_path: Path) -> None:
    script = tmp_path / "spawned.py"
    script.write_text(
        f"""
import multiprocessing, spacy
import cxnlp.integrations.spacy
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    nlp = spacy.blank("nb")
    nlp.add_pipe("cxnlp", config={{"model": {str(tiny_bundle)!r}, "threads": 1, "evidence": False}})
    texts = {TEXTS[:3]!r}
    print([d._.cxnlp for d in nlp.pipe(texts, n_process=2, batch_size=2)] == [nlp(t)._.cxnlp for t in texts])
""",
        "utf-8",
    )
    done = run(str(script))
    assert done.stdout.strip() == "True", done.stderr


def test_a_saved_pipeline_carries_its_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    copy_bundle(tiny_bundle, tmp_path / "mine")
    made = pipeline(tmp_path / "mine")
    expected = made(TEXTS[0])._.cxnlp
    made.to_disk(tmp_path / "saved")
    (tmp_path / "mine").rename(tmp_path / "gone")
    (tmp_path / "saved").rename(tmp_path / "moved")
    again = spacy.load(tmp_path / "moved")
    assert again(TEXTS[0])._.cxnlp == expected
    again.to_disk(tmp_path / "moved")  # over itself
    again.to_disk(tmp_path / "twice")
    assert spacy.load(tmp_path / "twice")(TEXTS[0])._.cxnlp == expected


def test_bytes_say_which_model_and_hold_none(nlp: Any, tiny_bundle: Path) -> None:
    data = nlp.to_bytes()
    again = spacy.blank("nb")
    again.add_pipe("cxnlp", config={"model": str(tiny_bundle)})
    again.from_bytes(data)
    assert again(TEXTS[0])._.cxnlp == nlp(TEXTS[0])._.cxnlp
    assert len(nlp.get_pipe("cxnlp").to_bytes()) < 200


def test_another_model_than_the_saved_one_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    pipeline(tiny_bundle).to_disk(tmp_path / "saved")
    settings = tmp_path / "saved" / "cxnlp" / "cxnlp.json"
    settings.write_text(json.dumps({"digest": "0" * 64}), "utf-8")
    with pytest.raises(BundleError, match="another model than the pipeline was saved with"):
        spacy.load(tmp_path / "saved")(TEXTS[0])


def test_the_shipped_model_is_not_copied(tmp_path: Path) -> None:
    made = spacy.blank("da")
    made.add_pipe("cxnlp")
    made.to_disk(tmp_path / "saved")
    assert [path.name for path in (tmp_path / "saved" / "cxnlp").iterdir()] == ["cxnlp.json"]
    assert spacy.load(tmp_path / "saved")("Fin")._.cxnlp == made("Fin")._.cxnlp


def test_a_bundle_saved_there_before_is_not_taken_for_the_shipped_model(tiny_bundle: Path, tmp_path: Path) -> None:
    pipeline(tiny_bundle).to_disk(tmp_path / "saved")
    made = spacy.blank("da")
    made.add_pipe("cxnlp")
    made.to_disk(tmp_path / "saved")
    assert spacy.load(tmp_path / "saved")("Fin")._.cxnlp == made("Fin")._.cxnlp


def test_the_model_is_loaded_when_it_is_needed(tmp_path: Path) -> None:
    made = pipeline(tmp_path / "none")
    with pytest.raises(BundleError, match="not a bundle"):
        made("Fin")
    assert not (tmp_path / "none" / MANIFEST_FILE).exists()


@pytest.mark.parametrize("language, declared", [("nb", "no"), ("da", "da"), ("sv", "sv"), ("en", "en"), ("xx", "")])
def test_the_pipelines_language_is_a_declared_one(language: str, declared: str) -> None:
    component = door.make_component(spacy.blank(language), "cxnlp", None, "onnx", "auto", 1, False, "cxnlp")
    assert component.language == declared


def test_spacy_finds_it_by_its_entry_point(tiny_bundle: Path, tmp_path: Path) -> None:
    info = tmp_path / "installed-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 0.1\n", "utf-8")
    (info / "entry_points.txt").write_text(ENTRY, "utf-8")
    script = tmp_path / "found.py"
    script.write_text(
        f"""
import spacy
nlp = spacy.blank("sv")
nlp.add_pipe("cxnlp", config={{"model": {str(tiny_bundle)!r}, "evidence": False}})
print(nlp("Appen var underbart bra")._.cxnlp["sentiment"] in ("negative", "neutral", "positive", "mixed"))
""",
        "utf-8",
    )
    assert run(str(script)).stdout.strip() == "True"  # its folder, in which the entry point lies, is on the path


def test_what_is_not_installed_is_explained() -> None:
    done = run("-c", "import sys; sys.modules['spacy.language'] = None\nimport cxnlp.integrations.spacy")
    assert 'needs spacy, which is not installed: pip install "cxnlp[spacy]"' in done.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=tiny.environment(), capture_output=True, encoding="utf-8", timeout=240
    )
