"""Make a network of the weights in a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.errors import BundleError
from cxnlp.model.layers import linear_layers
from cxnlp.model.network import Network
from cxnlp.model.quantise import dequantise
from cxnlp.taxonomy import Taxonomy

if TYPE_CHECKING:
    from torch import Tensor


def restore_network(taxonomy: Taxonomy, config: Mapping[str, Any], weights: Path) -> Network:
    """Build the network of an encoder's ``config`` and fill it from a bundle's weights; nothing is downloaded.

    Raises:
        BundleError: the weights do not fit the network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    settings = dict(config)
    kind = settings.pop("model_type", None)
    try:
        encoder = AutoModel.from_config(AutoConfig.for_model(kind, **settings), dtype="float32")
    except (ValueError, TypeError, AttributeError) as error:
        what = f"the manifest's encoder is of kind {kind!r}, which this transformers cannot build"
        raise BundleError(f"{weights.parent}: {what} ({str(error)[:80]}); update transformers") from error
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    network = Network(encoder, taxonomy)
    try:
        state = dequantise(network, load_file(weights))
        _add_biases(network, state)
        network.load_state_dict(state, strict=True)
    except (RuntimeError, KeyError, SafetensorError) as error:
        raise BundleError(f"{weights}: the weights do not fit the network of the manifest: {error}") from error
    return network.eval()


def _add_biases(network: Network, state: Mapping[str, Tensor]) -> None:
    """Give a bias to linear layers that were made without, as ModernBERT's are: rounding is made up for by one."""
    from torch import nn

    for name, layer in linear_layers(network).items():
        bias = state.get(f"{name}.bias")
        if layer.bias is None and bias is not None:
            layer.bias = nn.Parameter(bias.clone())
