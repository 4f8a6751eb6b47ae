"""Attacks on a login, each refused for its own reason; hostile bytes; many at once."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from socket import create_server
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from eds.certificates import Certificate
from eds.errors import ChallengeStoreUnavailable, InvalidArgument, MalformedLoginChallenge
from eds.login import ChallengeStore, LoginChallenge, MemoryChallengeStore, Method
from eds.login.rediskeys import RedisChallengeStore
from eds.login.statement import LOGIN_STATEMENT, write_statement
from eds.login.store import SqlChallengeStore
from eds.verify.evidence import Evidence
from eds.verify.fetch import collect
from eds.verify.fetch_rules import FetchRules
from eds.verify.path import PathResult
from eds.verify.policy import BASIC
from eds.verify.trust import TrustAnchor, TrustStore
from tests.login.house import (
    EVERY_METHOD,
    ORIGIN,
    RULES,
    Door,
    certify,
    citizen,
    cms,
    signatory,
    web_eid,
)
from tests.postgresql import Cluster, postgresql  # noqa: F401 - a fixture
from tests.redis_server import RedisServer, redis_server  # noqa: F401 - a fixture
from tests.verify import cms_house
from tests.verify.status_house import DAY, NOON

LATER = NOON + timedelta(minutes=5)
ROOT = Path(__file__).parents[2]
OTHER = "https://portal.example.org"
Attack = Callable[[Door], str]


def refused(door: Door, token: bytes | str, **more: Any) -> str:
    outcome = door.finish(token, **more)
    assert outcome.person is None
    assert outcome.refusal is not None
    return outcome.refusal.code


def replay(door: Door) -> str:
    token = web_eid(door.begin())
    assert door.finish(token).person is not None
    return refused(door, token)


def replay_into_a_new_challenge(door: Door) -> str:
    token = web_eid(door.begin())
    assert door.finish(token).person is not None
    door.begin()
    return refused(door, token)


def replay_of_a_statement(door: Door) -> str:
    token = cms(door.begin())
    assert door.finish(token).person is not None
    door.begin()
    return refused(door, token)


def another_session(door: Door) -> str:
    """Login CSRF: the attacker's answer, sent by the victim's browser."""
    token = cms(door.begin())
    door.begin(session="the session of a victim")
    return refused(door, token, session="the session of a victim")


def no_session(door: Door) -> str:
    return refused(door, web_eid(door.begin()), session="a browser that never asked")


def another_origin(door: Door) -> str:
    """Relayed by a look-alike site: the software signs the origin that it sees."""
    return refused(door, web_eid(door.begin(), origin=OTHER))


def a_slash_more(door: Door) -> str:
    return refused(door, web_eid(door.begin(), origin=f"{ORIGIN}/"))


def another_portal(door: Door) -> str:
    """Two portals share a store."""
    token = web_eid(door.begin(rules=replace(RULES, origin=OTHER)), origin=OTHER)
    return refused(door, token)


def another_audience(door: Door) -> str:
    return refused(door, cms(door.begin(rules=replace(RULES, audience="Bank"))))


def expired(door: Door) -> str:
    return refused(door, web_eid(door.begin()), at=LATER)


def signature_key_for_login(door: Door) -> str:
    return refused(door, cms(door.begin(), by=signatory()))


def document_as_login(door: Door) -> str:
    door.begin()
    return refused(door, cms_house.signed(citizen()))


def raw_hash_as_challenge(door: Door) -> str:
    """What a document's digest signed elsewhere would give."""
    challenge = door.begin()
    octets = hashlib.sha256(b"a contract").digest()
    return refused(door, web_eid(challenge, octets=octets))


def another_certificate(door: Door) -> str:
    """Somebody else's certificate beside one's own signature."""
    victim = base64.b64encode(certify("victim").certificate.encoded).decode()
    return refused(door, web_eid(door.begin(), unverifiedCertificate=victim))


def self_made_certificate(door: Door) -> str:
    return refused(
        door, web_eid(door.begin()), trust=TrustStore([TrustAnchor(certificate=stranger())])
    )


def algorithm_confusion(door: Door) -> str:
    return refused(door, web_eid(door.begin(), algorithm="RS256"))


def no_algorithm(door: Door) -> str:
    return refused(door, web_eid(door.begin(), algorithm="none"))


def expired_certificate(door: Door) -> str:
    old = certify("old", until=NOON - DAY)
    return refused(door, web_eid(door.begin(), by=old))


def changed_statement(door: Door) -> str:
    challenge = door.begin()
    return refused(door, cms(replace(challenge, audience="Another portal")))


ATTACKS: dict[Attack, str] = {
    replay: "login.challenge",
    replay_into_a_new_challenge: "login.signature",
    replay_of_a_statement: "login.statement",
    another_session: "login.statement",
    no_session: "login.challenge",
    another_origin: "login.signature",
    a_slash_more: "login.signature",
    another_portal: "login.relying_party",
    another_audience: "login.relying_party",
    expired: "login.lifetime",
    signature_key_for_login: "login.key_role",
    document_as_login: "login.method",
    raw_hash_as_challenge: "login.signature",
    another_certificate: "login.signature",
    self_made_certificate: "login.path",
    algorithm_confusion: "login.algorithm",
    no_algorithm: "login.algorithm",
    expired_certificate: "login.path",
    changed_statement: "login.statement",
}


