"""The responder: what it says, who believes it, and what it makes of nonsense."""

from __future__ import annotations

import random
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as native
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der
from eds.ca.lifecycle import REVOCATION_REASONS, Act, State, Status
from eds.ca.lists import NEVER
from eds.ca.responder import (
    Delegate,
    OcspAnswer,
    Responder,
    ResponderName,
    ServedIssuer,
    failure,
    read_request,
)
from eds.certificates import Certificate
from eds.errors import (
    DecodeError,
    InvalidArgument,
    MonitorRefused,
    NaiveDatetime,
    RegisterUnavailable,
)
from eds.extensions import RevocationReason
from eds.ocsp import CertificateStatus, OcspResponse, ResponseStatus
from tests.ca.hierarchy import DAY, NOON, authority, holder, pem, root
from tests.ca.status_desk import (
    HOUR,
    ISSUER,
    SHARDS,
    Desk,
    delegate,
    new_register,
    on_both,
    open_desk,
    shard_of,
    signer_of,
)

NONCE = bytes(range(32))
SHA1 = der.sequence(der.object_identifier("1.3.14.3.2.26"), der.null())
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VALID = Status(state=State.VALID, since=NOON)
GOOD, REVOKED, UNKNOWN = (
    CertificateStatus.GOOD,
    CertificateStatus.REVOKED,
    CertificateStatus.UNKNOWN,
)
MALFORMED = bytes.fromhex("30030a0101")


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    kind = getattr(request, "param", "sqlite")
    made = open_desk(new_register(kind, request, tmp_path))
    yield made
    made.register.engine.dispose()


def cert_id(serial: bytes) -> bytes:
    issuer = authority("issuing-ca").certificate
    made = hashes.Hash(hashes.SHA1())
    made.update(issuer.subject.encoded)
    keyed = hashes.Hash(hashes.SHA1())
    keyed.update(issuer.public_key.key_octets)
    return der.sequence(
        SHA1, der.octet_string(made.finalize()), der.octet_string(keyed.finalize()),
        der.value(der.INTEGER, serial),
    )  # fmt: skip


