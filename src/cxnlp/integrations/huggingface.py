"""A facet of a bundle as a folder that ``transformers.pipeline`` loads, with no code of ours and no code in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from tokenizers import Tokenizer

from cxnlp.bundle import CARD_FILE, Bundle, Usage, model_card
from cxnlp.data.write_folder import atomic_folder
from cxnlp.errors import BundleError, ExtraError, SettingsError, nearest
from cxnlp.taxonomy import Facet, Kind, Taxonomy, probabilities, scale_probabilities
from cxnlp.text import TextTokenizer
from cxnlp.text.batches import pad
from cxnlp.text.clean import INVISIBLE, TAG

if TYPE_CHECKING:
    from transformers import BartForSequenceClassification

    from cxnlp.model.network import Network

# Probabilities of the two that differ by more are an error of the export; float32 alone makes some 1e-6.
TOLERANCE = 1e-4
_CHECKED_LENGTHS = (0, 1, 7, 30, 90)
"""Tokens of the made-up texts by which both are compared, besides one as long as a window."""


@dataclass(frozen=True)
class Part:
    """What one folder answers: a facet, or the polarity of one ``label`` of the facet that it belongs to."""

    facet: Facet
    label: str | None = None

    @property
    def name(self) -> str:
        """The folder's name; what a label holds that folders cannot is written as in addresses (``%2F``)."""
        return f"{self.facet.name}-{quote(self.label, safe='')}" if self.label else self.facet.name


@dataclass(frozen=True)
class Exported:
    """A folder that was written, and by how much its probabilities differ from the network's at most."""

    folder: Path
    difference: float


def parts_of(taxonomy: Taxonomy, facets: Sequence[str] = (), labels: Sequence[str] = ()) -> list[Part]:
    """Give what to export: the named facets, by default all but polarities; ``labels`` are those of a polarity.

    Raises:
        SettingsError: there is no such facet, or no such label.
    """
    known = [facet.name for facet in taxonomy.facets]
    for name in facets:
        if name not in known:
            expected = f"expected one of {', '.join(known)}{nearest(name, known)}"
            raise SettingsError(f"no facet {name!r} in the taxonomy {taxonomy.name!r}; {expected}")
    chosen = [taxonomy[name] for name in dict.fromkeys(facets)] or list(taxonomy.answers)
    polarities = [facet for facet in chosen if facet.of]
    if labels and not polarities:
        raise SettingsError("labels are chosen for a polarity only; name its facet too, or leave them out")
    of = [label for facet in polarities for label in taxonomy[str(facet.of)].labels]
    for label in labels:
        if label not in of:
            raise SettingsError(f"no label {label!r} with a polarity{nearest(label, of)}; there are {', '.join(of)}")
    parts = [Part(facet) for facet in chosen if not facet.of]
    for facet in polarities:
        every = taxonomy[str(facet.of)].labels
        parts += [Part(facet, label) for label in every if not labels or label in labels]
    return parts


