"""Every way in which the text of an ``inv`` case is disturbed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cxnlp.evaluation.checklist import perturb, phrases
from cxnlp.evaluation.checklist.cases import Case
from cxnlp.text import text_hash

DISTURBANCES: Mapping[str, Callable[[Case], str]] = {
    "typos": lambda case: perturb.typos(case.text),
    "lower case": lambda case: perturb.lower_case(case.text),
    "upper case": lambda case: perturb.upper_case(case.text),
    "æøåäö as two letters": lambda case: perturb.digraphs(case.text),
    "æøåäö without marks": lambda case: perturb.bare_letters(case.text),
    "no punctuation": lambda case: perturb.no_punctuation(case.text),
    "ellipses": lambda case: perturb.ellipses(case.text),
    "HTML": lambda case: perturb.markup(case.text),
    "white space": lambda case: perturb.white_space(case.text),
    "fitting emoji": lambda case: f"{case.text} {phrases.EMOJI[case.mood]}" if case.mood in phrases.EMOJI else "",
    "neutral sentence": lambda case: _joined(case.text, _pick(phrases.ASIDES, case)),
    "greeting, signature": lambda case: _joined(
        _pick(phrases.GREETINGS, case), case.text, _pick(phrases.SIGNATURES, case)
    ),
    "other name": lambda case: perturb.swapped(case.text, dict(case.names)),
    "other city": lambda case: perturb.swapped(case.text, dict(case.cities)),
}
"""Name to what makes the disturbed text of a case; empty, or the text as it was, where it does not apply."""


def disturbed(case: Case) -> dict[str, str]:
    """Give the disturbed texts of a case by the name of the disturbance; what changes nothing is left out."""
    made = {name: make(case) for name, make in DISTURBANCES.items()}
    return {name: text for name, text in made.items() if text and text != case.text}


def _pick(by_language: Mapping[str, tuple[str, ...]], case: Case) -> str:
    choices = by_language.get(case.lang, ("",))
    return choices[int(text_hash(case.text), 16) % len(choices)]


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