def extension(oid: str, octets: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(
        der.object_identifier(oid), der.boolean(True) if critical else b"", der.octet_string(octets)
    )


def nonce_extension(nonce: bytes) -> bytes:
    return extension("1.3.6.1.5.5.7.48.1.2", der.octet_string(nonce))


def request(
    *serials: bytes, nonce: bytes | None = None, more: tuple[bytes, ...] = (),
    version: bytes = b"", requestor: bytes = b"", signature: bytes = b"",
    ids: tuple[bytes, ...] = (),
) -> bytes:  # fmt: skip
    wanted = ids or tuple(map(cert_id, serials))
    extensions = more if nonce is None else (*more, nonce_extension(nonce))
    return der.sequence(
        der.sequence(
            version,
            requestor,
            der.sequence(*(der.sequence(one) for one in wanted)),
            der.explicit(2, der.sequence(*extensions)) if extensions else b"",
        ),
        signature,
    )


def ask(desk: Desk, *serials: bytes, at: datetime = NOON, **changes: Any) -> OcspResponse:
    answer = desk.responder(delegate()).respond(request(*serials, **changes), at=at)
    return OcspResponse(answer.encoded)


def fixed(status: Status | None, *delegates: Delegate, **changes: Any) -> Responder:
    """A responder whose register says the same of everything."""
    served = ServedIssuer(ISSUER, authority("issuing-ca").certificate, delegates or (DELEGATE,))
    made: dict[str, Any] = {"status_of": lambda issuer, serial: status, "validity": 12 * HOUR}
    return Responder([served], **(made | changes))


DELEGATE = delegate()


def is_signed(found: OcspResponse, by: Certificate) -> bool:
    return by.public_key.verify(
        found.signature, found.tbs_encoded, algorithm=DELEGATE.signer.algorithm
    )


# --- what it says


def test_issued_held_released_and_revoked(desk: Desk) -> None:
    valid, held, released, revoked = desk.issue(4)
    desk.change(held, Act.HOLD, at=NOON)
    desk.change(released, Act.HOLD, at=NOON)
    desk.change(released, Act.RELEASE, at=NOON)
    desk.change(revoked, Act.REVOKE, at=NOON, reason=RevocationReason.UNSPECIFIED)
    found = ask(desk, valid, held, released, revoked, at=NOON + HOUR).responses
    assert [(one.status, one.revocation_time, one.revocation_reason) for one in found] == [
        (GOOD, None, None),
        (REVOKED, NOON, RevocationReason.CERTIFICATE_HOLD),
        (GOOD, None, None),
        (REVOKED, NOON, None),
    ]
    assert {one.this_update for one in found} == {NOON + HOUR}
    assert {one.next_update for one in found} == {NOON + 13 * HOUR}
    assert {one.archive_cutoff for one in found} == {authority("issuing-ca").facts.not_before}
    assert [one.cert_id.serial_number for one in found] == [
        int.from_bytes(serial, "big") for serial in (valid, held, released, revoked)
    ]


def test_answer_echoes_the_nonce_and_brings_its_certificate(desk: Desk) -> None:
    (serial,) = desk.issue()
    one = delegate()
    answer = desk.responder(one).respond(request(serial, nonce=NONCE), at=NOON)
    found = OcspResponse(answer.encoded)
    assert (found.nonce, found.extended_revoke, found.produced_at) == (NONCE, True, NOON)
    assert found.certificates == (one.certificate,)
    assert found.responder == one.certificate.public_key.key_identifier
    assert is_signed(found, one.certificate)
    assert answer.cacheable_until is None
    der.check(answer.encoded)
    der.check(found.basic_encoded)


def test_without_a_nonce_a_known_status_may_be_kept(desk: Desk) -> None:
    (serial,) = desk.issue()
    responder = desk.responder(delegate())
    assert responder.respond(request(serial), at=NOON).cacheable_until == NOON + 12 * HOUR
    unissued = secrets.token_bytes(19)
    for asked in ((b"\x01" + unissued[1:],), (serial, b"\x01" + unissued[1:])):
        assert responder.respond(request(*asked), at=NOON).cacheable_until is None


def test_an_intent_is_never_good_and_an_abandoned_one_is_revoked(desk: Desk) -> None:
    (serial,) = desk.issue(finish=False)
    (found,) = ask(desk, serial).responses
    assert (found.status, found.revocation_time) == (REVOKED, EPOCH)
    (intent,) = desk.register.open_intents(before=NOON)
    status = Status(state=State.REVOKED, since=NOON, reason=RevocationReason.CESSATION_OF_OPERATION)
    desk.register.abandon(intent, status, entry=b"", actor="recover")
    (found,) = ask(desk, serial).responses
    assert (found.status, found.revocation_time) == (REVOKED, NOON)


@pytest.mark.untraced
@on_both
def test_serial_numbers_that_were_never_issued_are_never_good_in_ten_thousand(desk: Desk) -> None:
    issued = set(desk.issue(3))
    responder = desk.responder(delegate())
    chance = random.Random(7)
    count = 0
    # The database is asked one way in both; the many are for what is asked.
    wanted = 10_000 if desk.register.engine.dialect.name == "sqlite" else 1_000
    while count < wanted:
        serials = [b"\x01" + chance.randbytes(chance.randrange(1, 19)) for _ in range(100)]
        assert not issued.intersection(serials)
        found = OcspResponse(responder.respond(request(*serials), at=NOON).encoded)
        assert found.extended_revoke
        for one in found.responses:
            assert one.status is REVOKED
            assert one.revocation_time == EPOCH
            assert one.revocation_reason is RevocationReason.CERTIFICATE_HOLD
            assert one.next_update is None
            count += 1


def test_certificates_of_other_issuers_are_unknown() -> None:
    digest = hashes.Hash(hashes.SHA1())
    digest.update(authority("issuing-ca").certificate.subject.encoded)
    name = digest.finalize()
    foreign = cert_id(b"\x01").replace(name, bytes(20))
    found = OcspResponse(
        fixed(VALID).respond(request(ids=(foreign, cert_id(b"\x01"))), at=NOON).encoded
    ).responses
    assert [one.status for one in found] == [UNKNOWN, GOOD]
    assert found[0].next_update is None
    alone = OcspResponse(fixed(VALID).respond(request(ids=(foreign,)), at=NOON).encoded)
    assert [one.status for one in alone.responses] == [UNKNOWN]


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256()])
def test_both_digests_are_understood(digest: hashes.HashAlgorithm) -> None:
    leaf = holder("natural-person-signature").certificate
    made = native.OCSPRequestBuilder().add_certificate(
        leaf.native, authority("issuing-ca").certificate.native, digest
    )
    encoded = made.build().public_bytes(Encoding.DER)
    answer = fixed(VALID).respond(encoded, at=NOON)
    theirs = native.load_der_ocsp_response(answer.encoded)
    assert theirs.certificate_status is native.OCSPCertStatus.GOOD
    assert theirs.serial_number == leaf.serial_number
    ours = OcspResponse(answer.encoded)
    assert ours.find(leaf, issuer=authority("issuing-ca").certificate) is not None


