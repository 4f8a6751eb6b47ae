"""A status that one list or answer of the issuer's own gives is what an inquiry comes to.

Beside what is compared here, every status that any test of this folder takes by the short road is
compared with the inquiry (`conftest`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from eds import der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.errors import EdsError
from eds.extensions import RevocationReason
from eds.ocsp import OcspResponse
from eds.publickeys import PublicKey
from eds.verify import revocation
from eds.verify.evidence import Evidence
from eds.verify.policy import BASIC, AlgorithmRules, Budget, RevocationRules, ValidationPolicy
from eds.verify.revocation import RevocationResult, Status, check
from eds.verify.revocation_inquiry import Inquiry
from eds.verify.trust import TrustAnchor, TrustStore

from .conftest import Road
from .status_house import (
    DAY,
    HOUR,
    NOON,
    UNKNOWN,
    answer,
    cert_id,
    certify,
    crl,
    entry,
    extension,
    point,
    responder,
    revoked,
    scope,
    single,
    usage,
)

Found = CertificateList | OcspResponse
ISSUER = certify("CA", issuer="Root", ca=True)
LEAF = certify("Leaf", points=[point("http://crl.example.kz/")])
LIST = crl(*(entry(1 << 100 | number, NOON - DAY) for number in range(3)))
ANSWER = answer(single(cert_id(LEAF, ISSUER)))


class Roads:
    """Takes both roads to a status, and counts how often the short one led there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch
        self.straight = 0

    def compare(
        self,
        *found: Found,
        leaf: Certificate = LEAF,
        issuer: Certificate = ISSUER,
        anchors: tuple[Certificate, ...] = (ISSUER,),
        policy: ValidationPolicy = BASIC,
        at: datetime = NOON,
        **more: Any,
    ) -> RevocationResult:
        inquire = revocation._inquire
        inquired: list[Inquiry] = []
        results: list[RevocationResult] = []

        def counted(inquiry: Inquiry) -> RevocationResult:
            inquired.append(inquiry)
            return inquire(inquiry)

        with self.patch.context() as patch:
            patch.setattr(revocation, "_inquire", counted)
            for _ in range(2):
                results.append(
                    check(
                        Certificate(leaf.encoded),
                        issuer=Certificate(issuer.encoded),
                        evidence=Evidence(
                            lists=tuple(
                                CertificateList(one.encoded)
                                for one in found
                                if isinstance(one, CertificateList)
                            ),
                            ocsp_responses=tuple(
                                OcspResponse(one.encoded)
                                for one in found
                                if isinstance(one, OcspResponse)
                            ),
                        ),
                        trust=TrustStore(TrustAnchor(certificate=one) for one in anchors),
                        at=at,
                        policy=policy,
                        **more,
                    )
                )
                if len(results) == 1:
                    self.straight += not inquired
                    patch.setattr(revocation, "only_observation", lambda _: None)
        assert results[0] == results[1]
        return results[0]


@pytest.fixture
def roads(monkeypatch: pytest.MonkeyPatch, both_roads_to_a_status_agree: Road) -> Roads:
    monkeypatch.setattr(revocation, "only_observation", both_roads_to_a_status_agree)
    return Roads(monkeypatch)


def mutants(encoded: bytes) -> Iterator[bytes]:
    """Each octet changed in two ways: by one bit, and to nothing."""
    for place, octet in enumerate(encoded):
        for other in {octet ^ 1, 0} - {octet}:
            yield encoded[:place] + bytes((other,)) + encoded[place + 1 :]


@pytest.mark.parametrize("found", [LIST, ANSWER])
def test_status_by_the_issuer_alone_is_told_without_an_inquiry(roads: Roads, found: Found) -> None:
    assert roads.compare(found).status is Status.GOOD
    foreign = answer(single(cert_id(ISSUER, ISSUER))), crl(issuer="Other")
    assert roads.compare(*foreign, found).status is Status.GOOD
    assert roads.straight == 2


