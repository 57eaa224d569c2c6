"""How the tests draw at random: no test fails because the machine is busy."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PATIENT = "patient"
"""The profile of all property tests: no bound on the time of one example, none on drawing it.
pytest's own time-out still ends what hangs."""


def be_patient() -> None:
    """Let hypothesis wait for as long as an example takes. Called before a test module with
    property tests is imported, because each takes its settings then."""
    settings.register_profile(
        PATIENT, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
    )
    settings.load_profile(PATIENT)
