"""`cxnlp train --warm-start`: what a trained model has learnt of a label goes on under the label's name."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import tiny

torch = pytest.importorskip("torch")

from cxnlp.benchmark.encoder import note_encoder  # noqa: E402
from cxnlp.benchmark.read import Divided  # noqa: E402
from cxnlp.bundle import Manifest, load_bundle, model_card  # noqa: E402
from cxnlp.cli.main import main  # noqa: E402
from cxnlp.data import Review  # noqa: E402
from cxnlp.model.network import Network  # noqa: E402
from cxnlp.model.warm import KeptRows, warm_network  # noqa: E402
from cxnlp.taxonomy import Taxonomy, load_taxonomy, parse_taxonomy, probabilities  # noqa: E402

TOY = tiny.toy_taxonomy()


@pytest.fixture(scope="module")
def old() -> Network:
    """A network of the toy taxonomy whose rows all differ much, so that a mix-up shows."""
    tokenizer = tiny.tiny_tokenizer(tiny.sample_texts())
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Network(tiny.tiny_encoder(tokenizer), TOY).eval()
        for name, parameter in network.named_parameters():
            if not name.startswith("encoder."):
                torch.nn.init.normal_(parameter, std=0.3)
        network.token_mean.normal_()
        network.token_scale.uniform_(0.5, 2)
    return network


def changed(old: str, new: str, taxonomy: Taxonomy = TOY) -> Taxonomy:
    assert old in taxonomy.source
    return parse_taxonomy(taxonomy.source.replace(old, new), "changed")


def logits(network: Network, taxonomy: Taxonomy) -> dict[str, npt.NDArray[np.float32]]:
    """Logit name to the logits of eight random reviews."""
    ids = torch.randint(4, 60, (8, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = network(ids).numpy()
    return dict(zip(taxonomy.logit_names, found.T, strict=True))


def same(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> bool:
    return bool(np.allclose(a, b, atol=2e-5))


def test_the_same_taxonomy_gives_the_same_logits_to_the_last_bit(old: Network) -> None:
    network, rows = warm_network(old, TOY, TOY)
    before, after = logits(old, TOY), logits(network, TOY)
    assert all(np.array_equal(before[name], after[name]) for name in TOY.logit_names)
    assert rows.n_kept == 2 + 2 + 2 + 3 and not rows.new and not rows.dropped
    assert not network.training


@pytest.mark.parametrize(
    ("was", "now", "new"),
    [
        ('["bad", "good"]', '["bad", "so", "good"]', {"mood": ("so",)}),
        ('["door", "roof"]', '["gate", "door", "roof"]', {"parts": ("gate",)}),
        ('["minus", "plus"]', '["minus", "plus", "none"]', {"view": ("none",)}),
        ('["before", "during", "after"]', '["before", "during", "later", "after"]', {"when": ("later",)}),
    ],
)
def test_an_added_label_leaves_the_others_as_they_are(
    old: Network, was: str, now: str, new: dict[str, tuple[str, ...]]
) -> None:
    taxonomy = changed(was, now)
    network, rows = warm_network(old, TOY, taxonomy)
    before, after = logits(old, TOY), logits(network, taxonomy)
    assert set(before) < set(after)
    assert all(same(before[name], after[name]) for name in before)
    assert rows == KeptRows({facet.name: facet.labels for facet in TOY.facets}, new, {})


def test_another_order_gives_the_same_probabilities_by_name(old: Network) -> None:
    source = TOY.source
    for was, now in (
        ('["bad", "good"]', '["good", "bad"]'), ('["door", "roof"]', '["roof", "door"]'),
        ('["minus", "plus"]', '["plus", "minus"]'), ('["before", "during", "after"]', '["after", "before", "during"]'),
    ):  # fmt: skip
        source = source.replace(was, now)
    head, *facets = source.split("[facets.")
    taxonomy = parse_taxonomy("[facets.".join([head, *reversed(facets)]), "reversed")
    assert [facet.name for facet in taxonomy.facets] == ["when", "view", "parts", "mood"]
    network, _ = warm_network(old, TOY, taxonomy)
    before, after = logits(old, TOY), logits(network, taxonomy)
    assert set(before) == set(after)
    probs = [
        dict(zip(one.logit_names, probabilities(one, np.stack(list(found.values()), axis=1)).T, strict=True))
        for one, found in ((TOY, before), (taxonomy, after))
    ]
    assert all(same(probs[0][name], probs[1][name]) for name in before)


def test_a_deleted_label_leaves_the_others_of_its_facet_where_each_stands_alone(old: Network) -> None:
    taxonomy = changed('["door", "roof"]', '["roof"]')
    network, rows = warm_network(old, TOY, taxonomy)
    before, after = logits(old, TOY), logits(network, taxonomy)
    assert all(same(before[name], after[name]) for name in after)
    assert rows.dropped == {"parts": ("door",)}


def test_new_labels_start_as_in_a_new_network(old: Network) -> None:
    taxonomy = changed('["door", "roof"]', '["door", "gate", "roof"]')
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network, _ = warm_network(old, TOY, taxonomy)
        torch.manual_seed(5)
        fresh = Network(old.encoder, taxonomy)
    assert torch.equal(network.heads[1].weight[1], fresh.heads[1].weight[1]) and network.heads[1].bias[1] == 0
    assert torch.equal(network.heads[1].weight[2], old.heads[1].weight[1])
    # Queries lie in the order of the facets: mood 2, parts 3 (was 2), view 3 (was 2), when 3.
    new = [3, 6]
    assert torch.equal(network.attention.queries[new], fresh.attention.queries[new])
    kept = [i for i in range(11) if i not in new]
    assert torch.equal(network.attention.queries[kept], old.attention.queries)


def test_a_facet_of_another_name_or_kind_starts_anew(old: Network) -> None:
    taxonomy = changed("facets.mood", "facets.tone")
    network, rows = warm_network(old, TOY, taxonomy)
    assert rows.new == {"tone": ("bad", "good")} and rows.dropped == {"mood": ("bad", "good")}
    assert not torch.equal(network.heads[0].mix.weight, old.heads[0].mix.weight)
    before, after = logits(old, TOY), logits(network, taxonomy)
    assert all(same(before[name], after[name]) for name in before if not name.startswith("mood"))
    other = changed('kind = "one_of"', 'kind = "any_of"')
    assert warm_network(old, TOY, other)[1].new == {"mood": ("bad", "good")}


def test_a_polarity_of_other_labels_goes_on_by_what_it_says(old: Network) -> None:
    source = TOY.source.replace("facets.parts", "facets.topics").replace('of = "parts"', 'of = "topics"')
    source = source.replace('["door", "roof"]', '["door", "room"]')
    for name in ("view", "opinion"):
        taxonomy = parse_taxonomy(source.replace("facets.view", f"facets.{name}"), "other")
        network, rows = warm_network(old, TOY, taxonomy)
        assert rows.kept[name] == ("minus", "plus") and rows.new == {"topics": ("door", "room")}
        assert torch.equal(network.heads[2].mix.weight, old.heads[2].mix.weight)
        assert torch.equal(network.attention.queries[4], old.attention.queries[4])  # door
        assert not torch.equal(network.attention.queries[5], old.attention.queries[5])  # room, which was roof


def test_the_statistics_of_the_tokens_are_those_of_the_bundle(old: Network) -> None:
    network, _ = warm_network(old, TOY, changed('["door", "roof"]', '["gate"]'))
    assert torch.equal(network.token_mean, old.token_mean) and torch.equal(network.token_scale, old.token_scale)


# From the command line


@pytest.fixture(scope="module")
def grown(tiny_home: Path, tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A bundle with one label more, started from the tiny one on reviews of another name; and what was said."""
    home = tmp_path_factory.mktemp("grown")
    default = load_taxonomy().source
    (home / "mine.toml").write_text(default.replace('"advertising", ', '"advertising", "parking", ', 1), "utf-8")
    rows = [{**row, "text": f"{row['text']} Parkeringen òg."} for row in tiny.records()]
    rows = [{**row, "touchpoints": {**row["touchpoints"], "parking": row["sentiment"]}} for row in rows]
    more = f"taxonomy = '{(home / 'mine.toml').as_posix()}'"
    text = tiny.recipe_text(Path("somewhere"), tiny.write_jsonl(home / "own.jsonl", rows), more, "epochs = 1")
    text = text.replace('name = "composed"', 'name = "own"\nlicense = "CC0"')
    (home / "recipe.toml").write_text(text, "utf-8")
    command = ["train", str(home / "recipe.toml"), "--run", str(home / "run"), "--output", str(home / "bundle")]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        assert main([*command, "--warm-start", str(tiny_bundle)]) == 0
    return home / "bundle", said.getvalue()


