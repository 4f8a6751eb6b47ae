"""Lists: read like `cryptography` and `openssl` read them, looked up through one index."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import certificatelists, der, extensions
from eds.certificatelists import CertificateList
from eds.errors import EdsError, LimitExceeded, MalformedCertificateList
from eds.extensions import Extension, RevocationReason, write_extensions
from eds.names import Name
from eds.tolerances import SIGNATURE_ALGORITHM_NULL_MISMATCH
from tests.material import lists, needs_data

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ISSUER = Name.parse("CN=CA,C=KZ")
OTHER = Name.parse("CN=Other CA,C=KZ")
ALGORITHM = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))


def entry(serial_number: int, *found: Extension, at: datetime = NOON) -> bytes:
    written = write_extensions(found) if found else b""
    return der.sequence(der.integer(serial_number), der.time(at), written)


def made(*entries: bytes, found: tuple[Extension, ...] = ()) -> bytes:
    """A list whose signature nobody made."""
    tbs = der.sequence(
        der.integer(1),
        ALGORITHM,
        ISSUER.encoded,
        der.time(NOON),
        der.sequence(*entries),
        der.explicit(0, write_extensions(found)) if found else b"",
    )
    return der.sequence(tbs, ALGORITHM, der.bit_string(b"nobody"))


def usual_list(
    inner: bytes = ALGORITHM,
    issuer: bytes = ISSUER.encoded,
    outer: bytes = ALGORITHM,
    entries: int = 7,
) -> bytes:
    """One in the form that nearly all have, which nobody signed."""
    key = der.sequence(der.value(0x80, b"k" * 20))
    more = [
        extension(extensions.AUTHORITY_KEY_IDENTIFIER, key),
        extension(extensions.CRL_NUMBER, der.integer(7)),
    ]
    tbs = der.sequence(
        *(der.integer(1), inner, issuer, der.time(NOON), der.time(NOON)),
        der.sequence(*(entry((1 << 100) + number) for number in range(entries))),
        der.explicit(0, write_extensions(more)),
    )
    return der.sequence(tbs, outer, der.bit_string(b"nobody" * 11))


def extension(oid: str, encoded: bytes) -> Extension:
    return Extension(oid=oid, critical=False, octets=encoded)


def issued_by(name: Name) -> Extension:
    names = der.sequence(der.explicit(4, name.encoded))
    return Extension(oid=extensions.CERTIFICATE_ISSUER, critical=True, octets=names)


INDIRECT = extension(extensions.ISSUING_DISTRIBUTION_POINT, der.sequence(b"\x84\x01\xff"))


@pytest.mark.untraced
@needs_data
@pytest.mark.filterwarnings("ignore::UserWarning")  # what cryptography thinks of long names
def test_lists_read_as_cryptography_reads_them() -> None:
    refused = set()
    for name, encoded in lists().items():
        try:
            ours = CertificateList(encoded)
            entries = list(ours)
            _ = ours.signature, ours.expired_certificates_since
        except EdsError:
            refused.add(name.rsplit("/")[-1])
            continue
        if SIGNATURE_ALGORITHM_NULL_MISMATCH in ours.tolerances:
            continue  # cryptography refuses it
        theirs = x509.load_der_x509_crl(encoded)
        assert ours.issuer.encoded == theirs.issuer.public_bytes()
        assert ours.this_update == theirs.last_update_utc
        assert ours.next_update == theirs.next_update_utc
        assert ours.tbs_encoded == theirs.tbs_certlist_bytes
        assert ours.signature == theirs.signature
        try:
            found = {item.oid.dotted_string: item for item in theirs.extensions}
        except ValueError:
            continue
        assert {oid: item.critical for oid, item in ours.extensions.items()} == {
            oid: item.critical for oid, item in found.items()
        }
        number = found.get(extensions.CRL_NUMBER)
        assert ours.crl_number == (number and number.value.crl_number)
        delta = found.get(extensions.DELTA_CRL_INDICATOR)
        assert ours.delta_crl_indicator == (delta and delta.value.crl_number)
        assert ours.is_delta is (delta is not None)
        scope = ours.issuing_distribution_point
        if scope is not None and extensions.ISSUING_DISTRIBUTION_POINT in found:
            native = found[extensions.ISSUING_DISTRIBUTION_POINT].value
            assert scope.only_user_certificates is native.only_contains_user_certs
            assert scope.only_ca_certificates is native.only_contains_ca_certs
            assert scope.indirect is native.indirect_crl
            assert scope.only_attribute_certificates is native.only_contains_attribute_certs
            assert len(scope.full_name) == len(native.full_name or ())
        assert len(ours) == len(theirs) == len(entries)
        for one, other in list(zip(entries, theirs, strict=True))[:200]:
            assert one.serial_number == other.serial_number
            assert one.revocation_date == other.revocation_date_utc
            try:
                told = {item.oid.dotted_string: item.value for item in other.extensions}
            except ValueError:
                continue
            reason = told.get(extensions.REASON_CODE)
            assert (one.reason is None) is (reason is None)
            if one.reason is not None and reason is not None:
                assert one.reason.name == reason.reason.name.upper()
            invalid = told.get(extensions.INVALIDITY_DATE)
            assert one.invalidity_date == (invalid and invalid.invalidity_date_utc)
            if not one.certificate_issuer:
                met = ours.find(one.serial_number)
                assert met is not None
                assert met.revocation_date <= one.revocation_date
    assert refused == {
        "BadCRLSignatureCACRL.crl",  # NIST spoilt the signature
        "crl-2.crl",  # expiredCertsOnCRL as UTCTime
        "crl-expiredCertsOnCRL-UTCTime.crl",
        "infinite-loop.crl",
    }


@needs_data
def test_list_of_the_nca_whose_algorithms_differ() -> None:
    found = CertificateList(lists()["kz/crl/test_nca_gost2022_2026-08.crl"])
    assert found.tbs_signature_algorithm.encoded != found.signature_algorithm.encoded
    assert found.tolerances == {SIGNATURE_ALGORITHM_NULL_MISMATCH}
    assert len(found) > 0


def test_indirect_list_tells_certificates_of_two_issuers_apart() -> None:
    hold = extension(extensions.REASON_CODE, der.enumerated(6))
    encoded = made(
        entry(1), entry(7, issued_by(OTHER)), entry(8, hold), entry(1), found=(INDIRECT,)
    )
    found = CertificateList(encoded)
    assert len(found) == 4
    assert found.find(7) is None
    assert found.find(7, issuer=OTHER) is not None
    held = found.find(8, issuer=OTHER)
    assert held is not None
    assert held.reason is RevocationReason.CERTIFICATE_HOLD
    own, other = found.find(1), found.find(1, issuer=OTHER)
    assert own is not None
    assert own.certificate_issuer == ()
    assert other is not None
    assert other.certificate_issuer[0].directory_name == OTHER
    assert found.find(1, issuer=Name.parse("CN=Third")) is None


def test_direct_list_speaks_of_its_issuer_alone() -> None:
    found = CertificateList(made(entry(5)))
    assert found.find(5, issuer=Name.parse("cn=ca, c=KZ")) is not None
    assert found.find(5, issuer=OTHER) is None
    assert found.find(6) is None


def test_earliest_revocation_counts_where_one_certificate_stands_twice() -> None:
    def reason(number: int) -> Extension:
        return extension(extensions.REASON_CODE, der.enumerated(number))

    hour = timedelta(hours=1)
    found = CertificateList(
        made(
            entry(5, reason(8), at=NOON - hour),
            entry(5, reason(1), at=NOON + hour),
            entry(5, reason(6)),
        )
    )
    assert len(found) == len(list(found)) == 3
    earliest = found.find(5)
    assert earliest is not None
    assert (earliest.reason, earliest.revocation_date) == (RevocationReason.CERTIFICATE_HOLD, NOON)


def test_empty_list_is_a_list() -> None:
    found = CertificateList(made())
    assert (len(found), list(found), found.find(1), bool(found)) == (0, [], None, True)


@pytest.mark.parametrize("serial_number", [0, 1, 127, 128, 255, 256, -1, -128, -129, 1 << 159])
def test_serial_number_is_found_by_its_value(serial_number: int) -> None:
    found = CertificateList(made(entry(serial_number)))
    assert found.find(serial_number) is not None
    assert found.find(serial_number + 1) is None


@pytest.mark.parametrize(
    "bad",
    [
        b"\x30\x00",
        b"\x30\x02\x02\x00",
        b"\x30\x04\x04\x02\x00\x01",
        b"\x30\x05\x02\x02\x00\x01\x05",  # not minimal: would hide from a look-up
        b"\x30\x05\x02\x09\x01\x01\x01",
        b"\x31\x03\x02\x01\x01",
        b"\x30\x81\x03\x02\x01\x01",
        b"\x30\x80\x02\x01\x01\x00\x00",
        b"\x30",
    ],
)
def test_entry_that_is_none_is_malformed(bad: bytes) -> None:
    found = CertificateList(made(entry(1), bad))
    for use in (lambda: found.find(2), lambda: len(found)):
        with pytest.raises(MalformedCertificateList):
            use()


@pytest.mark.parametrize("data", [b"", b"0\0", b"\x30\x80\0\0", made(entry(1))[:-1]])
def test_bytes_that_are_no_list_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedCertificateList):
        CertificateList(data)


def test_list_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(LimitExceeded):
        CertificateList(bytes(64 * 1024 * 1024 + 1))


@pytest.mark.untraced
def test_hundred_thousand_entries_cost_little() -> None:
    start, serial, end = entry(1 << 120).partition((1 << 120).to_bytes(16, "big"))
    assert serial
    encoded = made(
        *(start + ((1 << 120) + number).to_bytes(16, "big") + end for number in range(100_000))
    )
    started = time.process_time()
    found = CertificateList(encoded)
    opened = time.process_time() - started
    tracemalloc.start()
    assert found.find((1 << 120) + 99_999) is not None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    started = time.process_time()
    assert sum(1 for _ in found) == 100_000
    assert opened < (time.process_time() - started) / 3  # opening is not walking
    assert peak < 25_000_000


@pytest.mark.untraced
def test_walk_through_a_list_keeps_nothing() -> None:
    encoded = made(*(entry((1 << 120) + number) for number in range(10_000)))
    tracemalloc.start()
    assert sum(1 for _ in CertificateList(encoded)) == 10_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def told(encoded: bytes) -> object:
    """All that the head of a list says, or the error that it is refused with."""
    try:
        found = CertificateList(encoded)
    except EdsError as error:
        return error.code
    said: dict[str, object] = {}
    for name in ("version", "issuer", "this_update", "next_update", "extensions", "is_delta",
                 "crl_number", "issuing_distribution_point", "authority_key_identifier",
                 "tbs_encoded", "signature_algorithm", "signature", "__len__"):  # fmt: skip
        try:
            value = len(found) if name == "__len__" else getattr(found, name)
        except EdsError as error:
            value = error.code
        said[name] = value.encoded if isinstance(value, der.Element) else value
    return said


def test_usual_list_is_read_at_once_as_it_is_field_by_field(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = usual_list()
    assert certificatelists._usual_fields(usual) is not None
    changed = [usual]
    for place, octet in enumerate(usual):
        head, tail = usual[:place], usual[place + 1 :]
        changed += [head + bytes((other,)) + tail for other in {octet ^ 1, octet ^ 0x80, 0, 0xFF}]
        changed += [head, head + tail, head + bytes((octet, octet)) + tail]
    # Lengths of lengths, and what would be there if they were lengths.
    for size in range(0x80, 0x86):
        odd = bytes((der.SEQUENCE, size)) + ALGORITHM + bytes(size - len(ALGORITHM))
        changed += [usual_list(inner=odd), usual_list(issuer=odd), usual_list(outer=odd)]
    changed += [usual_list(inner=odd, outer=odd) for odd in (b"0\0", b"\5\0", ISSUER.encoded)]
    # A length in two octets that one would hold.
    short = usual_list(issuer=der.sequence(bytes(0x3D)), entries=3)
    assert short[4:7] == b"\x30\x81\xff"
    changed += [short, der.sequence(b"\x30\x82\0\xff" + short[7:])]
    at_once = [told(encoded) for encoded in changed]
    monkeypatch.setattr(certificatelists, "_usual_fields", lambda _: None)
    for encoded, said in zip(changed, at_once, strict=True):
        assert told(encoded) == said, encoded.hex()


def test_plain_list_has_no_more_than_a_number_and_the_name_of_its_key() -> None:
    usual = usual_list()
    plain = 0
    for place, octet in enumerate(usual):
        for other in {octet ^ 1, octet ^ 0x80, 0, 0xFF}:
            try:
                found = CertificateList(usual[:place] + bytes((other,)) + usual[place + 1 :])
            except EdsError:
                continue
            if found.is_plain:
                plain += 1
                assert len(found.extensions) == 2
                assert {extensions.AUTHORITY_KEY_IDENTIFIER, extensions.CRL_NUMBER}.issuperset(
                    found.extensions
                )
                assert not any(one.critical for one in found.extensions.values())
                assert not found.is_delta
    assert plain > 500
    assert not CertificateList(made(entry(1), found=(INDIRECT,))).is_plain


@needs_data
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_lists_raise_only_errors_of_this_library(data: st.DataObject) -> None:
    pool = [encoded for encoded in lists().values() if len(encoded) < 3000][::4]
    pool.append(made(entry(1), entry(7, issued_by(OTHER)), entry(1), found=(INDIRECT,)))
    encoded = bytearray(data.draw(st.sampled_from(pool)))
    for _ in range(data.draw(st.integers(1, 6))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = CertificateList(bytes(encoded))
    except EdsError:
        return
    for name in sorted(set(dir(CertificateList)) - set(dir(object))):
        if name.startswith("_") or name == "find":
            continue
        try:
            _ = getattr(found, name)
        except EdsError:
            continue
    for use in (lambda: list(found), lambda: found.find(1, issuer=OTHER), lambda: len(found)):
        try:
            use()
        except EdsError:
            continue
