"""Certificates of PKITS, limbo and the NCA, changed: nothing raises, whatever a path is made of.

A changed certificate has a wrong signature, so the steps of the engine are asked directly: what
they would say if an authority had signed it.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache

import pytest

from eds.certificates import Certificate
from eds.errors import DecodeError
from eds.verify import path_signatures, path_steps
from eds.verify.findings import Finding
from eds.verify.path import prove
from eds.verify.path_proofs import State
from eds.verify.policy import BASIC
from eds.verify.trust import Environment, Purpose, TrustAnchor, TrustStore

from .. import material

pytestmark = material.needs_data

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
FIRST = path_steps.first_state(BASIC)


@cache
def seeds() -> tuple[bytes, ...]:
    found = (
        *material.pkits_certificates().values(),
        *material.limbo_certificates().values(),
        *material.kz_certificates().values(),
    )
    return tuple(encoded for encoded in found if len(encoded) < 8000)


@cache
def limited_states() -> tuple[State, ...]:
    """The states below all authorities that have name constraints."""
    found: list[State] = []
    for encoded in seeds():
        try:
            certificate = Certificate(encoded)
            constrained = certificate.name_constraints is not None
        except DecodeError:
            continue
        state = path_steps.below_anchor(certificate, FIRST, Purpose.ANY)
        if constrained and not isinstance(state, Finding):
            found.append(state)
    return tuple(found)


def changed(encoded: bytes, chance: random.Random) -> bytes:
    octets = bytearray(encoded)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(octets))
        if chance.random() < 0.8:
            octets[place] = chance.randrange(256)
        else:
            other = chance.randrange(len(octets))
            octets[place : place + 4] = octets[other : other + 4]
    return bytes(octets)


def judge(certificate: Certificate, state: State) -> None:
    for purpose in (Purpose.ANY, Purpose.SIGNATURE, Purpose.TIME_STAMPING):
        work = path_steps.Work(10_000)
        path_steps.below_authority(certificate, state, purpose, work)
        path_steps.at_end(certificate, state, purpose, BASIC, work)
        path_steps.below_anchor(certificate, state, purpose)
    path_signatures.key_until(certificate, BASIC.algorithms)
    path_signatures.signed_by(certificate, certificate, BASIC.algorithms, {})
    trust = TrustStore(
        [TrustAnchor(certificate=certificate)], name="fuzz", environment=Environment.TEST
    )
    prove(
        certificate,
        trust=trust,
        purpose=Purpose.ANY,
        at=NOON,
        policy=BASIC,
        certificates=[certificate],
    )


def fuzz(rounds: int) -> int:
    chance = random.Random(5280)
    judged = 0
    for _ in range(rounds):
        try:
            certificate = Certificate(changed(chance.choice(seeds()), chance))
        except DecodeError:
            continue
        judge(certificate, chance.choice((FIRST, *limited_states())))
        judged += 1
    return judged


def test_no_changed_certificate_makes_a_path_raise() -> None:
    assert fuzz(500) > 100


@pytest.mark.campaign
def test_no_changed_certificate_of_a_hundred_thousand_makes_a_path_raise() -> None:
    assert fuzz(100_000) > 20_000
