"""A real Ray on this machine: the same columns and labels as ``cxnlp score``, also when an actor dies."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cluster
from cxnlp.errors import DataError
from cxnlp.integrations.ray import BlockOptions, score_dataset, score_parquet

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason='needs Ray: pip install "cxnlp[ray]"')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Ray of two CPUs, and the folder of messages from its processes."""
    import ray

    folder = tmp_path_factory.mktemp("messages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cluster.FOLDER, str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
        ray.data.DataContext.get_current().enable_progress_bars = False
        try:
            yield folder
        finally:
            ray.shutdown()


def test_the_same_columns_and_labels_as_on_one_machine(folder: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    cluster.write_parquet(tmp_path / "in")
    score_parquet(str(tmp_path / "in"), str(tmp_path / "out"), BlockOptions(model=str(tiny_bundle)), actors=1)
    cluster.assert_as_on_one_machine(cluster.read_parquet(tmp_path / "out"), cluster.one_machine(tmp_path, tiny_bundle))
    assert (tmp_path / "out" / "_SUCCESS").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "one.parquet", "out", "scored.parquet"]


def test_each_actor_loads_the_model_once(folder: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    import ray

    cluster.write_parquet(tmp_path / "in")
    dataset = ray.data.read_parquet(str(tmp_path / "in"), override_num_blocks=6)
    options = BlockOptions(model=str(tiny_bundle))
    found = score_dataset(dataset, options, actors=1, batch_rows=8, load=cluster.load_noted).take_all()
    assert len(found) == len(cluster.TEXTS)
    assert len(cluster.heard("loaded-")) == 1


def test_an_actor_that_dies_costs_nothing_but_time(folder: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    import ray

    cluster.write_parquet(tmp_path / "in")
    cluster.say("die")
    dataset = ray.data.read_parquet(str(tmp_path / "in"), override_num_blocks=6)
    options = BlockOptions(model=str(tiny_bundle))
    scored = score_dataset(dataset, options, actors=1, batch_rows=8, load=cluster.load_dying)
    found = sorted(scored.take_all(), key=lambda row: row["key"])
    assert cluster.heard("die") == ["died"]
    assert [row["key"] for row in found] == [row["key"] for row in cluster.rows()]
    cluster.assert_as_on_one_machine(found, cluster.one_machine(tmp_path, tiny_bundle))


def test_nothing_is_left_of_a_run_that_fails(folder: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    from ray.exceptions import RayTaskError

    cluster.write_parquet(tmp_path / "in")
    source, output, options = str(tmp_path / "in"), str(tmp_path / "out"), BlockOptions(model=str(tiny_bundle))
    with pytest.raises(RayTaskError, match="this block is refused by the test"):
        score_parquet(source, output, options, actors=1, load=cluster.load_refusing)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_result_that_exists_is_not_touched(folder: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    cluster.write_parquet(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(DataError, match="out: exists already; name another folder"):
        score_parquet(str(tmp_path / "in"), str(tmp_path / "out"), BlockOptions(model=str(tiny_bundle)))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_column_that_is_not_there(folder: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    cluster.write_parquet(tmp_path / "in")
    options = BlockOptions(text_column="reveiw", model=str(tiny_bundle))
    with pytest.raises(DataError, match=r"no column 'reveiw'; .*did you mean 'review'"):
        score_parquet(str(tmp_path / "in"), str(tmp_path / "out"), options)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
