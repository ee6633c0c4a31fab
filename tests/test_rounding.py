"""Training under rounding: it rounds as the export does, leaves the network whole, and makes the two agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from cxnlp.inference.graph import write_graph
from cxnlp.inference.onnx_backend import OnnxBackend
from cxnlp.model.calibrate import Calibration, calibrate
from cxnlp.model.layers import linear_layers
from cxnlp.model.network import Network
from cxnlp.model.quantise import quantise
from cxnlp.model.rounding import by_disturbance, rounded
from cxnlp.settings import ExportSettings, Recipe, read_recipe
from cxnlp.taxonomy import load_taxonomy
from cxnlp.text import Batch, TextTokenizer, batches
from cxnlp.training.dataset import Collator, ReviewDataset, TrainingData, read_training_data
from cxnlp.training.rounding import disagreement, learn_rounding
from cxnlp.training.train import build_network

TAXONOMY = load_taxonomy()


@pytest.fixture(scope="module")
def recipe(tiny_home: Path) -> Recipe:
    return read_recipe(tiny_home / "recipe.toml")


@pytest.fixture
def network(recipe: Recipe) -> Network:
    torch.manual_seed(3)
    network = build_network(recipe, TAXONOMY)[0].eval()
    with torch.no_grad():  # a network that has seen something, with weights that rounding disturbs
        for parameter in network.parameters():
            parameter += torch.randn_like(parameter) * 0.1
    return network


@pytest.fixture(scope="module")
def data(recipe: Recipe) -> TrainingData:
    return read_training_data(recipe.data, TAXONOMY)


@pytest.fixture(scope="module")
def tokenizer(recipe: Recipe) -> TextTokenizer:
    return build_network(recipe, TAXONOMY)[1]


@pytest.fixture
def some(data: TrainingData, tokenizer: TextTokenizer) -> list[Batch]:
    ids = tokenizer.encode([review.text for review in data.train])
    return list(batches([tokenizer.windows(one)[0] for one in ids], tokenizer.pad_id, 256, 8))


def _exact(network: Network, batch: Batch) -> torch.Tensor:
    return network(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))


def _loud(seen: Calibration) -> Calibration:
    """The same with steps three times as wide, and every channel drawn in by another factor."""
    loud = {}
    for name, one in seen.items():
        smoothing = torch.linspace(0.5, 2, len(one.mean))
        loud[name] = replace(one, smoothing=smoothing, grid=replace(one.grid, step=one.grid.step * 3))
    return loud


def test_rounds_as_the_exported_graph_does(network: Network, some: list[Batch], tmp_path: Path) -> None:
    seen = _loud(calibrate(network, some))
    write_graph(quantise(network, seen), tmp_path / "weights.safetensors", tmp_path / "model.onnx")
    row = Batch(some[0].ids[:1], some[0].mask[:1], some[0].rows[:1])  # the longest, so without padding
    exported = OnnxBackend(tmp_path / "model.onnx").logits(row)
    with torch.no_grad(), rounded(network, seen):
        found = _exact(network, row).numpy()
    with torch.no_grad():
        error = abs(_exact(network, row).numpy() - exported)
    assert error.max() > 0.01  # or there would be nothing to tell apart
    # A value that lies between two steps may go either way, and takes others with it.
    assert abs(found - exported).mean() < error.mean() / 10


def test_the_network_is_itself_again_afterwards(network: Network, some: list[Batch]) -> None:
    seen = calibrate(network, some)
    names = [name for name, _ in network.named_modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(KeyboardInterrupt), rounded(network, seen):
        assert [name for name, _ in network.named_modules()] != names
        raise KeyboardInterrupt
    assert [name for name, _ in network.named_modules()] == names
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_gradients_pass_to_every_weight(network: Network, some: list[Batch]) -> None:
    with rounded(network, calibrate(network, some)):
        _exact(network, some[0]).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    # The bias of a key shifts all scores of a query alike, and softmax does not see it.
    assert all("key.bias" in name for name in without)


def test_disagreement_by_hand() -> None:
    """One label at even odds against 3 : 1: (½ − ¾) × (ln ½ − ln ¾) / 2, and the same for its absence."""
    a = torch.zeros(2, TAXONOMY.n_logits)
    b = a.clone()
    b[0, TAXONOMY.slices["touchpoints"].start] = torch.log(torch.tensor(3.0))
    expected = (0.25 * torch.log(torch.tensor(1.5)) + 0.25 * torch.log(torch.tensor(2.0))) / 2
    assert float(disagreement(TAXONOMY, a, b)) == pytest.approx(float(expected) / 2)  # a mean over two reviews
    assert float(disagreement(TAXONOMY, a, b)) == pytest.approx(float(disagreement(TAXONOMY, b, a)))
    assert float(disagreement(TAXONOMY, b, b)) == 0


def test_it_learns_to_agree(
    network: Network, some: list[Batch], data: TrainingData, tokenizer: TextTokenizer, recipe: Recipe
) -> None:
    seen = _loud(calibrate(network, some))

    def gap() -> float:
        with torch.no_grad():
            exact = [_exact(network, batch) for batch in some]
            with rounded(network, seen):
                coarse = [_exact(network, batch) for batch in some]
        return sum(float(disagreement(TAXONOMY, a, b)) for a, b in zip(exact, coarse, strict=True))

    before = gap()
    settings = ExportSettings(rounding_steps=100, rounding_learning_rate=1e-3)
    rows = ReviewDataset(data.train, TAXONOMY, tokenizer)
    collate = Collator(tokenizer.pad_id, tokenizer.mask_id, 0.0)
    learn_rounding(network, seen, rows, collate, replace(recipe, export=settings), TAXONOMY)
    assert gap() < before * 0.6


def test_the_layer_that_rounding_disturbs_most_comes_first(network: Network, some: list[Batch]) -> None:
    seen = calibrate(network, some)
    names = list(linear_layers(network))
    loud = names[4]
    seen[loud] = replace(seen[loud], grid=replace(seen[loud].grid, step=seen[loud].grid.step * 20))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = by_disturbance(network, seen, some[:2])
    assert found[0] == loud
    assert sorted(found) == sorted(names)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_recipe_can_ask_for_it(tiny_home: Path, tmp_path: Path) -> None:
    text = (tiny_home / "recipe.toml").read_text("utf-8")
    text = text.replace("[export]", "[export]\nrounding_steps = 3").replace("epochs = 25", "epochs = 1")
    (tmp_path / "recipe.toml").write_text(text, "utf-8")
    assert "rounding_steps = 3" in text
    found = tiny.run_cxnlp("train", "recipe.toml", "--run", "run", "--output", "bundle", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "rounding: step 3 of 3, disagreement" in found.stderr
