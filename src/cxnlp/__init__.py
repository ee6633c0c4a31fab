"""cxnlp: sentiment, touchpoints and journey phase of customer reviews in Norwegian, Danish, Swedish and English."""

from cxnlp.inference.prediction import Prediction
from cxnlp.inference.tagger import Tagger
from cxnlp.version import __version__

__all__ = ["Prediction", "Tagger", "__version__"]
