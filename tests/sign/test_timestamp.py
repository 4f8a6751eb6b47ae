"""The time-stamp client, and authorities on the network that are slow, absent or lie."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from eds.algorithms import ECDSA_P256_SHA256, SHA256
from eds.errors import InvalidArgument, TimeStampRefused
from eds.keys.contract import Secret
from eds.sign.cms import sign_attached
from eds.sign.stamping import with_signature_time_stamp
from eds.sign.timestamp import HttpTimeStamper, TimeStampService, judged_by
from eds.signeddata import SignedData
from eds.verify.policy import BASIC
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from tests.sign.house import NOON, Desk, Party, certify, desk, party, root
from tests.verify import peer as peers
from tests.verify.peer import Behave, Peer, chain, reply

DIGEST = SHA256.digest(b"I owe you 10")
TRUST = TrustStore(
    [TrustAnchor(certificate=root().certificate)], name="test", environment=Environment.TEST
)


@pytest.fixture
def peer() -> Iterator[Peer]:
    with peers.serving() as one:
        yield one


def honest(by: Desk | None = None) -> Behave:
    """An authority that answers what it is asked."""
    authority = (by or desk()).authority()

    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        question = request.partition(b"\r\n\r\n")[2]
        answer = authority.respond(question, clock=(by or desk()).clock).encoded
        reply(answer, headers=("Content-Type: application/timestamp-reply",))(
            peer, connection, request
        )

    return behave


def stamper(*services: TimeStampService | Peer, **more: Any) -> HttpTimeStamper:
    return HttpTimeStamper(
        services=tuple(
            TimeStampService(url=one.url("/tsa")) if isinstance(one, Peer) else one
            for one in services
        ),
        judge=judged_by(trust=TRUST, policy=BASIC, at=NOON),
        networks=(ip_network("127.0.0.0/8"),),
        **more,
    )


def test_an_honest_authority_stamps_a_signature(peer: Peer) -> None:
    peer.behave = honest()
    signed = SignedData(sign_attached(b"I owe you 10", by=party().cms()))
    stamped = with_signature_time_stamp(signed, of=signed.signer_infos[0], stamper=stamper(peer))
    assert SignedData(stamped).signer_infos[0].unsigned_attributes
    (asked,) = peer.requests
    assert asked.startswith(b"POST /tsa HTTP/1.1\r\n")
    assert b"Content-Type: application/timestamp-query\r\n" in asked


@cache
def stranger() -> Desk:
    """An authority that nobody here trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certify(
        "Stranger",
        key.public_key(),
        issuer=None,
        own_key=key,
        usage="digital_signature",
        extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),),
    )
    return Desk(
        party=Party(native=key, certificate=certificate, issuers=(), algorithm=ECDSA_P256_SHA256)
    )


def stale() -> Behave:
    """The same good answer to every question: a token of another nonce."""
    question = b""

    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        nonlocal question
        question = question or request
        honest()(peer, connection, question)

    return behave


def about_another(peer: Peer, connection: socket.socket, request: bytes) -> None:
    changed = request.replace(DIGEST, SHA256.digest(b"something else"))
    honest()(peer, connection, changed)


WRONG: dict[str, tuple[Behave, str, dict[str, Any]]] = {
    "hangs": (peers.hang, "timed_out", {"seconds": 0.3}),
    "drips": (peers.drip, "timed_out", {"seconds": 0.3}),
    "sends a gigabyte": (peers.gigabyte, "too_large", {}),
    "sends without end": (peers.endless, "too_large", {}),
    "redirects": (
        reply(b"", status="302 Found", headers=("Location: http://127.0.0.1/",)),
        "redirected",
        {},
    ),
    "fails": (reply(b"", status="500 Oops"), "status_refused 500", {}),
    "sends a page": (reply(b"<html>"), "malformed", {}),
    "resets": (peers.reset, "not_connected|malformed", {}),
    "stamps something else": (about_another, "something else", {}),
    "is a stranger": (honest(stranger()), "not believed: path", {}),
    "is of tomorrow": (
        honest(replace(desk(), at=NOON + timedelta(days=1))),
        "not believed: time_stamp",
        {},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_authority_ends_in_a_reason_within_the_deadline(name: str, peer: Peer) -> None:
    peer.behave, said, more = WRONG[name]
    with pytest.raises(TimeStampRefused, match=said) as caught:
        stamper(peer, **more).stamp(DIGEST, algorithm=SHA256)
    assert caught.value.authority == peer.url("/tsa")


def test_an_old_answer_is_refused(peer: Peer) -> None:
    peer.behave = stale()
    stamper(peer).stamp(DIGEST, algorithm=SHA256)
    with pytest.raises(TimeStampRefused, match="another request"):
        stamper(peer).stamp(DIGEST, algorithm=SHA256)


def test_the_next_authority_is_asked_where_one_fails(peer: Peer) -> None:
    peer.behave = honest()
    with peers.serving(peers.gigabyte) as first, peers.serving(honest(stranger())) as second:
        token = stamper(first, second, peer).stamp(DIGEST, algorithm=SHA256)
    assert token.tst_info.imprint == DIGEST


def test_an_authority_out_of_reach_is_tried_again(peer: Peer) -> None:
    peer.behave = chain(peers.refuse, honest())
    assert stamper(peer).stamp(DIGEST, algorithm=SHA256).tst_info.imprint == DIGEST
    assert len(peer.requests) == 2
    peer.behave = peers.refuse
    with pytest.raises(TimeStampRefused, match="404"):
        stamper(peer, tries=3).stamp(DIGEST, algorithm=SHA256)
    assert len(peer.requests) == 5


def test_every_reason_is_told_and_the_whole_has_an_end(peer: Peer) -> None:
    peer.behave = peers.hang
    with peers.serving(reply(b"<html>")) as other:
        with pytest.raises(TimeStampRefused) as caught:
            stamper(other, peer, seconds=0.2, total_seconds=0.3).stamp(DIGEST, algorithm=SHA256)
        assert other.url("/tsa") in caught.value.reason
        assert peer.url("/tsa") in caught.value.reason


def test_a_private_address_is_not_reached_unless_the_caller_says_so(peer: Peer) -> None:
    peer.behave = honest()
    with pytest.raises(TimeStampRefused, match="address_refused"):
        replace(stamper(peer), networks=()).stamp(DIGEST, algorithm=SHA256)
    assert peer.requests == []


def test_a_password_goes_over_https_alone_and_is_never_shown() -> None:
    secret = Secret("canary-Zebra")
    with pytest.raises(InvalidArgument, match="http"):
        TimeStampService(url="http://tsa.invalid/", user="u", password=secret)
    with pytest.raises(InvalidArgument):
        TimeStampService(url="https://tsa.invalid/", user="a:b", password=secret)
    with pytest.raises(InvalidArgument):
        TimeStampService(url="ftp://tsa.invalid/")
    service = TimeStampService(url="https://tsa.invalid/", user="u", password=secret)
    assert "canary" not in repr(service)
    with pytest.raises(InvalidArgument):
        stamper()
