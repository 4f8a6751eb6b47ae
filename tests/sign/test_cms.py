"""CMS signatures of level B-B: judged by openssl, and read by code that is not ours."""

from __future__ import annotations

import asyncio
import io
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms as peer
from asn1crypto import x509
from asn1crypto.core import ObjectIdentifier
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.validation.generic_cms import async_validate_detached_cms
from pyhanko_certvalidator import ValidationContext

from eds.algorithms import SHA256
from eds.errors import (
    CertificateMismatch,
    ContentMismatch,
    InvalidArgument,
    KeyPurposeForbidden,
    SignerCertificateRefused,
)
from eds.keys.contract import KeyPurpose
from eds.sign.attributes import Commitment, SignaturePolicy, Statement
from eds.sign.cms import (
    CmsSigner,
    cosign,
    counter_sign,
    sign_attached,
    sign_detached,
    write_attached,
)
from eds.signeddata import SignedData
from tests.sign.house import ALGORITHMS, NOON, certify, party, root

CONTENT = "Мен сізге 10 теңге қарызбын".encode()
# OpenSSL 3.0 cannot verify Ed25519 in CMS ("invalid digest"); pyHanko can.
OF_OPENSSL = [name for name in ALGORITHMS if name != "ed25519"]
EVERY_OF_OPENSSL = pytest.mark.parametrize("algorithm", OF_OPENSSL)


def openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr.decode())


def verified(folder: Path, signature: bytes, content: bytes | None = None) -> bytes:
    """What `openssl cms -verify -cades` takes to be signed. Raises AssertionError."""
    (folder / "root.pem").write_bytes(root().certificate.native.public_bytes(Encoding.PEM))
    (folder / "signature").write_bytes(signature)
    (folder / "content").write_bytes(content or b"")
    openssl(
        *("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any"),
        *("-in", folder / "signature", "-CAfile", folder / "root.pem"),
        *("-attime", str(int(NOON.timestamp())), "-out", folder / "out"),
        *(() if content is None else ("-content", folder / "content")),
    )
    return (folder / "out").read_bytes()


@EVERY_OF_OPENSSL
def test_openssl_verifies_an_attached_signature(algorithm: str, tmp_path: Path) -> None:
    signed = sign_attached(CONTENT, by=party(algorithm).cms())
    assert verified(tmp_path, signed) == CONTENT


@EVERY_OF_OPENSSL
def test_openssl_verifies_a_detached_signature_of_that_content_alone(
    algorithm: str, tmp_path: Path
) -> None:
    signed = sign_detached(io.BytesIO(CONTENT), by=party(algorithm).cms())
    assert SignedData(signed).is_detached
    assert verified(tmp_path, signed, CONTENT) == CONTENT
    with pytest.raises(AssertionError, match=r"digest|verification"):
        verified(tmp_path, signed, CONTENT + b"0")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyhanko_validates_a_detached_signature(algorithm: str) -> None:
    trust = ValidationContext(
        trust_roots=[x509.Certificate.load(root().certificate.encoded)], moment=NOON
    )
    signed = peer.ContentInfo.load(sign_detached(CONTENT, by=party(algorithm).cms()))

    def status(content: bytes) -> Any:
        return asyncio.run(
            async_validate_detached_cms(content, signed["content"], signer_validation_context=trust)
        )

    assert status(CONTENT).bottom_line
    assert not status(CONTENT + b"0").bottom_line


@pytest.mark.parametrize("size", [0, 1, 127, 128, 65_535, 3_000_000])
def test_a_stream_is_written_as_the_same_octets(size: int) -> None:
    by = party("rsa-pkcs1-sha256").cms()  # the same signature each time
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    sink = io.BytesIO()
    write_attached(io.BytesIO(content), sink, by=by)
    assert sink.getvalue() == sign_attached(content, by=by)


