"""From reviews and a recipe to a bundle. Needs the extra ``train``."""

from cxnlp.training.train import Overrides, train

__all__ = ["Overrides", "train"]
