"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may depend on a network

# A busy or slow machine is no failure, and the suite stays quick.
settings.register_profile("cxnlp", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cxnlp")


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``reviews.jsonl``, the tiny ``encoder`` and the recipe ``recipe.toml`` that trains it."""
    import tiny
    from cxnlp.model.encoder import save_encoder

    home = tmp_path_factory.mktemp("tiny")
    rows = tiny.records()
    data = tiny.write_jsonl(home / "reviews.jsonl", rows)
    tokenizer = tiny.tiny_tokenizer([row["text"] for row in rows])
    save_encoder(tiny.tiny_encoder(tokenizer), tokenizer, home / "encoder")
    (home / "recipe.toml").write_text(tiny.recipe_text(home / "encoder", data), "utf-8")
    return home


@pytest.fixture(scope="session")
def tiny_bundle(tiny_home: Path) -> Path:
    """The bundle that ``cxnlp train recipe.toml`` makes; its run folder lies beside it. Not to be changed by a test."""
    from cxnlp.cli.main import main

    bundle = tiny_home / "bundle"
    code = main(["train", str(tiny_home / "recipe.toml"), "--run", str(tiny_home / "run"), "--output", str(bundle)])
    assert code == 0
    return bundle
