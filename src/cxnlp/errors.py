"""The package's exceptions. Each message says what came, what was expected and what to do."""


class CxnlpError(Exception):
    """Any error that cxnlp raises on purpose; the command line prints it without a traceback."""


class TaxonomyError(CxnlpError):
    """A taxonomy file that cannot be used, or a label that the taxonomy does not have."""


class SettingsError(CxnlpError):
    """A recipe or option that is unknown, of the wrong type or out of range."""


class DataError(CxnlpError):
    """A file of reviews that cannot be read or written."""


class BundleError(CxnlpError):
    """A bundle that is incomplete, altered, of another format, or that failed its own export check."""


class EncoderError(CxnlpError):
    """An encoder that cannot be found, read or used."""


class BackendError(CxnlpError):
    """A scoring engine that is not installed or not available on this machine."""


class ArgumentTypeError(CxnlpError, TypeError):
    """An argument of another type than expected: a mistake in a program, which ``except TypeError`` catches too."""


class ArgumentValueError(CxnlpError, ValueError):
    """An argument of the right type that cannot be: likewise, and caught by ``except ValueError`` too."""


class ExtraError(CxnlpError):
    """A package that a chosen option needs and that is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f'{what} needs {package}, which is not installed: pip install "cxnlp[{extra}]"')


def kind_of(value: object) -> str:
    """Name the type of a value, for an error: ``a str``, ``an int``."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


def nearest(name: str, known: list[str]) -> str:
    """Give ``; did you mean 'x'?`` for the known name closest to ``name``, or an empty string."""
    from difflib import get_close_matches

    match = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""
