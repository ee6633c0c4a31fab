"""Figures with intervals for predicted labels, and the choice of thresholds."""

from cxnlp.evaluation.confidence import NOTHING, Confidence, learn_confidence, too_few
from cxnlp.evaluation.evaluate import Scorer, evaluate, evaluate_labels, scores
from cxnlp.evaluation.report import Estimate, LabelScore, Report
from cxnlp.evaluation.restrict import restrict
from cxnlp.evaluation.show import show, show_labels
from cxnlp.evaluation.thresholds import choose_cutoffs

__all__ = [
    "NOTHING", "Confidence", "Estimate", "LabelScore", "Report", "Scorer", "choose_cutoffs", "evaluate",
    "evaluate_labels", "learn_confidence", "restrict", "scores", "show", "show_labels", "too_few",
]  # fmt: skip
