"""Officials' acts as CMS, judged by the validator at that moment; nothing here is a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from eds.ca.database import open_database
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.enroll import centre
from eds.enroll.officials import ActValidator
from eds.enroll.statements import ACT_CONTENT_TYPE, SignedAct
from eds.enroll.states import State
from eds.errors import EdsError, SignatureNotPassed, TransitionRefused
from eds.sign.cms import sign_attached, sign_detached
from eds.signeddata import DATA
from eds.verify.evidence import Evidence
from eds.verify.indications import Indication
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.enroll.house import CHECKER, NOON, OPERATOR, Holder, House
from tests.sign.house import party, root


@dataclass
class RealChecker:
    """The library's own validator, and a list that a test can put people on."""

    revoked: set[str] = field(default_factory=set)
    content_type: str = ACT_CONTENT_TYPE

    def sign(self, who: str, statement: bytes) -> bytes:
        by = party(name=who).cms(at=NOON)
        return sign_detached(statement, by=by, content_type=self.content_type)

    @property
    def validator(self) -> ActValidator:
        anchor = TrustAnchor(certificate=root().certificate)
        trust = TrustStore([anchor], name="officials", environment=Environment.TEST)
        return ActValidator(trust=trust, evidence=self.evidence)

    def evidence(self, at: datetime) -> Evidence:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(root().certificate.native.subject)
            .last_update(at - timedelta(hours=1))
            .next_update(at + timedelta(days=7))
        )
        for who in sorted(self.revoked):
            entry = x509.RevokedCertificateBuilder(
                party(name=who).certificate.native.serial_number, at - timedelta(hours=2)
            )
            builder = builder.add_revoked_certificate(entry.build())
        made = builder.sign(root().native, hashes.SHA256())
        return Evidence(lists=(CertificateList(made.public_bytes(Encoding.DER)),))

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Certificate:
        return self.validator.signer_of(statement, signature, at=at)


@pytest.fixture
def real(sqlite_desk: Callable[[Path], str], tmp_path: Path) -> Iterator[House]:
    engine = open_database(sqlite_desk(tmp_path))
    try:
        yield House(engine, checker=RealChecker()).found()
    finally:
        engine.dispose()


def test_a_centre_case_with_real_signatures_from_check_in_to_certificate(real: House) -> None:
    application, secret = real.cleared_in_person()
    active, certificate = real.active(application, Holder(), secret=secret)
    assert active.state is State.ACTIVE
    assert real.register.find_by(fingerprint=certificate.fingerprint)
    kept = [each for each in real.records() if "official_certificate" in each.details]
    named = {each.details["official_certificate"] for each in kept}
    assert named == {party(name=who).certificate.fingerprint.hex() for who in (OPERATOR, CHECKER)}
    real.check_log()


def test_an_act_whose_statement_was_changed_is_refused(real: House) -> None:
    application = real.appointed()
    act = real.act(application, OPERATOR, "check_in")
    other = real.act(application, OPERATOR, "check_in")
    swapped = SignedAct(statement=other.statement, signature=act.signature)
    with pytest.raises(SignatureNotPassed):
        centre.check_in(real.desk, application.application, real.envelope(), swapped)


def test_a_signed_document_is_no_act_and_an_act_is_no_document(real: House) -> None:
    application = real.appointed()
    act = real.act(application, OPERATOR, "check_in")
    by = party(name=OPERATOR).cms(at=NOON)
    as_document = SignedAct(
        statement=act.statement, signature=sign_detached(act.statement, by=by, content_type=DATA)
    )
    with pytest.raises(SignatureNotPassed):
        centre.check_in(real.desk, application.application, real.envelope(), as_document)
    checker: RealChecker = real.checker
    for signature, content in (
        (act.signature, act.statement),
        (sign_attached(act.statement, by=by, content_type=ACT_CONTENT_TYPE), None),
    ):
        arguments = {"trust": checker.validator.trust, "at": real.at}
        report = (
            validate(signature, **arguments)  # type: ignore[arg-type]
            if content is None
            else validate(content, signature=signature, **arguments)  # type: ignore[arg-type]
        )
        assert report.indication is not Indication.TOTAL_PASSED


def test_a_certificate_revoked_after_the_decision_voids_it(real: House) -> None:
    application = real.approved()
    real.checker.revoked.add(CHECKER)
    with pytest.raises(TransitionRefused) as refused:
        centre.clear(real.desk, application.application, at=real.at)
    assert refused.value.codes == ("out_of_office",)
    real.checker.revoked.clear()
    cleared = centre.clear(real.desk, application.application, at=real.at)
    assert cleared.application.state is State.CLEARED


def test_a_revoked_official_acts_no_more(real: House) -> None:
    real.checker.revoked.add(OPERATOR)
    with pytest.raises(SignatureNotPassed):
        real.present()


@pytest.mark.parametrize("who", ["stranger", "officer-1"])
def test_a_good_signature_of_somebody_else_is_no_right(real: House, who: str) -> None:
    application = real.appointed()
    with pytest.raises(TransitionRefused) as refused:
        real.check_in(application, by=who)
    wanted = {"stranger": "not_an_official", "officer-1": "role_missing"}
    assert wanted[who] in refused.value.codes


def test_no_octets_at_all_make_an_act(real: House) -> None:
    application = real.appointed()
    good = real.act(application, OPERATOR, "check_in")
    for statement, signature in (
        (b"", b""), (b"{}", good.signature), (good.statement, b"\x30\x00"),
        (good.statement + b" ", good.signature), (good.statement[:-1], good.signature),
        (b"[" * 60_000, good.signature), (b"\xff" * 100, good.signature),
    ):  # fmt: skip
        act = SignedAct(statement=statement, signature=signature)
        with pytest.raises(EdsError):
            centre.check_in(real.desk, application.application, real.envelope(), act)
    assert real.load(application).state is State.APPOINTED
