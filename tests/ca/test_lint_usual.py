"""The quick road of the lint says "kept" of nothing in which a rule finds something."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds import der, extensions, names
from eds.ca.lint import ask_every_rule, lint
from eds.ca.lint_rules import BACK_DATED, POST_DATED
from eds.ca.lint_usual import usual
from eds.ca.profiles import CrlUse
from eds.names import Name
from tests.ca import hierarchy
from tests.ca.hierarchy import DAY, NOON, PROFILES
from tests.ca.test_lint import BAD, Parts

LEAF = "natural-person-signature"
USUAL = [LEAF, "legal-entity-head", "non-resident-authentication", "information-system"]
SECOND = timedelta(seconds=1)


def kept(name: str, tbs: bytes, *, at: object = NOON) -> bool:
    """What the quick road says."""
    profile = PROFILES[name]
    form = usual(profile, hierarchy.facts_of(profile))
    return form.keeps_all(tbs, at=at, shard=hierarchy.shard_of(profile))  # type: ignore[arg-type]


def broken(name: str, tbs: bytes, *, at: object = NOON) -> bool:
    """What the rules say."""
    profile = PROFILES[name]
    issuer, shard = hierarchy.facts_of(profile), hierarchy.shard_of(profile)
    return bool(ask_every_rule(tbs, profile=profile, issuer=issuer, at=at, shard=shard))  # type: ignore[arg-type]


def learnt(name: str) -> bytes:
    """A good certificate whose form is known from now on."""
    tbs = hierarchy.good_tbs(name)
    profile = PROFILES[name]
    lint(
        tbs,
        profile=profile,
        issuer=hierarchy.facts_of(profile),
        at=NOON,
        shard=hierarchy.shard_of(profile),
    )
    return tbs


@pytest.mark.parametrize("name", USUAL)
def test_a_certificate_like_one_that_was_judged_is_known(name: str) -> None:
    learnt(name)
    key = hierarchy.public(ec.generate_private_key(ec.SECP256R1()))
    later = NOON + 3 * SECOND
    other = hierarchy.good_tbs(name, public_key=key, not_before=later)
    assert kept(name, other, at=later)
    assert not broken(name, other, at=later)


def test_nothing_is_known_before_one_was_judged() -> None:
    tbs = learnt(LEAF)
    profile = PROFILES[LEAF]
    form = usual(profile, hierarchy.facts_of(profile))
    assert form.keeps_all(tbs, at=NOON, shard=3)
    assert not form.keeps_all(tbs, at=NOON, shard=4)
    assert not usual(PROFILES["legal-entity-hr"], hierarchy.facts_of(profile)).keeps_all(
        tbs, at=NOON, shard=3
    )


@pytest.mark.parametrize("name", USUAL)
def test_no_octet_can_be_changed_into_a_breach(name: str) -> None:
    good = learnt(name)
    known = 0
    for altered in altered_octets(good):
        if kept(name, altered):
            known += 1
            assert not broken(name, altered), altered.hex()
    assert known > 50  # serial number, letters of names, digits of times


def altered_octets(good: bytes) -> Iterator[bytes]:
    for place, octet in enumerate(good):
        begin, end = good[:place], good[place + 1 :]
        for other in {octet ^ 1, octet ^ 0x20, octet ^ 0x80, 0, secrets.randbelow(256)} - {octet}:
            yield begin + bytes((other,)) + end
        yield begin + end
        yield begin + good[place : place + 1] + good[place:]
        yield begin


SUBJECTS = [
    [
        ("C", "KZ"),
        ("CN", "АХМЕТОВ А"),
        ("SN", "АХМЕТОВ"),
        ("GN", "А"),
        ("ID", "PNOKZ-123456789011"),
    ],
    [
        ("CN", "АХМЕТОВ А"),
        ("C", "KZ"),
        ("SN", "АХМЕТОВ"),
        ("GN", "А"),
        ("ID", "PNOKZ-123456789011"),
    ],
    [("C", "KZ"), ("CN", "АХМЕТОВ А"), ("SN", "АХМЕТОВ"), ("GN", "А")],
    [("C", "KZ"), ("CN", "АХМЕТОВ А"), ("ID", "PNOKZ-123456789011")],
    [("C", "KZ"), ("CN", "АХМЕТОВ А"), ("GN", "А"), ("GN", "Б"), ("ID", "PNOKZ-123456789011")],
    [("C", "KZ"), ("CN", "suharto"), ("SN", "SUHARTO"), ("ID", "PNOKZ-123456789011")],
    [("C", "KZ"), ("CN", " АХМЕТОВ"), ("SN", "АХМЕТОВ"), ("ID", "PNOKZ-123456789011")],
    [("C", "KZ"), ("CN", "АХМЕТОВ\u200b А"), ("SN", "АХМЕТОВ"), ("ID", "PNOKZ-123456789011")],
    [("C", "KZ"), ("CN", "АХМЕТОВ " + 50 * "А"), ("SN", "АХМЕТОВ"), ("ID", "PNOKZ-1234567890")],
    [("C", "KZ"), ("CN", 65 * "a b"), ("SN", "АХМЕТОВ"), ("ID", "PNOKZ-123456789011")],
    [("C", "KZ"), ("CN", "АХМЕТОВ А"), ("SN", "АХМЕТОВ"), ("ID", "PNOKZ_123456789011")],
    [("C", "KZ"), ("CN", "АХМЕТОВ А"), ("SN", "АХМЕТОВ"), ("ID", "PNOKZ-123"), ("T", "head")],
    [("C", "KZ"), ("CN", "АХМЕТОВ "), ("SN", "АХМЕТОВ"), ("ID", "PNOKZ-123456789011")],
    [],
]
OIDS = {
    "C": names.COUNTRY,
    "CN": names.COMMON_NAME,
    "SN": names.SURNAME,
    "GN": names.GIVEN_NAME,
    "ID": names.SERIAL_NUMBER,
    "T": names.TITLE,
}


@pytest.mark.parametrize("texts", SUBJECTS)
def test_a_subject_that_breaks_a_rule_is_not_known(texts: list[tuple[str, str]]) -> None:
    learnt(LEAF)
    parts = Parts.of(LEAF)
    parts.subject = der.sequence(*(der.set_of(attribute(OIDS[kind], text)) for kind, text in texts))
    assert kept(LEAF, parts.encoded) is not broken(LEAF, parts.encoded)


def attribute(oid: str, text: str) -> bytes:
    short = oid in (names.COUNTRY, names.SERIAL_NUMBER)
    string = der.value(der.PRINTABLE_STRING if short else der.UTF8_STRING, text.encode())
    return der.sequence(der.object_identifier(oid), string)


def test_a_subject_in_other_lengths_is_not_known() -> None:
    learnt(LEAF)
    good = Parts.of(LEAF)
    country = der.set_of(attribute(names.COUNTRY, "KZ"))
    number = attribute(names.SERIAL_NUMBER, "PNOKZ-123456789011")
    named = country + b"".join(
        der.set_of(attribute(oid, "АХМЕТОВ А")) for oid in (names.COMMON_NAME, names.SURNAME)
    )
    assert kept(LEAF, replace(good, subject=der.sequence(named, der.set_of(number))).encoded)
    # The last text runs on into the key, whose first octets are "0Y0".
    over = bytes(
        octet + 3 if place in (1, 3, 10) else octet
        for place, octet in enumerate(der.set_of(number))
    )
    # A length that is not the shortest.
    short = country + der.set_of(attribute(names.COMMON_NAME, "А Б"))
    short += der.set_of(attribute(names.SURNAME, "А")) + der.set_of(number)
    # A length of several octets, read as one.
    long = b"\x31\x81\x30\x7f" + number[2:7] + b"\x13\x78" + 120 * b"1"
    for subject in (
        der.sequence(named, over),
        b"\x30\x81" + bytes((len(short),)) + short,
        der.sequence(named, long),
    ):
        altered = replace(good, subject=subject).encoded
        assert broken(LEAF, altered)
        assert not kept(LEAF, altered)


def test_the_issuers_own_name_and_key_are_not_known() -> None:
    profile = PROFILES[LEAF]
    subject = hierarchy.subject_of(LEAF)
    facts = hierarchy.facts_of(profile)
    parts = Parts.of(LEAF)
    parts.key = facts.public_key.encoded
    parts.put(extensions.SUBJECT_KEY_IDENTIFIER, der.octet_string(facts.public_key.key_identifier))
    learnt(LEAF)
    assert not kept(LEAF, parts.encoded)

    person = replace(facts, name=subject)
    other = Name.build([*hierarchy.PERSON[:-1], (names.SERIAL_NUMBER, "PNOKZ-123456789020")])
    for name, is_known in ((other, True), (subject, False)):
        tbs = hierarchy.good_tbs(LEAF, issuer=person, subject=name)
        found = lint(tbs, profile=profile, issuer=person, at=NOON, shard=3)
        assert usual(profile, person).keeps_all(tbs, at=NOON, shard=3) is is_known
        assert (found == ()) is is_known


def test_an_address_is_not_known_where_the_profile_has_none() -> None:
    name = "tsa"
    learnt(name)
    parts = Parts.of(name)
    assert kept(name, parts.encoded)
    place = parts.index(extensions.SUBJECT_KEY_IDENTIFIER) + 1
    address = der.sequence(der.implicit(1, der.ia5_string("a@b.kz")))
    parts.extensions.insert(place, (extensions.SUBJECT_ALTERNATIVE_NAME, b"", address))
    assert broken(name, parts.encoded)
    assert not kept(name, parts.encoded)


@pytest.mark.parametrize("address", ["a@b.kz", "a b@c.kz", "@b.kz", "a@b.kz\n", 70 * "a" + "@b"])
def test_an_address_is_held_against_the_same_form(address: str) -> None:
    learnt(LEAF)
    tbs = hierarchy.good_tbs(LEAF, email=address)
    assert kept(LEAF, tbs) is not broken(LEAF, tbs)


@pytest.mark.parametrize("name", BAD)
def test_no_known_bad_certificate_is_known_as_good(name: str) -> None:
    rule, profile, mutation = BAD[name]
    learnt(profile)
    parts = Parts.of(profile)
    mutation(parts)
    if kept(profile, parts.encoded, at=parts.at):
        assert not broken(profile, parts.encoded, at=parts.at), rule


def test_extensions_in_another_place_are_not_known() -> None:
    learnt(LEAF)
    for turn in range(1, 8):
        parts = Parts.of(LEAF)
        parts.extensions = [*parts.extensions[turn:], *parts.extensions[:turn]]
        if kept(LEAF, parts.encoded):
            assert not broken(LEAF, parts.encoded)
    own = extensions.SUBJECT_ALTERNATIVE_NAME
    parts = Parts.of(LEAF)
    parts.extensions.append(parts.extensions[parts.index(own)])
    assert not kept(LEAF, parts.encoded)
    learnt(LEAF)
    # One whose own extensions stand at the end is lawful, and another form.
    parts = Parts.of(LEAF)
    parts.extensions.append(parts.extensions.pop(parts.index(own)))
    assert not kept(LEAF, parts.encoded)
    assert parts.broken() == set()
    parts.extensions.insert(4, parts.extensions[-1])
    assert not kept(LEAF, parts.encoded)


def test_the_instant_of_issue_is_held_against_the_same_limits() -> None:
    tbs = learnt(LEAF)
    for at in (
        NOON - POST_DATED - SECOND,
        NOON - POST_DATED,
        NOON + BACK_DATED,
        NOON + BACK_DATED + SECOND,
    ):
        assert kept(LEAF, tbs, at=at) is not broken(LEAF, tbs, at=at)


@pytest.mark.parametrize("days", [-1, 0, 1, 400, 730, 731, 800, 3001, 9000])
def test_the_validity_is_held_against_the_same_limits(days: int) -> None:
    learnt(LEAF)
    tbs = hierarchy.good_tbs(LEAF, not_after=NOON + days * DAY)
    if kept(LEAF, tbs):
        assert not broken(LEAF, tbs)
    else:
        assert broken(LEAF, tbs)


def test_every_list_is_learnt_by_itself() -> None:
    profile = PROFILES[LEAF]
    assert profile.crl is CrlUse.SHARDED
    learnt(LEAF)
    tbs = hierarchy.good_tbs(LEAF, shard=5)
    assert not kept(LEAF, tbs)
    assert broken(LEAF, tbs)