def test_what_was_kept_is_said(grown: tuple[Path, str]) -> None:
    said = "warm start from tiny: encoder kept, and the heads of 32 labels; new: touchpoints parking; not kept: none"
    assert f"cxnlp: {said}" in grown[1].splitlines()


def test_few_development_reviews_leave_thresholds_of_the_same_facet(grown: tuple[Path, str], tiny_bundle: Path) -> None:
    now, before = (load_bundle(path).manifest for path in (grown[0], tiny_bundle))
    assert now.thresholds["phases"] == before.thresholds["phases"]
    assert set(now.thresholds["touchpoints"]) - set(before.thresholds["touchpoints"]) == {"parking"}
    assert "are too few to learn scaling and thresholds of sentiment, " in grown[1]


def test_the_bundle_says_what_it_grew_out_of(grown: tuple[Path, str], tiny_bundle: Path) -> None:
    bundle, before = load_bundle(grown[0]), load_bundle(tiny_bundle)
    composed = before.manifest.data["train"]["composed"]
    assert set(bundle.manifest.data["train"]) == {"own"}
    started = bundle.manifest.data["started_from"]
    assert (started["name"], started["train"]) == ("tiny", {"composed": composed})
    assert set(bundle.manifest.learnt_from()) == {"composed", "own"}
    note = note_encoder(str(grown[0]))
    assert note.knows("composed") == sum(composed.values()) and note.knows("own") > 20
    card = (grown[0] / "README.md").read_text("utf-8")
    assert "Started from the model *tiny*" in card and "| own |" in card and "| composed |" in card
    assert card == model_card(bundle.manifest, bundle.taxonomy)


