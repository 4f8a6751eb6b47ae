"""The life of a certificate, by example and by random histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds.ca.lifecycle import REVOCATION_REASONS, Act, Change, State, Status, apply
from eds.errors import NaiveDatetime, StatusChangeRefused
from eds.extensions import RevocationReason

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ISSUED = Status(state=State.VALID, since=NOON)


def change(act: Act, hours: int = 1, **more: object) -> Change:
    return Change(act=act, at=NOON + hours * HOUR, **more)  # type: ignore[arg-type]


def revoke(hours: int = 1, **more: object) -> Change:
    return change(Act.REVOKE, hours, **({"reason": RevocationReason.SUPERSEDED} | more))


def test_a_hold_can_be_released_and_the_certificate_is_valid_again() -> None:
    held = apply(ISSUED, change(Act.HOLD))
    assert (held.state, held.reason) == (State.ON_HOLD, RevocationReason.CERTIFICATE_HOLD)
    released = apply(held, change(Act.RELEASE, 2))
    assert (released.state, released.reason, released.version) == (State.VALID, None, 2)


def test_a_hold_that_ends_in_revocation_remembers_when_it_began() -> None:
    held = apply(ISSUED, change(Act.HOLD))
    revoked = apply(held, revoke(5))
    assert (revoked.held_since, revoked.since) == (NOON + HOUR, NOON + 5 * HOUR)


def test_release_works_for_a_hold_with_an_invalidity_date() -> None:
    held = apply(ISSUED, change(Act.HOLD, 2, invalidity_date=NOON))
    assert apply(held, change(Act.RELEASE, 3)).invalidity_date is None


def test_a_revoked_certificate_stays_revoked_but_may_turn_out_compromised() -> None:
    revoked = apply(ISSUED, revoke())
    for act in (Act.HOLD, Act.RELEASE):
        with pytest.raises(StatusChangeRefused, match="stays revoked"):
            apply(revoked, change(act, 2))
    with pytest.raises(StatusChangeRefused):
        apply(revoked, revoke(2))
    worse = apply(revoked, revoke(2, reason=RevocationReason.KEY_COMPROMISE))
    assert worse.reason is RevocationReason.KEY_COMPROMISE
    assert worse.since == revoked.since
    with pytest.raises(StatusChangeRefused):
        apply(worse, revoke(3, reason=RevocationReason.KEY_COMPROMISE))


@pytest.mark.parametrize(
    "bad",
    [
        change(Act.RELEASE),
        revoke(reason=None),
        revoke(reason=RevocationReason.CERTIFICATE_HOLD),
        revoke(reason=RevocationReason.REMOVE_FROM_CRL),
        change(Act.HOLD, reason=RevocationReason.SUPERSEDED),
        revoke(-1),
        revoke(invalidity_date=NOON + 2 * HOUR),
    ],
)
def test_what_the_standard_does_not_know_is_refused(bad: Change) -> None:
    with pytest.raises(StatusChangeRefused):
        apply(ISSUED, bad)


def test_a_profile_may_forbid_holds() -> None:
    with pytest.raises(StatusChangeRefused, match="profile"):
        apply(ISSUED, change(Act.HOLD), hold_allowed=False)


def test_every_instant_is_aware() -> None:
    with pytest.raises(NaiveDatetime):
        apply(ISSUED, Change(act=Act.HOLD, at=datetime(2026, 11, 2)))  # noqa: DTZ001


CHANGES = st.builds(
    change,
    st.sampled_from(Act),
    st.integers(-2, 60),
    reason=st.none() | st.sampled_from(RevocationReason),
)


@given(st.lists(CHANGES, max_size=25))
def test_no_history_leads_out_of_revocation_or_back_in_time(changes: list[Change]) -> None:
    status = ISSUED
    for each in changes:
        try:
            after = apply(status, each)
        except StatusChangeRefused:
            continue
        assert after.version == status.version + 1
        assert after.since >= status.since
        if status.state is State.REVOKED:
            assert after.state is State.REVOKED
        if after.state is State.VALID:
            assert status.state is State.ON_HOLD
        if after.state is State.REVOKED:
            assert after.reason in REVOCATION_REASONS
        assert after.is_listed == (after.state is not State.VALID)
        status = after
