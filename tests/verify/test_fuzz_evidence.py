"""Evidence with one octet changed says nothing, and nothing that is changed can raise.

A few octets here, every one of them in `make campaign-fuzz`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eds import der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.errors import EdsError
from eds.extensions import RevocationReason
from eds.ocsp import OcspResponse
from eds.verify.revocation import Status
from tests.verify.status_house import (
    DAY,
    NOON,
    URL,
    House,
    answer,
    crl,
    entry,
    extension,
    responder,
    revoked,
    scope,
    single,
)

STEPS = [61, pytest.param(1, marks=pytest.mark.campaign)]
COMPROMISED = RevocationReason.KEY_COMPROMISE


def evidence(house: House) -> dict[str, CertificateList | OcspResponse]:
    listed = entry(7, NOON - DAY, COMPROMISED, invalidity_date=NOON - DAY)
    nonce = extension("1.3.6.1.5.5.7.48.1.2", der.octet_string(bytes(32)))
    return {
        "list": crl(listed, more=[scope(URL, "http://mirror.example.kz/7.crl")]),
        "delta": crl(entry(house.leaf, NOON - DAY), number=6, base=4),
        "delegate": answer(
            single(house.id), by=responder(), signer="Responder", more=[nonce]
        ),
        "issuer": answer(single(house.id, revoked(NOON - DAY, COMPROMISED))),
    }  # fmt: skip


def changed(encoded: bytes, step: int) -> Iterator[bytes]:
    for position in range(0, len(encoded), step):
        octet = encoded[position]
        for other in {octet ^ 1, octet ^ 0x80, 0, 0xFF} - {octet}:
            yield encoded[:position] + bytes([other]) + encoded[position + 1 :]
        yield encoded[:position] + encoded[position + 1 :]
        yield encoded[:position]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["list", "delta", "delegate", "issuer"])
def test_evidence_with_a_changed_octet_says_nothing(kind: str, step: int) -> None:
    house = House()
    true = evidence(house)[kind]
    assert house.status(true).status is not Status.UNKNOWN
    for octets in changed(true.encoded, step):
        try:
            made = type(true)(octets)
        except EdsError:
            continue
        assert house.status(made).status is Status.UNKNOWN, octets.hex()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("who", ["leaf", "issuer", "responder"])
def test_no_certificate_makes_the_check_raise(who: str, step: int) -> None:
    house = House()
    believed = list(evidence(house).values())
    true = {"leaf": house.leaf, "issuer": house.ca, "responder": responder()}[who]
    for octets in changed(true.encoded, step):
        try:
            made = Certificate(octets)
        except EdsError:
            continue
        if who == "leaf":
            house.status(*believed, certificate=made)
        elif who == "issuer":
            house.status(*believed, issuer=made)
        else:
            house.certificates = (made,)
            house.status(*believed)
