"""`cxnlp benchmark`: what is divided, counted and kept; on small files of the same form, with texts of our own."""

from __future__ import annotations

import csv
import json
import runpy
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp.benchmark.encoder import note_encoder
from cxnlp.benchmark.flat import flat_taxonomy, flatten, nest
from cxnlp.benchmark.read import read_divided
from cxnlp.benchmark.results import summary
from cxnlp.benchmark.run import Options, _figures, run_benchmark
from cxnlp.benchmark.spec import NAMES, load_benchmark, load_labels
from cxnlp.cli import benchmark as command
from cxnlp.cli.main import main
from cxnlp.data import Review
from cxnlp.errors import DataError, EncoderError, SettingsError
from cxnlp.evaluation import scores
from cxnlp.model.encoder import save_encoder

SEATS = ["Kaffet", "Brödet", "Soppan", "Stolen", "Lampan", "Kudden", "Cykeln", "Boken", "Filten", "Kannan"]
WORDS = {"positive": ["smakade underbart", "är en pärla"], "negative": ["gick sönder", "luktade illa"]}


def swedish() -> list[tuple[str, str]]:
    """Forty reviews, praise and blame in turn."""
    pairs = [(f"{seat} {words}.", label) for seat in SEATS for both in zip(*WORDS.values(), strict=True)
             for words, label in zip(both, WORDS, strict=True)]  # fmt: skip
    return [(text, label) for text, label in pairs]


