"""From reviews and a recipe to a bundle."""
