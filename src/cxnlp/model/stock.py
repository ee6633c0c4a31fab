"""A network as a model of a class that transformers already has, with the same logits.

The class is BART's for classification (Lewis et al. 2020, "BART: Denoising Sequence-to-Sequence Pre-training"): of all
that read a text with stock classes, only those with a decoder look back at every token with queries that do not come
from the tokens. BART's encoder is built like BERT's and takes its weights over; the decoder becomes the heads
(``stock_heads.py``). The reasons are in docs/huggingface.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cxnlp.errors import EncoderError
from cxnlp.model.network import Network
from cxnlp.model.stock_heads import Plan, fill_head, fill_layers, make_plan, read_head
from cxnlp.taxonomy import Facet, Kind, Taxonomy

if TYPE_CHECKING:
    from transformers import BartConfig, BartForSequenceClassification, PreTrainedModel

KINDS = ("bert", "camembert", "roberta", "xlm-roberta")
# BART adds 1e-5 to a variance, BERT as its settings say, mostly 1e-12. All that passes through the encoder is this many
# times as large, which a normalisation takes out again, so that BART's constant counts as 1e-5 / LOUDER**2. A power of
# two changes no digit of a float.
LOUDER = 1024.0
_LAYER_PARTS = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "self_attn_layer_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "final_layer_norm",
}
_READ = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "fc1")
"""Layers that read what is louder; all others write it."""


@dataclass(frozen=True)
class Specials:
    """The ids of the tokens that stand for padding, beginning and end."""

    pad: int
    bos: int
    eos: int


def why_not_stock(encoder: PreTrainedModel) -> str:
    """Say what of an encoder the stock class cannot express; empty if it can express all."""
    config = encoder.config
    if config.model_type not in KINDS:
        return f"its encoder is of kind {config.model_type!r}, expected one of {', '.join(KINDS)}"
    if config.hidden_act != "gelu":
        return f"its encoder's activation is {config.hidden_act!r}, and the heads', which must be the same, is 'gelu'"
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return f"its encoder's positions are {config.position_embedding_type!r}, expected 'absolute'"
    return ""


@torch.no_grad()
def stock_network(
    network: Network,
    taxonomy: Taxonomy,
    facet: Facet,
    specials: Specials,
    *,
    label: str | None = None,
    scaling: Mapping[str, tuple[float, float]] | None = None,
) -> BartForSequenceClassification:
    """Give a model whose logits (n, labels) are those of one facet, each scaled and shifted as ``scaling`` says.

    Args:
        network: in float32.
        taxonomy: the network's.
        facet: the one to answer.
        specials: of the tokenizer.
        label: of a ``polarity`` facet, the label of the other facet whose polarity is asked for.
        scaling: label to scale and shift; by default 1 and 0.

    Raises:
        EncoderError: the class cannot express this network.
    """
    from transformers import BartForSequenceClassification

    if wrong := why_not_stock(network.encoder):
        raise EncoderError(f"no class of transformers expresses this model: {wrong}; see docs/huggingface.md")
    head = read_head(network, taxonomy, facet, label)
    plan = make_plan(head)
    config = _config(network.encoder, facet, specials, plan)
    with torch.device("meta"):  # without drawing random weights, which takes longer than all the rest
        model = BartForSequenceClassification(config).eval()
    model.to_empty(device="cpu")
    model.tie_weights()
    for weight in model.parameters():
        weight.zero_()
    _fill_encoder(model, network.encoder)
    fill_layers(model.model.decoder, plan, LOUDER)
    pairs = [(scaling or {}).get(name, (1.0, 0.0)) for name in facet.labels]
    fill_head(model.classification_head, plan, torch.tensor(pairs, dtype=torch.float64))
    return model


def _config(encoder: PreTrainedModel, facet: Facet, specials: Specials, plan: Plan) -> BartConfig:
    from transformers import BartConfig

    of = encoder.config
    return BartConfig(
        vocab_size=of.vocab_size,
        d_model=of.hidden_size,
        max_position_embeddings=_positions(encoder).shape[0],
        encoder_layers=of.num_hidden_layers,
        encoder_attention_heads=of.num_attention_heads,
        encoder_ffn_dim=of.intermediate_size,
        decoder_layers=len(plan.layers),
        decoder_attention_heads=plan.n_heads,
        decoder_ffn_dim=plan.room,
        activation_function=of.hidden_act,
        pad_token_id=specials.pad,
        bos_token_id=specials.bos,
        eos_token_id=specials.eos,
        decoder_start_token_id=specials.eos,
        forced_eos_token_id=None,
        use_cache=False,
        id2label=dict(enumerate(facet.labels)),
        label2id={name: i for i, name in enumerate(facet.labels)},
        problem_type="multi_label_classification" if facet.kind is Kind.ANY_OF else "single_label_classification",
    )


def _positions(encoder: PreTrainedModel) -> Tensor:
    """Give what is added to the pieces of a text, by position (positions, h)."""
    parts = encoder.embeddings
    table: Tensor = parts.position_embeddings.weight
    if encoder.config.model_type != "bert":  # the others count from behind the padding's id
        table = table[int(encoder.config.pad_token_id) + 1 :]
    kind: Tensor = parts.token_type_embeddings.weight[0]
    return table + kind


def _fill_encoder(model: BartForSequenceClassification, encoder: PreTrainedModel) -> None:
    target = model.model.encoder
    model.model.shared.weight.copy_(encoder.embeddings.word_embeddings.weight * LOUDER)
    positions = _positions(encoder)
    target.embed_positions.weight[target.embed_positions.offset :] = positions * LOUDER
    _copy(target.layernorm_embedding, encoder.embeddings.LayerNorm, LOUDER, LOUDER)
    for source, layer in zip(encoder.encoder.layer, target.layers, strict=True):
        for theirs, ours in _LAYER_PARTS.items():
            weight, bias = (1 / LOUDER, 1.0) if ours in _READ else (1.0, LOUDER)
            if ours == "self_attn.out_proj" or ours == "fc2" or ours.endswith("layer_norm"):
                weight = LOUDER
            _copy(layer.get_submodule(ours), source.get_submodule(theirs), weight, bias)


def _copy(target: nn.Module, source: nn.Module, weight: float, bias: float) -> None:
    target.get_parameter("weight").copy_(source.get_parameter("weight") * weight)
    target.get_parameter("bias").copy_(source.get_parameter("bias") * bias)
