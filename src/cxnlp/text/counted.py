"""Numbers of things, for people."""


def counted(n: int, what: str) -> str:
    """Give ``1 row`` or ``1,234 rows``."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
