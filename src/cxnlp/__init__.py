"""cxnlp: sentiment, touchpoints and journey phase of customer reviews in Norwegian, Danish, Swedish and English."""

from cxnlp.inference.prediction import Prediction
from cxnlp.inference.tagger import Tagger

__version__ = "0.1.0"
__all__ = ["Prediction", "Tagger", "__version__"]
