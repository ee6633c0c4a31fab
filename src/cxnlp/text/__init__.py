"""One normalisation, one tokenisation, one kind of batch."""

from cxnlp.text.batches import Batch, batches, pad
from cxnlp.text.clean import clean, text_hash
from cxnlp.text.language import UNKNOWN, identify_languages
from cxnlp.text.tokenise import TextTokenizer

__all__ = ["UNKNOWN", "Batch", "TextTokenizer", "batches", "clean", "identify_languages", "pad", "text_hash"]
