"""Network, loss, quantisation: numbers counted by hand, and nothing leaks from what is masked or padded."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch

import tiny
from cxnlp.model.calibrate import LayerInput, calibrate, choose_rounding, measure
from cxnlp.model.int8 import Grid, quantise_rows, quantise_rows_for
from cxnlp.model.loss import facet_losses, total_loss
from cxnlp.model.network import Network
from cxnlp.model.quantise import Int8Linear, dequantise, quantise
from cxnlp.settings import EncoderSettings, recipe_from_table
from cxnlp.taxonomy import encode_labels
from cxnlp.text import pad
from cxnlp.training.dataset import Collator
from cxnlp.training.trainer import freeze, make_optimizer

TOY = tiny.toy_taxonomy()
# A review that knows everything, and one that knows its mood only.
FULL = {"mood": "good", "parts": {"door": "plus"}, "when": ("during", "after")}
MOOD_ONLY = {"mood": "bad"}


@pytest.fixture
def network() -> Network:
    torch.manual_seed(3)
    tokenizer = tiny.tiny_tokenizer([record["text"] for record in tiny.records()])
    return Network(tiny.tiny_encoder(tokenizer), TOY, dropout=0.0).eval()


def _losses(logits: torch.Tensor, smoothing: float = 0.0) -> dict[str, torch.Tensor]:
    targets = encode_labels(TOY, [FULL, MOOD_ONLY])
    values, mask, main = (torch.from_numpy(x) for x in (targets.values, targets.mask, targets.main))
    return facet_losses(TOY, logits, values, mask, main, smoothing)


def _logits() -> torch.Tensor:
    #        mood bad, good   parts door, roof   view door -, +, roof -, +   when before, during, after
    return torch.tensor(
        [
            [*(0, log(3)), *(log(3), 0), *(0, log(4), 5, -5), *(0, 0, 0)],
            [*(0, 0), *(7, 7), *(7, -7, 7, -7), *(7, 7, 7)],
        ],
        dtype=torch.float32,
        requires_grad=True,
    )


def test_loss_of_each_kind_by_hand() -> None:
    losses = {name: float(value.detach()) for name, value in _losses(_logits()).items()}
    assert losses == pytest.approx(
        {
            "mood": (-log(3 / 4) + log(2)) / 2,
            "parts": (-log(3 / 4) - log(1 / 2)) / 2,
            "view": -log(4 / 5) / 2,  # of the door alone
            "when": 3 * log(2) / 2,
            "when.main": log(3) / 2,
        }
    )


def test_label_smoothing_by_hand() -> None:
    losses = _losses(_logits().detach(), smoothing=0.2)
    assert float(losses["mood"]) == pytest.approx((-(0.9 * log(3 / 4) + 0.1 * log(1 / 4)) + log(2)) / 2)
    assert float(losses["parts"]) == pytest.approx((-log(3 / 4) - log(1 / 2)) / 2)  # sigmoids are not smoothed


def test_total_loss_weighs_facets() -> None:
    losses = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    assert float(total_loss(losses, {"b": 0.5})) == pytest.approx(3.5)


def test_masked_targets_have_exactly_no_gradient() -> None:
    logits = _logits()
    total_loss(_losses(logits, smoothing=0.05), {}).backward()
    assert logits.grad is not None
    masked = torch.from_numpy(encode_labels(TOY, [FULL, MOOD_ONLY]).mask) == 0
    assert masked.sum() == 2 + 9  # the polarity of the absent roof; all but the mood of the second review
    assert torch.equal(logits.grad[masked], torch.zeros(11))
    assert (logits.grad[~masked].abs() > 1e-4).all()


def test_padding_and_neighbours_do_not_change_logits(network: Network) -> None:
    short, long = [0, 40, 41, 2], [0, *range(30, 60), 2]
    alone, together = pad([short], 1), pad([short, long], 1)
    with torch.no_grad():
        one = network(torch.from_numpy(alone.ids), torch.from_numpy(alone.mask))
        two = network(torch.from_numpy(together.ids), torch.from_numpy(together.mask))
        changed = torch.from_numpy(together.ids).where(torch.from_numpy(together.mask).bool(), torch.tensor(50))
        other_padding = network(changed, torch.from_numpy(together.mask))
    assert one.shape == (1, 11)
    assert torch.allclose(one[0], two[0], atol=1e-5)
    assert torch.allclose(two, other_padding, atol=1e-5)
    assert not torch.allclose(two[0], two[1], atol=1e-3)


def test_standardise_leaves_tokens_with_mean_0_and_deviation_1(network: Network) -> None:
    batch = pad([[0, 40, 41, 2], [0, *range(30, 60), 2]], 1)
    ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
    network.standardise(ids, mask)
    with torch.no_grad():
        hidden = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    tokens = ((hidden - network.token_mean) * network.token_scale)[mask.bool()]
    assert len(tokens) == 4 + 32
    assert torch.allclose(tokens.mean(0), torch.zeros(32), atol=1e-4)
    assert torch.allclose(tokens.std(0), torch.ones(32), atol=1e-3)


def test_freeze_leaves_what_the_recipe_names(network: Network) -> None:
    freeze(network, EncoderSettings("x", freeze_embeddings=True, freeze_layers=1))
    still = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert "encoder.embeddings.word_embeddings.weight" not in still
    assert not [name for name in still if name.startswith("encoder.encoder.layer.0.")]
    assert [name for name in still if name.startswith("encoder.encoder.layer.1.")]
    assert {"attention.queries", "heads.0.out.weight"} <= still


def test_freeze_nothing(network: Network) -> None:
    freeze(network, EncoderSettings("x", freeze_embeddings=False))
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_optimizer_groups(network: Network) -> None:
    table = {
        "name": "x", "encoder": {"source": "x"}, "data": [{"name": "d", "paths": ["x"]}],
        "training": {"learning_rate": 1e-4, "head_learning_rate": 2e-3, "weight_decay": 0.1},
    }  # fmt: skip
    freeze(network, EncoderSettings("x", freeze_embeddings=True))
    found = {}
    for group in make_optimizer(network, recipe_from_table(table, "test")).param_groups:
        for parameter in group["params"]:
            assert parameter not in found
            found[parameter] = (group["lr"], group["weight_decay"])
    names = dict(network.named_parameters())
    assert len(found) == len(names) - 1  # all but the frozen word vectors
    assert found[names["encoder.encoder.layer.0.attention.self.query.weight"]] == (1e-4, 0.1)
    assert found[names["encoder.encoder.layer.0.attention.self.query.bias"]] == (1e-4, 0.0)
    assert found[names["encoder.embeddings.LayerNorm.weight"]] == (1e-4, 0.0)
    assert found[names["attention.queries"]] == (2e-3, 0.1)
    assert found[names["heads.1.bias"]] == (2e-3, 0.0)


def _rows() -> list[dict[str, object]]:
    targets = encode_labels(TOY, [FULL, MOOD_ONLY])
    ids = [[0, *range(10, 60), 2], [0, 10, 2]]
    return [
        {"input_ids": ids[i], "values": targets.values[i], "mask": targets.mask[i], "main": targets.main[i]}
        for i in range(2)
    ]


def test_token_dropout_hides_neither_the_first_token_nor_padding() -> None:
    torch.manual_seed(0)
    hidden = 0
    for _ in range(50):
        batch = Collator(pad_id=1, mask_id=120, token_dropout=0.5)(_rows())
        ids, attention = batch["input_ids"], batch["attention_mask"]
        assert ids.shape == (2, 52)
        assert (ids[:, 0] == 0).all()
        assert (ids[attention == 0] == 1).all()
        hidden += int((ids == 120).sum())
    assert 0.45 < hidden / (50 * (51 + 2)) < 0.55


def test_collator_without_dropout_keeps_ids_and_targets() -> None:
    batch = Collator(pad_id=1, mask_id=120, token_dropout=0.0)(_rows())
    assert batch["input_ids"][0].tolist() == [0, *range(10, 60), 2]
    assert batch["input_ids"][1].tolist() == [0, 10, 2] + [1] * 49
    assert batch["attention_mask"].sum(1).tolist() == [52, 3]
    assert batch["main"].tolist() == [[1], [-1]]
    assert batch["mask"][1].tolist() == [1, 1] + [0] * 9


def _matrix() -> torch.Tensor:
    weight = torch.randn(20, 51, generator=torch.Generator().manual_seed(1)) * torch.logspace(-4, 3, 20)[:, None]
    weight[7] = 0
    return weight


def test_eight_bit_rows_use_the_whole_range_and_are_off_by_half_a_step_at_most() -> None:
    values, scale = quantise_rows(_matrix())
    assert values.dtype == torch.int8
    assert values.abs().amax(dim=1).tolist() == [0 if row == 7 else 127 for row in range(20)]
    assert ((values.float() * scale[:, None] - _matrix()).abs() <= scale[:, None] * 0.5001).all()


def test_a_channel_loud_in_a_few_tokens_does_not_cost_the_others_their_resolution() -> None:
    torch.manual_seed(5)
    inputs = torch.randn(400, 12)
    loud = torch.arange(400) % 50 == 0
    inputs[loud, 3] *= 60
    weight = torch.randn(7, 12) * 0.1
    smoothing, grid = choose_rounding(inputs, inputs.abs().amax(0), [weight])
    assert smoothing[3] < 0.3 * smoothing[torch.arange(12) != 3].min()

    def change(factors: torch.Tensor, on: Grid) -> float:
        values, scale = quantise_rows(weight / factors)
        found = on.round(inputs * factors) @ (values * scale[:, None]).t()
        return float((found - inputs @ weight.t())[~loud].var(0).mean())

    plain = torch.ones(12)
    assert change(smoothing, grid) < change(plain, Grid.between(float(inputs.min()), float(inputs.max()))) / 10


def test_even_channels_stay_and_silent_ones_are_not_blown_up() -> None:
    inputs = torch.linspace(-1, 1, 300)[:, None].repeat(1, 6)
    inputs[:, 2] = 0
    smoothing, grid = choose_rounding(inputs, inputs.abs().amax(0), [torch.eye(6)])
    assert smoothing[torch.arange(6) != 2].tolist() == pytest.approx([1.0] * 5)
    assert 1 <= float(smoothing[2]) <= 100
    assert (grid.step, grid.zero) == (pytest.approx(2 / 255), pytest.approx(127.5, abs=0.6))  # all of the range


def test_layers_that_read_one_input_round_it_alike(network: Network) -> None:
    seen = calibrate(network, [pad([[0, *range(30, 60), 2]], 1)])
    inside = "encoder.encoder.layer.0.attention.self"
    assert seen[f"{inside}.query"] is seen[f"{inside}.key"] is seen[f"{inside}.value"]
    assert len({id(one) for one in seen.values()}) == len(seen) - 2 * 2  # in each of two layers


def test_grid_by_hand() -> None:
    grid = Grid.between(-1.0, 1.55)
    assert (grid.step, grid.zero) == (pytest.approx(0.01), 100)
    assert grid.round(torch.tensor([0.004, 0.006, -3.0, 9.0])).tolist() == pytest.approx([0, 0.01, -1, 1.55])


def test_outputs_keep_their_mean_by_hand() -> None:
    linear = torch.nn.Linear(2, 1)
    with torch.no_grad():
        linear.weight[:] = torch.tensor([[3.0, -1.0]])  # steps of 3 / 127: -1 becomes -42 of them
        linear.bias[:] = 0.5
    mean, rounded_mean = torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.5])
    layer = Int8Linear(linear, LayerInput(torch.ones(2), Grid(0.1, 0), mean, rounded_mean))
    second = -42 * 3 / 127
    assert float(layer.bias) == pytest.approx(0.5 + (-1.0 - second) * 2)  # exact inputs, rounded weights
    assert float(layer.rounded_bias) + second * 1.5 == pytest.approx(0.5 - 1.0 * 2)  # rounded inputs and weights


def test_smoothing_by_hand() -> None:
    """The second channel counts a quarter, so its weight counts four times: -1 is -127 steps of 4 / 127."""
    linear = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        linear.weight[:] = torch.tensor([[3.0, -1.0]])
    zero = torch.zeros(2)
    layer = Int8Linear(linear, LayerInput(torch.tensor([1.0, 0.25]), Grid(0.1, 0), zero, zero))
    assert layer.weight_int8.tolist() == [[95], [-127]]  # 3 is 95.25 of them
    assert float(layer.weight_scale) == pytest.approx(4 / 127)


def test_dequantised_weights_are_those_of_the_network_within_half_a_step(network: Network) -> None:
    seen = calibrate(network, [pad([[0, *range(30, 60), 2]], 1)])
    loud = "encoder.encoder.layer.1.output.dense"
    smoothing = torch.linspace(0.1, 3, len(seen[loud].mean))
    seen[loud] = replace(seen[loud], smoothing=smoothing)
    tensors = quantise(network, seen).state_dict()
    state = dequantise(network, dict(tensors))
    before = network.state_dict()
    assert state.keys() == before.keys()
    rounded = {key.removesuffix("_int8") for key in tensors if key.endswith("weight_int8")}
    assert {"encoder.embeddings.word_embeddings.weight", "attention.key.weight"} <= rounded
    assert len(rounded) == 1 + 2 * 6 + 1  # word vectors, six layers twice, the attention of the labels
    for name, value in state.items():
        if name in rounded:
            step = tensors[f"{name}_scale"].reshape(-1, 1)
            if (factor := f"{name.removesuffix('weight')}input_smoothing") in tensors:
                step = step * tensors[factor]
            assert ((value - before[name]).abs() <= step * 0.5001).all(), name
        elif f"{name.removesuffix('bias')}rounded_bias" not in tensors:
            assert torch.equal(value, before[name]), name
    assert torch.equal(tensors[f"{loud}.input_smoothing"], smoothing)
    network.load_state_dict(state, strict=True)


def test_layers_can_stay_in_float32(network: Network) -> None:
    seen = calibrate(network, [pad([[0, *range(30, 60), 2]], 1)])
    loud = "encoder.encoder.layer.1.output.dense"
    tensors = quantise(network, seen, [loud]).state_dict()
    assert f"{loud}.weight_int8" not in tensors
    assert sum(key.endswith("weight_float") for key in tensors) == 1
    state = dequantise(network, dict(tensors))
    assert torch.equal(state[f"{loud}.weight"], network.state_dict()[f"{loud}.weight"])
    network.load_state_dict(state, strict=True)


def test_rows_rounded_for_their_inputs_change_the_products_less() -> None:
    torch.manual_seed(4)
    mixing = torch.randn(6, 60)
    inputs = torch.randn(5_000, 6) @ mixing + 0.1 * torch.randn(5_000, 60)  # channels that go together
    weight = torch.randn(9, 60)
    moments = inputs.t() @ inputs / len(inputs)

    def change(values: torch.Tensor, scale: torch.Tensor) -> float:
        return float((inputs @ (values * scale[:, None] - weight).t()).square().mean())

    near, better = quantise_rows(weight), quantise_rows_for(weight, moments)
    assert better[0].dtype == torch.int8
    assert int(better[0].abs().max()) <= 127
    assert torch.equal(near[1], better[1])
    assert change(*better) < change(*near) / 3


@pytest.mark.parametrize("width", [1, 127, 128, 129, 300])  # around the blocks in which it works
def test_inputs_that_do_not_go_together_leave_nothing_to_make_up_for(width: int) -> None:
    torch.manual_seed(4)
    weight = torch.randn(5, width)
    expected, found = (
        quantise_rows(weight),
        quantise_rows_for(weight, torch.rand(width).diag() + 0.5 * torch.eye(width)),
    )
    assert torch.equal(expected[0], found[0])
    assert torch.equal(quantise_rows_for(weight, torch.zeros(width, width))[0], expected[0])  # nothing was ever seen


def test_quantise_leaves_the_network_as_it_was(network: Network) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    quantise(network, calibrate(network, [pad([[0, 40, 2]], 1)]))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_calibration_ignores_padding(network: Network) -> None:
    batch = pad([[0, 40, 41, 2], [0, *range(30, 60), 2]], 1)
    expected = calibrate(network, [batch])
    loud = replace(batch, ids=np.where(batch.mask == 1, batch.ids, 119))
    with torch.no_grad():
        network.encoder.get_input_embeddings().weight[119] = torch.linspace(-1000, 1000, 32)
    assert 119 not in batch.ids
    for name, found in calibrate(network, [loud]).items():
        assert found.grid.step == pytest.approx(expected[name].grid.step, rel=1e-3), name
        assert torch.allclose(found.mean, expected[name].mean, atol=1e-4), name


def test_moments_by_hand(network: Network) -> None:
    """One token says nothing about how channels go together; of two, each counts by the inverse of its power."""
    batch = pad([[0, 40, 41, 2]], 1)
    seen = calibrate(network, [batch])
    assert all(one.moments is None for one in seen.values())
    name = "encoder.encoder.layer.0.intermediate.dense"
    inputs: list[torch.Tensor] = []
    network.get_submodule(name).register_forward_pre_hook(lambda _, given: inputs.append(given[0][0]))
    found = measure(network, [batch], seen, moments=True)[name]
    shares = 1 / inputs[0].square().mean(1)
    shares = shares / shares.sum()
    rounded = found.grid.round(inputs[0] * found.smoothing)
    off = rounded - shares @ rounded
    assert torch.allclose(found.moments, (off * shares[:, None]).t() @ off, atol=1e-4)
    assert torch.allclose(found.mean, shares @ inputs[0], atol=1e-5)
    assert torch.allclose(found.rounded_mean * found.smoothing, shares @ rounded, atol=1e-5)


def test_calibration_takes_the_mean_of_tokens_not_of_batches(network: Network) -> None:
    first, second = pad([[0, 40, 41, 2]], 1), pad([[0, *range(30, 60), 2]], 1)
    name = "encoder.encoder.layer.0.intermediate.dense"
    one, two, both = (calibrate(network, b)[name] for b in ([first], [second], [first, second]))
    # After a layer norm all tokens have nearly the same power, so each counts nearly alike.
    assert torch.allclose(both.mean, (one.mean * 4 + two.mean * 32) / 36, atol=0.02)
    assert not torch.allclose(both.mean, (one.mean + two.mean) / 2, atol=0.02)
    assert one.grid.step != two.grid.step