def stranger() -> Certificate:
    from tests.verify.status_house import certify as certify_authority

    return certify_authority("Stranger", issuer="Stranger", ca=True)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_attack_is_refused_for_its_own_reason(attack: Attack) -> None:
    assert attack(Door()) == ATTACKS[attack]


def test_the_page_names_every_attack_and_where_it_is_tried() -> None:
    page = (ROOT / "docs" / "login.md").read_text(encoding="utf-8")
    rows = page.partition("## Attacks")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_0-9]+)`", rows))
    assert {attack.__name__ for attack in ATTACKS} - named == set()
    files = re.findall(r"`(tests/\S+\.py)`", rows)
    written = "".join((ROOT / file).read_text(encoding="utf-8") for file in {*files})
    assert [name for name in named if f"def {name}(" not in written] == []


# --- once, whoever asks and however many ----------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChallengeStore]:
    if request.param == "memory":
        yield MemoryChallengeStore()
        return
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        yield RedisChallengeStore(server.client(), prefix=f"{tmp_path}:")
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/login.db"
    else:
        cluster: Cluster = request.getfixturevalue("postgresql")
        url = cluster.new_database()
    engine = create_engine(url, pool_size=16)
    try:
        made = SqlChallengeStore(engine)
        made.create_tables()
        yield made
    finally:
        engine.dispose()


def test_of_fifty_at_once_one_is_let_in(store: ChallengeStore) -> None:
    door = Door(store=store)
    token = web_eid(door.begin())
    barrier = Barrier(50)

    def knock(_: int) -> str:
        barrier.wait()
        outcome = door.finish(token)
        return "" if outcome.refusal is None else outcome.refusal.code

    with ThreadPoolExecutor(max_workers=50) as pool:
        answers = Counter(pool.map(knock, range(50)))
    assert answers == {"": 1, "login.challenge": 49}


def test_a_store_gives_back_what_it_was_given_once(store: ChallengeStore) -> None:
    first, second = Door(store=store).begin(), Door(store=store).begin()
    assert store.take(first.session) == second
    assert store.take(first.session) is None


def test_a_database_forgets_what_expired(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/login.db")
    store = SqlChallengeStore(engine)
    with pytest.raises(ChallengeStoreUnavailable):
        Door(store=store).begin()
    store.create_tables()
    challenge = Door(store=store).begin()
    assert store.purge(at=LATER) == 0
    assert store.purge(at=LATER + timedelta(seconds=1)) == 1
    assert store.take(challenge.session) is None
    engine.dispose()


def test_memory_is_bounded_and_the_oldest_goes() -> None:
    store = MemoryChallengeStore(entries=2)
    door = Door(store=store)
    first, second, third = (door.begin(session=f"session of browser {n}") for n in range(3))
    assert len(store) == 2
    assert store.take(first.session) is None
    assert store.take(second.session) == second
    assert store.take(third.session) == third
    with pytest.raises(InvalidArgument):
        MemoryChallengeStore(entries=0)


@pytest.mark.parametrize("encoded", [b"", b"\xff", b"{}", b"[]", b'{"session":1}', b"null"])
def test_what_others_wrote_into_a_store_is_named(encoded: bytes) -> None:
    with pytest.raises(MalformedLoginChallenge):
        LoginChallenge.decode(encoded)


def test_a_token_that_cannot_be_read_uses_nothing_up() -> None:
    door = Door()
    token = web_eid(door.begin())
    assert refused(door, "{}") == "login.token"
    assert door.finish(token).person is not None


# --- addresses in certificates --------------------------------------------------------------------


@pytest.mark.parametrize("signer", ["CA", "nobody"])
def test_no_certificate_sends_the_portal_anywhere(signer: str) -> None:
    """Not one of somebody unknown, nor one whose issuer is believed but whose address is not."""
    with create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/status"

        def fetch(path: PathResult) -> Evidence:
            found = collect(
                path, trust=door.trust, at=NOON, policy=BASIC, rules=FetchRules(allowed=(url,))
            )
            return found.evidence

        door = Door(evidence=fetch)
        token = web_eid(door.begin(), by=certify("prober", signer=signer, url=url))
        expected = "login.status" if signer == "CA" else "login.path"
        assert refused(door, token) == expected
        with pytest.raises(BlockingIOError):
            listening.accept()


# --- hostile bytes --------------------------------------------------------------------------------


def other_bits(token: str) -> str:
    """The same octets in base64 whose last, unused bits are others."""
    found = json.loads(token)
    text = found["signature"]
    assert text.endswith("==")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(text[-3]) + 1]
    assert base64.b64decode(f"{text[:-3]}{other}==") == base64.b64decode(text)
    return json.dumps(found | {"signature": f"{text[:-3]}{other}=="})


@pytest.mark.parametrize(
    "bend",
    [
        lambda token: "{" + '"a":' * 3000,
        lambda token: "[" * 5000,
        lambda token: '{"a":' + "{" * 4990,
        lambda token: token[:-1] + ',"algorithm":"ES256"}',
        lambda token: token[:-1] + ',"n":NaN}',
        lambda token: token + " {}",
        lambda token: token + " " * 10_000,
        lambda token: token.replace("web-eid:1.0", "web-eid:2.0"),
        lambda token: token.replace("web-eid:1.0", "web-eid:1.1"),
        lambda token: token.replace('"signature": "', '"signature": " '),
        lambda token: token.replace("==", "=").replace("=", "", 1),
        lambda token: token.replace('"ES256"', "256"),
        lambda token: token[:-1] + ',"n":' + "9" * 5000 + "}",
        lambda token: token[:-1] + ',"n":' + "[" * 8 + "]" * 8 + "}",
        other_bits,
    ],
)
def test_json_that_is_not_strict_is_refused(bend: Callable[[str], str]) -> None:
    door = Door()
    assert refused(door, bend(web_eid(door.begin()))) == "login.token"


def test_both_numbers_of_a_signature_have_their_length() -> None:
    door = Door()
    found = json.loads(web_eid(door.begin()))
    value = base64.b64decode(found["signature"])
    longer = base64.b64encode(value[:32] + bytes(1) + value[32:]).decode()
    assert refused(door, json.dumps(found | {"signature": longer})) == "login.signature"


def test_a_statement_has_one_signer_and_a_bounded_size() -> None:
    door = Door()
    said = write_statement(door.begin(), method=Method.STATEMENT)
    info = citizen().info(said, content_type=LOGIN_STATEMENT)
    two = cms_house.message(
        info,
        info,
        content=said,
        content_type=LOGIN_STATEMENT,
        version=3,
        certificates=[citizen().certificate.encoded],
    )
    for token, reason in ((two, "one signer"), (b"0" * 300_000, "octets")):
        outcome = door.finish(token)
        assert reason in str(outcome.findings[0].facts["reason"])


def test_a_challenge_of_another_session_counts_for_nothing() -> None:
    """Whatever is wrong with the store."""

    class Confused(MemoryChallengeStore):
        def take(self, session: bytes) -> LoginChallenge | None:
            return next(iter(self._waiting.values()), None)

    door = Door(store=Confused())
    token = web_eid(door.begin())
    assert refused(door, token, session="the session of a victim") == "login.challenge"


def test_a_challenge_of_the_future_is_not_answered_yet() -> None:
    door = Door()
    token = web_eid(door.begin(at=NOON + timedelta(minutes=2)))
    assert refused(door, token, at=NOON) == "login.lifetime"


def test_version_1_1_brings_certificates_for_signing_which_say_nothing() -> None:
    door = Door()
    one = {
        "certificate": base64.b64encode(signatory().certificate.encoded).decode(),
        "supportedSignatureAlgorithms": [
            {"cryptoAlgorithm": "ECC", "hashFunction": "SHA-256", "paddingScheme": "NONE"}
        ],
    }
    token = web_eid(door.begin(), format="web-eid:1.1", unverifiedSigningCertificates=[one])
    person = door.finish(token).require_person()
    assert person.certificate == citizen().certificate


@settings(max_examples=150)
@given(st.binary(max_size=400) | st.text(max_size=400))
def test_no_bytes_make_it_raise(token: bytes | str) -> None:
    door = Door(rules=replace(RULES, methods=EVERY_METHOD))
    door.begin()
    assert refused(door, token) == "login.token"


@settings(max_examples=150)
@given(st.data())
def test_no_changed_octet_of_a_token_is_let_in(data: st.DataObject) -> None:
    """But where it changes nothing that is read (the name of a program, white space)."""
    door = Door(rules=replace(RULES, methods=EVERY_METHOD))
    challenge = door.begin()
    method = data.draw(st.sampled_from(Method))
    honest = (
        web_eid(challenge).encode() if method is Method.WEB_EID else cms(challenge, method=method)
    )
    # Their lengths differ by an octet or two, for so do signatures: the draw must not.
    at = data.draw(st.integers(0, 3999)) % len(honest)
    flip = data.draw(st.integers(1, 255))
    changed = honest[:at] + bytes([honest[at] ^ flip]) + honest[at + 1 :]
    outcome = door.finish(changed)
    if outcome.person is not None:
        assert method is Method.WEB_EID
        assert meant(changed) == meant(honest)


def meant(token: bytes) -> dict[str, str]:
    found = json.loads(token)
    read = ("format", "algorithm", "unverifiedCertificate", "signature")
    return {name: found[name] for name in read}


def test_the_origin_stands_in_every_statement() -> None:
    assert ORIGIN.encode() in cms(Door().begin())
