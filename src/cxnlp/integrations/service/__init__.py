"""The web service: ``create_app`` puts a tagger behind HTTP, ``serve`` runs it until it is told to stop."""

from cxnlp.integrations.service.app import create_app
from cxnlp.integrations.service.keys import read_keys
from cxnlp.integrations.service.options import ServiceOptions
from cxnlp.integrations.service.server import bind, serve

__all__ = ["ServiceOptions", "bind", "create_app", "read_keys", "serve"]
