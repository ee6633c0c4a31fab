"""Shouted texts are read in lower case, others as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.text.capitals import unshout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALDRI MER! DÅRLIG ØL, ÆRLIG TALT", "aldri mer! dårlig øl, ærlig talt"),
        ("VÄLDIGT BRA service", "väldigt bra service"),  # 10 of 17 letters
        ("OK", "OK"),
        ("DHL OK", "DHL OK"),
        ("Ingen SMS fra DHL og ingen PAKKE", "Ingen SMS fra DHL og ingen PAKKE"),
        ("iPhone 12 mini PRO", "iPhone 12 mini PRO"),  # 4 of 13
        ("", ""),
        ("!!! 123", "!!! 123"),
    ],
)
def test_by_hand(text: str, expected: str) -> None:
    assert unshout(text) == expected


@given(st.text(max_size=60))
def test_only_case_changes_and_once_is_enough(text: str) -> None:
    quiet = unshout(text)
    assert quiet in (text, text.lower())
    assert unshout(quiet) == quiet