def test_a_stream_that_changes_while_it_is_signed_is_refused() -> None:
    class Changing(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            self.getbuffer()[0] ^= 1
            return super().seek(offset, whence)

    with pytest.raises(ContentMismatch):
        write_attached(Changing(CONTENT), io.BytesIO(), by=party().cms())


def test_the_signer_says_what_a_peer_reads() -> None:
    policy = SignaturePolicy(oid="1.2.398.1", digest=bytes(32), uri="https://policy.invalid/1")
    statement = Statement(
        signing_time=NOON,
        commitment=Commitment.PROOF_OF_APPROVAL,
        policy=policy,
        claimed_roles=("Бас есепші",),
    )
    signed = sign_attached(CONTENT, by=party().cms(), statement=statement)
    found = peer.ContentInfo.load(signed, strict=True)
    info = found["content"]["signer_infos"][0]
    said = {one["type"].dotted: one["values"] for one in info["signed_attrs"]}
    assert said["1.2.840.113549.1.9.5"][0].native == NOON
    assert said["1.2.840.113549.1.9.4"][0].native == SHA256.digest(CONTENT)
    assert _oid("1.2.840.113549.1.9.16.6.5") in said["1.2.840.113549.1.9.16.2.16"].dump()
    assert _oid("1.2.398.1") in said["1.2.840.113549.1.9.16.2.15"].dump()
    assert "Бас есепші".encode() in said["0.4.0.19122.1.1"].dump()
    certificate = said["1.2.840.113549.1.9.16.2.47"][0]["certs"][0]
    assert certificate["cert_hash"].native == party().certificate.fingerprint
    assert found.dump(force=True) == signed  # all of it is DER, in its order


def _oid(dotted: str) -> bytes:
    return ObjectIdentifier(dotted).dump()  # type: ignore[no-any-return]


# --- several signers ------------------------------------------------------------------------------


def test_cosigning_leaves_every_other_signer_as_it_was(tmp_path: Path) -> None:
    signed = sign_attached(CONTENT, by=party(name="person 0").cms())
    before = set(SignedData(signed).signer_infos)
    for number, algorithm in enumerate(OF_OPENSSL, start=1):
        signed = cosign(SignedData(signed), by=party(algorithm, f"person {number}").cms())
        after = set(SignedData(signed).signer_infos)
        assert before < after
        before = after
        assert verified(tmp_path, signed) == CONTENT
    assert len(before) == 1 + len(OF_OPENSSL)


def test_a_signature_of_openssl_is_cosigned(tmp_path: Path) -> None:
    first = party("rsa-pkcs1-sha256", "first")
    (tmp_path / "key.pem").write_bytes(first.pem)
    (tmp_path / "certificate.pem").write_bytes(first.certificate.native.public_bytes(Encoding.PEM))
    (tmp_path / "in").write_bytes(CONTENT)
    openssl(
        *("cms", "-sign", "-cades", "-binary", "-outform", "DER", "-md", "sha256"),
        *("-signer", tmp_path / "certificate.pem", "-inkey", tmp_path / "key.pem"),
        *("-in", tmp_path / "in", "-out", tmp_path / "theirs"),
    )
    theirs = SignedData((tmp_path / "theirs").read_bytes())
    both = cosign(theirs, by=party(name="second").cms(), content=CONTENT)
    assert verified(tmp_path, both, CONTENT) == CONTENT
    assert theirs.signer_infos[0] in SignedData(both).signer_infos


def test_openssl_adds_a_signer_to_ours(tmp_path: Path) -> None:
    ours = sign_detached(CONTENT, by=party().cms())
    other = party("rsa-pkcs1-sha256", "other")
    for name, data in {
        "ours": ours,
        "in": CONTENT,
        "key.pem": other.pem,
        "certificate.pem": other.certificate.native.public_bytes(Encoding.PEM),
    }.items():
        (tmp_path / name).write_bytes(data)
    openssl(
        *("cms", "-resign", "-cades", "-binary", "-inform", "DER", "-outform", "DER"),
        *("-md", "sha256", "-in", tmp_path / "ours", "-content", tmp_path / "in"),
        *("-signer", tmp_path / "certificate.pem", "-inkey", tmp_path / "key.pem"),
        *("-out", tmp_path / "both"),
    )
    both = (tmp_path / "both").read_bytes()
    assert verified(tmp_path, both, CONTENT) == CONTENT
    assert SignedData(ours).signer_infos[0] in SignedData(both).signer_infos


def test_nobody_cosigns_another_content() -> None:
    signed = SignedData(sign_detached(CONTENT, by=party().cms()))
    with pytest.raises(ContentMismatch):
        cosign(signed, by=party(name="second").cms(), content=CONTENT + b"0")
    with pytest.raises(InvalidArgument):
        cosign(signed, by=party(name="second").cms())
    attached = SignedData(sign_attached(CONTENT, by=party().cms()))
    with pytest.raises(InvalidArgument):
        cosign(attached, by=party(name="second").cms(), content=CONTENT)


def test_a_counter_signature_is_over_the_signature_value(tmp_path: Path) -> None:
    signed = SignedData(sign_attached(CONTENT, by=party().cms()))
    first = signed.signer_infos[0]
    countered = counter_sign(signed, of=first, by=party(name="notary").cms())
    assert verified(tmp_path, countered) == CONTENT
    after = SignedData(countered).signer_infos[0]
    assert after.before_unsigned_attributes == first.before_unsigned_attributes
    found = peer.ContentInfo.load(countered)["content"]["signer_infos"][0]["unsigned_attrs"][0]
    counter = found["values"][0]
    said = {one["type"].native: one["values"][0].native for one in counter["signed_attrs"]}
    assert said["message_digest"] == SHA256.digest(first.signature)
    assert "content_type" not in said  # RFC 5652 §11.4
    with pytest.raises(InvalidArgument):
        counter_sign(SignedData(countered), of=first, by=party(name="notary").cms())


# --- what is refused ------------------------------------------------------------------------------


def test_a_certificate_out_of_its_period_signs_nothing() -> None:
    with pytest.raises(SignerCertificateRefused, match="expired"):
        party().cms(at=NOON + timedelta(days=366))
    with pytest.raises(SignerCertificateRefused, match="not valid yet"):
        party().cms(at=NOON - timedelta(days=31))


def test_only_keys_and_certificates_for_documents_sign_documents() -> None:
    one = party()
    with pytest.raises(KeyPurposeForbidden):
        CmsSigner(
            one.signer(purpose=KeyPurpose.AUTHENTICATION), certificates=[one.certificate], at=NOON
        )
    with pytest.raises(CertificateMismatch):
        CmsSigner(one.signer(), certificates=[root().certificate], at=NOON)
    with pytest.raises(CertificateMismatch):
        CmsSigner(one.signer(), certificates=[], at=NOON)
    ca = root()
    authority = certify(
        "an authority that also signs",
        one.native.public_key(),
        issuer=(ca.certificate.native.subject, ca.native),
        is_authority=True,
        usage="content_commitment",
    )
    with pytest.raises(SignerCertificateRefused, match="authority"):
        CmsSigner(one.signer(), certificates=[authority], at=NOON)
    agreement = certify(
        "key agreement",
        one.native.public_key(),
        issuer=(ca.certificate.native.subject, ca.native),
        usage="key_agreement",
    )
    with pytest.raises(SignerCertificateRefused, match="key usage"):
        CmsSigner(one.signer(), certificates=[agreement], at=NOON)


def test_a_digest_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        party().cms().signer_info(b"short", content_type="1.2.3")
    with pytest.raises(InvalidArgument):
        SignaturePolicy(oid="1.2.3", digest=b"short")


def test_a_key_for_authentication_signs_no_document() -> None:
    person, purpose = party(), KeyPurpose.AUTHENTICATION
    by = CmsSigner(
        person.signer(purpose=purpose), certificates=[person.certificate], at=NOON, purpose=purpose
    )
    theirs = SignedData(sign_attached(b"x", by=person.cms()))
    with pytest.raises(KeyPurposeForbidden):
        sign_detached(b"I owe you 10", by=by)
    with pytest.raises(KeyPurposeForbidden):
        counter_sign(theirs, of=theirs.signer_infos[0], by=by)
    assert SignedData(sign_attached(b"x", by=by, content_type="2.25.1")).content == b"x"
    with pytest.raises(KeyPurposeForbidden):
        CmsSigner(person.signer(), certificates=[person.certificate], at=NOON, purpose=purpose)
    with pytest.raises(InvalidArgument):
        CmsSigner(
            person.signer(), certificates=[person.certificate], at=NOON,
            purpose=KeyPurpose.CERTIFICATION,
        )  # fmt: skip
