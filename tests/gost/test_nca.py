"""Everything GOST of the NCA of Kazakhstan verifies through the values of the ground."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from eds import der
from eds.algorithms import (
    KEY_TYPES,
    SIGNATURE_ALGORITHMS,
    KeyType,
    SignatureAlgorithm,
    digest_by_oid,
    identify,
)
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.gostkeys import GOST_KEY_TYPES
from eds.keys import pkcs12
from eds.keys.contract import KeyPurpose, Secret
from eds.keys.keyfile import SingleFileKeyStore
from eds.keys.reading import Reading
from eds.ocsp import OcspResponse
from eds.publickeys import PublicKey
from eds.sign.cms import CmsSigner, sign_attached, sign_detached
from eds.signeddata import SignedData, SignerInfo
from eds.timestamps import TimeStampToken
from eds.verify.attributes import MESSAGE_DIGEST
from tests.gost.others import gostcrypto_verifies
from tests.keys.harness import Pins
from tests.keys.test_pkcs12 import nca_password
from tests.material import DATA, kz_certificates, needs_data, read

pytestmark = needs_data
KZ = DATA / "kz"
P12 = sorted((KZ / "p12").rglob("*.p12"))
SIGNED = [*(KZ / "cms").glob("*"), *(KZ / "tsp").glob("*token*")]
_TOKEN = "1.2.840.113549.1.9.16.2.14"


@cache
def authorities() -> dict[bytes, list[PublicKey]]:
    """The keys of the authorities by the octets of their names."""
    found: dict[bytes, list[PublicKey]] = {}
    for encoded in kz_certificates().values():
        certificate = Certificate(encoded)
        found.setdefault(certificate.subject.encoded, []).append(certificate.public_key)
    return found


def verifies(key: PublicKey, identifier: der.Element, signature: bytes, message: bytes) -> bool:
    algorithm = identify(identifier, key_type=key.key_type, curve=key.curve)
    changed = signature[:-1] + bytes((signature[-1] ^ 1,))
    assert not key.verify(changed, message, algorithm=algorithm)
    return key.verify(signature, message, algorithm=algorithm)


@cache
def holder(path: Path) -> Certificate:
    contents = pkcs12.read(path.read_bytes(), Secret(nca_password(path)), Reading(file=path.name))
    return contents.certificates[0].certificate


def test_the_certificate_of_every_key_file_verifies_under_its_issuer() -> None:
    of_gost = 0
    for path in P12:
        certificate = holder(path)
        assert any(
            verifies(key, certificate.signature_algorithm, certificate.signature,
                     certificate.tbs_encoded)
            for key in authorities()[certificate.issuer.encoded]
        ), path  # fmt: skip
        of_gost += certificate.public_key.key_type in GOST_KEY_TYPES
    assert of_gost >= 33


def test_every_certificate_whose_issuer_is_here_verifies() -> None:
    checked: dict[KeyType, int] = {}
    for name, encoded in kz_certificates().items():
        certificate = Certificate(encoded)
        if name == "prod_tsa_gost_2025.cer":
            continue  # its issuer's certificate is in no store that can be read
        keys = authorities()[certificate.issuer.encoded]
        assert any(
            verifies(key, certificate.signature_algorithm, certificate.signature,
                     certificate.tbs_encoded)
            for key in keys
        ), name  # fmt: skip
        checked[keys[0].key_type] = checked.get(keys[0].key_type, 0) + 1
    assert checked[KeyType.GOST_2004] >= 6
    assert checked[KeyType.GOST_2015_512] >= 3


def test_every_list_verifies() -> None:
    paths = sorted((KZ / "crl").glob("*gost*.crl"))
    assert len(paths) == 4
    for path in paths:
        found = CertificateList(read(path))
        assert any(
            verifies(key, found.signature_algorithm, found.signature, found.tbs_encoded)
            for key in authorities()[found.issuer.encoded]
        ), path.name


def test_every_ocsp_response_verifies_with_its_responder() -> None:
    checked = 0
    for path in sorted((KZ / "ocsp").glob("*.bin")):
        found = OcspResponse(path.read_bytes())
        (responder,) = found.certificates
        assert found.is_from(responder)
        assert verifies(
            responder.public_key, found.signature_algorithm, found.signature, found.tbs_encoded
        )
        assert any(
            verifies(key, responder.signature_algorithm, responder.signature,
                     responder.tbs_encoded)
            for key in authorities()[responder.issuer.encoded]
        )  # fmt: skip
        checked += 1
    assert checked == 2


# --- SignedData -----------------------------------------------------------------------------------


def row_of(info: SignerInfo, key: PublicKey) -> SignatureAlgorithm:
    """The row; some writers name the kind of key where the signature belongs."""
    element = der.decode(info.signature_algorithm)
    oid = element.fields().take(der.OBJECT_IDENTIFIER).object_identifier()
    if KEY_TYPES.get(oid) is key.key_type:
        digest = der.decode(info.digest_algorithm).fields().take(der.OBJECT_IDENTIFIER)
        return next(
            row
            for row in SIGNATURE_ALGORITHMS
            if row.key_type is key.key_type
            and row.digest == digest_by_oid(digest.object_identifier())
        )
    return identify(element, key_type=key.key_type, curve=key.curve)


def check(signed: SignedData, content: bytes) -> int:
    """Verify every signer and time-stamp; how many there were."""
    count = 0
    for info in signed.signer_infos:
        certificate = next(
            one
            for one in signed.certificates
            if info.issuer_and_serial_number is not None
            and one.serial_number == info.issuer_and_serial_number[1]
        )
        key = certificate.public_key
        row = row_of(info, key)
        message = info.signed_attributes_encoded
        assert message
        assert info.signed_attributes
        (digest,) = (one for one in info.signed_attributes if one.oid == MESSAGE_DIGEST)
        assert digest.value().octets == row.cms_digest.digest(content)
        assert key.verify(info.signature, message, algorithm=row)
        assert not key.verify(info.signature, message + b"\0", algorithm=row)
        count += 1
        for one in info.unsigned_attributes:
            if one.oid == _TOKEN:
                token = TimeStampToken(one.value().encoded)
                imprint = token.tst_info.imprint_algorithm.digest(info.signature)
                assert token.tst_info.imprint == imprint
                count += check(SignedData(token.encoded), token.tst_info_encoded)
    return count


def test_every_signer_and_every_time_stamp_verifies() -> None:
    detached = (KZ / "cms" / "sdk2026-individual_document.txt").read_bytes()
    checked = 0
    for path in SIGNED:
        if path.suffix == ".txt":
            continue
        signed = SignedData(path.read_bytes())
        content = signed.content
        checked += check(signed, detached if content is None else content)
    assert checked == 14


# --- signing with their keys ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KeyType.GOST_2015_512, KeyType.GOST_2004], ids=["2015", "2004"])
def test_a_document_signed_with_a_test_key_verifies_elsewhere(kind: KeyType) -> None:
    path = next(
        one for one in P12
        if holder(one).public_key.key_type is kind
        and SingleFileKeyStore(one).unlocked(pin=Pins(current=nca_password(one)))[0]
        .purpose & KeyPurpose.SIGNATURE
    )  # fmt: skip
    certificate = holder(path)
    store = SingleFileKeyStore(path)
    pin = Pins(current=nca_password(path))
    with store.open(store.keys()[0], purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        by = CmsSigner(signer, certificates=[certificate], at=certificate.not_before)
        attached = SignedData(sign_attached(b"owed: 10", by=by))
        detached = SignedData(sign_detached(b"owed: 10", by=by))
    for signed in (attached, detached):
        assert check(signed, b"owed: 10") == 1
    (info,) = detached.signer_infos
    message = info.signed_attributes_encoded or b""
    assert gostcrypto_verifies(certificate.public_key, info.signature, message)
    assert not gostcrypto_verifies(certificate.public_key, info.signature, message + b"x")