def test_info_shows_it(grown: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(grown[0])]) == 0
    out = capsys.readouterr().out
    assert "trained on  composed: " in out and "trained on  own: " in out
    assert "started     from tiny (manifest " in out


def test_what_it_grew_out_of_is_carried_on() -> None:
    counts = {"corpus": {"no": 10, "da": 3}, "old": {"sv": 2}}
    first = Manifest(
        "first", "", {}, 64, 8, {}, recipe={"data": [{"name": "old", "license": "MIT"}]}, data={"train": counts}
    )
    second = replace(
        first, name="second", recipe={"data": [{"name": "corpus", "license": "CC0"}, {"name": "x", "license": ""}]},
        data={"train": {"corpus": {"no": 12, "en": 1}}, "started_from": first.as_origin()},
    )  # fmt: skip
    third = replace(second, name="third", data={"train": {"x": {"no": 1}}, "started_from": second.as_origin()})
    expected = {"corpus": {"da": 3, "en": 1, "no": 12}, "old": {"sv": 2}, "x": {"no": 1}}
    assert third.learnt_from() == expected
    assert third.licenses() == {"corpus": "CC0", "old": "MIT"}
    assert first.learnt_from() == {"corpus": {"da": 3, "no": 10}, "old": {"sv": 2}}
    assert json.loads(third.to_json())["data"]["started_from"]["name"] == "second"


def test_what_is_no_bundle_is_refused_before_training(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(tiny_home / "recipe.toml"), "--run", str(tmp_path / "run"), "--output", str(tmp_path / "b")]
    assert main([*command, "--warm-start", str(tiny_home / "encoder")]) == 2
    assert "not a bundle (no manifest.json in it); give a folder made by cxnlp train" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    with pytest.raises(SystemExit):
        main([*command, "--warm-start", "a", "--encoder", "b"])


# The learning curve


def test_reviews_are_drawn_until_every_label_has_enough() -> None:
    script = runpy.run_path(str(tiny.REPOSITORY / "benchmarks" / "few_labels.py"))
    having = {"room": 60, "spa": 30, "lift": 3}  # every third review with a spa has the room as well
    reviews = [
        Review(
            f"{label}-{i}",
            f"{label} {i}",
            "en",
            {"topics": (label, "room") if label == "spa" and i % 3 == 0 else (label,)},
        )
        for label, n in having.items()
        for i in range(n)
    ]
    divided = Divided(reviews, reviews[:2], reviews[:1], {})
    for seed in (1, 2):
        drawn = script["draw"](divided, "topics", list(having), "10", seed)
        both = [*drawn.train, *drawn.dev]
        counts = {label: sum(label in review.labels["topics"] for review in both) for label in having}
        assert counts == {"room": 10, "spa": 10, "lift": 3}
        assert len(drawn.dev) == len(both) // 5 and len({review.id for review in both}) == len(both)
        assert script["draw"](divided, "topics", list(having), "10", seed) == drawn
    other = script["draw"](divided, "topics", list(having), "10", 1)
    assert {review.id for review in other.train} != {review.id for review in drawn.train}
    everything = script["draw"](divided, "topics", list(having), "all", 1)
    assert (everything.train, everything.dev) == (divided.train, divided.dev)


def test_the_taxonomy_of_the_curve_has_the_names_that_a_model_knows() -> None:
    script = runpy.run_path(str(tiny.REPOSITORY / "benchmarks" / "few_labels.py"))
    fabsa = script["load_labels"](script["load_benchmark"]("fabsa"))
    made = script["like_default"](fabsa)
    assert [facet.name for facet in made.facets] == ["touchpoints", "polarity"]
    assert [facet.labels for facet in made.facets] == [facet.labels for facet in fabsa.facets]
