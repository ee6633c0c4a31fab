"""The layers of a network that eight bits concern, by name."""

from __future__ import annotations

from torch import nn

from cxnlp.model.network import Network


def linear_layers(network: Network) -> dict[str, nn.Linear]:
    """The linear layers that see every token; those of the heads see a few vectors per review and stay float32."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(("encoder.", "attention."))
    }


def input_embeddings(network: Network) -> tuple[nn.Embedding, str]:
    """Give the word embeddings of the encoder and their name in the network."""
    words: nn.Embedding = network.encoder.get_input_embeddings()
    return words, next(name for name, module in network.named_modules() if module is words)


def replace_module(network: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` in the place of the one called ``name``."""
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, module)
