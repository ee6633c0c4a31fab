"""pandas and Polars: a data frame in, the same rows with labels out; ``Tagger.tag_frame`` is the same.

The work lies in ``inference``, as the Tagger, which offers it too, must not know of integrations.
"""

from cxnlp.inference.frames import Frame, FrameLabeller, tag_frame

__all__ = ["Frame", "FrameLabeller", "tag_frame"]
