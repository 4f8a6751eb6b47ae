"""What the tests of validation share: wherever a status takes the short road, both are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from eds.verify import revocation, revocation_straight
from eds.verify.revocation_inquiry import Inquiry, Observation

Road = Callable[[Inquiry], Observation | None]


@pytest.fixture(autouse=True)
def both_roads_to_a_status_agree(monkeypatch: pytest.MonkeyPatch) -> Road:
    """Whatever `only_observation` observes, the inquiry comes to the same result."""
    short = revocation_straight.only_observation

    def observed(inquiry: Inquiry) -> Observation | None:
        other = replace(inquiry, checks=[*inquiry.checks], problems=[])
        found = short(inquiry)
        if found is not None:
            assert revocation._good_alone(inquiry, found) == revocation._inquire(other)
        return found

    monkeypatch.setattr(revocation, "only_observation", observed)
    return short
