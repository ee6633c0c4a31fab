"""Back ends, export, the Tagger and its predictions."""
