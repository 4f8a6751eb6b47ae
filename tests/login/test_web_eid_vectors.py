"""Tokens that Web eID software made with test cards of four countries, and real OCSP answers."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from eds.certificates import Certificate
from eds.errors import InvalidArgument
from eds.login import (
    LoginChallenge,
    LoginOutcome,
    LoginRules,
    MemoryChallengeStore,
    finish,
    session_digest,
)
from eds.login.challenges import LOG_IN
from eds.ocsp import OcspResponse
from eds.verify.evidence import NO_EVIDENCE, Evidence
from eds.verify.trust import Purpose, TrustAnchor, TrustStore
from tests.login.house import SESSION
from tests.material import DATA, needs_data
from tests.verify.status_house import answer, cert_id, certify, key, single

pytestmark = needs_data

FOLDER = DATA / "eid" / "webeid"
PASSING = ("est_es384", "bel_ecc", "bel_rsa", "fin_1", "fin_2", "rs256")
NUMBERS = {
    "est_es384": ("PNO", "EE", "38001085718"),
    "rs256": ("PNO", "LV", "321922-33032"),
    "fin_2": ("serialNumber", "FI", "99901112H"),
}


@cache
def vectors() -> dict[str, dict[str, Any]]:
    found = json.loads((FOLDER / "token_vectors.json").read_text())["vectors"]
    return {one["name"]: one for one in found}


def read(name: str) -> Certificate:
    return Certificate.certificates((FOLDER / name).read_bytes())[0]


def knock(name: str, *, token: str | None = None, **changes: Any) -> LoginOutcome:
    """Answer the challenge of a vector at its date, with status from a responder of our own."""
    vector = vectors()[name]
    date = vector["validation_date"] or "2023-10-01"
    at = changes.pop("at", datetime.fromisoformat(date).replace(tzinfo=UTC) + timedelta(hours=9))
    certificate = Certificate(base64.b64decode(vector["token"]["unverifiedCertificate"]))
    issuer = read(vector["issuer_file"]) if vector["issuer_file"] else certificate
    own = certify("Responder", not_before=at - timedelta(days=1), not_after=at + timedelta(days=1))
    status = answer(
        single(cert_id(certificate, issuer), at=at - timedelta(hours=1), until=at + timedelta(1)),
        signer="Responder",
        at=at - timedelta(hours=1),
    )
    anchors = [
        TrustAnchor(certificate=issuer, purposes=frozenset({Purpose.AUTHENTICATION})),
        TrustAnchor(certificate=own, purposes=frozenset({Purpose.OCSP_SIGNING})),
    ]
    rules = LoginRules(origin=changes.pop("origin", vector["origin"]), audience="Vectors")
    store = MemoryChallengeStore()
    store.put(
        LoginChallenge(
            session=session_digest(SESSION),
            nonce=changes.pop("nonce", vector["nonce"]),
            origin=rules.origin,
            audience="Vectors",
            action=LOG_IN,
            issued_at=at,
            expires_at=at + timedelta(minutes=5),
        )
    )
    asked: dict[str, Any] = {
        "trust": TrustStore([*anchors, *changes.pop("anchors", ())]),
        "evidence": Evidence(ocsp_responses=(status,)),
    } | changes
    return finish(
        SESSION, token or json.dumps(vector["token"]), rules=rules, store=store, at=at, **asked
    )


def refusal(outcome: LoginOutcome) -> str:
    assert outcome.person is None
    assert outcome.refusal is not None
    return outcome.refusal.code


@pytest.mark.parametrize("name", PASSING)
def test_token_passes_at_its_date(name: str) -> None:
    outcome = knock(name)
    assert outcome.refusal is None, outcome.refusal
    person = outcome.require_person()
    assert person.method.phishing_resistant
    subject = person.subject
    wanted = NUMBERS.get(name)
    assert wanted is None or (subject.scheme, subject.country, subject.value) == wanted


def test_token_with_another_certificate_fails() -> None:
    assert refusal(knock("wrong_cert")) == "login.signature"


@pytest.mark.parametrize("name", PASSING)
def test_any_change_fails(name: str) -> None:
    vector = vectors()[name]
    origin, nonce, token = vector["origin"], vector["nonce"], vector["token"]
    for other in (origin + ":8443", origin + ".example", origin.replace("https://", "https://x")):
        assert refusal(knock(name, origin=other)) == "login.signature"
    # A slash at the end, and no portal can even be called that.
    with pytest.raises(InvalidArgument):
        knock(name, origin=origin + "/")
    for other in ("1" + nonce[1:], nonce + "=", nonce[:-1] + "A"):
        if other != nonce:
            assert refusal(knock(name, nonce=other)) == "login.signature"
    for algorithm in ("ES256", "ES384", "ES512", "PS256", "RS256", "RS512", "HS256", "none"):
        if algorithm != token["algorithm"]:
            changed = json.dumps(token | {"algorithm": algorithm})
            assert refusal(knock(name, token=changed)) in ("login.algorithm", "login.signature")
    signature = bytearray(base64.b64decode(token["signature"]))
    for at in (*range(0, len(signature), 8), len(signature) - 1):
        signature[at] ^= 1
        changed = json.dumps(token | {"signature": base64.b64encode(signature).decode()})
        assert refusal(knock(name, token=changed)) == "login.signature"
        signature[at] ^= 1
    shorter = base64.b64encode(signature[:-1]).decode()
    assert refusal(knock(name, token=json.dumps(token | {"signature": shorter})))


@pytest.mark.parametrize("name", PASSING[:5])
def test_without_status_or_trust_nobody_is_let_in(name: str) -> None:
    assert refusal(knock(name, evidence=NO_EVIDENCE)) == "login.status"
    stranger = certify("Stranger", issuer="Stranger", ca=True)
    trust = TrustStore([TrustAnchor(certificate=stranger)])
    assert refusal(knock(name, trust=trust)) == "login.path"


@pytest.mark.parametrize("file", ["", "_revoked", "_unknown"])
def test_a_real_answer_about_another_card_lets_nobody_in(file: str) -> None:
    response = OcspResponse((FOLDER / f"ocsp_response{file}.der").read_bytes())
    outcome = knock(
        "est_es384",
        at=response.produced_at + timedelta(minutes=1),
        evidence=Evidence(ocsp_responses=(response,)),
    )
    assert refusal(outcome) == "login.status"


def test_no_two_keys_of_these_tests_are_one() -> None:
    assert key("Responder").public_key() != key("Stranger").public_key()
