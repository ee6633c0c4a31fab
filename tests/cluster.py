"""What the tests of Ray and Spark share: reviews as Parquet, what one machine says of them, and models that fail.

The functions that load a model run in the processes of the cluster. A test talks to them through files in a folder
whose name is in their environment.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tiny
from cxnlp.cli.main import main
from cxnlp.errors import BackendError
from cxnlp.inference.blocks import BlockOptions, load_labeller
from cxnlp.inference.labelling import Labeller
from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Taxonomy

FOLDER = "CXNLP_TEST_CLUSTER"
TEXTS = [*tiny.sample_texts(), *(record["text"] for record in tiny.records()), None]


def rows() -> list[dict[str, Any]]:
    """Reviews with columns that are easily changed on the way, and an old answer of ours."""
    return [
        {
            "key": f"r{i:03}",
            "long_id": None if i % 7 == 3 else 2**53 + 1 + 2 * i,  # floats cannot hold these
            "valid_until": dt.datetime(9999, 12, 31) if i % 2 else None,  # beyond the nanoseconds of pandas
            "stars": [i % 5 + 1, None],
            "title": "Elendig levering" if i % 5 == 0 else None,  # read before the text
            "review": text,
            "customer_email": f"kunde{i}@example.org",
            "cx_sentiment": "stale",
        }
        for i, text in enumerate(TEXTS)
    ]


def write_parquet(folder: Path, n_files: int = 3) -> list[dict[str, Any]]:
    """Write the reviews as several files of several row groups each; give the rows."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist(rows())
    folder.mkdir()
    size = -(-len(table) // n_files)
    for i in range(n_files):
        pyarrow.parquet.write_table(table.slice(i * size, size), folder / f"part-{i}.parquet", row_group_size=7)
    return table.to_pylist()


def read_parquet(folder: Path) -> list[dict[str, Any]]:
    """Read a folder of Parquet files, by ``key``."""
    import pyarrow.parquet

    return sorted(pyarrow.parquet.read_table(folder).to_pylist(), key=lambda row: row["key"])


def one_machine(folder: Path, bundle: Path) -> list[dict[str, Any]]:
    """What ``cxnlp score`` makes of the same reviews in one file."""
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows()), folder / "one.parquet")
    output = folder / "scored.parquet"
    assert main(["score", str(folder / "one.parquet"), "--output", str(output), "--model", str(bundle)]) == 0
    return pyarrow.parquet.read_table(output).to_pylist()


def assert_as_on_one_machine(found: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> None:
    """The columns are those of one machine; the input's are as they were, the new ones as ``cxnlp score`` has them."""
    assert list(found[0]) == list(expected[0])
    kept = [name for name in expected[0] if not name.startswith("cx_")]
    assert kept == ["key", "long_id", "valid_until", "stars", "title", "review"]  # the address is not carried
    for row, before, one in zip(found, rows(), expected, strict=True):
        assert [row[name] for name in kept] == [before[name] for name in kept]
        for name in one.keys() - kept:
            same = row[name] == one[name]
            if isinstance(one[name], float):
                same = abs(row[name] - one[name]) <= 2e-4  # the last digit depends on the batch
            assert same, f"{row['key']} {name}: {row[name]!r}, on one machine {one[name]!r}"


def say(name: str) -> None:
    """Leave a message for the processes of the cluster."""
    (Path(os.environ[FOLDER]) / name).touch()


def heard(prefix: str) -> list[str]:
    """Read the messages of the processes of the cluster."""
    return sorted(path.name for path in Path(os.environ[FOLDER]).glob(f"{prefix}*"))


@cache
def load_noted(options: BlockOptions) -> Labeller:
    """Load the model and say in which process."""
    say(f"loaded-{os.getpid()}-{secrets.token_hex(4)}")
    return load_labeller(options)


class _Watched:
    """A labeller that does something before it labels."""

    def __init__(self, labeller: Labeller, before: Callable[[], None]) -> None:
        self._labeller, self._before = labeller, before

    @property
    def taxonomy(self) -> Taxonomy:
        return self._labeller.taxonomy

    @property
    def fingerprint(self) -> str:
        return self._labeller.fingerprint

    def tag(
        self, texts: Sequence[str], *, languages: bool = True, progress: Callable[[int], None] | None = None
    ) -> list[Prediction]:
        self._before()
        return self._labeller.tag(texts, languages=languages, progress=progress)


def load_dying(options: BlockOptions) -> Labeller:
    """A model whose process is killed in its work if the file ``die`` is there; only the first one finds it."""
    return _Watched(load_labeller(options), _die_once)


def _die_once() -> None:
    folder = Path(os.environ[FOLDER])
    try:
        os.rename(folder / "die", folder / "died")
    except FileNotFoundError:
        return
    os._exit(9)


def load_refusing(options: BlockOptions) -> Labeller:
    """A model that fails on every block."""
    return _Watched(load_labeller(options), _refuse)


def _refuse() -> None:
    raise BackendError("this block is refused by the test")
