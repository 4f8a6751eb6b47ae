"""What a verifier finds in our lists and answers is what the register knows, at every instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from eds.ca.lifecycle import State
from eds.certificatelists import CertificateList
from eds.ocsp import OcspResponse, write_request
from eds.verify.evidence import Evidence
from eds.verify.policy import BASIC
from eds.verify.revocation import Status, check
from eds.verify.trust import TrustAnchor, TrustStore
from tests.ca.hierarchy import DAY, NOON, authority, root
from tests.ca.status_desk import ISSUER, SHARDS, Desk, delegate, new_register, open_desk, shard_of

EXPECTED = {
    State.VALID: Status.GOOD,
    State.ON_HOLD: Status.ON_HOLD,
    State.REVOKED: Status.REVOKED,
}


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    made = open_desk(new_register("sqlite", request, tmp_path))
    yield made
    made.register.engine.dispose()


def state_at(desk: Desk, serial: bytes, at: datetime) -> State:
    """By the register's own history."""
    return [one for one in desk.register.history(ISSUER, serial) if one.since <= at][-1].state


@pytest.mark.parametrize("kind", ["lists", "answers", "both"])
def test_every_instant_of_a_random_history_is_as_the_register_has_it(desk: Desk, kind: str) -> None:
    serials, issuer = desk.issue(4), authority("issuing-ca").certificate
    publisher, responder = desk.publisher(), desk.responder(delegate())
    lists: list[CertificateList] = []
    answers: dict[bytes, list[OcspResponse]] = {serial: [] for serial in serials}

    def publish(at: datetime, *, deltas: bool) -> None:
        make = publisher.publish_delta if deltas else publisher.publish
        lists.extend(
            make(shard, next_update=at + DAY, actor="crl", at=at) for shard in range(SHARDS)
        )
        for serial in serials:
            request = write_request(desk.certificate(serial), issuer=issuer)
            answer = responder.respond(request, at=at)
            answers[serial].append(OcspResponse(answer.encoded))

    at = NOON
    publish(at, deltas=False)
    for step in range(11):
        at = desk.live(serials, seed=step, acts=1, after=at)
        publish(at, deltas=step % 3 != 2)
    trust = TrustStore([TrustAnchor(certificate=root().certificate)])
    seen = set()
    for serial in serials:
        held = desk.certificate(serial)
        evidence = Evidence(
            lists=tuple(lists) if kind != "answers" else (),
            ocsp_responses=tuple(answers[serial]) if kind != "lists" else (),
        )
        for half_seconds in range(2 * 11 + 3):
            instant = NOON + half_seconds * timedelta(seconds=0.5)
            result = check(
                held, issuer=issuer, evidence=evidence,
                trust=trust, at=instant, policy=BASIC,
            )  # fmt: skip
            known = state_at(desk, serial, instant)
            assert result.status is EXPECTED[known], (shard_of(serial), half_seconds)
            seen.add(result.status)
    assert seen == {Status.GOOD, Status.ON_HOLD, Status.REVOKED}