def write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set of Swedish reviews, and an encoder that reads 256 tokens."""
    home = tmp_path_factory.mktemp("benchmark")
    rows = swedish()
    write_csv(home / "sentiment-sv-small.csv", ["text", "sentiment"], rows)
    tokenizer = tiny.tiny_tokenizer([text for text, _ in rows])
    save_encoder(tiny.tiny_encoder(tokenizer, positions=256), tokenizer, home / "encoder")
    return home


def arguments(home: Path, output: Path, *more: str) -> list[str]:
    fixed = ["benchmark", "swedish_sentiment", "--data", str(home), "--encoder", str(home / "encoder")]
    return [*fixed, "--epochs", "2", "--learning-rate", "1e-3", "--batch-size", "8", "--output", str(output), *more]


def quick(home: Path) -> Options:
    return Options(encoder=str(home / "encoder"), seeds=1, epochs=2, learning_rate=1e-3, batch_size=8)


# What comes with the package


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_names_only_what_there_is(name: str) -> None:
    benchmark = load_benchmark(name)
    taxonomy = load_labels(benchmark)
    titles = {figure.title for figure in benchmark.figures}
    assert all(set(one.values) <= titles and one.part in ("", *benchmark.files) for one in benchmark.published)
    assert set(benchmark.labels.values()) <= set(taxonomy.answers[0].labels)
    first = {facet.name: facet.labels[0] if facet.kind == "one_of" else {facet.labels[0]: taxonomy.facets[1].labels[0]}
             for facet in taxonomy.answers}  # fmt: skip
    review = Review("1", "x", "", first)
    assert benchmark.training.metric in scores(taxonomy, [review], [first])
    flat = flat_taxonomy(taxonomy)
    known = scores(flat, [Review("1", "x", "", flatten(taxonomy, first))], [flatten(taxonomy, first)])
    assert {f"{figure.facet}/{figure.figure}" for figure in benchmark.figures} <= set(known)
    assert set(benchmark.training.loss_weights) <= {facet.name for facet in taxonomy.facets}


def test_the_command_knows_the_benchmarks() -> None:
    assert command._NAMES == NAMES
    with pytest.raises(SettingsError, match=r"no benchmark 'fabs', expected one of .*; did you mean 'fabsa'"):
        load_benchmark("fabs")


# Reading and dividing


def test_rows_are_divided_by_their_order_and_held_out_texts_are_not_learnt(tmp_path: Path) -> None:
    rows = swedish()
    rows[1] = rows[30]  # a training text that is tested on
    path = write_csv(tmp_path / "sentiment-sv-small.csv", ["text", "sentiment"], rows)
    benchmark = load_benchmark("swedish_sentiment")
    taxonomy = load_labels(benchmark)
    for data in (tmp_path, path):
        found = read_divided(benchmark, taxonomy, data, "sv")
        assert [review.text for review in found.test] == [text for text, _ in rows[30:]]
        assert [review.labels["sentiment"] for review in found.test] == [label for _, label in rows[30:]]
        assert sum(found.left_out.values()) == 1
        assert len(found.train) + len(found.dev) == 29
        texts = [{review.text for review in part} for part in (found.train, found.dev, found.test)]
        assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])


def test_norec_keeps_its_files_and_what_is_held_out_is_left_out(tmp_path: Path) -> None:
    texts = {"train": ["Fin film", "Svak slutt", "Helt greit", "Topp lyd"], "dev": ["Svak slutt", "Topp bilde", "Bra"],
             "test": ["Bra", "Fin film"]}  # fmt: skip
    for split, some in texts.items():
        records = [{"sent_id": f"{split}-{i}", "text": text, "label": "Positive"} for i, text in enumerate(some)]
        (tmp_path / f"{split}.json").write_text(json.dumps(records), "utf-8")
    benchmark = load_benchmark("norec_sentence")
    found = read_divided(benchmark, load_labels(benchmark), tmp_path, "no")
    assert [review.text for review in found.train] == ["Helt greit", "Topp lyd"]
    assert [review.text for review in found.dev] == ["Svak slutt", "Topp bilde"]
    assert [review.text for review in found.test] == ["Bra", "Fin film"]
    assert found.left_out == {"train": 2, "dev": 1}


def fabsa_file(folder: Path, rows: Sequence[tuple[str, list[str]]]) -> Path:
    head = ["id", "text", "labels", "org_index", "industry", "data_source"]
    cells = [[i, text, str(labels), 1, "x", "y"] for i, (text, labels) in enumerate(rows)]
    return write_csv(folder / "fabsa.csv", head, cells)


def test_fabsa_is_divided_by_the_text_and_keeps_both_polarities(tmp_path: Path) -> None:
    twice = ["value.price-value-for-money.1", "value.price-value-for-money.-1", "staff-support.phone.0"]
    fabsa_file(tmp_path, [(f"The kettle no. {i} was fine.", twice) for i in range(200)])
    benchmark = load_benchmark("fabsa")
    taxonomy = load_labels(benchmark)
    found = read_divided(benchmark, taxonomy, tmp_path, "en")
    assert (len(found.train), len(found.dev), len(found.test)) == pytest.approx((150, 20, 30), abs=15)
    labels = found.train[0].labels
    assert labels["aspects"] == ("value.price-value-for-money", "staff-support.phone")
    assert labels["aspects_pairs"] == (
        "value.price-value-for-money/positive", "value.price-value-for-money/negative", "staff-support.phone/neutral",
    )  # fmt: skip
    nested = nest(taxonomy, labels)
    assert nested == {"aspects": {"value.price-value-for-money": "", "staff-support.phone": "neutral"}}
    assert flatten(taxonomy, nested)["aspects_pairs"] == ("staff-support.phone/neutral",)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("['staff-support.phon.1']", "did you mean 'staff-support.phone'"),
        ("['staff-support.phone.2']", "polarities are -1, 0 and 1"),
        ("__import__('os')", "labels are no list"),
        ("[1]", "labels are no list"),
    ],
)
def test_labels_of_fabsa_that_cannot_be_read(tmp_path: Path, labels: str, words: str) -> None:
    write_csv(tmp_path / "fabsa.csv", ["text", "labels"], [["A kettle.", labels]])
    benchmark = load_benchmark("fabsa")
    with pytest.raises(DataError, match=f"fabsa.csv, row 1: .*{words}"):
        read_divided(benchmark, load_labels(benchmark), tmp_path, "en")


@pytest.mark.parametrize(
    ("head", "row", "words"),
    [
        (["text", "label"], ["Bra", "positive"], "no column 'sentiment'; it has: text, label"),
        (["text", "sentiment"], ["Bra", "good"], "row 1: label 'good', expected one of negative, positive"),
        (["text", "sentiment"], ["Bra"], "row 1: too few cells; expected 2"),
        (["text", "sentiment"], ["Bra", "positive"], "nothing is left for train"),
    ],
)
def test_rows_that_cannot_be_read(tmp_path: Path, head: list[str], row: list[str], words: str) -> None:
    write_csv(tmp_path / "sentiment-sv-small.csv", head, [row])
    benchmark = load_benchmark("swedish_sentiment")
    with pytest.raises(DataError, match=words):
        read_divided(benchmark, load_labels(benchmark), tmp_path, "sv")
    with pytest.raises(DataError, match=r"cannot be read .*--data"):
        read_divided(benchmark, load_labels(benchmark), tmp_path / "none", "sv")


# Figures


def test_figures_counted_by_hand() -> None:
    """Aspects: gold phone; phone email; speed. Found phone; phone speed; nothing. Hits 2, found 3, gold 4.

    micro-F1 2 × 2 / 7; F1 of phone 1, email 0, speed 0, so macro 1 / 3. Pairs, with phone praised and blamed in the
    second: gold phone+; phone+ phone- email-; speed+. Found phone+; phone- speed-; nothing. Hits 2, found 3, gold 5:
    micro-F1 4 / 8. phone+ 2 / 3 (1 hit, 1 found, 2 gold), phone- 1, email- 0, speed+ 0: macro (5 / 3) / 4.
    """
    benchmark = load_benchmark("fabsa")
    taxonomy = load_labels(benchmark)
    phone, email, speed = "staff-support.phone", "staff-support.email", "logistics-rides.speed"
    gold = [
        {"aspects": (phone,), "aspects_pairs": (f"{phone}/positive",)},
        {"aspects": (phone, email), "aspects_pairs": (f"{phone}/positive", f"{phone}/negative", f"{email}/negative")},
        {"aspects": (speed,), "aspects_pairs": (f"{speed}/positive",)},
    ]
    found = [{"aspects": {phone: "positive"}}, {"aspects": {phone: "negative", speed: "negative"}}, {"aspects": {}}]
    test = [Review(str(i), "x", "en", labels) for i, labels in enumerate(gold)]
    figures = _figures(benchmark, flat_taxonomy(taxonomy), test, [flatten(taxonomy, one) for one in found])
    expected = {"aspects micro-F1": 4 / 7, "aspects macro-F1": 1 / 3, "pairs micro-F1": 1 / 2, "pairs macro-F1": 5 / 12}
    assert {title: one["value"] for title, one in figures.items()} == pytest.approx(expected, abs=1e-6)
    assert all(one["low"] <= one["value"] <= one["high"] for one in figures.values())


def test_mean_and_spread_of_seeds() -> None:
    assert summary([0.7, 0.72, 0.74]) == {"mean": 0.72, "sd": 0.02, "n": 3}
    assert summary([0.7]) == {"mean": 0.7, "sd": None, "n": 1}


# The command


def test_two_seeds_and_a_baseline_then_a_third(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "results"
    assert main(arguments(home, output, "--seeds", "2", "--baseline")) == 0
    shown = capsys.readouterr()
    assert "seed 2 of 2: accuracy" in shown.err and "TF-IDF, logistic regression: accuracy" in shown.err
    assert shown.out == (output / "results.md").read_text("utf-8")
    assert "| **cxnlp**, from encoder |" in shown.out and "mean ± sd of 2 seeds" in shown.out
    results = json.loads((output / "results.json").read_text("utf-8"))
    part = results["parts"]["sv"]
    assert [one["seed"] for one in part["seeds"]] == [1, 2]
    values = [one["figures"]["accuracy"]["value"] for one in part["seeds"]]
    assert part["figures"]["accuracy"] == summary(values)
    assert all(value in [i / 10 for i in range(11)] for value in values)  # of ten test reviews
    assert part["baseline"]["figures"]["accuracy"]["value"] >= 0.9  # the words tell it
    assert part["reviews"]["test"] == 10
    assert not list(output.glob("runs/*/checkpoints"))
    for path in output.rglob("*"):
        assert path.is_dir() or not any(text.encode() in path.read_bytes() for text, _ in swedish()), path
        assert path.is_dir() or str(home).encode() not in path.read_bytes(), path

    first = (output / "seeds" / "sv-1.json").read_bytes()
    assert main(arguments(home, output, "--seeds", "3")) == 0
    assert "seed 2 of 3: accuracy" in (err := capsys.readouterr().err) and err.count("(done before)") == 2
    assert (output / "seeds" / "sv-1.json").read_bytes() == first
    again = json.loads((output / "results.json").read_text("utf-8"))["parts"]["sv"]
    assert [one["seed"] for one in again["seeds"]] == [1, 2, 3]
    assert again["baseline"] == part["baseline"]

    assert main(arguments(home, output, "--batch-size", "4")) == 2
    assert "results of other settings: training.batch_size was 8, is 4; repeat" in capsys.readouterr().err
    assert main(arguments(home, output, "--freeze-embeddings")) == 2
    assert "encoder.freeze_embeddings was False, is True" in capsys.readouterr().err


def test_a_killed_benchmark_goes_on(home: Path, tmp_path: Path) -> None:
    output = tmp_path / "results"
    whole = arguments(home, output, "--seeds", "2")
    process = subprocess.Popen(
        tiny.cxnlp_command(*whole), env=tiny.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline_s = time.monotonic() + 300
        while not (output / "seeds" / "sv-1.json").is_file():
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (output / "results.json").exists()
    before = (output / "seeds" / "sv-1.json").read_bytes()
    assert main(whole) == 0  # the dead run holds no lock
    assert (output / "seeds" / "sv-1.json").read_bytes() == before
    part = json.loads((output / "results.json").read_text("utf-8"))["parts"]["sv"]
    assert [one["seed"] for one in part["seeds"]] == [1, 2]
    assert part["seeds"][0] == json.loads(before)


def test_a_seed_cut_short_goes_on_from_its_last_whole_epoch(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxnlp.training.trainer import ReviewTrainer

    whole = run_benchmark("swedish_sentiment", home, tmp_path / "whole", (options := quick(home)))
    evaluate, seen = ReviewTrainer.evaluate, []

    def dying(self: ReviewTrainer) -> dict[str, float]:
        seen.append(self.state.global_step)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return evaluate(self)

    monkeypatch.setattr(ReviewTrainer, "evaluate", lambda self, *_args, **_named: dying(self))
    output = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        run_benchmark("swedish_sentiment", home, output, options)
    assert not (output / "seeds" / "sv-1.json").exists()
    cut = run_benchmark("swedish_sentiment", home, output, options)
    assert seen[2] == seen[1] == 2 * seen[0]  # the first epoch is not trained again

    def table(text: str) -> list[str]:
        return [line.rpartition("|")[0].rpartition("|")[0] for line in text.splitlines()]  # without the seconds

    assert table(cut) == table(whole)


def test_a_mistyped_encoder_leaves_the_folder_free(home: Path, tmp_path: Path) -> None:
    output = tmp_path / "results"
    wrong = replace(quick(home), encoder=str(home / "encodr"), baseline=True)
    with pytest.raises(EncoderError):
        run_benchmark("swedish_sentiment", home, output, wrong)
    assert "accuracy" in run_benchmark("swedish_sentiment", home, output, quick(home))


def test_two_runs_do_not_share_a_folder(home: Path, tmp_path: Path) -> None:
    from cxnlp.data.lock import Lock

    output = tmp_path / "results"
    output.mkdir()
    lock = Lock(output / ".lock", output)
    try:
        with pytest.raises(DataError, match="another run"):
            run_benchmark("swedish_sentiment", home, output, Options(encoder=str(home / "encoder"), seeds=1))
    finally:
        lock.release()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(seeds=0), "seeds: is 0, expected at least 1"),
        (Options(learning_rate=0.0), "learning_rate: is 0.0, expected more than 0"),
        (Options(epochs=-1.0), "epochs: is -1.0"),
        (Options(max_tokens=4), "max_tokens: is 4, expected at least 8"),
    ],
)
def test_options_out_of_range(home: Path, tmp_path: Path, options: Options, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        run_benchmark("swedish_sentiment", home, tmp_path / "r", options)
    assert not (tmp_path / "r").exists()


def test_what_is_known_of_an_encoder(home: Path, tiny_bundle: Path) -> None:
    bundle = note_encoder(str(tiny_bundle))
    assert bundle.name == "tiny" and bundle.knows("composed") > 20 and bundle.knows("fabsa") == 0
    folder = note_encoder(str(home / "encoder"))
    assert (folder.name, folder.learnt_from) == ("encoder", {}) and len(folder.digest) == 16 != bundle.digest
    assert note_encoder("org/name").digest == ""
    shipped = note_encoder("default")
    assert shipped.name == "nordic-small" and shipped.knows("norec_sentence") > 7_000


# The document


def test_the_document_has_a_place_for_every_table(tmp_path: Path) -> None:
    filled = runpy.run_path(str(tiny.REPOSITORY / "benchmarks" / "published.py"))["filled"]
    document = (tiny.REPOSITORY / "docs" / "benchmarks.md").read_text("utf-8")
    assert filled(document, []) == document
    for name in NAMES:
        assert f"<!-- {name}:begin -->" in document and f"<!-- {name}:end -->" in document
    assert "| NorBERT3 large | 78.4 | NorBench, mean of 5 runs |" in document
    done = [{"seed": seed, "seconds": 1, "figures": {"accuracy": {"value": v, "low": v, "high": v}}}
            for seed, v in ((1, 0.9), (2, 0.92))]  # fmt: skip
    part = {"reviews": {}, "left_out": {}, "figures": {"accuracy": summary([0.9, 0.92])}, "seeds": done,
            "baseline": {"seconds": 1, "figures": done[0]["figures"]}, "published": []}  # fmt: skip
    encoder = {"name": "mine", "learnt_from": {}, "knows": 0}
    ours = filled(document, [{"name": "swedish_sentiment", "encoder": encoder, "parts": {"sv": part}}])
    assert "| **cxnlp**, from mine | 91.0 ± 1.4 | measured, mean ± sd of 2 seeds |" in ours
    assert "| TF-IDF, logistic regression | 90.0 | measured, the same split |" in ours
    assert filled(ours, []) == ours
    other = document.partition("<!-- swedish_sentiment:begin -->")[0]
    assert ours.startswith(other)  # the tables of the others stay as they were
