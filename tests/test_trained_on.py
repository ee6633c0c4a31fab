"""A model that is measured on what it was trained on: said on stderr, as far as its manifest tells."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import tiny
from cxnlp.bundle import Manifest
from cxnlp.cli.main import main
from cxnlp.data import read_reviews, split_of
from cxnlp.data.fingerprint import fingerprint
from cxnlp.evaluation.trained_on import Placed, trained_on
from cxnlp.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Placed]:
    """Forty reviews in ``here/hotels/mine.jsonl``, where ``here`` is the folder that we are in: 37 train, 2 dev."""
    path = tmp_path / "here" / "hotels" / "mine.jsonl"
    path.parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    tiny.write_jsonl(path, tiny.records())
    return [(Path("hotels/mine.jsonl"), review) for review in read_reviews(path, TAXONOMY)[0]]


def manifest(*paths: str, print_of: str = "", **started: object) -> Manifest:
    data = {"fingerprint": print_of or "another", "started_from": started}
    return Manifest("m", "", {}, 64, 8, {}, recipe={"data": [{"name": "own", "paths": list(paths)}]}, data=data)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("hotels/*.jsonl", True),
        ("hotels/mine.jsonl", True),
        ("mine.jsonl", True),  # written for the folder that it lies in
        ("../x/../hotels/m*.jsonl", True),
        ("*.jsonl", False),  # of this folder, where it does not lie
        ("other/*.jsonl", False),
        ("yours.jsonl", False),
        ("/hotels/mine.jsonl", False),
        ("..", False),
    ],
)
def test_paths_of_a_recipe(placed: list[Placed], pattern: str, named: bool) -> None:
    pattern = pattern.replace("../x/..", "..")
    for of in (manifest(pattern), manifest(paths=[pattern])):
        found = trained_on(of, placed)
        assert (found is not None) == named
        if found:
            assert (found.learnt, found.chose, found.total) == (37, 2, 40)
            assert str(found) == (
                "37 of the 40 reviews were learnt from and 2 of the 40 chose its epoch and thresholds "
                "(its manifest names mine.jsonl)"
            )


def test_an_absolute_path_and_a_lone_star_where_it_lies(placed: list[Placed]) -> None:
    assert trained_on(manifest(str(Path("hotels/mine.jsonl").resolve())), placed)
    os.chdir("hotels")
    assert trained_on(manifest("*.jsonl"), [(Path("mine.jsonl"), review) for _, review in placed])


def test_only_the_reviews_of_named_files_count(placed: list[Placed]) -> None:
    others = [(Path("elsewhere.jsonl"), review) for _, review in placed[:10]]
    found = trained_on(manifest("mine.jsonl"), [*placed[10:], *others])
    assert found and found.total == 40
    assert found.learnt == sum(split_of(review.text) == "train" for _, review in placed[10:])
    assert trained_on(manifest("mine.jsonl"), others) is None


def test_the_same_texts_and_labels_under_another_name(placed: list[Placed]) -> None:
    train = fingerprint(review for _, review in placed if split_of(review.text) == "train")
    moved = [(Path("moved.jsonl"), review) for _, review in reversed(placed)]
    for of in (manifest(print_of=train), manifest(fingerprints=["x", train])):
        found = trained_on(of, moved)
        assert found and (found.learnt, found.chose) == (37, 2) and "fingerprint" in found.why
    assert trained_on(manifest(print_of=train), moved[1:]) is None or split_of(moved[0][1].text) != "train"
    held_out = [one for one in moved if split_of(one[1].text) == "test"]
    assert held_out and trained_on(manifest("moved.jsonl", print_of=train), held_out) is None
    assert trained_on(None, moved) is None


def test_the_command_says_it_of_each_model(
    tiny_home: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tiny.write_jsonl(tmp_path / "moved.jsonl", tiny.records())
    bundle = str(tiny_bundle)
    seen = "37 of the 40 reviews were learnt from and 2 of the 40 chose its epoch and thresholds"
    assert main(["evaluate", bundle, str(data)]) == 0
    err = capsys.readouterr().err
    assert f"cxnlp: {bundle} was trained with these reviews: {seen} (the fingerprint in its manifest is theirs)" in err
    assert "Its figures flatter; use --split test, or other reviews" in err
    assert main(["evaluate", "default", str(tiny_home), "--against", bundle]) == 0
    err = capsys.readouterr().err
    assert err.count("was trained with these reviews") == 1
    assert f"{bundle} was trained with these reviews: {seen}" in err and "and the comparison favours it" in err
    assert main(["evaluate", bundle, str(data), "--split", "test"]) == 0
    out, err = capsys.readouterr()
    assert "was trained" not in err
    # One review: nothing is claimed.
    assert out.startswith("1 review (") and "too few to say" in out and "[" not in out.split("Figures × 100")[0]
    assert main(["data", "errors", str(data), "--bundle", bundle]) == 0
    err = capsys.readouterr().err
    assert f"a model hardly doubts labels that it was trained on. {seen} (the fingerprint in its manifest is" in err
    others = tiny.write_jsonl(
        tmp_path / "others.jsonl", [{**row, "text": f"{row['text']} Ja."} for row in tiny.records()]
    )
    assert main(["evaluate", bundle, str(others)]) == 0
    assert "was trained" not in capsys.readouterr().err
