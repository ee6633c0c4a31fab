"""A real Spark on this machine: the same columns and labels as ``cxnlp score``, also when a worker dies."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cluster
from cxnlp.errors import BundleError, DataError
from cxnlp.integrations.spark import BlockOptions, score_dataframe, score_parquet

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_JAVA = Path(os.environ.get("JAVA_HOME", "/"), "bin", "java")

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason='needs Spark: pip install "cxnlp[spark]"'),
    pytest.mark.skipif(not shutil.which("java") and not _JAVA.is_file(), reason="needs a Java runtime, 17 or later"),
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A Spark of two cores, which tries a task four times, as a cluster does."""
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cluster.FOLDER, str(tmp_path_factory.mktemp("messages")))
        patch.setenv("PYTHONPATH", os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")]))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = (
            SparkSession.builder.master("local[2,4]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", "8")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
        try:
            yield session
        finally:
            session.stop()


def test_the_same_columns_and_labels_as_on_one_machine(spark: SparkSession, tmp_path: Path, tiny_bundle: Path) -> None:
    cluster.write_parquet(tmp_path / "in")
    score_parquet(spark, str(tmp_path / "in"), str(tmp_path / "out"), BlockOptions(model=str(tiny_bundle)))
    cluster.assert_as_on_one_machine(cluster.read_parquet(tmp_path / "out"), cluster.one_machine(tmp_path, tiny_bundle))
    assert (tmp_path / "out" / "_SUCCESS").is_file()


def test_each_process_loads_the_model_once(spark: SparkSession, tmp_path: Path, tiny_bundle: Path) -> None:
    cluster.write_parquet(tmp_path / "in")
    frame = spark.read.parquet(str(tmp_path / "in")).repartition(8)
    options = BlockOptions(model=str(tiny_bundle))
    scored = score_dataframe(frame, options, load=cluster.load_noted)
    assert len(scored.collect()) == len(cluster.TEXTS)
    assert len(scored.collect()) == len(cluster.TEXTS)
    processes = [name.split("-")[1] for name in cluster.heard("loaded-")]
    assert 1 <= len(processes) <= 2  # sixteen tasks, two cores
    assert len(set(processes)) == len(processes)


def test_a_worker_that_dies_costs_nothing_but_time(spark: SparkSession, tmp_path: Path, tiny_bundle: Path) -> None:
    cluster.write_parquet(tmp_path / "in")
    cluster.say("die")
    frame = spark.read.parquet(str(tmp_path / "in")).repartition(4)
    options = BlockOptions(model=str(tiny_bundle))
    score_dataframe(frame, options, load=cluster.load_dying).write.parquet(str(tmp_path / "out"))
    assert cluster.heard("die") == ["died"]
    cluster.assert_as_on_one_machine(cluster.read_parquet(tmp_path / "out"), cluster.one_machine(tmp_path, tiny_bundle))


def test_a_run_that_fails_leaves_no_rows(spark: SparkSession, tmp_path: Path, tiny_bundle: Path) -> None:
    from pyspark.errors import PySparkException

    cluster.write_parquet(tmp_path / "in")
    options = BlockOptions(model=str(tiny_bundle))
    scored = score_dataframe(spark.read.parquet(str(tmp_path / "in")), options, load=cluster.load_refusing)
    with pytest.raises(PySparkException, match="this block is refused by the test"):
        scored.write.parquet(str(tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("*.parquet"))
    assert not list((tmp_path / "out").rglob("_SUCCESS"))


def test_a_result_that_exists_is_not_touched(spark: SparkSession, tmp_path: Path, tiny_bundle: Path) -> None:
    from pyspark.errors import AnalysisException

    cluster.write_parquet(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(AnalysisException, match="PATH_ALREADY_EXISTS"):
        score_parquet(spark, str(tmp_path / "in"), str(tmp_path / "out"), BlockOptions(model=str(tiny_bundle)))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_mistakes_are_found_before_anything_runs(spark: SparkSession, tmp_path: Path, tiny_bundle: Path) -> None:
    cluster.write_parquet(tmp_path / "in")
    frame = spark.read.parquet(str(tmp_path / "in"))
    with pytest.raises(DataError, match=r"no column 'reveiw'; .*did you mean 'review'"):
        score_dataframe(frame, BlockOptions(text_column="reveiw", model=str(tiny_bundle)))
    with pytest.raises(BundleError, match="not a bundle"):
        score_dataframe(frame, BlockOptions(text_column="review", model=str(tmp_path / "none")))
