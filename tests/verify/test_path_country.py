"""Real hierarchies of the NCA of Kazakhstan, RSA and GOST, production and test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eds.certificates import Certificate
from eds.extensions import CLIENT_AUTH
from eds.verify.path import prove
from eds.verify.policy import BASIC
from eds.verify.trust import Environment, Purpose, TrustAnchor, TrustStore

from .. import material

pytestmark = material.needs_data


def authorities() -> list[Certificate]:
    found = (Certificate(data) for data in material.kz_certificates().values())
    return [one for one in found if one.basic_constraints and one.basic_constraints.ca]


def citizens() -> list[str]:
    """Files of certificates of people and organisations, whose issuers are at hand."""
    if not material.DATA.exists():
        return []
    issuers = {one.subject for one in authorities()}
    found = {name: Certificate(data) for name, data in material.kz_certificates().items()}
    return [
        name
        for name, one in found.items()
        if one.issuer in issuers and not (one.basic_constraints and one.basic_constraints.ca)
    ]


def test_there_are_citizens_of_each_generation() -> None:
    found = {Certificate(material.kz_certificates()[name]) for name in citizens()}
    kinds = {one.public_key.description for one in found}
    assert kinds == {"RSA 2048", "GOST 34.310-2004", "GOST 34.10-2015 (512)"}


@pytest.mark.parametrize("name", citizens())
def test_citizen_is_proven_for_the_purpose_of_the_key_and_no_other(name: str) -> None:
    certificate = Certificate(material.kz_certificates()[name])
    known = authorities()
    trust = TrustStore(
        [TrustAnchor(certificate=one) for one in known if one.is_self_issued],
        certificates=[one for one in known if not one.is_self_issued],
        name="nca",
        environment=Environment.TEST,
    )
    serves = {
        purpose
        for purpose in (
            Purpose.SIGNATURE,
            Purpose.AUTHENTICATION,
            Purpose.TIME_STAMPING,
            Purpose.OCSP_SIGNING,
        )
        if prove(
            certificate,
            trust=trust,
            purpose=purpose,
            at=certificate.not_before + timedelta(days=1),
            policy=BASIC,
        ).sub_indication
        is None
    }
    login = CLIENT_AUTH in (certificate.extended_key_usage or ())
    assert serves == {Purpose.AUTHENTICATION if login else Purpose.SIGNATURE}