def test_responder_is_named_by_key_or_by_subject() -> None:
    named = replace(DELEGATE, name=ResponderName.SUBJECT)
    found = OcspResponse(fixed(VALID, named).respond(request(b"\x01"), at=NOON).encoded)
    assert found.responder == DELEGATE.certificate.subject
    assert found.is_from(DELEGATE.certificate)


def test_the_last_answers_are_good_for_as_long_as_the_certificate() -> None:
    one = delegate(days=20)
    answer = fixed(VALID, one, validity=NEVER - NOON).respond(request(b"\x01"), at=NOON)
    assert answer.cacheable_until == one.certificate.not_after


# --- delegates


def test_delegates_take_turns_by_their_validity() -> None:
    old, new = delegate(days=10), delegate(not_before=NOON + 5 * DAY, days=10)
    responder = fixed(VALID, old, new)
    for day, wanted in ((0, old), (4, old), (5, new), (9, new), (14, new)):
        found = OcspResponse(responder.respond(request(b"\x01"), at=NOON + day * DAY).encoded)
        assert found.certificates == (wanted.certificate,)
    for day in (-2, 16):
        answer = responder.respond(request(b"\x01"), at=NOON + day * DAY)
        assert answer.status is ResponseStatus.TRY_LATER
        assert native.load_der_ocsp_response(answer.encoded).response_status.name == "TRY_LATER"


def test_a_delegate_must_be_one() -> None:
    leaf = holder("natural-person-signature")
    with pytest.raises(InvalidArgument, match="OCSP signing"):
        Delegate(certificate=leaf.certificate, signer=signer_of(leaf.key))
    with pytest.raises(InvalidArgument, match="key"):
        Delegate(certificate=DELEGATE.certificate, signer=signer_of(leaf.key))
    tbs = DELEGATE.certificate.tbs_encoded
    no_check = bytes.fromhex("06092b0601050507300105")
    renamed = authority("issuing-ca").sign(tbs.replace(no_check, no_check[:-1] + b"\x63"))
    with pytest.raises(InvalidArgument, match="nocheck"):
        Delegate(certificate=renamed, signer=DELEGATE.signer)
    with pytest.raises(InvalidArgument, match="another issuer"):
        ServedIssuer(ISSUER, root().certificate, [DELEGATE])
    forged = root().sign(tbs)
    with pytest.raises(InvalidArgument, match="another issuer"):
        ServedIssuer(
            ISSUER, authority("issuing-ca").certificate,
            [Delegate(certificate=forged, signer=DELEGATE.signer)],
        )  # fmt: skip
    with pytest.raises(InvalidArgument):
        fixed(VALID, validity=timedelta(0))


def test_the_guard_sees_every_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(tbs: bytes, *, issuer_kind: object) -> None:
        raise MonitorRefused(reason="no")

    monkeypatch.setattr("eds.ca.responder.permit_ocsp", refuse)
    with pytest.raises(MonitorRefused):
        fixed(VALID).respond(request(b"\x01"), at=NOON)


# --- answers that are none


def test_without_register_or_issuer_there_is_no_answer() -> None:
    def down(issuer: str, serial: bytes) -> Status:
        raise RegisterUnavailable(reason="down")

    answer = fixed(None, status_of=down).respond(request(b"\x01"), at=NOON)
    assert (answer.status, answer.encoded) == (
        ResponseStatus.TRY_LATER,
        bytes.fromhex("30030a0103"),
    )
    assert isinstance(answer.cause, RegisterUnavailable)
    nobody = Responder([], status_of=down, validity=HOUR).respond(request(b"\x01"), at=NOON)
    assert nobody.encoded == bytes.fromhex("30030a0106")
    with pytest.raises(NaiveDatetime):
        fixed(VALID).respond(request(b"\x01"), at=NOON.replace(tzinfo=None))
    with pytest.raises(InvalidArgument):
        failure(ResponseStatus.SUCCESSFUL)


