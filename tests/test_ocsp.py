"""OCSP responses: read like `cryptography` reads them, matched to their certificate."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der, extensions
from eds.certificates import Certificate
from eds.errors import EdsError, LimitExceeded, MalformedOcspResponse
from eds.extensions import RevocationReason
from eds.names import Name
from eds.ocsp import CertificateStatus, OcspResponse, ResponseStatus
from tests.material import DATA, needs_data, ocsp_responses, read

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@needs_data
@pytest.mark.filterwarnings("ignore::UserWarning")  # what cryptography thinks of long names
def test_responses_read_as_cryptography_reads_them() -> None:
    refused = set()
    for name, encoded in ocsp_responses().items():
        try:
            ours = OcspResponse(encoded)
            if ours.status is not ResponseStatus.SUCCESSFUL:
                continue
            _ = ours.responses, ours.certificates, ours.extensions, ours.signature
        except EdsError:
            refused.add(name.rsplit("/")[-1])
            continue
        theirs = ocsp.load_der_ocsp_response(encoded)
        assert ours.produced_at == theirs.produced_at_utc
        assert ours.tbs_encoded == theirs.tbs_response_bytes
        assert ours.signature == theirs.signature
        if isinstance(ours.responder, Name):
            assert theirs.responder_name is not None
            assert ours.responder.encoded == theirs.responder_name.public_bytes()
        else:
            assert ours.responder == theirs.responder_key_hash
        assert len(ours.certificates) == len(theirs.certificates)
        for one, other in zip(ours.responses, theirs.responses, strict=True):
            assert one.status.name == other.certificate_status.name
            assert one.cert_id.serial_number == other.serial_number
            assert one.cert_id.issuer_name_hash == other.issuer_name_hash
            assert one.cert_id.issuer_key_hash == other.issuer_key_hash
            assert one.this_update == other.this_update_utc
            assert one.next_update == other.next_update_utc
            assert one.revocation_time == other.revocation_time_utc
            reason = other.revocation_reason
            assert (one.revocation_reason and one.revocation_reason.name) == (
                reason and reason.name.upper()
            )
        assert set(ours.extensions) == {item.oid.dotted_string for item in theirs.extensions}
    assert refused == {
        "resp-invalid-version.der",
        "resp-response-type-unknown-oid.der",
        "resp-successful-no-response-bytes.der",
        "resp-unknown-response-status.der",
    }


@needs_data
def test_responses_of_the_nca() -> None:
    found = OcspResponse(ocsp_responses()["kz/ocsp/ocsp_response_ceo_2015_revoked.bin"])
    assert isinstance(found.responder, Name)
    assert found.nonce is not None
    assert found.extended_revoke
    (answer,) = found.responses
    assert (answer.status, answer.next_update) == (CertificateStatus.REVOKED, None)
    assert answer.cert_id.hash_algorithm.name == "sha256"
    assert found.is_from(found.certificates[0])
    assert found.certificates[0].extended_key_usage == (extensions.OCSP_SIGNING,)
    assert OcspResponse.of_basic(found.basic_encoded) == found


@needs_data
def test_answer_is_found_for_its_certificate_alone() -> None:
    folder = DATA / "ocsp-tsp" / "openssl-ocsp"
    found = OcspResponse(read(folder / "ND1.ors"))
    certificate = Certificate(read(folder / "ND1_Cert_EE.pem"))
    issuer = Certificate(read(folder / "ND1_Issuer_ICA.pem"))
    answer = found.find(certificate, issuer=issuer)
    assert answer is not None
    assert answer.cert_id.serial_number == certificate.serial_number
    assert found.find(certificate, issuer=certificate) is None
    assert found.find(issuer, issuer=issuer) is None
    wrong = OcspResponse(read(folder / "WINH_ND1.ors"))  # wrong issuer name hash
    assert wrong.find(certificate, issuer=issuer) is None


# --- what we made ourselves -------------------------------------------------------------------


def cert_id(digest: str = "1.3.14.3.2.26", number: int = -5) -> bytes:
    return der.sequence(
        der.sequence(der.object_identifier(digest), der.null()),
        der.octet_string(b"n" * 20),
        der.octet_string(b"k" * 20),
        der.integer(number),
    )


def single(status: bytes, *rest: bytes) -> bytes:
    return der.sequence(cert_id(), status, der.generalized_time(NOON), *rest)


def made(*singles: bytes, status: int = 0, found: bytes = b"", value: bytes = b"nobody") -> bytes:
    """A response that nobody signed."""
    tbs = der.sequence(
        der.explicit(2, der.octet_string(b"h" * 20)),
        der.generalized_time(NOON),
        der.sequence(*singles),
        found,
    )
    basic = der.sequence(
        tbs, der.sequence(der.object_identifier("1.3.101.112")), der.bit_string(value)
    )
    kind = der.object_identifier("1.3.6.1.5.5.7.48.1.1")
    return der.sequence(
        der.enumerated(status), der.explicit(0, der.sequence(kind, der.octet_string(basic)))
    )


GOOD = b"\x80\x00"
REVOKED = der.value(der.context(1), der.generalized_time(NOON), der.explicit(0, der.enumerated(1)))


def test_good_revoked_and_unknown() -> None:
    found = OcspResponse(made(single(GOOD), single(REVOKED), single(b"\x82\x00")))
    assert [one.status for one in found.responses] == list(CertificateStatus)
    assert found.responses[1].revocation_time == NOON
    assert found.responses[1].revocation_reason is RevocationReason.KEY_COMPROMISE
    assert found.responder == b"h" * 20
    assert found.nonce is None
    assert not found.extended_revoke


def test_archive_cutoff_and_nonce() -> None:
    def extension(oid: str, octets: bytes) -> bytes:
        return der.sequence(der.object_identifier(oid), der.octet_string(octets))

    cutoff = extension(extensions.OCSP_ARCHIVE_CUTOFF, der.generalized_time(NOON))
    for nonce in (der.octet_string(b"n" * 16), b"n" * 16):  # RFC 9654, and bare
        found = OcspResponse(
            made(
                single(GOOD, der.explicit(1, der.sequence(cutoff))),
                found=der.explicit(1, der.sequence(extension(extensions.OCSP_NONCE, nonce))),
            )
        )
        assert found.nonce == b"n" * 16
        assert found.responses[0].archive_cutoff == NOON


@pytest.mark.parametrize("number", [1, 2, 3, 5, 6])
def test_refusals_have_a_status_and_nothing_else(number: int) -> None:
    found = OcspResponse(der.sequence(der.enumerated(number)))
    assert found.status.value == number
    with pytest.raises(MalformedOcspResponse):
        _ = found.responses


@pytest.mark.parametrize(
    "data",
    [
        b"",
        der.sequence(der.enumerated(4)),
        der.sequence(der.enumerated(0)),
        made(single(GOOD)) + b"\0",
        made(single(b"\x83\x00")),
        made(single(b"\x80\x01\x00")),
        made(single(b"\xa0\x00")),
        made(single(der.value(der.context(1), der.generalized_time(NOON), b"\xa0\3\x0a\1\7"))),
        made(),
    ],
)
def test_bytes_that_are_no_response_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedOcspResponse):
        _ = OcspResponse(data).responses


def test_response_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(LimitExceeded):
        OcspResponse(bytes(256 * 1024 + 1))


def told(encoded: bytes) -> object:
    """All that a response says, or the error that it is refused with."""
    try:
        found = OcspResponse(encoded)
    except EdsError as error:
        return error.code
    said: dict[str, object] = {}
    for name in ("status", "responder", "responses", "produced_at", "certificates", "nonce",
                 "extensions", "tbs_encoded", "signature_algorithm", "signature",
                 "basic_encoded"):  # fmt: skip
        try:
            value = getattr(found, name)
        except EdsError as error:
            value = error.code
        said[name] = value.encoded if isinstance(value, der.Element) else value
    return said


@pytest.mark.parametrize(("number", "size"), [(0x1234, 32), (0x80FF, 71), ((1 << 158) - 9, 256)])
def test_answer_in_the_profile_is_read_at_once_as_it_is_field_by_field(
    monkeypatch: pytest.MonkeyPatch, number: int, size: int
) -> None:
    after = der.explicit(0, der.generalized_time(NOON))
    good = der.sequence(cert_id(number=number), GOOD, der.generalized_time(NOON), after)
    plain = made(good, value=b"v" * size)
    assert "responses" in vars(OcspResponse(plain))  # nobody asked yet
    changed = [plain]
    for place in range(len(plain)):
        head, octet, tail = plain[:place], plain[place], plain[place + 1 :]
        changed += [head + bytes((other,)) + tail for other in {octet ^ 1, octet ^ 0x80, 0, 0xFF}]
        changed += [head, head + tail, head + bytes((octet, octet)) + tail]
    at_once = [told(encoded) for encoded in changed]
    monkeypatch.setattr("eds.ocsp._read_profile", lambda *_: False)
    for encoded, said in zip(changed, at_once, strict=True):
        assert told(encoded) == said, encoded.hex()
    monkeypatch.setattr("eds.ocsp._head", lambda _: (b"", 0))
    for encoded, said in zip(changed, at_once, strict=True):
        assert told(encoded) == said, encoded.hex()


def test_response_of_any_size_is_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = *range(300), *range(65_300, 65_700)
    made_so = [made(single(GOOD), single(REVOKED), value=bytes(size)) for size in sizes]
    at_once = [told(encoded) for encoded in made_so]
    monkeypatch.setattr("eds.ocsp._head", lambda _: (b"", 0))
    assert [told(encoded) for encoded in made_so] == at_once
    basic = OcspResponse(made_so[0]).basic_encoded
    assert OcspResponse.of_basic(basic).encoded == made_so[0]


@needs_data
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_responses_raise_only_errors_of_this_library(data: st.DataObject) -> None:
    pool = [*list(ocsp_responses().values())[::5], made(single(GOOD), single(REVOKED))]
    encoded = bytearray(data.draw(st.sampled_from(pool)))
    for _ in range(data.draw(st.integers(1, 6))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = OcspResponse(bytes(encoded))
    except EdsError:
        return
    for name in sorted(set(dir(OcspResponse)) - set(dir(object))):
        if not name.startswith("_"):
            try:
                _ = getattr(found, name)
            except EdsError:
                continue
    try:
        for certificate in found.certificates:
            found.is_from(certificate)
            found.find(certificate, issuer=certificate)
        _ = [one.archive_cutoff for one in found.responses]
    except EdsError:
        pass
