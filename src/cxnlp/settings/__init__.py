"""Recipes: frozen settings that check themselves."""

from cxnlp.settings.dump import as_toml, toml_value
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
from cxnlp.settings.space import TuneSpace, check_space, default_space, read_space, with_values

__all__ = [
    "DataSettings", "EncoderSettings", "ExportSettings", "Recipe", "TrainingSettings", "TuneSpace", "as_table",
    "as_toml", "check_space", "default_space", "read_recipe", "read_settings", "read_space", "read_toml",
    "recipe_from_table", "toml_value", "with_values",
]  # fmt: skip
