"""One Tagger for all who ask for the same model in a process: estimators that are cloned, pipelines that are copied."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from threading import Lock

from cxnlp.bundle import MANIFEST_FILE, shipped_bundle
from cxnlp.errors import BundleError
from cxnlp.inference.tagger import Tagger

_MAX_MODELS = 4
_lock = Lock()


def _renew_lock() -> None:
    # Another thread of the parent may have held it, and that thread did not come along.
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew_lock)


def shared_tagger(
    model: str | Path | None = None,
    backend: str = "onnx",
    device: str = "auto",
    threads: int = 0,
    min_precision: float | None = None,
    careful: bool = False,
) -> Tagger:
    """Load a bundle (None: the shipped model) as ``Tagger.load`` does, or give the Tagger loaded before.

    A bundle that was written anew is loaded anew. So is one in a process that was forked, as the threads of an engine
    do not live on there. At most four models are kept.

    Raises:
        SettingsError: the model has no cutoffs for that precision.
        BundleError: the bundle is missing, incomplete, altered, or of a newer format.
        BackendError: the back end or the device is not available here.
    """
    folder = (shipped_bundle() if model is None else Path(model)).resolve()
    try:
        found = (folder / MANIFEST_FILE).stat()
        version = (found.st_mtime_ns, found.st_size, found.st_ino)
    except OSError:  # loading says what is wrong
        version = (0, 0, 0)
    with _lock:  # several threads that ask at once get one Tagger
        return _load(os.getpid(), version, str(folder), backend, device, threads, min_precision, careful)


def tagger_of(
    model: Path | None,
    backend: str,
    device: str,
    threads: int,
    min_precision: float | None,
    careful: bool,
    fingerprint: str,
) -> Tagger:
    """Give the Tagger that another process loaded, loaded here from the same folder, once for all who send it.

    Raises:
        BundleError: another model lies there than when it was loaded; or as of ``shared_tagger``, like other errors.
    """
    tagger = shared_tagger(model, backend, device, threads, min_precision, careful)
    if tagger.fingerprint != fingerprint:
        where = model or "the shipped model"
        raise BundleError(f"{where}: another model than the process that sent the Tagger has; load it there anew")
    return tagger


@lru_cache(maxsize=_MAX_MODELS)
def _load(
    process: int,
    version: tuple[int, int, int],
    folder: str,
    backend: str,
    device: str,
    threads: int,
    min_precision: float | None,
    careful: bool,
) -> Tagger:
    return Tagger.load(
        folder, backend=backend, device=device, threads=threads, min_precision=min_precision, careful=careful
    )
