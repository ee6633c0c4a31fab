"""A tiny encoder, forty composed reviews in four languages, and a recipe that trains on them in seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cxnlp

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertModel

    from cxnlp.taxonomy import Taxonomy

SOURCE = Path(cxnlp.__file__).parents[1]
REPOSITORY = Path(__file__).resolve().parents[1]

# Language to the words for a subject of each touchpoint, then praise and blame.
_SUBJECTS = {
    "no": {"delivery": "Leveringen", "staff": "Betjeningen", "app": "Appen", "product": "Jakken", "phone": "Telefonen"},
    "da": {"delivery": "Pakken", "staff": "Ekspedienten", "app": "App'en", "product": "Skoene", "phone": "Hotline"},
    "sv": {"delivery": "Leveransen", "staff": "Personalen", "app": "Appen", "product": "Tröjan", "phone": "Växeln"},
    "en": {"delivery": "Delivery", "staff": "The clerk", "app": "The app", "product": "The coat", "phone": "The line"},
}
_JUDGED = {
    "no": {"positive": "var helt topp", "negative": "var elendig"},
    "da": {"positive": "var virkelig dejlig", "negative": "var noget skidt"},
    "sv": {"positive": "var underbart bra", "negative": "var riktigt usel"},
    "en": {"positive": "was simply lovely", "negative": "was plain awful"},
}
_PHASES = {"delivery": "delivery", "staff": "purchase", "app": "use", "product": "use", "phone": "support"}
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
_LETTERS = "abcdefghijklmnopqrstuvwxyzæøåäöABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅÄÖ0123456789.,!?'-"


def records() -> list[dict[str, Any]]:
    """Forty labelled reviews: each of five touchpoints praised and blamed in each language."""
    out: list[dict[str, Any]] = []
    for lang, subjects in _SUBJECTS.items():
        for touchpoint, subject in subjects.items():
            for polarity, words in _JUDGED[lang].items():
                out.append(
                    {
                        "id": f"{lang}-{touchpoint}-{polarity}",
                        "lang": lang,
                        "text": f"{subject} {words}.",
                        "sentiment": polarity,
                        "touchpoints": {touchpoint: polarity},
                        "phases": [_PHASES[touchpoint]],
                    }
                )
    return out


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write one object a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def tiny_tokenizer(texts: Sequence[str]) -> Tokenizer:
    """A Unigram vocabulary of single letters and of the whole words of ``texts``, whose padding has id 1."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = dict.fromkeys(f"▁{word}" for text in texts for word in text.replace(".", " .").split())
    pieces = [(token, 0.0) for token in SPECIALS]
    pieces += [("▁", -4.0), *((letter, -9.0) for letter in _LETTERS)]
    pieces += [(word, -6.0) for word in words if len(word) > 2]
    tokenizer = Tokenizer(models.Unigram([*pieces, ("<mask>", 0.0)], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([*SPECIALS, "<mask>"])
    return tokenizer


def tiny_encoder(tokenizer: Tokenizer, positions: int = 64) -> BertModel:
    """Two layers, width 32, two attention heads; the same weights every time."""
    import torch
    from transformers import BertConfig, BertModel

    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = BertConfig(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=positions, type_vocab_size=1,
            pad_token_id=tokenizer.token_to_id("<pad>"), initializer_range=0.2,
        )  # fmt: skip
        return BertModel(config, add_pooling_layer=False).eval()


def recipe_text(encoder: Path, data: Path, more: str = "", training: str = "epochs = 25\npatience = 25") -> str:
    """A recipe as TOML; ``more`` stands at its top, ``training`` in its ``[training]`` table."""
    return f"""
name = "tiny"
{more}
[encoder]
source = '{encoder.as_posix()}'
max_tokens = 32
overlap = 4
freeze_embeddings = false

[[data]]
name = "composed"
paths = ['{data.as_posix()}']

[training]
batch_size = 8
learning_rate = 3e-3
head_learning_rate = 1e-2
token_dropout = 0.02
head_dropout = 0.0
averaging = 0.1
{training}

[export]
float_layers = [0]
max_label_changes = 1.0  # so small a network lies close to many borders
"""


def environment(**more: str) -> dict[str, str]:
    """The environment of a command that is started by a test."""
    return {**os.environ, "PYTHONPATH": str(SOURCE), "HF_HUB_OFFLINE": "1", **more}


def run_cxnlp(*arguments: str, cwd: Path, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        cxnlp_command(*arguments), cwd=cwd, env=environment(), capture_output=True, encoding="utf-8", timeout=timeout_s
    )


def cxnlp_command(*arguments: str) -> list[str]:
    """The command line as it starts without being installed."""
    return [sys.executable, "-c", "import sys; from cxnlp.cli.main import main; sys.exit(main())", *arguments]


def sample_texts() -> list[str]:
    """Texts of many kinds: known and unknown words, long, empty, emoji, right to left."""
    texts = [record["text"] for record in records()[::5]]
    texts += [
        "", "   \n\t", "🙂🙂🙂", "שירות מצוין ומשלוח מהיר", "خدمة ممتازة", "var",
        "Appen var treg, men betjeningen var topp!",
        " ".join(f"Leveringen var elendig {i}." for i in range(30)), "</s> <pad> <mask>", "a" * 300,
    ]  # fmt: skip
    return texts


def toy_taxonomy() -> Taxonomy:
    """One facet of each kind, few enough labels to count by hand; the axis is mood 2, parts 2, view 4, when 3."""
    from cxnlp.taxonomy import parse_taxonomy

    return parse_taxonomy(
        """
name = "toy"
languages = ["no", "da", "sv", "en"]
[facets.mood]
kind = "one_of"
labels = ["bad", "good"]
[facets.parts]
kind = "any_of"
labels = ["door", "roof"]
[facets.view]
kind = "polarity"
of = "parts"
labels = ["minus", "plus"]
[facets.when]
kind = "any_of"
main = "first"
labels = ["before", "during", "after"]
""",
        "toy",
    )
