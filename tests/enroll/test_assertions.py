"""Provider assertions: one key, one algorithm, one question, one answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from eds.algorithms import (
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
    ED25519,
    RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
    SignatureAlgorithm,
)
from eds.enroll.evidence.assertions import (
    Assertion,
    Detection,
    Expectation,
    FaceMatch,
    LivenessMethod,
    Topic,
    TrustedProvider,
    read_assertion,
)
from eds.enroll.evidence.facepolicy import FacePolicy, face_failures
from eds.enroll.evidence.mrz import parse_mrz
from eds.enroll.simulators import SimulatedPerson, Voice, simulated_people
from eds.errors import (
    AlgorithmKeyMismatch,
    AssertionRefused,
    EdsError,
    InvalidArgument,
    MalformedAssertion,
    NaiveDatetime,
)
from eds.publickeys import PublicKey

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
ISSUER = "https://face.example"


class Key:
    """A signer, with cryptography alone."""

    def __init__(self, native: Any, algorithm: SignatureAlgorithm) -> None:
        self.native, self.algorithm = native, algorithm
        self.public_key = PublicKey.of(native.public_key())

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.native, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return self.native.sign(message, pss, hashes.SHA256())
        if isinstance(self.native, ec.EllipticCurvePrivateKey):
            return self.native.sign(message, ec.ECDSA(hashes.SHA256()))
        found: bytes = self.native.sign(message)
        return found


@cache
def key(name: str) -> Key:
    if name == "PS256":
        return Key(rsa.generate_private_key(65537, 2048), RSA_PSS_SHA256)
    if name == "ES256":
        return Key(ec.generate_private_key(ec.SECP256R1()), ECDSA_P256_SHA256)
    return Key(ed25519.Ed25519PrivateKey.generate(), ED25519)


EXPECTED = Expectation(
    topic=Topic.FACE_MATCH, audience="https://desk.example", application="a-17", nonce="n-42"
)


def provider(name: str = "ES256") -> TrustedProvider:
    return TrustedProvider(
        issuer=ISSUER,
        public_key=key(name).public_key,
        algorithm=key(name).algorithm,
        key_id="2026",
        topics=frozenset({Topic.FACE_MATCH}),
    )


def header(**changes: object) -> dict[str, object]:
    return {"alg": "ES256", "kid": "2026", "typ": "eds-evidence+jws"} | changes


def payload(**changes: object) -> dict[str, object]:
    now = int(AT.timestamp())
    return {
        "iss": ISSUER,
        "aud": "https://desk.example",
        "evidence": "face_match",
        "application": "a-17",
        "nonce": "n-42",
        "jti": "t-1",
        "iat": now - 5,
        "exp": now + 300,
        "result": face(),
    } | changes


def face(**changes: object) -> dict[str, object]:
    return {
        "reference": "passport_chip",
        "score": 930,
        "threshold": 700,
        "liveness": "active",
        "presentation": "clean",
        "presentation_level": 2,
        "injection": "clean",
        "captured_at": int(AT.timestamp()) - 20,
        "capture_digest": "ab" * 32,
    } | changes


def b64(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def token(
    head: dict[str, object] | bytes | None = None,
    body: dict[str, object] | bytes | None = None,
    *,
    signer: str = "ES256",
    signature: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """A JWS made by hand."""
    both = (header() if head is None else head, payload() if body is None else body)
    parts = [b64(one if isinstance(one, bytes) else json.dumps(one).encode()) for one in both]
    message = b".".join(parts)
    if signature is not None:
        return message + b"." + b64(signature(message))
    found = key(signer).sign(message)
    if signer == "ES256":
        r, s = decode_dss_signature(found)
        found = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return message + b"." + b64(found)


def read(octets: bytes, name: str = "ES256", at: datetime = AT) -> Assertion:
    return read_assertion(octets, provider=provider(name), expected=EXPECTED, at=at)


@pytest.mark.parametrize("name", ["ES256", "PS256", "EdDSA"])
def test_an_answer_to_our_question_is_read(name: str) -> None:
    found = read(token(header(alg=name), signer=name), name)
    assert isinstance(found.answer, FaceMatch)
    assert found.answer.score == 930
    assert found.transaction == "t-1"
    assert not found.from_simulator


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"alg": "none"}, "algorithm"),
        ({"alg": "None"}, "algorithm"),
        ({"alg": "HS256"}, "algorithm"),
        ({"alg": "ES384"}, "algorithm"),
        ({"alg": "es256"}, "algorithm"),
        ({"alg": None}, "algorithm"),
        ({"kid": "../../dev/null"}, "key"),
        ({"kid": "2025"}, "key"),
        ({"typ": "JWT"}, "type"),
        ({"crit": ["exp"]}, "header_member"),
        ({"b64": False, "crit": ["b64"]}, "header_member"),
        ({"jwk": {"kty": "EC"}}, "header_member"),
        ({"jku": "https://evil.example"}, "header_member"),
        ({"x5c": []}, "header_member"),
        ({"x5u": "https://evil.example"}, "header_member"),
        ({"zip": "DEF"}, "header_member"),
    ],
)
def test_a_header_chooses_nothing(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(AssertionRefused) as caught:
        read(token(header(**changes)))
    assert caught.value.reason == reason


def test_the_public_key_is_no_secret_of_a_mac() -> None:
    def mac(message: bytes) -> bytes:
        return hmac.new(key("ES256").public_key.encoded, message, hashlib.sha256).digest()

    for alg in ("HS256", "ES256"):
        with pytest.raises(AssertionRefused):
            read(token(header(alg=alg), signature=mac))


@pytest.mark.parametrize("octets", [bytes(64), b"\xff" * 64, b"", bytes(63), bytes(65)])
def test_signatures_out_of_range_are_refused(octets: bytes) -> None:
    with pytest.raises((AssertionRefused, MalformedAssertion)):
        read(token(signature=lambda _: octets))


def test_a_der_signature_is_not_the_form_of_jws() -> None:
    with pytest.raises(AssertionRefused):
        read(token(signature=key("ES256").sign))


def test_a_rewritten_ecdsa_signature_has_the_identity_of_the_first() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    first = token()
    message, _, last = first.rpartition(b".")
    raw = base64.urlsafe_b64decode(last + b"==")
    s = order - int.from_bytes(raw[32:], "big")
    second = message + b"." + b64(raw[:32] + s.to_bytes(32, "big"))
    assert second != first
    assert read(second).identity == read(first).identity
    assert read(second).digest == read(first).digest


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://other.example"}, "issuer"),
        ({"aud": "https://other.example"}, "audience"),
        ({"application": "a-18"}, "application"),
        ({"nonce": "n-41"}, "nonce"),
        ({"evidence": "register"}, "topic"),
        ({"exp": int(AT.timestamp()) - 5}, "lifetime"),
        ({"exp": int(AT.timestamp()) + 3600}, "lifetime"),
        ({"iat": int(AT.timestamp()) + 120, "exp": int(AT.timestamp()) + 200}, "not_yet_valid"),
        ({"iat": int(AT.timestamp()) - 500, "exp": int(AT.timestamp()) - 100}, "expired"),
        ({"result": face(captured_at=int(AT.timestamp()) - 90_000)}, "capture_time"),
    ],
)
def test_an_answer_to_another_question_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(AssertionRefused) as caught:
        read(token(body=payload(**changes)))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        payload(aud=["https://desk.example"]),
        payload(jti=""),
        payload(extra=1),
        payload(iat=True),
        payload(iat=1.5),
        payload(exp=-1),
        payload(result=face(score=1001)),
        payload(result=face(score="930")),
        payload(result=face(liveness="perhaps")),
        payload(result=face(capture_digest="ab")),
        payload(result=face(extra="x")),
        payload(result=[]),
        {"iss": ISSUER},
        b"[]",
        b"{",
        b"\xff",
        b'{"a":NaN}',
        b"[" * 5000,
        b'{"iss":"x\\ud800"}',
        json.dumps(payload()).encode().replace(b'"jti"', b'"aud": "x", "jti"'),
        json.dumps(payload()).encode().replace(b'"score"', b'"score": 999, "score"'),
        json.dumps(payload()).encode().replace(b"930", b"9" * 30),
    ],
)
def test_a_payload_reads_in_one_way_or_not_at_all(body: Any) -> None:
    with pytest.raises(MalformedAssertion):
        read(token(body=body))


def test_a_member_twice_in_the_header_is_refused() -> None:
    double = b'{"alg":"none","alg":"ES256","kid":"2026","typ":"eds-evidence+jws"}'
    with pytest.raises(MalformedAssertion):
        read(token(double))


def test_a_token_has_one_spelling() -> None:
    good = token()
    for bad in (
        good + b"=",
        good + b"\n",
        b" " + good,
        good.replace(b".", b"..", 1),
        good.rpartition(b".")[0] + b".",
        good.rpartition(b".")[0],
        b64(json.dumps({"signatures": []}).encode()),
        b"",
        b"A" * 70_000,
    ):
        with pytest.raises(MalformedAssertion):
            read(bad)
    last = good[-1:]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sibling = alphabet[alphabet.index(last) ^ 1]  # a bit that does not count
    with pytest.raises(MalformedAssertion):
        read(good[:-1] + bytes([sibling]))


def test_a_provider_speaks_of_its_topics_only() -> None:
    silent = replace(provider(), topics=frozenset({Topic.PHONE}))
    with pytest.raises(AssertionRefused) as caught:
        read_assertion(token(), provider=silent, expected=EXPECTED, at=AT)
    assert caught.value.reason == "topic"


def test_only_three_algorithms_and_their_own_keys_are_pinned() -> None:
    with pytest.raises(InvalidArgument):
        replace(provider("PS256"), algorithm=RSA_PKCS1_SHA256)
    with pytest.raises(InvalidArgument):
        replace(provider(), algorithm=ECDSA_P384_SHA384)
    with pytest.raises(AlgorithmKeyMismatch):
        replace(provider("PS256"), algorithm=ECDSA_P256_SHA256)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveDatetime):
        read(token(), at=AT.replace(tzinfo=None))


@given(
    octets=st.one_of(
        st.binary(max_size=200),
        st.tuples(st.integers(0, 10_000), st.integers(1, 255)).map(lambda p: _bent(*p)),
    )
)
@settings(max_examples=150, deadline=None)
def test_no_other_octets_are_believed(octets: bytes) -> None:
    with pytest.raises(EdsError):
        read(octets)


@cache
def _whole() -> bytes:
    return token()


def _bent(place: int, value: int) -> bytes:
    found = bytearray(_whole())
    found[place % len(found)] ^= value
    return bytes(found)


# --- what the desk makes of it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "failures"),
    [
        ({}, ()),
        ({"score": 799}, ("score",)),
        ({"threshold": 950}, ("score",)),
        ({"liveness": LivenessMethod.PASSIVE}, ("passive_liveness",)),
        ({"presentation": Detection.SUSPECT}, ("presentation",)),
        ({"presentation": Detection.NOT_CHECKED}, ("presentation",)),
        ({"presentation_level": 1}, ("presentation_level",)),
        ({"injection": Detection.NOT_CHECKED}, ("injection",)),
    ],
)
def test_the_desk_decides_by_the_numbers(
    changes: dict[str, Any], failures: tuple[str, ...]
) -> None:
    match = read(token()).answer
    assert isinstance(match, FaceMatch)
    assert face_failures(replace(match, **changes), FacePolicy()) == failures


# --- simulators ---------------------------------------------------------------------------------


def people() -> list[SimulatedPerson]:
    return list(
        simulated_people("seed", 5, at=AT, personal_number=lambda born, n: f"{born:%y%m%d}{n:06d}")
    )


def test_people_of_a_seed_are_the_same_everywhere_and_have_documents_that_read() -> None:
    assert people() == people()
    for one in people():
        mrz = parse_mrz(one.mrz, at=AT)
        mrz.require_checks()
        assert mrz.birth.complete == one.born
        assert one.personal_number not in repr(one)


def test_simulators_sign_what_they_say_and_say_what_they_are() -> None:
    known = people()
    person = known[0]
    signer = key("EdDSA")

    def expected(topic: Topic) -> Expectation:
        return replace(EXPECTED, topic=topic)

    voices = {topic: Voice(topic, signer, issuer=topic.value) for topic in person.answers}
    asked = {
        voice: voice.say(person.answers[topic], expected=expected(topic), at=AT, transaction="t-1")
        for topic, voice in voices.items()
    }
    identities = set()
    for simulator, said in asked.items():
        assert simulator.is_simulator
        assert simulator.trusted.is_simulator
        found = read_assertion(
            said, provider=simulator.trusted, expected=expected(simulator.topic), at=AT
        )
        assert found.from_simulator
        assert person.personal_number not in repr(found)
        identities.add(found.identity)
    assert len(identities) == 3
    with pytest.raises(InvalidArgument):
        voices[Topic.PHONE].say(
            person.answers[Topic.PHONE], expected=EXPECTED, at=AT, transaction="t-1"
        )