@pytest.mark.parametrize("size", [1, 16, 32, 127, 128])
def test_lawful_nonces_come_back(size: int) -> None:
    answer = fixed(VALID).respond(request(b"\x01", nonce=bytes(size)), at=NOON)
    assert OcspResponse(answer.encoded).nonce == bytes(size)
    assert native.load_der_ocsp_response(answer.encoded).extensions is not None


UNKNOWN_EXTENSION = extension("1.2.3", b"\x05\x00")
BAD_REQUESTS = {
    "empty nonce": request(b"\x01", nonce=b""),
    "nonce of 129": request(b"\x01", nonce=bytes(129)),
    "naked nonce": request(b"\x01", more=(extension("1.3.6.1.5.5.7.48.1.2", b"naked"),)),
    "two nonces": request(b"\x01", nonce=b"a", more=(nonce_extension(b"b"),)),
    "critical": request(b"\x01", more=(extension("1.2.3", b"\x05\x00", critical=True),)),
    "nothing asked": der.sequence(der.sequence(der.sequence())),
    "no extensions": der.sequence(
        der.sequence(der.sequence(der.sequence(cert_id(b"\x01"))), der.explicit(2, der.sequence()))
    ),
    "101 asked": request(*(bytes((1, number)) for number in range(101))),
    "octets after it": request(b"\x01") + b"\x00",
    "empty": b"",
    "version 2": request(b"\x01", version=der.explicit(0, der.integer(1))),
    "serial not minimal": request(b"\x00\x01"),
    "negative not minimal": request(b"\xff\xff"),
    "no serial": request(b""),
    "serial of 21": request(b"\x01" + bytes(20)),
    "long hash": request(
        ids=(der.sequence(SHA1, der.octet_string(bytes(65)), der.octet_string(bytes(20)),
                          der.integer(1)),)
    ),
    "65 KiB": request(b"\x01", requestor=der.explicit(1, der.octet_string(bytes(65 * 1024)))),
    "indefinite": b"\x30\x80" + request(b"\x01")[2:] + b"\x00\x00",
    "after the signature": request(b"\x01", signature=der.explicit(0, b"\x30\x00") + b"\x05\x00"),
    "false is the default": request(
        b"\x01",
        more=(der.sequence(der.object_identifier("1.2.3"), b"\x01\x01\x00", b"\x04\x00"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_malformed_requests_are_named_so(name: str) -> None:
    answer = fixed(VALID).respond(BAD_REQUESTS[name], at=NOON)
    assert (answer.status, answer.encoded) == (ResponseStatus.MALFORMED_REQUEST, MALFORMED)
    assert isinstance(answer.cause, DecodeError)
    assert answer.cacheable_until is None


def test_what_a_request_may_also_have_does_no_harm() -> None:
    encoded = request(
        b"\x01",
        nonce=NONCE,
        more=(UNKNOWN_EXTENSION,),
        version=der.explicit(0, der.integer(0)),
        requestor=der.explicit(1, der.explicit(4, authority("issuing-ca").facts.name.encoded)),
        signature=der.explicit(0, der.sequence(SHA1, der.bit_string(bytes(64)))),
    )
    answer = fixed(VALID).respond(encoded, at=NOON)
    assert OcspResponse(answer.encoded).nonce == NONCE
    single = der.sequence(cert_id(b"\x01"), der.explicit(0, der.sequence(UNKNOWN_EXTENSION)))
    encoded = der.sequence(der.sequence(der.sequence(single)))
    assert fixed(VALID).respond(encoded, at=NOON).status is ResponseStatus.SUCCESSFUL


FUZZED = fixed(VALID)
SEEDS = [request(b"\x01\x02", b"\x05", nonce=NONCE), *BAD_REQUESTS.values()][:12]


def is_well_formed(answer: OcspAnswer) -> bool:
    found = OcspResponse(answer.encoded)
    if answer.status is ResponseStatus.SUCCESSFUL:
        return len(found.responses) > 0
    return answer.encoded == MALFORMED


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 40),
)
def test_any_damage_gives_a_well_formed_answer(
    seed: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(seed[: len(seed) - cut] if cut < 20 else seed)
    for place, octet in changes:
        if damaged:
            damaged[place % len(damaged)] = octet
    assert is_well_formed(FUZZED.respond(bytes(damaged), at=NOON))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_give_a_well_formed_answer(octets: bytes) -> None:
    assert is_well_formed(FUZZED.respond(octets, at=NOON))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=18), min_size=1, max_size=5),
    st.none() | st.binary(min_size=1, max_size=128),
)
def test_what_is_read_is_what_was_written(tails: list[bytes], nonce: bytes | None) -> None:
    serials = [b"\x01" + tail for tail in tails]
    found = read_request(request(*serials, nonce=nonce))
    assert ([item.serial for item in found.items], found.nonce) == (serials, nonce)
    assert [item.cert_id for item in found.items] == [cert_id(serial) for serial in serials]


