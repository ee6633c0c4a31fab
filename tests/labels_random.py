"""Random taxonomies and random reviews labelled in them, for the tests of label tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from cxnlp.data import review_from_record
from cxnlp.loop.answers import Answers
from cxnlp.loop.items import Item, read_items
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy

_LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters=";:,=")
# Names that are awkward somewhere: in XML, in a spreadsheet, in an address, in Label Studio's own templates.
_AWKWARD = st.sampled_from(
    ["x", "X", "none", "a|b", "<b>", '"', "$text", "=1+1"[1:], "1", "true", "App", "app", "å 🙂"]
)
_NAMES = st.one_of(_AWKWARD, st.text(_LETTERS, min_size=1, max_size=6).map(str.strip).filter(bool))
LABELS = st.lists(_NAMES, min_size=2, max_size=4, unique=True).map(tuple)


@st.composite
def taxonomies(draw: st.DrawFn) -> Taxonomy:
    """One to four facets of any kind, with labels of any kind."""
    kinds = draw(st.lists(st.sampled_from(["one", "any", "main", "polarity"]), min_size=1, max_size=4, unique=True))
    facets: list[Facet] = []
    for kind in kinds:
        labels = draw(LABELS)
        if kind == "one":
            facets.append(Facet("agreement", Kind.ONE_OF, labels))  # a name that Label Studio's export uses itself
        elif kind == "main":
            facets.append(Facet("when", Kind.ANY_OF, labels, main="lead_time"))
        else:
            facets.append(Facet("parts" if kind == "polarity" else "topics", Kind.ANY_OF, labels))
            if kind == "polarity":
                facets.append(Facet("view", Kind.POLARITY, draw(LABELS), of="parts"))
    return Taxonomy("random", 1, (), tuple(facets))


def values(taxonomy: Taxonomy, facet: Facet) -> st.SearchStrategy[Any]:
    """What a record may hold of the facet; also null, which is unknown."""
    if facet.kind is Kind.ONE_OF:
        return st.none() | st.sampled_from(facet.labels)
    some = st.lists(st.sampled_from(facet.labels), unique=True, min_size=1 if facet.main else 0)
    polarity = taxonomy.polarity_of.get(facet.name)
    if polarity is None:
        return st.none() | some
    return (
        st.none() | some | st.dictionaries(st.sampled_from(facet.labels), st.none() | st.sampled_from(polarity.labels))
    )


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Taxonomy, list[dict[str, Any]]]:
    """A taxonomy, and up to five records of distinct ids with labels in some of its facets."""
    taxonomy = draw(taxonomies())
    facets = {facet.name: values(taxonomy, facet) for facet in taxonomy.answers}
    record = st.fixed_dictionaries(
        {
            "id": st.text(min_size=1, max_size=8),
            "lang": st.sampled_from(["", "no", "en"]),
            "text": st.text(max_size=40),
        },
        optional=facets,
    )
    records = draw(st.lists(record, min_size=1, max_size=5, unique_by=lambda one: one["id"]))
    return taxonomy, records


def items_of(path: Path, taxonomy: Taxonomy, records: list[dict[str, Any]]) -> list[Item]:
    """What the records are after they were written and read."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    items, problems = read_items(path, taxonomy)
    assert problems == []
    return items


def plain(labels: Mapping[str, FacetValue], taxonomy: Taxonomy) -> dict[str, Any]:
    """Labels without the order of those that are not the main one, which means nothing."""
    found: dict[str, Any] = {}
    for name, value in labels.items():
        if isinstance(value, tuple):
            found[name] = (value[:1] if taxonomy[name].main else (), frozenset(value))
        else:
            found[name] = value
    return found


def assert_same(taxonomy: Taxonomy, items: list[Item], found: Answers) -> None:
    """Ids, texts, languages and labels came back, as they are and as the records of a file."""
    assert [str(problem) for problem in found.problems] == []
    back = {answer.id: answer for answer in found.answers}
    assert {one.id: (one.text, one.lang) for one in items} == {k: (a.text, a.lang) for k, a in back.items()}
    for item in items:
        assert plain(back[item.id].labels, taxonomy) == plain(item.labels, taxonomy)
        again = review_from_record(json.loads(json.dumps(back[item.id].as_record())), taxonomy)
        assert plain(again.labels, taxonomy) == plain(item.labels, taxonomy)
