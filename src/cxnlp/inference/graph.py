"""Write a quantised network as an ONNX graph whose large tensors lie in the bundle's safetensors file."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cxnlp.model.network import Network

_OPSET = 20
_FUSED = "cxnlp_fused"


def write_graph(network: Network, weights: Path, path: Path) -> None:
    """Write ``network`` (quantised) to ``path``, with its tensors in ``weights`` in the same folder.

    The graph knows no padding: without a mask, ONNX Runtime computes attention block by block (Dao et al. 2022,
    "FlashAttention") and not as three steps over a whole matrix.
    """
    import onnx
    from safetensors.torch import save_file

    # Copies, because layers with the same input share its smoothing, and safetensors holds no tensor twice.
    save_file({name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}, weights)
    with _fused_attention(network), _quiet():
        program = torch.onnx.export(
            network,
            (torch.ones(3, 17, dtype=torch.int64),),
            dynamo=True,
            dynamic_shapes=({0: "n", 1: "t"},),
            input_names=["input_ids"],
            output_names=["logits"],
            opset_version=_OPSET,
            verbose=False,
        )
    assert program is not None  # it is None only for the older exporter
    model = program.model_proto
    del model.metadata_props[:]
    _strip(model)
    _point_into(model, weights)
    onnx.save(model, str(path))


def _strip(model: Any) -> None:
    """Drop what exporting leaves behind for debugging: stack traces, with paths of the machine."""
    model.producer_version = ""
    graph = model.graph
    for item in [*graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output]:
        del item.metadata_props[:]
        if hasattr(item, "doc_string"):
            item.doc_string = ""
    del graph.metadata_props[:]
    del graph.value_info[:]


def _point_into(model: Any, weights: Path) -> None:
    """Replace each tensor of the graph that the safetensors file holds by a reference to its place there."""
    from onnx import StringStringEntryProto, TensorProto

    with weights.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(size))
    for tensor in model.graph.initializer:
        entry = entries.get(tensor.name)
        if entry is None or list(tensor.dims) != entry["shape"]:
            continue  # a constant that the exporter made: small, stays in the graph
        begin, end = entry["data_offsets"]
        place = {"location": weights.name, "offset": str(8 + size + begin), "length": str(end - begin)}
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        del tensor.external_data[:]
        tensor.external_data.extend(StringStringEntryProto(key=key, value=value) for key, value in place.items())


@contextlib.contextmanager
def _fused_attention(network: Network) -> Iterator[None]:
    """Have the encoder's attention written as one operator of ONNX Runtime."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_FUSED, _attention)
    AttentionMaskInterface.register(_FUSED, _no_mask)
    config = network.encoder.config
    before = config._attn_implementation
    config._attn_implementation = _FUSED
    try:
        yield
    finally:
        config._attn_implementation = before


def _no_mask(*_: Any, **__: Any) -> None:
    return None


def _attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    n, heads, t, width = query.shape
    flat = [x.transpose(1, 2).reshape(n, t, heads * width) for x in (query, key, value)]  # (n, t, h)
    scale = scaling or width**-0.5
    out: Tensor = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        tuple(flat),
        attrs={"num_heads": heads, "scale": float(scale)},
        dtype=torch.float32,
        shape=(n, t, heads * width),
        version=1,
    )
    return out.reshape(n, t, heads, width), None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes about its own workings from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
