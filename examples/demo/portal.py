"""A portal asks who is there, and the citizen answers with a key that signs no documents."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from eds import CertificateList, Evidence
from eds.login import LoginRules, MemoryChallengeStore, begin, finish
from eds.login.methods import Method
from eds.login.outcome import LoginOutcome
from eds.login.statement import write_statement
from eds.verify.trustfolder import load_trust_store

from .documents import Signatory
from .telling import Story

ORIGIN = "https://portal.example.kz"


def log_in(story: Story, citizen: Signatory) -> None:
    """The portal's side is the library; the citizen's side is the command."""
    folder = story.folder
    rules = LoginRules(origin=ORIGIN, audience="Example portal")
    store, trust = MemoryChallengeStore(), load_trust_store(folder / "trust")
    session = secrets.token_urlsafe(32)
    lists = [
        CertificateList(path.read_bytes()) for path in sorted(Path(folder, "www").rglob("*.crl"))
    ]
    evidence = Evidence(lists=tuple(lists))
    with story.chapter(f"A portal lets {citizen.name} in"):
        challenge = begin(session, rules=rules, store=store, at=datetime.now(UTC))
        question = write_statement(challenge, method=Method.STATEMENT)
        (folder / "question.json").write_bytes(question)
        story.tell("portal", f"asks for a login at {ORIGIN}, code {challenge.code}")
        answer = ("login", "question.json", "--origin", ORIGIN, "--out", "answer.txt", "--yes")
        key = ("--store", citizen.store, "--key", citizen.authentication, *citizen.pin)
        story.eds(*answer, *key, says="answered")
        token = (folder / "answer.txt").read_bytes()

        def outcome() -> LoginOutcome:
            return finish(
                session, token, rules=rules, store=store, trust=trust, evidence=evidence,
                at=datetime.now(UTC),
            )  # fmt: skip

        first, again = outcome(), outcome()
        name = first.person.identity.common_name if first.person else "nobody"
        held = first.person is not None
        story.check("portal", f"knows who is there: {name}", holds=held)
        story.check("portal", "lets the same answer in only once", holds=again.person is None)
        story.eds("verify", "answer.txt", says="INDETERMINATE", status=11)
        story.tell("verdict", "and nobody can pass the answer off as a signed document")
