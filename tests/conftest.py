"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy or slow machine is no failure, and the suite stays quick.
settings.register_profile("cxnlp", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cxnlp")
