"""cxnlp: sentiment, touchpoints and journey phase of customer reviews in Norwegian, Danish, Swedish and English."""

from __future__ import annotations