def export_huggingface(bundle: Bundle, output: Path, parts: Sequence[Part]) -> list[Exported]:
    """Write one folder for each part into ``output``, all of them or none.

    Raises:
        EncoderError: no class of transformers expresses this network.
        BundleError: the place is taken, or the probabilities of a folder are not those of the network.
        ExtraError: torch or transformers is not installed.
    """
    try:
        import torch  # noqa: F401 - needed below; asked for here so that the message is ours
        import transformers  # noqa: F401
    except ImportError as error:
        raise ExtraError("this export", str(error.name), "torch") from error
    from cxnlp.model.restore import restore_network

    if output.exists():
        raise BundleError(f"{output}: exists; name another folder or remove it")
    network = restore_network(bundle.taxonomy, bundle.manifest.encoder, bundle.weights)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with _without_bars(), atomic_folder(output) as work:
            differences = [_write(bundle, network, part, work / part.name) for part in parts]
    except OSError as error:
        raise BundleError(f"{output}: cannot be written ({error.strerror or error})") from error
    return [Exported(output / part.name, found) for part, found in zip(parts, differences, strict=True)]


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar for each file."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def push(folder: Path, repository: str, *, public: bool = False) -> str:
    """Send a folder to a model repository of the Hugging Face hub, which is made if need be; give its address.

    The hub's own client finds the token (``hf auth login``, or ``HF_TOKEN``).

    Raises:
        BundleError: the hub was not reached, or refused.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

    api = HfApi(library_name="cxnlp")
    try:
        api.create_repo(repository, repo_type="model", private=not public, exist_ok=True)
        sent = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Exported by cxnlp")
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        todo = "see hf auth whoami, and push again; the folder stays where it is"
        raise BundleError(f"{folder}: not sent to {repository} ({reason}); {todo}") from error
    return str(sent.commit_url)


def _write(bundle: Bundle, network: Network, part: Part, folder: Path) -> float:
    from cxnlp.model.stock import Specials, stock_network

    manifest = bundle.manifest
    tokenizer = TextTokenizer.from_file(bundle.tokenizer, manifest.max_tokens, manifest.overlap)
    specials = Specials(tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id)
    scaling = manifest.scaling.get(part.facet.name)
    model = stock_network(network, bundle.taxonomy, part.facet, specials, label=part.label, scaling=scaling)
    difference = _difference(bundle, network, model, part, tokenizer)
    if not difference <= TOLERANCE:
        found = f"probabilities differ by {difference:.1e}, expected at most {TOLERANCE:.0e}"
        raise BundleError(f"{part.name}: not exported, {found}; see docs/huggingface.md")
    model.save_pretrained(folder)
    _write_tokenizer(bundle, tokenizer, folder)
    usage = Usage("transformers", part.facet.name, _usage(bundle, part, difference))
    (folder / CARD_FILE).write_text(model_card(manifest, bundle.taxonomy, usage=usage), "utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)  # some libraries write for their own user only
    return difference


def _difference(
    bundle: Bundle, network: Network, model: BartForSequenceClassification, part: Part, tokenizer: TextTokenizer
) -> float:
    """Compare on rows of tokens drawn by chance, the longest as long as a window."""
    import torch

    draw = np.random.default_rng(0)
    size = int(bundle.manifest.encoder["vocab_size"])
    special = {tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id}
    ordinary = np.array([i for i in range(size) if i not in special])
    lengths = [min(length, tokenizer.max_tokens - 2) for length in (*_CHECKED_LENGTHS, tokenizer.max_tokens)]
    rows = [[tokenizer.bos_id, *draw.choice(ordinary, length), tokenizer.eos_id] for length in lengths]
    batch = pad(rows, tokenizer.pad_id)
    ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
    with torch.inference_mode():
        logits = network(ids, mask).numpy()
        found = model(ids, attention_mask=mask, use_cache=False).logits
    taxonomy = bundle.taxonomy
    probs = scale_probabilities(taxonomy, probabilities(taxonomy, logits), bundle.manifest.scaling)
    expected = probs[:, taxonomy.slices[part.facet.name]]
    if part.label:
        at = taxonomy[str(part.facet.of)].labels.index(part.label) * len(part.facet.labels)
        expected = expected[:, at : at + len(part.facet.labels)]
    given = found.sigmoid() if part.facet.kind is Kind.ANY_OF else found.softmax(dim=1)
    return float(np.abs(given.numpy() - expected).max())


def _write_tokenizer(bundle: Bundle, tokenizer: TextTokenizer, folder: Path) -> None:
    table = json.loads(bundle.tokenizer.read_text("utf-8"))
    specials = [token["content"] for token in table["added_tokens"] if token["special"]]
    own = [table["normalizer"]] if table["normalizer"] else []
    table["normalizer"] = {"type": "Sequence", "normalizers": [*_cleaning(specials), *own]}
    (folder / "tokenizer.json").write_text(json.dumps(table, ensure_ascii=False), "utf-8")
    names = {"pad_token": tokenizer.pad_id, "bos_token": tokenizer.bos_id, "eos_token": tokenizer.eos_id}
    names |= {"cls_token": tokenizer.bos_id, "sep_token": tokenizer.eos_id}
    by_id = {token["id"]: token for token in table["added_tokens"]}
    roles = {role: by_id[index]["content"] for role, index in names.items() if index in by_id}
    if (unknown := next((name for name in specials if "unk" in name.lower()), None)) is not None:
        roles["unk_token"] = unknown
    kept = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokenizer.max_tokens,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,  # not told from other text, so that the normaliser takes those of a review out
        "added_tokens_decoder": {str(i): {key: token[key] for key in kept} for i, token in by_id.items()},
        **roles,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, ensure_ascii=False, indent=1) + "\n", "utf-8")
    Tokenizer.from_file(str(folder / "tokenizer.json"))  # what cannot be read is not written


def _cleaning(specials: Sequence[str]) -> list[dict[str, Any]]:
    """Say ``cxnlp.text.clean`` in the words of a normaliser, without entities; and take special tokens out."""
    special = "|".join(map(re.escape, specials))
    steps = ((f"(?i:{TAG.pattern})", " "), (special, " "), (_literal(INVISIBLE.pattern), ""))
    replaced = [{"type": "Replace", "pattern": {"Regex": pattern}, "content": by} for pattern, by in steps if pattern]
    space = {"type": "Replace", "pattern": {"Regex": _literal(r"[\s\x1c-\x1f\x85]+")}, "content": " "}
    return [*replaced, {"type": "NFC"}, space, {"type": "Strip", "strip_left": True, "strip_right": True}]


def _literal(pattern: str) -> str:
    """Put the characters themselves for Python's escapes, which the tokenizers' expressions read otherwise."""
    return re.sub(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})", lambda found: chr(int(found[1] or found[2], 16)), pattern)


def _usage(bundle: Bundle, part: Part, difference: float) -> str:
    facet = part.facet
    asks = f"the polarity of `{part.label}`" if part.label else f"`{facet.name}`"
    top_k = None if facet.kind is Kind.ANY_OF else 1
    text = f"""## With transformers: {asks}

```python
from transformers import pipeline

classify = pipeline("text-classification", model="FOLDER", top_k={top_k})
classify(["A review.", "Another one."], truncation=True)
```

A model of the class `BartForSequenceClassification`: its encoder is the model's own, and its decoder computes the
heads. Its probabilities are those of cxnlp's network in float32, calibrated; on rows of tokens drawn by chance they
differ by {difference:.0e} at most. In sixteen bits they are others. What cxnlp does before and after the network is
only partly here: texts mostly in capitals are not put in lower case, HTML entities such as `&amp;` stay, and of a text
with more than {bundle.manifest.max_tokens} tokens only the beginning is read."""
    if facet.kind is not Kind.ANY_OF:
        return text
    limits = bundle.manifest.thresholds[facet.name]
    added = bundle.manifest.main.get(facet.name, dict.fromkeys(facet.labels, 0.0))
    rows = [f"| {label} | {limits[label]:.3f} |" for label in facet.labels]
    head = ["| label | from |", "| --- | ---: |"]
    said = "A label is given from this probability on"
    if facet.main:
        rows = [f"{row} {added[label]:+.3f} |" for row, label in zip(rows, facet.labels, strict=True)]
        head = ["| label | from | added |", "| --- | ---: | ---: |"]
        said += "; the one with the largest log-odds, after what stands under *added*, is always given, as the main one"
    table = "\n".join([*head, *rows])
    return f"{text}\n\n{said}:\n\n{table}"