def test_both_roads_agree_for_all_evidence_times_and_policies(roads: Roads) -> None:
    other = certify("Leaf")
    id_ = cert_id(LEAF, ISSUER)
    nonce = extension("1.3.6.1.5.5.7.48.1.2", der.octet_string(b"n" * 16))
    odd = extension("1.2.3", b"", critical=True)
    delegate = responder(signer="CA")
    evidence: tuple[tuple[Found, ...], ...] = (
        (),
        (LIST,),
        (ANSWER,),
        (LIST, ANSWER),
        (LIST, LIST),
        (ANSWER, ANSWER),
        (LIST, crl(number=2, at=NOON - 2 * HOUR)),
        (crl(),),
        (crl(until=None),),
        (crl(until=NOON - 2 * HOUR),),
        (crl(at=NOON + HOUR),),
        (crl(at=NOON + 200 * DAY, until=NOON + 300 * DAY),),
        (crl(signer="Other"),),
        (crl(issuer="Other"),),
        (crl(issuer="ca"),),
        (crl(issuer="ca", signer="CA"),),
        (crl(issuer="ca", signer="CA"), ANSWER),
        (crl(entry(LEAF, NOON - DAY), issuer="ca", signer="CA"), ANSWER),
        (crl(issuer="Other"), ANSWER),
        (crl(more=[scope(indirect=True)], issuer="Other"), ANSWER),
        (crl(entry(LEAF, NOON - DAY)),),
        (crl(entry(LEAF, NOON + DAY)),),
        (crl(entry(LEAF, NOON - DAY, RevocationReason.CERTIFICATE_HOLD)),),
        (crl(entry(LEAF, NOON - DAY, RevocationReason.REMOVE_FROM_CRL)),),
        (crl(entry(7, NOON - DAY, more=[odd])),),
        (crl(entry(LEAF, NOON - DAY, issuer="Other")),),
        (crl(base=1),),
        (crl(base=1), LIST),
        (crl(more=[scope(users=True)]),),
        (crl(more=[scope(authorities=True)]),),
        (crl(more=[scope("http://crl.example.kz/")]),),
        (crl(more=[odd]),),
        (crl(aki=False),),
        (answer(single(id_, UNKNOWN)),),
        (answer(single(id_, revoked(NOON - DAY))),),
        (answer(single(id_, revoked(NOON + DAY))),),
        (answer(single(id_, revoked(NOON, RevocationReason.CERTIFICATE_HOLD))),),
        (answer(single(id_), single(id_)),),
        (answer(single(id_), single(id_, UNKNOWN)),),
        (answer(single(cert_id(other, ISSUER)), single(id_)),),
        (answer(single(cert_id(LEAF, ISSUER, digest="sha256"))),),
        (answer(single(cert_id(LEAF, ISSUER, name=b"?"))),),
        (answer(single(cert_id(LEAF, ISSUER, public_key=b"?"))),),
        (answer(single(cert_id(LEAF, ISSUER, name=b"?")), single(id_)),),
        (answer(single(id_, until=None)),),
        (answer(single(id_, until=NOON - 2 * HOUR)),),
        (answer(single(id_, at=NOON + HOUR, until=NOON + DAY)),),
        (answer(single(id_), at=NOON + DAY),),
        (answer(single(id_, at=NOON + 200 * DAY, until=NOON + 300 * DAY)),),
        (answer(single(id_, more=[odd])),),
        (answer(single(id_), more=[nonce]),),
        (answer(single(id_), more=[odd]),),
        (answer(single(id_), signer="Other"),),
        (answer(single(id_), name="CA"),),
        (answer(single(id_), name="ca"),),
        (answer(single(id_), name="CA", signer="Other"),),
        (answer(single(id_), by=delegate, signer="Responder"),),
        (OcspResponse(der.sequence(der.enumerated(3))), ANSWER),
        (OcspResponse(der.sequence(der.enumerated(3))), LIST),
    )
    policies = (
        BASIC,
        replace(BASIC, algorithms=AlgorithmRules(refused=frozenset({"sha256"}))),
        replace(BASIC, algorithms=AlgorithmRules(until={"sha256": NOON.date()})),
        replace(BASIC, revocation=RevocationRules(freshness=timedelta(minutes=30))),
        replace(BASIC, budget=Budget(signature_checks=0)),
        replace(BASIC, budget=Budget(signature_checks=1)),
    )
    told = set()
    for found, policy, at in product(evidence, policies, (NOON, NOON - 2 * DAY, NOON + 2 * DAY)):
        told.add(roads.compare(*found, policy=policy, at=at).sub_indication)
    straight = roads.straight
    assert straight > 50
    assert len(told) > 3
    elsewhere = [point("http://x.example.kz/", issuer="Other")]
    for found in evidence:
        for more in (
            {"validation_time": NOON - 2 * HOUR},
            {"validation_time": NOON},
            {"nonce": b"n" * 16},
            {"anchors": ()},
            {"leaf": certify("Leaf", serial=LEAF.serial_number, not_after=NOON - DAY)},
            {"leaf": certify("Leaf", serial=LEAF.serial_number, points=elsewhere)},
            {"leaf": certify("Leaf", issuer="ca", signer="CA", serial=LEAF.serial_number)},
            {"issuer": certify("CA", issuer="Root", ca=True, key_usage=usage("key_cert_sign"))},
            {"issuer": certify("CA", issuer="Root", ca=True, not_after=NOON - DAY), "anchors": ()},
            {"issuer": certify("CA", issuer="Root", ca=True, holder="Other")},
            {"issuer": certify("ca", issuer="Root", ca=True, holder="CA")},
        ):  # fmt: skip
            roads.compare(*found, **more)
    assert roads.straight > straight


@pytest.mark.parametrize("found", [LIST, ANSWER])
def test_both_roads_agree_on_every_changed_octet(
    roads: Roads, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert roads.compare(found).sub_indication is None
    for encoded in mutants(found.encoded):
        try:
            changed = type(found)(encoded)
        except EdsError:
            continue
        roads.compare(changed)
    # Whatever is signed was changed, so what leads straight is beside it.
    assert roads.straight < 20
    # Else no changed octet would get beyond the signature.
    monkeypatch.setattr(PublicKey, "verifier", lambda *_: lambda *_: True)
    told = set()
    for encoded in mutants(found.encoded):
        try:
            changed = type(found)(encoded)
        except EdsError:
            continue
        told.add(roads.compare(changed).findings[-1].code)
    assert roads.straight > 100
    assert {"revocation.status", "revocation.available"} <= told
    for place in range(2):
        chain = [LEAF, ISSUER]
        for encoded in mutants(chain[place].encoded):
            try:
                chain[place] = Certificate(encoded)
            except EdsError:
                continue
            roads.compare(found, leaf=chain[0], issuer=chain[1])
