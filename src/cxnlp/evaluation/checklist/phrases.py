"""Words that are put around a text: greetings, signatures, sentences that say nothing of the company, emoji."""

from __future__ import annotations

GREETINGS = {
    "no": ("Hei!", "Hei alle sammen,", "God dag."),
    "da": ("Hej!", "Hej alle,", "Goddag."),
    "sv": ("Hej!", "Hej alla,", "God dag."),
    "en": ("Hi!", "Hello everyone,", "Good morning."),
}
SIGNATURES = {
    "no": ("Mvh Grete", "Hilsen Ola N.", "– Jorunn, 58"),
    "da": ("Mvh Birthe", "Hilsen Jens P.", "– Kirsten, 58"),
    "sv": ("Mvh Gunilla", "Hälsningar Lars A.", "– Kerstin, 58"),
    "en": ("Regards, Margaret", "Thanks for reading, Colin B.", "– Denise, 58"),
}
ASIDES = {
    "no": (
        "Det er tirsdag i dag.",
        "Jeg er 43 år og bor i rekkehus.",
        "Vi er fire i familien.",
        "Skriver dette på toget.",
    ),
    "da": (
        "Det er tirsdag i dag.",
        "Jeg er 43 år og bor i rækkehus.",
        "Vi er fire i familien.",
        "Skriver det her i toget.",
    ),
    "sv": (
        "Det är tisdag i dag.",
        "Jag är 43 år och bor i radhus.",
        "Vi är fyra i familjen.",
        "Skriver det här på tåget.",
    ),
    "en": (
        "It is Tuesday today.",
        "I am 43 and live in a terrace.",
        "There are four of us.",
        "Writing this on the train.",
    ),
}
EMOJI = {"positive": "😊", "negative": "😡", "mixed": "🤷", "neutral": "🤔"}
"""The face that goes with a sentiment: it says nothing that the text does not."""
