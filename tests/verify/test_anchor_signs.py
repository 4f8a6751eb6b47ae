"""A document whose signer is a trust anchor itself."""

from __future__ import annotations

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from eds.algorithms import ECDSA_P256_SHA256
from eds.sign.cms import sign_attached
from eds.verify.indications import Indication
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.sign.house import NOON, Party, certify


def test_signer_that_is_an_anchor_is_judged_and_nobody_is_asked_about_it() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    own = certify("Alone", key.public_key(), issuer=None, own_key=key)
    signer = Party(native=key, certificate=own, issuers=(), algorithm=ECDSA_P256_SHA256).cms()
    document = sign_attached(b"I owe you 10", by=signer)
    trust = TrustStore([TrustAnchor(certificate=own)])
    report = validate(document, trust=trust, at=NOON + timedelta(minutes=5))
    assert report.indication is Indication.TOTAL_PASSED
    assert report.signatures[0].path == (own,)
