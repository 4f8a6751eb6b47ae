"""What an authority's folder gives to others: requests, references, settings, on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds.ca.authority import IssueRequest
from eds.ca.folder import PERSONAL_NUMBERS, AuthorityFolder, is_personal, read_settings
from eds.ca.issuers import ClosedKey, IssuerSettings, desk_rules
from eds.ca.publication import ListKind, list_path
from eds.ca.references import find_certificate, parse_serial
from eds.ca.subjects import build_subject, read_subject
from eds.errors import InvalidArgument, MalformedProfile, MalformedSettings, OperationUnsupported
from eds.publickeys import PublicKey
from tests.ca.authority_house import (
    NOON,
    cheap_keys,
    documented,
    hold_ceremony,
    new_authority,
    pin,
)
from tests.postgresql import Cluster, postgresql  # noqa: F401 - a fixture


@pytest.fixture(scope="module", autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_keys():
        yield


def request_for(folder: AuthorityFolder) -> IssueRequest:
    """A lawful request for a person."""
    profile = folder.profile("natural-person-signature")
    given = read_subject(documented("toml", 1).encode(), file="asan.toml")
    return IssueRequest(
        request="decision/1",
        profile=profile,
        subject=build_subject(profile, given),
        public_key=PublicKey.of(ec.generate_private_key(ec.SECP256R1()).public_key()),
        person="person-1",
        authority="centre-7",
        operator="official/1",
        evidence=hashlib.sha256(b"record").digest(),
    )


def test_an_authority_works_on_postgresql(postgresql: Cluster, tmp_path: Path) -> None:  # noqa: F811
    folder = new_authority(tmp_path / "a", database=postgresql.new_database())
    hold_ceremony(folder)
    people = folder.issuer("people-2026")
    with folder.signer_of(people, pin=pin) as signer:
        authority = folder.authority(people, signer, policy=desk_rules(people))
        made = authority.issue(authority.prepare(request_for(folder), at=NOON), at=NOON)
    found = find_certificate(folder.register, f"0x{made.serial_number:x}")
    assert found.certificate == made
    assert not (folder.path / "register.db").exists()
    folder.register.engine.dispose()


def test_a_key_that_is_not_open_prepares_and_does_not_sign(tmp_path: Path) -> None:
    folder = new_authority(tmp_path / "a")
    hold_ceremony(folder)
    people = folder.issuer("people-2026")
    authority = folder.authority(people, ClosedKey.of(people), policy=desk_rules(people))
    prepared = authority.prepare(request_for(folder), at=NOON)
    with pytest.raises(OperationUnsupported):
        authority.issue(prepared, at=NOON)


def test_a_list_lies_at_the_path_of_its_address_and_nowhere_else(tmp_path: Path) -> None:
    folder = new_authority(tmp_path / "a")
    hold_ceremony(folder)
    people = folder.issuer("people-2026")

    def path(url: str | None, kind: ListKind = ListKind.FULL, shard: int = 3) -> str:
        urls = () if url is None else (url,)
        settings = replace(
            people.settings, crl_urls=urls, delta_crl_urls=urls, shard_count=1 if url is None else 4
        )
        issuer = replace(people, settings=settings, facts=settings.facts(people.certificate))
        return str(list_path(issuer, shard, kind=kind))

    assert path("http://a.kz/x/{shard}.crl") == "x/3.crl"
    assert path("http://a.kz/{shard}.crl", ListKind.DELTA) == "3.crl"
    assert path("http://a.kz//etc/{shard}") == "etc/3"
    assert path(None) == "people-2026.crl"
    assert path(None, ListKind.DELTA) == "people-2026-delta.crl"
    for url in (
        "http://a.kz/../{shard}.crl", "http://a.kz/.x/{shard}", "http://a.kz/%2e%2e/{shard}",
        "http://a.kz/x//{shard}", "http://{shard}", "http://a.kz/a b/{shard}",
    ):  # fmt: skip
        with pytest.raises(MalformedSettings):
            path(url)


def test_settings_are_written_and_read_back(tmp_path: Path) -> None:
    settings = new_authority(tmp_path / "a").settings
    assert read_settings(settings.toml) == settings
    issuer = IssuerSettings(
        algorithm="ed25519", key_store="keys", key="k", responder_store="r",
        crl_urls=("http://a/{shard}",), pds_urls=(("en", "http://b"),), shard_count=3,
        profiles=("a", "b"), cps_url="http://c",
    )  # fmt: skip
    assert IssuerSettings.decode(issuer.encoded) == issuer
    for text in ("", "[]", "{}", '{"colour": 1}', "null"):
        with pytest.raises(MalformedSettings):
            IssuerSettings.decode(text)


def test_profiles_of_ones_own_stand_beside_those_shipped(tmp_path: Path) -> None:
    folder = new_authority(tmp_path / "a")
    source = Path(__file__).parent / "profile_data"
    for file in source.glob("*.json"):
        (folder.path / "profiles" / file.name).write_bytes(file.read_bytes())
    assert {"root", "qualified-seal"} <= AuthorityFolder(folder.path).profiles.keys()
    shipped = folder.profile("root").canonical
    (folder.path / "profiles" / "mine.json").write_bytes(shipped)
    with pytest.raises(MalformedProfile):
        _ = AuthorityFolder(folder.path).profiles


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("880101300123", True),
        ("iin-880101300123", True),
        ("PNOKZ-880101300123", True),
        ("550e8400-e29b-41d4-a716-446655440000", False),
        ("550e8400-e29b-41d4-a716-446655440000/880101300123", True),
        ("8801013001234", False),
        ("a880101300123", False),
        ("00" * 32, False),
    ],
)
def test_a_number_of_a_person_is_known_where_it_stands_alone(text: str, personal: bool) -> None:
    assert is_personal(PERSONAL_NUMBERS)(text) is personal


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0x0a", b"\x0a"),
        ("0A", b"\x0a"),
        ("dec:10", b"\x0a"),
        ("0x00000a", b"\x0a"),
        ("01:ff", b"\x01\xff"),
        ("ff", b"\x00\xff"),
        (f"{1 << 150}", b"\x40" + bytes(18)),
    ],
)
def test_serial_numbers_are_read_as_they_say(text: str, octets: bytes) -> None:
    assert parse_serial(text) == octets


@pytest.mark.parametrize(
    "text",
    ["", "10", "0", "dec:0", "0x0", "-1", "0xg", "dec:ff", "1:2:", "f" * 41, "9" * 129, "٣" * 40],
)
def test_serial_numbers_that_say_two_things_or_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_serial(text)
