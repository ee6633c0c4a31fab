"""Scoring a block of rows as an Arrow table, and the doors of Ray and Spark where these are not installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp.errors import ArgumentTypeError, BackendError, BundleError, DataError
from cxnlp.inference.blocks import BlockOptions, Plan, added_columns, load_labeller, plan_of, score_table
from cxnlp.inference.cells import cell_columns
from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import load_taxonomy
from fake_tagger import FakeTagger

pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")

TEXT = Plan({"text": "text"}, ("text",))


def test_columns_are_kept_and_ours_added() -> None:
    table = pyarrow.table(
        {
            "id": pyarrow.array([2**53 + 1, None, 3], pyarrow.int64()),
            "cx_phase": ["old", "old", "old"],
            "text": ["fin", None, "das ist gut"],
            " cx_flags ": [1, 2, 3],
        }
    )
    found = score_table(FakeTagger(), table, Plan({"text": "text"}, tuple(table.column_names)))
    columns = list(cell_columns(load_taxonomy()))
    assert found.column_names == ["id", "text", *columns]
    assert found.select(["id", "text"]).equals(table.select(["id", "text"]))
    types = {name: str(found.schema.field(name).type) for name in columns}
    assert {name for name, kind in types.items() if kind == "double"} == {"cx_sentiment_score", "cx_confidence"}
    assert set(types.values()) == {"double", "string"}
    assert found["cx_flags"].to_pylist() == ["", "empty", "other_language"]
    first, empty, _ = found.to_pylist()
    (expected,) = FakeTagger().tag(["fin"])
    assert first["cx_sentiment"] == expected.sentiment
    assert first["cx_confidence"] == round(expected.confidence, 4)
    assert [empty[name] for name in ("cx_sentiment", "cx_sentiment_score", "cx_confidence")] == ["", None, None]


@pytest.mark.parametrize(
    "values, texts, flags",
    [
        ([1, None], ["1", ""], ["", "empty"]),
        ([0.5], ["0.5"], [""]),
        ([True, None], [""], ["not_text; empty", "empty"]),
        ([["a", "b"]], [""], ["not_text; empty"]),
        ([b"bytes"], ["bytes"], [""]),
    ],
)
def test_what_is_no_text_is_flagged_and_the_rest_goes_on(
    values: list[object], texts: list[str], flags: list[str]
) -> None:
    tagger = FakeTagger()
    found = score_table(tagger, pyarrow.table({"text": values}), TEXT)
    assert tagger.seen == texts
    assert found["cx_flags"].to_pylist() == flags


def test_a_block_without_rows() -> None:
    table = pyarrow.table({"text": pyarrow.array([], pyarrow.string())})
    found = score_table(FakeTagger(), table, TEXT)
    assert len(found) == 0
    assert found.schema == score_table(FakeTagger(), pyarrow.table({"text": ["fin"]}), TEXT).schema


def test_a_large_block_is_scored_in_chunks_and_in_order() -> None:
    tagger, texts = FakeTagger(), [f"tekst {i}" for i in range(5_000)]
    found = score_table(tagger, pyarrow.table({"text": texts}), TEXT)
    assert tagger.chunk_sizes == [2_048, 2_048, 904]
    assert tagger.seen == found["text"].to_pylist() == texts


def test_the_columns_are_known_before_anything_is_scored(tiny_bundle: Path, tmp_path: Path) -> None:
    columns = added_columns(BlockOptions(model=str(tiny_bundle)))
    assert tuple(columns) == cell_columns(load_taxonomy())
    assert {name for name, kind in columns.items() if kind is float} == {"cx_sentiment_score", "cx_confidence"}
    with pytest.raises(BundleError, match="not a bundle"):
        added_columns(BlockOptions(model=str(tmp_path / "none")))


def test_roles_are_found_as_in_a_file() -> None:
    names = ["id", "Tittel", "Kommentar", "Customer Email", "språk"]
    sample = [dict(zip(names, ["a", "Bra", "alt gikk bra denne gangen", "a@example.org", "no"], strict=True))]
    plan = plan_of(names, sample, BlockOptions())
    assert (plan.roles["text"], plan.roles["title"], plan.roles["language"]) == ("Kommentar", "Tittel", "språk")
    assert plan.carried == ("id", "Tittel", "Kommentar", "språk")
    assert plan_of(names, sample, BlockOptions(keep_personal=True)).carried == tuple(names)
    assert plan_of(names, sample, BlockOptions(text_column="tittel")).roles["text"] == "Tittel"
    with pytest.raises(DataError, match=r"no column 'tekst'; .* the columns are: id, Tittel, Kommentar"):
        plan_of(names, sample, BlockOptions(text_column="tekst"))


def test_a_title_is_read_before_the_text() -> None:
    tagger = FakeTagger()
    table = pyarrow.table({"head": ["Bra", None], "text": ["Rask levering", "Sent"]})
    score_table(tagger, table, Plan({"text": "text", "title": "head"}, ("text",)))
    assert tagger.seen == ["Bra Rask levering", "Sent"]


def test_a_text_that_the_model_fails_on_costs_no_other() -> None:
    class Failing(FakeTagger):
        def tag(self, texts: Sequence[str], **options: Any) -> list[Prediction]:
            if "ond" in texts:
                raise RuntimeError("cannot")
            return super().tag(texts, **options)

    table = pyarrow.table({"text": ["fin", "ond", "grei"]})
    found = score_table(Failing(), table, TEXT).to_pylist()
    assert [row["cx_flags"] for row in found] == ["", "not_scored", ""]
    assert [bool(row["cx_sentiment"]) for row in found] == [True, False, True]


def test_a_process_loads_the_model_once_and_uses_the_threads_it_has(tiny_bundle: Path) -> None:
    options = BlockOptions(model=str(tiny_bundle), threads=1)
    labeller = load_labeller(options)
    assert load_labeller(BlockOptions(model=str(tiny_bundle), threads=1)) is labeller
    session = labeller.backend.session  # type: ignore[attr-defined]
    assert session.get_session_options().intra_op_num_threads == 1


@pytest.mark.parametrize(
    ("threads", "kind", "said"),
    [(-1, BackendError, "-1"), (0.5, ArgumentTypeError, "a float"), ("2", ArgumentTypeError, "a str")],
)
def test_a_wrong_number_of_threads_is_refused(
    tiny_bundle: Path, threads: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=f"threads is {said}, expected a whole number of 1 or more"):
        load_labeller(BlockOptions(model=str(tiny_bundle), threads=threads))


@pytest.mark.parametrize(
    "module, call", [("ray", 'ray.score_parquet("in", "out")'), ("pyspark", "spark.score_dataframe(None)")]
)
def test_what_is_not_installed_is_explained(module: str, call: str) -> None:
    door = call.split(".")[0]
    script = f"""
import sys
sys.modules["{module}"] = None
from cxnlp.integrations import {door}
from cxnlp.errors import BackendError
try:
    {call}
except BackendError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=tiny.environment(), capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert f'pip install "cxnlp[{door}]"' in done.stdout
