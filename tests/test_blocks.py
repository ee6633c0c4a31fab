"""Scoring a block of rows as an Arrow table, and the doors of Ray and Spark where these are not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tiny
from cxnlp.errors import BackendError, BundleError, DataError
from cxnlp.inference.blocks import BlockOptions, added_columns, load_labeller, score_table, text_column_of
from cxnlp.inference.cells import cell_columns
from cxnlp.taxonomy import load_taxonomy
from fake_tagger import FakeTagger

pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")


def test_columns_are_kept_and_ours_added() -> None:
    table = pyarrow.table(
        {
            "id": pyarrow.array([2**53 + 1, None, 3], pyarrow.int64()),
            "cx_phase": ["old", "old", "old"],
            "text": ["fin", None, "das ist gut"],
            " cx_flags ": [1, 2, 3],
        }
    )
    found = score_table(FakeTagger(), table, "text")
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
        ([True], [""], ["not_text; empty"]),
        ([["a", "b"]], [""], ["not_text; empty"]),
        ([b"bytes"], [""], ["not_text; empty"]),
    ],
)
def test_what_is_no_text_is_flagged_and_the_rest_goes_on(
    values: list[object], texts: list[str], flags: list[str]
) -> None:
    tagger = FakeTagger()
    found = score_table(tagger, pyarrow.table({"text": values}), "text")
    assert tagger.seen == texts
    assert found["cx_flags"].to_pylist() == flags


def test_a_block_without_rows() -> None:
    table = pyarrow.table({"text": pyarrow.array([], pyarrow.string())})
    found = score_table(FakeTagger(), table, "text")
    assert len(found) == 0
    assert found.schema == score_table(FakeTagger(), pyarrow.table({"text": ["fin"]}), "text").schema


def test_a_large_block_is_scored_in_chunks_and_in_order() -> None:
    tagger, texts = FakeTagger(), [f"tekst {i}" for i in range(5_000)]
    found = score_table(tagger, pyarrow.table({"text": texts}), "text")
    assert tagger.chunk_sizes == [2_048, 2_048, 904]
    assert tagger.seen == found["text"].to_pylist() == texts


def test_the_columns_are_known_before_anything_is_scored(tiny_bundle: Path, tmp_path: Path) -> None:
    columns = added_columns(BlockOptions(model=str(tiny_bundle)))
    assert tuple(columns) == cell_columns(load_taxonomy())
    assert {name for name, kind in columns.items() if kind is float} == {"cx_sentiment_score", "cx_confidence"}
    with pytest.raises(BundleError, match="not a bundle"):
        added_columns(BlockOptions(model=str(tmp_path / "none")))


def test_the_text_column_is_found_as_in_a_file() -> None:
    sample = [{"id": "a", "Kommentar": "alt gikk bra denne gangen"}]
    assert text_column_of(["id", "Kommentar"], sample, BlockOptions()) == "Kommentar"
    assert text_column_of(["id", "Kommentar"], [], BlockOptions(text_column="kommentar")) == "Kommentar"
    with pytest.raises(DataError, match=r"no column 'tekst'; .* the columns are: id, Kommentar"):
        text_column_of(["id", "Kommentar"], [], BlockOptions(text_column="tekst"))


def test_a_process_loads_the_model_once_and_uses_the_threads_it_has(tiny_bundle: Path) -> None:
    options = BlockOptions(model=str(tiny_bundle), threads=1)
    labeller = load_labeller(options)
    assert load_labeller(BlockOptions(model=str(tiny_bundle), threads=1)) is labeller
    session = labeller.backend.session  # type: ignore[attr-defined]
    assert session.get_session_options().intra_op_num_threads == 1


def test_threads_below_zero_are_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BackendError, match="threads is -1, expected 1 or more"):
        load_labeller(BlockOptions(model=str(tiny_bundle), threads=-1))


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
