"""Recipes: frozen settings that check themselves."""

from cxnlp.settings.load import as_table, read_settings, read_toml
from cxnlp.settings.recipe import (
    DataSettings,
    EncoderSettings,
    ExportSettings,
    Recipe,
    TrainingSettings,
    read_recipe,
    recipe_from_table,
)

__all__ = [
    "DataSettings", "EncoderSettings", "ExportSettings", "Recipe", "TrainingSettings", "as_table", "read_recipe",
    "read_settings", "read_toml", "recipe_from_table",
]  # fmt: skip
