"""Texts cut to a width, for people."""


def shorten(text: str, width: int) -> str:
    """Give a text of at most ``width`` characters; one that is cut ends in an ellipsis."""
    return text if len(text) <= width else text[: width - 1] + "…"
