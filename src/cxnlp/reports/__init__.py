"""Evaluations laid out for people: Markdown tables, and one page of HTML."""

from cxnlp.reports.markdown import markdown
from cxnlp.reports.page import environment, need_jinja, page
from cxnlp.reports.tables import Section, Source, Table, sections

__all__ = ["Section", "Source", "Table", "environment", "markdown", "need_jinja", "page", "sections"]
