"""From a bundle to a Tagger: the only place where a back end is chosen."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cxnlp.bundle import Bundle, load_bundle, shipped_bundle
from cxnlp.errors import ArgumentTypeError, BackendError, BundleError, kind_of, nearest
from cxnlp.inference.arguments import check_choice
from cxnlp.inference.backend import Backend
from cxnlp.inference.shared import tagger_of
from cxnlp.inference.tagger import Tagger
from cxnlp.text import TextTokenizer
from cxnlp.text.sentences import require_sentences

BACKENDS = ("onnx", "torch")
DEVICES = ("auto", "cpu", "cuda")


def load_tagger(
    path: str | Path | None,
    backend: str,
    device: str,
    threads: int = 0,
    min_precision: float | None = None,
    careful: bool = False,
) -> Tagger:
    """Load, verify and make ready; see ``Tagger.load``."""
    if path is not None and not isinstance(path, str | Path):
        what = f"path is of type {type(path).__name__}, expected str or Path, or None for the shipped model"
        raise ArgumentTypeError(what)
    expected = "a whole number of 1 or more, or 0 for as many as there are cores"
    if not isinstance(threads, int) or isinstance(threads, bool):
        raise ArgumentTypeError(f"threads is {kind_of(threads)}, expected {expected}")
    if threads < 0:
        raise BackendError(f"threads is {threads}, expected {expected}")
    for value, known, what in ((backend, BACKENDS, "back end"), (device, DEVICES, "device")):
        if value not in known:
            near = nearest(str(value), list(known))
            raise BackendError(f"no {what} {value!r}, expected one of {', '.join(known)}{near}")
    check_choice("careful", careful)
    folder = None if path is None else Path(path).absolute()
    bundle = load_bundle(folder or shipped_bundle())
    manifest = bundle.manifest
    answers = manifest.carefully() if careful else manifest
    cutoffs = answers.cutoffs(min_precision)
    if careful:
        require_sentences("careful reading")
    engine = _onnx(bundle, device, threads) if backend == "onnx" else _torch(bundle, device, threads)
    tokenizer = TextTokenizer.from_file(bundle.tokenizer, manifest.max_tokens, manifest.overlap)
    again = partial(tagger_of, folder, backend, device, threads, min_precision, careful)
    return Tagger(bundle.taxonomy, tokenizer, engine, cutoffs, manifest, answers.scaling, again, careful)


def _onnx(bundle: Bundle, device: str, threads: int) -> Backend:
    from cxnlp.inference.onnx_backend import OnnxBackend

    if device == "cuda":
        raise BackendError('the onnx back end runs on the CPU only; for a GPU use backend="torch", device="cuda"')
    backend = OnnxBackend(bundle.onnx, threads)
    if backend.n_logits != bundle.taxonomy.n_logits:
        what = f"has {backend.n_logits} logits, the manifest's taxonomy {bundle.taxonomy.n_logits}"
        raise BundleError(f"{bundle.onnx}: {what}; fetch the bundle anew")
    return backend


def _torch(bundle: Bundle, device: str, threads: int) -> Backend:
    try:
        import torch
        import transformers  # noqa: F401 - needed below; asked for here so that the message is ours
    except ImportError as error:
        raise BackendError(f'the torch back end needs {error.name}: pip install "cxnlp[torch]"') from error
    from cxnlp.inference.torch_backend import TorchBackend
    from cxnlp.model.restore import restore_network

    if device == "cuda" and not torch.cuda.is_available():
        raise BackendError('device "cuda" was asked for, but torch sees no CUDA device; use device="auto" or "cpu"')
    if threads:
        torch.set_num_threads(threads)
    network = restore_network(bundle.taxonomy, bundle.manifest.encoder, bundle.weights)
    if device == "cpu" or not torch.cuda.is_available():
        return TorchBackend(network, "cpu")
    try:
        return TorchBackend(network, "cuda")
    except RuntimeError as error:  # a GPU that is full, too old, or whose driver does not fit
        reason = str(error).partition("\n")[0]
        raise BackendError(f'the CUDA device cannot be used ({reason}); free it, or choose device="cpu"') from error
