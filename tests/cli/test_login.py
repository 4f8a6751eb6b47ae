"""`eds login`: a citizen answers a portal with a key of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from eds import CertificateList, Evidence, KeyPurpose, Secret, validate
from eds.keys.files import FileKeyStore
from eds.keys.pbe import Scrypt
from eds.keys.privatekeys import PrivateKey
from eds.login import LoginChallenge
from eds.login.methods import Method
from eds.login.statement import write_statement
from eds.verify.indications import Indication
from tests.cli.conftest import PASSWORD, Eds, Outcome
from tests.login.house import NUMBER, ORIGIN, Door, certify
from tests.verify.status_house import key, named


def now() -> datetime:
    """A challenge lasts five minutes, and the command asks the clock."""
    return datetime.now(UTC)


@pytest.fixture
def store(home: Path) -> Path:
    """A key for login and one for documents, of one person."""
    place = home / "keys"
    for label, purpose, usage in (
        ("card", KeyPurpose.AUTHENTICATION, ("digital_signature",)),
        ("pen", KeyPurpose.SIGNATURE, ("content_commitment",)),
    ):
        mine = certify(label, usages=usage, until=now() + timedelta(days=9))
        FileKeyStore(place, cost=Scrypt(cost=1024, parallel=1)).add(
            PrivateKey.of(mine.native),
            label=label,
            purpose=purpose,
            pin=lambda _: Secret(PASSWORD),
            certificates=(mine.certificate,),
        )
    return place


def asked(home: Path, door: Door, *, age: timedelta = timedelta(0)) -> Path:
    challenge: LoginChallenge = door.begin(at=now() - age)
    file = home / "question"
    file.write_bytes(write_statement(challenge, method=Method.STATEMENT))
    return file


def fresh() -> Evidence:
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(named("CA"))
        .last_update(now() - timedelta(hours=1))
        .next_update(now() + timedelta(days=1))
        .sign(key("CA"), hashes.SHA256())
    )
    return Evidence(lists=(CertificateList(made.public_bytes(Encoding.DER)),))


def answer(eds: Eds, store: Path, question: Path, *more: str, key: str = "card") -> Outcome:
    options = ("--store", str(store), "--key", key, "--yes", *more)
    return eds("login", str(question), *options, password=PASSWORD)


def test_a_portal_is_answered_and_knows_who_is_there(eds: Eds, home: Path, store: Path) -> None:
    door = Door(evidence=fresh())
    done = answer(eds, store, asked(home, door), "--origin", ORIGIN, "--out", "answer")
    assert done.status == 0, done.err
    token = (home / "answer").read_bytes()
    outcome = door.finish(token, at=now() + timedelta(seconds=20))
    assert outcome.person is not None
    assert outcome.person.subject.value == NUMBER
    # And it is nobody's document.
    report = validate(token, trust=door.trust, at=now(), evidence=fresh())
    assert report.indication is not Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("more", "label", "code"),
    [
        (("--origin", "https://p0rtal.example.kz"), "card", "login.malformed_challenge"),
        ((), "pen", "keys.purpose_forbidden"),
    ],
)
def test_another_address_and_another_key_are_refused(
    more: tuple[str, ...], label: str, code: str, eds: Eds, home: Path, store: Path
) -> None:
    done = answer(eds, store, asked(home, Door()), *more, key=label)
    assert done.code == code
    assert not done.out


def test_a_question_is_answered_while_it_is_asked_and_as_it_was_written(
    eds: Eds, home: Path, store: Path
) -> None:
    late = asked(home, Door(), age=timedelta(minutes=6))
    assert answer(eds, store, late).code == "login.malformed_challenge"
    question = asked(home, Door())
    question.write_bytes(question.read_bytes().replace(b"Log in", b"Log  in") + b" ")
    assert answer(eds, store, question).code == "login.malformed_challenge"
    question.write_bytes(b"[" * 100_000)
    assert answer(eds, store, question).code == "login.malformed_challenge"


def test_nobody_answers_without_being_asked(eds: Eds, home: Path, store: Path) -> None:
    question = str(asked(home, Door()))
    done = eds("login", question, "--store", str(store), "--key", "card", password=PASSWORD)
    assert done.status == 2
