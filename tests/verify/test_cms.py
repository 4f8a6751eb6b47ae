"""CMS signatures: honest ones pass, and each thing bent is refused for what it is."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from eds import der
from eds.algorithms import SHA256
from eds.errors import InvalidArgument, NaiveDatetime, SignatureNotPassed
from eds.signeddata import SignedData
from eds.verify.content import Digests
from eds.verify.evidence import Evidence
from eds.verify.indications import Indication, SubIndication
from eds.verify.policy import BASIC, Level
from eds.verify.report import SignatureFormat
from eds.verify.trust import TrustAnchor, TrustStore
from tests.verify.cms_house import (
    CONTENT_TYPE,
    COUNTER_SIGNATURE,
    DATA,
    MESSAGE_DIGEST,
    OWED,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TST_INFO,
    House,
    Signer,
    attribute,
    authority,
    broken,
    leaf,
    message,
    reference,
    rsa_leaf,
    signature_value,
    signed,
    with_unsigned,
)
from tests.verify.status_house import DAY, HOUR, NOON, certify, crl, entry, key

PASSED, FAILED = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED
INDETERMINATE = Indication.INDETERMINATE
OPENSSL = shutil.which("openssl")
DIGEST = attribute(MESSAGE_DIGEST, der.octet_string(hashlib.sha256(OWED).digest()))
TYPE = attribute(CONTENT_TYPE, der.object_identifier(DATA))
TIME = attribute(SIGNING_TIME, der.time(NOON))


@pytest.mark.parametrize("signer", [leaf, rsa_leaf], ids=["EC", "RSA"])
@pytest.mark.parametrize("attached", [True, False], ids=["attached", "detached"])
def test_honest_signature_passes(signer: object, attached: bool) -> None:
    who: Signer = signer()  # type: ignore[operator]
    report = House().validate(signed(who, attached=attached), content=None if attached else OWED)
    assert (report.indication, report.sub_indication) == (PASSED, None), broken(report)
    report.require_passed()
    (one,) = report.signatures
    assert (one.format, one.level) == (SignatureFormat.CADES, Level.B)
    assert one.signer == who.certificate
    assert one.path == (who.certificate, authority())
    assert (one.claimed_time, one.proven_time) == (NOON, NOON)
    assert one.content_type == DATA


def test_changed_document_totally_fails() -> None:
    report = House().validate(signed(attached=False), content=b"I owe you 1000")
    assert (report.indication, report.sub_indication) == (FAILED, SubIndication.HASH_FAILURE)
    with pytest.raises(SignatureNotPassed):
        report.require_passed()


def test_content_may_be_a_file_or_a_digest_computed_elsewhere() -> None:
    data = signed(attached=False)
    house = House()
    content = io.BytesIO(b"head" + OWED)
    content.seek(4)
    assert house.validate(data, content=content).indication is PASSED
    known = Digests({SHA256: hashlib.sha256(OWED).digest()})
    assert house.validate(data, content=known).indication is PASSED
    other = Digests({SHA256: bytes(32)})
    assert house.validate(data, content=other).sub_indication is SubIndication.HASH_FAILURE
    none = house.validate(data, content=Digests({}))
    assert none.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND
    with pytest.raises(InvalidArgument):
        Digests({SHA256: b"short"})
    with pytest.raises(InvalidArgument):
        house.validate(known)  # type: ignore[arg-type]


def test_detached_signature_without_its_content_is_indeterminate() -> None:
    report = House().validate(signed(attached=False))
    assert report.indication is INDETERMINATE
    assert report.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND


def test_naive_time_is_refused() -> None:
    with pytest.raises(NaiveDatetime):
        House(at=NOON.replace(tzinfo=None)).validate(signed())


# --- signed attributes ----------------------------------------------------------------------------


@pytest.mark.parametrize("signer", [leaf, rsa_leaf], ids=["EC", "RSA"])
def test_signed_attributes_taken_as_content_are_no_signature_over_them(signer: object) -> None:
    """Attack M1: the same signature value, the attributes moved into the content."""
    who: Signer = signer()  # type: ignore[operator]
    info = SignedData(signed(who)).signer_infos[0]
    content = info.signed_attributes_encoded
    assert content is not None
    parts = [part.encoded for part in der.decode(info.encoded).children()]
    moved = der.sequence(*(part for part in parts if part[0] != 0xA0))
    for detached in (None, content):
        forged = message(
            moved,
            content=None if detached else content,
            certificates=[who.certificate.encoded],
        )
        report = House().validate(forged, content=detached)
        assert (report.indication, report.sub_indication) == (
            FAILED,
            SubIndication.FORMAT_FAILURE,
        )


def test_signature_over_content_alone_does_not_become_one_over_attributes() -> None:
    """M1 the other way: content that happens to be a set of attributes."""
    content = der.set_of(DIGEST, TYPE, reference(leaf().certificate))
    algorithm, value = leaf().value(content)
    parts = [part.encoded for part in der.decode(leaf().info(OWED)).children()]
    plain = der.sequence(*parts[:3], algorithm, der.octet_string(value))
    report = House().validate(
        message(plain, content=content, certificates=[leaf().certificate.encoded])
    )
    assert report.sub_indication is SubIndication.FORMAT_FAILURE


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        [DIGEST],
        [TYPE],
        [DIGEST, TYPE, DIGEST],
        [DIGEST, TYPE, TYPE],
        [TYPE, attribute(MESSAGE_DIGEST)],
        [TYPE, attribute(MESSAGE_DIGEST, der.octet_string(b"1"), der.octet_string(b"2"))],
        [TYPE, attribute(MESSAGE_DIGEST, der.utf8_string("x"))],
        [DIGEST, attribute(CONTENT_TYPE, der.octet_string(b"data"))],
        [DIGEST, TYPE, attribute(SIGNING_TIME, der.integer(7))],
        [DIGEST, TYPE, attribute(SIGNING_TIME, der.time(NOON), der.time(NOON))],
        [DIGEST, TYPE, attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence()))],
        [DIGEST, TYPE, attribute(SIGNING_CERTIFICATE_V2, der.null())],
    ],
)
def test_signed_attributes_are_there_once_of_one_value_and_of_their_type(
    attributes: list[bytes],
) -> None:
    named = [*attributes]
    if not any(der.object_identifier(SIGNING_CERTIFICATE_V2) in one for one in named):
        named.append(reference(leaf().certificate))
    report = House().validate(signed(attributes=named if attributes else []))
    assert (report.indication, report.sub_indication) == (FAILED, SubIndication.FORMAT_FAILURE)


def test_content_of_another_type_than_the_signed_one_is_refused() -> None:
    info = leaf().info(OWED)
    certificates = [leaf().certificate.encoded]
    for other in (TST_INFO, "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.9"):
        changed = message(
            info, content=OWED, content_type=other, certificates=certificates, version=3
        )
        report = House().validate(changed)
        assert (report.indication, report.sub_indication) == (
            FAILED,
            SubIndication.FORMAT_FAILURE,
        )


def test_only_types_of_content_that_the_policy_names_may_be_signed() -> None:
    login = "1.2.3.4"
    data = message(
        leaf().info(OWED, content_type=login),
        content=OWED,
        content_type=login,
        certificates=[leaf().certificate.encoded],
        version=3,
    )
    report = House().validate(data)
    assert report.sub_indication is SubIndication.SIG_CONSTRAINTS_FAILURE
    assert broken(report) == ["cms.content_type_allowed"]
    allowed = replace(BASIC, content_types=frozenset({login}))
    assert House(policy=allowed).validate(data).indication is PASSED


# --- the signer -----------------------------------------------------------------------------------


def test_signed_reference_decides_between_certificates_of_one_name_and_number() -> None:
    twin = certify("Leaf", serial=leaf().certificate.serial_number)
    assert twin != leaf().certificate
    info = leaf().info(OWED)
    for order in ([twin, leaf().certificate], [leaf().certificate, twin]):
        data = message(info, content=OWED, certificates=[one.encoded for one in order])
        report = House().validate(data)
        assert (report.indication, report.signatures[0].signer) == (PASSED, leaf().certificate)
    swapped = House().validate(message(info, content=OWED, certificates=[twin.encoded]))
    assert swapped.sub_indication is SubIndication.NO_SIGNING_CERTIFICATE_FOUND


def test_certificate_that_is_nowhere_is_indeterminate_and_the_store_may_have_it() -> None:
    data = message(leaf().info(OWED), content=OWED)
    report = House().validate(data)
    assert report.sub_indication is SubIndication.NO_SIGNING_CERTIFICATE_FOUND
    house = House()
    house.trust = TrustStore(house.trust.anchors, certificates=[leaf().certificate])
    assert house.validate(data).indication is PASSED


def test_reference_is_demanded_unless_the_policy_says_otherwise() -> None:
    report = House().validate(signed(refer=None))
    assert report.sub_indication is SubIndication.SIG_CONSTRAINTS_FAILURE
    assert broken(report) == ["cms.signing_certificate"]
    plain = House(policy=replace(BASIC, require_signing_certificate=False)).validate(
        signed(refer=None)
    )
    assert (plain.indication, plain.signatures[0].level) == (PASSED, None)
    assert plain.signatures[0].format is SignatureFormat.CMS
    assert House().validate(signed(refer=1)).indication is PASSED


def test_signer_named_by_key_identifier() -> None:
    identifier = leaf().certificate.subject_key_identifier
    assert identifier is not None
    sid = der.value(0x80, identifier)
    info = leaf().info(OWED, sid=sid, version=3)
    certificates = [leaf().certificate.encoded]
    data = message(info, content=OWED, certificates=certificates, version=3)
    assert House().validate(data).indication is PASSED
    wrong = leaf().info(OWED, sid=der.value(0x80, bytes(20)), version=3)
    report = House().validate(message(wrong, content=OWED, certificates=certificates, version=3))
    assert report.sub_indication is SubIndication.NO_SIGNING_CERTIFICATE_FOUND


def test_signature_of_another_key_fails() -> None:
    thief = Signer(leaf().certificate, key("Thief"))
    report = House().validate(signed(thief))
    assert (report.indication, report.sub_indication) == (
        FAILED,
        SubIndication.SIG_CRYPTO_FAILURE,
    )


def test_digest_of_the_signature_and_of_the_content_agree() -> None:
    signer = leaf()
    content = attribute(MESSAGE_DIGEST, der.octet_string(hashlib.sha512(OWED).digest()))
    parts = der.decode(
        signer.info(OWED, attributes=[content, TYPE, reference(signer.certificate)])
    ).children()
    encoded = [part.encoded for part in parts]
    encoded[2] = der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.3"))
    info = der.sequence(*encoded)
    data = message(
        info, content=OWED, certificates=[signer.certificate.encoded], digests=["sha512"]
    )
    report = House().validate(data)
    assert broken(report) == ["cms.algorithm"]
    assert report.sub_indication is SubIndication.SIG_CRYPTO_FAILURE


def test_weak_digest_is_refused_after_its_day() -> None:
    report = House().validate(
        message(
            leaf().info(OWED, digest="sha1"),
            content=OWED,
            certificates=[leaf().certificate.encoded],
            digests=["sha1"],
        )
    )
    assert report.sub_indication is SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    assert broken(report) == ["cms.algorithm_period"]


# --- a signer met again ---------------------------------------------------------------------------


def test_signer_met_again_is_judged_as_if_for_the_first_time() -> None:
    house, other = House(), b"I owe you 20"
    first = house.validate(signed())
    again = house.validate(signed(content=other))
    anew = House().validate(signed(content=other))
    assert first.indication is again.indication is anew.indication is PASSED
    mine, theirs = again.signatures[0], anew.signatures[0]
    for name in ("level", "path", "signer", "algorithm", "claimed_time", "proven_time", "format"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert [one.code for one in mine.findings] == [one.code for one in theirs.findings]
    changed = house.validate(signed(attached=False), content=other)
    assert changed.sub_indication is SubIndication.HASH_FAILURE
    thief = house.validate(signed(Signer(leaf().certificate, key("Thief"))))
    assert thief.sub_indication is SubIndication.SIG_CRYPTO_FAILURE
    lost = house.validate(message(leaf().info(OWED), content=OWED))
    assert lost.sub_indication is SubIndication.NO_SIGNING_CERTIFICATE_FOUND
    late = house.validate(signed(), at=NOON + 250 * DAY)
    assert late.indication is INDETERMINATE
    asked = house.validate(signed(), policy=replace(BASIC, required_level=Level.T))
    assert asked.sub_indication is SubIndication.SIG_CONSTRAINTS_FAILURE
    other_status = Evidence(lists=(crl(entry(leaf().certificate, NOON - DAY)),))
    revoked = house.validate(signed(), evidence=other_status)
    assert revoked.sub_indication is SubIndication.REVOKED_NO_POE
    assert house.validate(signed()).indication is PASSED


# --- several signers ------------------------------------------------------------------------------


def test_a_signer_who_is_believed_by_itself_needs_no_status() -> None:
    """The anchor of a path has none; here there is nothing below it."""
    itself = TrustStore([TrustAnchor(certificate=leaf().certificate)])
    report = House(trust=itself).validate(signed())
    assert report.indication is PASSED
    assert report.signatures[0].path == (leaf().certificate,)


def test_verdict_is_per_signature_and_the_document_has_the_worst() -> None:
    good, other = leaf().info(OWED), rsa_leaf().info(OWED)
    bad = Signer(rsa_leaf().certificate, key("Thief")).info(OWED)
    certificates = [leaf().certificate.encoded, rsa_leaf().certificate.encoded]
    both = House().validate(message(good, other, content=OWED, certificates=certificates))
    assert both.indication is PASSED
    assert len(both.signatures) == 2
    mixed = House().validate(message(good, bad, content=OWED, certificates=certificates))
    assert mixed.signatures[0].indication is PASSED
    assert mixed.indication is not PASSED


def test_no_signer_is_no_signature() -> None:
    report = House().validate(message(content=OWED, certificates=[leaf().certificate.encoded]))
    assert report.indication is INDETERMINATE
    assert report.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND


def test_more_signers_than_the_policy_allows_are_not_looked_at() -> None:
    data = message(
        *[leaf().info(OWED)] * 70, content=OWED, certificates=[leaf().certificate.encoded]
    )
    report = House().validate(data)
    assert report.indication is INDETERMINATE
    assert [broken(one) for one in report.signatures].count(["cms.budget"]) == 6


def test_counter_signature_is_over_the_signature_and_judged_by_itself() -> None:
    info = leaf().info(OWED)
    certificates = [leaf().certificate.encoded, rsa_leaf().certificate.encoded]
    value = signature_value(info)
    honest = rsa_leaf().info(value, content_type=None)
    foreign = rsa_leaf().info(value + b"?", content_type=None)
    typed = rsa_leaf().info(value)  # has a content-type, which it must not
    outcomes = []
    for counter in (honest, foreign, typed, b"\x30\x00"):
        grown = with_unsigned(info, attribute(COUNTER_SIGNATURE, counter))
        report = House().validate(message(grown, content=OWED, certificates=certificates))
        assert report.indication is PASSED
        (found,) = report.signatures[0].counter_signatures
        outcomes.append(found.sub_indication)
    assert outcomes == [
        None,
        SubIndication.HASH_FAILURE,
        SubIndication.FORMAT_FAILURE,
        SubIndication.FORMAT_FAILURE,
    ]


# --- trust and status -----------------------------------------------------------------------------


def test_unknown_authority_and_missing_status_are_indeterminate() -> None:
    alone = House(trust=TrustStore([]))
    assert alone.validate(signed()).sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    foreign = House(evidence=[crl(issuer="Other")])
    assert foreign.validate(signed()).sub_indication is SubIndication.TRY_LATER


def test_revoked_without_proof_of_existence_is_indeterminate() -> None:
    listed = crl(entry(leaf().certificate, NOON - DAY))
    report = House(evidence=[listed]).validate(signed())
    assert (report.indication, report.sub_indication) == (
        INDETERMINATE,
        SubIndication.REVOKED_NO_POE,
    )


def test_expired_without_proof_of_existence_is_indeterminate() -> None:
    late = NOON + 150 * DAY
    report = House(at=late, evidence=[crl(at=late - HOUR, until=late + DAY)]).validate(signed())
    assert report.sub_indication is SubIndication.OUT_OF_BOUNDS_NO_POE


# --- form -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"0", b"0\x80", b"\x30\x03\x02\x01\x01", b"PK\x03\x04", b"\xff" * 100]
)
def test_what_cannot_be_read_has_no_valid_form(data: bytes) -> None:
    for content in (None, OWED):
        report = House().validate(data, content=content)
        assert (report.indication, report.sub_indication) == (
            FAILED,
            SubIndication.FORMAT_FAILURE,
        )


def test_octets_after_the_signature_are_refused() -> None:
    assert House().validate(signed() + b"\0").indication is FAILED


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cms-version", lambda: signed(version=3)),
        (
            "missing-null",
            lambda: signed(rsa_leaf()).replace(
                bytes.fromhex("300d06092a864886f70d01010b0500"),
                bytes.fromhex("300b06092a864886f70d01010b"),
            ),
        ),
    ],
)
def test_departure_in_what_nobody_signs_is_named_and_up_to_the_policy(
    name: str, data: object
) -> None:
    if name == "missing-null":
        info = SignedData(signed(rsa_leaf())).signer_infos[0].encoded
        parts = [part.encoded for part in der.decode(info).children()]
        parts[4] = bytes.fromhex("300b06092a864886f70d01010b")
        made = message(
            der.sequence(*parts), content=OWED, certificates=[rsa_leaf().certificate.encoded]
        )
    else:
        made = data()  # type: ignore[operator]
    report = House().validate(made)
    assert report.sub_indication is SubIndication.SIG_CONSTRAINTS_FAILURE
    assert broken(report) == ["cms.tolerance"]
    lenient = replace(BASIC, tolerated=BASIC.tolerated | {name})
    assert House(policy=lenient).validate(made).indication is PASSED


# --- made by others -------------------------------------------------------------------------------


@pytest.mark.skipif(OPENSSL is None, reason="no openssl here")
def test_openssl_and_we_read_each_other(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    assert OPENSSL is not None
    pem = leaf().certificate.native.public_bytes(Encoding.PEM)
    secret = leaf().native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "leaf.pem").write_bytes(pem + secret)
    (tmp_path / "ca.pem").write_bytes(authority().native.public_bytes(Encoding.PEM))
    (tmp_path / "owed").write_bytes(OWED)

    def run(*arguments: str) -> bytes:
        done = subprocess.run(
            [OPENSSL or "", "cms", *arguments],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    sign = ("-sign", "-in", "owed", "-binary", "-signer", "leaf.pem", "-outform", "DER", "-cades")
    house = House()
    assert house.validate(run(*sign), content=OWED).indication is PASSED
    streamed = run(*sign, "-nodetach", "-stream")
    assert streamed[1] == 0x80
    report = house.validate(streamed)
    assert report.indication is PASSED
    assert [one.code for one in report.signatures[0].findings if one.facts.get("departures")] == [
        "cms.tolerance"
    ]
    (tmp_path / "ours").write_bytes(signed())
    checked = run(
        *("-verify", "-in", "ours", "-inform", "DER", "-CAfile", "ca.pem", "-purpose", "any"),
        *("-attime", str(int(NOON.timestamp())), "-cades", "-binary"),
    )
    assert checked == OWED
