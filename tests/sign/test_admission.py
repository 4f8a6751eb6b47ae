"""Certificates asked about before they sign."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from eds.certificatelists import CertificateList
from eds.errors import SignerCertificateRefused
from eds.sign.admission import Standing, admit
from eds.verify.evidence import Evidence
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from tests.sign.house import NOON, party, root

TRUST = TrustStore(
    [TrustAnchor(certificate=root().certificate)], name="test", environment=Environment.TEST
)


def listing(reason: x509.ReasonFlags | None) -> Evidence:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root().certificate.native.subject)
        .last_update(NOON - timedelta(hours=1))
        .next_update(NOON + timedelta(days=1))
    )
    if reason is not None:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(party().certificate.serial_number)
            .revocation_date(NOON - timedelta(days=1))
            .add_extension(x509.CRLReason(reason), critical=False)
        )
        builder = builder.add_revoked_certificate(entry.build())
    made = builder.sign(root().native, hashes.SHA256())
    return Evidence(lists=(CertificateList(made.public_bytes(Encoding.DER)),))


def test_a_good_certificate_is_admitted() -> None:
    found = admit(party().certificate, trust=TRUST, at=NOON, evidence=listing(None))
    assert found.standing is Standing.GOOD
    assert found.path.path == (party().certificate, root().certificate)


def test_without_a_network_that_is_said() -> None:
    assert admit(party().certificate, trust=TRUST, at=NOON).standing is Standing.STATUS_UNKNOWN
    nobody = TrustStore([], name="nobody", environment=Environment.TEST)
    found = admit(party().certificate, trust=nobody, at=NOON, evidence=listing(None))
    assert found.standing is Standing.UNPROVEN


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (x509.ReasonFlags.key_compromise, "revoked"),
        (x509.ReasonFlags.certificate_hold, "on hold"),
    ],
)
def test_a_revoked_or_held_certificate_signs_nothing(reason: x509.ReasonFlags, said: str) -> None:
    with pytest.raises(SignerCertificateRefused, match=said):
        admit(party().certificate, trust=TRUST, at=NOON, evidence=listing(reason))


def test_an_expired_certificate_signs_nothing() -> None:
    with pytest.raises(SignerCertificateRefused, match="expired"):
        admit(party().certificate, trust=TRUST, at=NOON + timedelta(days=366))