# --- foreign judges


def test_openssl_asks_and_believes(desk: Desk, tmp_path: Path) -> None:
    good, revoked = desk.issue(2)
    desk.change(revoked, Act.REVOKE, at=NOON, reason=RevocationReason.KEY_COMPROMISE)
    one = delegate()
    (tmp_path / "ca.pem").write_text(pem(authority("issuing-ca").certificate))
    (tmp_path / "root.pem").write_text(pem(root().certificate))
    (tmp_path / "ocsp.pem").write_text(pem(one.certificate))
    for serial, word in ((good, "leaf.pem: good"), (revoked, "leaf.pem: revoked")):
        (tmp_path / "leaf.pem").write_text(pem(desk.certificate(serial)))
        run(tmp_path, "ocsp", "-issuer", "ca.pem", "-cert", "leaf.pem", "-reqout", "req", "-nonce")
        answer = desk.responder(one).respond((tmp_path / "req").read_bytes(), at=NOON)
        (tmp_path / "resp").write_bytes(answer.encoded)
        said = run(
            tmp_path, "ocsp", "-issuer", "ca.pem", "-cert", "leaf.pem", "-reqin", "req",
            "-no_nonce", "-respin", "resp", "-CAfile", "root.pem", "-verify_other", "ca.pem",
            "-attime", str(int(NOON.timestamp())), "-validity_period", "1000000000",
        )  # fmt: skip
        assert "Response verify OK" in said, said
        assert word in said, said
        assert "WARNING: no nonce" not in said


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.untraced
def test_list_and_responder_agree_on_a_random_history(desk: Desk) -> None:
    issued = desk.issue(200)
    at = desk.live(issued, seed=3, acts=300)
    responder = desk.responder(delegate())
    publisher = desk.publisher()
    lists = [
        publisher.publish(shard, next_update=at + DAY, actor="crl", at=at)
        for shard in range(SHARDS)
    ]
    states = set()
    for start in range(0, 200, 50):
        part = issued[start : start + 50]
        found = OcspResponse(responder.respond(request(*part), at=at).encoded).responses
        for serial, one in zip(part, found, strict=True):
            entry = lists[shard_of(serial)].find(int.from_bytes(serial, "big"))
            assert (one.status is REVOKED) == (entry is not None)
            if entry is not None:
                assert (one.revocation_time, one.revocation_reason) == (
                    entry.revocation_date,
                    entry.reason,
                )
            states.add((one.status, one.revocation_reason))
    assert len(states) >= len(REVOCATION_REASONS)
    assert sum(map(len, lists)) == sum(
        desk.register.status_of(ISSUER, serial).is_listed  # type: ignore[union-attr]
        for serial in issued
    )
    assert x509.load_der_x509_crl(lists[0].encoded).next_update_utc == at + DAY


def test_times_are_whole_seconds_in_utc() -> None:
    local = (NOON + timedelta(microseconds=7)).astimezone(timezone(timedelta(hours=5)))
    found = OcspResponse(fixed(VALID).respond(request(b"\x01"), at=local).encoded)
    assert (found.produced_at, found.responses[0].this_update) == (NOON, NOON)
