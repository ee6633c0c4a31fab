"""Which encoders the exported graph can say the same as, asked before the hours of training and not after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxnlp.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_LOCAL = "sliding_attention"


def refuse_unexportable(config: PreTrainedConfig, max_tokens: int, source: str) -> None:
    """Refuse an encoder whose graph would read texts otherwise than the network does.

    The graph knows no masks. An encoder with local attention, such as ModernBERT, sees only so many tokens to each
    side in some of its layers; without a mask it would see all of them, unless no window is longer than that.

    Raises:
        EncoderError: windows of ``max_tokens`` are longer than its layers see.
    """
    if _LOCAL not in (getattr(config, "layer_types", None) or ()):
        return
    reach = getattr(config, "sliding_window", None)
    if reach is None or max_tokens > reach + 1:
        seen = "only some tokens" if reach is None else f"only {reach} tokens"
        what = "use another encoder" if reach is None else f"set encoder.max_tokens to at most {reach + 1}"
        raise EncoderError(
            f"{source}: some layers of this {config.model_type} encoder see {seen} to each side, which the exported "
            f"graph cannot say; encoder.max_tokens is {max_tokens}; {what} (longer texts are then scored in several "
            "windows)"
        )
