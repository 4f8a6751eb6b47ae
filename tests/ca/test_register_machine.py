"""Short random histories on both databases; the long ones are `make campaign-register`."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from eds.ca.database import open_database
from tests.ca.register_machine import RegisterMachine

SHORT = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a failure is told as it was found: to shrink it takes minutes
    suppress_health_check=list(HealthCheck),
)


def test_register_lists_and_responder_say_what_the_model_says(register_url: str) -> None:
    opened = open_database(register_url)

    class Here(RegisterMachine):
        engine = opened

    try:
        run_state_machine_as_test(Here, settings=SHORT)
    finally:
        opened.dispose()
