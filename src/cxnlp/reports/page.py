"""One page of HTML that holds everything, and asks no other machine for anything. Needs jinja2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxnlp.bundle.card import TOO_FEW
from cxnlp.errors import ExtraError
from cxnlp.evaluation.show import number
from cxnlp.evaluation.study import Study
from cxnlp.reports import charts
from cxnlp.reports.markdown import described
from cxnlp.reports.tables import Source, sections

if TYPE_CHECKING:
    from jinja2 import Environment


def need_jinja(what: str = "--html") -> None:
    """Ask for jinja2 before the long part begins; ``what`` needs it.

    Raises:
        ExtraError: it is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise ExtraError(what, "jinja2", "report") from error


def environment() -> Environment:
    """Give the engine of the pages; whatever it puts into one is escaped, unless a template says otherwise.

    Raises:
        ExtraError: jinja2 is not installed.
    """
    need_jinja()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("cxnlp.reports")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def page(study: Study, source: Source) -> str:
    """Give the page. Whatever comes from data (names, labels, ids, texts) is escaped by the template engine.

    Raises:
        ExtraError: jinja2 is not installed.
    """
    engine = environment()
    engine.filters["percent"] = number
    return engine.get_template("page.html").render(
        source=source,
        described=described(study, source),
        sections=sections(study),
        squares={"calibration": charts.reliability(study), "coverage": charts.coverage(study)},
        curves=charts.precision_recall(study),
        galleries=study.galleries,
        with_text=any(miss.text is not None for one in study.galleries for miss in one.misses),
        too_few=TOO_FEW,
    )
