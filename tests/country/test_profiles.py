"""The certificate templates of the NCA, issued here and read back in its terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from eds.algorithms import ECDSA_P256_SHA256, GOST_2015_256, GOST_2015_512, SignatureAlgorithm
from eds.ca.authority import Authority, IssueRequest
from eds.ca.database import open_database
from eds.ca.keycheck import check_key
from eds.ca.profiles import as_data, canonical, read_profile, serial_of_key, shipped_profile
from eds.ca.register import Register
from eds.certificates import Certificate
from eds.country import holder_of
from eds.country.contract import HolderKind, KeyUse
from eds.errors import MalformedProfile, ProfileViolated, SerialNumberUsed
from eds.extensions import EXTENDED_KEY_USAGE, KeyUsage
from eds.keys import pkcs12
from eds.keys.contract import Secret
from eds.keys.reading import Reading
from tests.ca.status_desk import new_register
from tests.country.house import (
    DAY,
    HOLDERS,
    KZ,
    NOON,
    Member,
    certify,
    fast,
    hierarchy,
    new_signer,
    subject_of,
)  # fmt: skip
from tests.keys.test_pkcs12 import nca_password
from tests.material import kz_certificates, needs_data

PEOPLE = [
    f"kz-{name}"
    for name in ("individual", "head", "signer", "finance", "hr", "employee", "treasury")
]
SAMPLES = {
    "kz-individual": "individual_valid.p12",
    "kz-head": "head.p12",
    "kz-signer": "employee_signright.p12",
    "kz-employee": "employee.p12",
    "kz-treasury": "infosystem.p12",  # the two bear each other's names
    "kz-information-system": "treasury_client.p12",
}


def sample(name: str) -> Certificate:
    path = KZ / "p12" / "sdk-2026" / "valid" / SAMPLES[name]
    secret = Secret(nca_password(path))
    found = pkcs12.read(path.read_bytes(), secret, Reading(file=path.name))
    return found.certificates[0].certificate


def issued(name: str) -> Certificate:
    house = hierarchy()
    return certify(name, house.ca).certificate


@needs_data
@pytest.mark.parametrize("name", SAMPLES)
def test_a_certificate_made_here_says_what_one_of_the_nca_says(name: str) -> None:
    ours, theirs = issued(name), sample(name)
    assert ours.key_usage == theirs.key_usage
    assert ours.extended_key_usage == theirs.extended_key_usage
    assert [one.oid for one in ours.policies or ()] == [one.oid for one in theirs.policies or ()]
    mine = [one.oid for one in ours.subject.attributes]
    assert mine == [one.oid for one in theirs.subject.attributes]
    assert {*theirs.extensions} - {*ours.extensions} <= {"2.5.29.46"}  # no delta list here
    assert {*ours.extensions} <= {*theirs.extensions}
    storage = "1.2.398.3.3.5"
    assert ours.extensions[storage].octets == theirs.extensions[storage].octets
    assert ours.not_after - ours.not_before == theirs.not_after - theirs.not_before
    assert ours.public_key.description == theirs.public_key.description
    for one in (ours, theirs):
        assert one.serial_number_octets == serial_of_key(one.public_key)


@needs_data
def test_the_time_stamping_template_is_that_of_production() -> None:
    ours = hierarchy().stamper.member.certificate
    theirs = Certificate(kz_certificates()["prod_tsa_gost_2025.cer"])
    assert ours.extended_key_usage == theirs.extended_key_usage
    assert ours.extensions[EXTENDED_KEY_USAGE].critical
    assert ours.key_usage == theirs.key_usage == frozenset({KeyUsage.DIGITAL_SIGNATURE})
    assert [one.oid for one in ours.policies or ()] == [one.oid for one in theirs.policies or ()]
    assert {one.oid for one in ours.subject.attributes} == {
        one.oid for one in theirs.subject.attributes
    }
    assert serial_of_key(theirs.public_key) == theirs.serial_number_octets


@pytest.mark.parametrize("row", [GOST_2015_512, GOST_2015_256, ECDSA_P256_SHA256])
def test_a_hierarchy_stands_in_gost_and_in_standard_algorithms(row: SignatureAlgorithm) -> None:
    house = hierarchy(row)
    found = holder_of(house.person.certificate)
    assert found is not None
    assert (found.kind, found.use) == (HolderKind.INDIVIDUAL, KeyUse.UNIFIED)
    assert (found.surname, found.given_name, found.patronymic) == ("АХМЕТОВ", "АСАН", "СЕРІКҰЛЫ")
    assert found.departures == ()


@pytest.mark.parametrize("name", PEOPLE)
def test_who_is_certified_is_told_back(name: str) -> None:
    ours = certify(name, fast().ca, ECDSA_P256_SHA256, email="asan@example.kz").certificate
    found = holder_of(ours)
    assert found is not None
    expected = HolderKind.INDIVIDUAL if name == "kz-individual" else HolderKind.EMPLOYEE
    assert found.kind is expected
    assert found.email == "asan@example.kz"
    assert all(one.word for one in (*found.roles, *found.key_storage, *found.policies))


def test_how_a_person_was_identified_is_told_apart_from_roles() -> None:
    purposes = ("1.2.398.3.3.4.3.2", "1.2.398.3.3.4.3.2.1")
    ours = certify("kz-individual", fast().ca, ECDSA_P256_SHA256, purposes=purposes).certificate
    found = holder_of(ours)
    assert found is not None
    assert tuple(one.oid for one in found.identified_by) == purposes
    assert [one.oid for one in found.roles] == ["1.2.398.3.3.4.1.1"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("kz-individual", {"SERIAL_NUMBER": "IIN123456789011"}),
        ("kz-individual", {"SERIAL_NUMBER": "900101300017"}),
        ("kz-individual", {"SERIAL_NUMBER": "IIN300101500129"}),  # born in 2030
        ("kz-individual", {"COUNTRY": "UZ"}),
        ("kz-head", {"ORGANIZATIONAL_UNIT": "BIN123456789021"}),
        ("kz-treasury", {"DOMAIN_COMPONENT": "HEAD"}),
        ("kz-information-system", {"USER_ID": "my system"}),
        ("kz-information-system", {"COMMON_NAME": "portal.gov.kz"}),
    ],
)
def test_a_number_or_attribute_that_cannot_be_is_not_certified(
    name: str, changes: dict[str, str]
) -> None:
    with pytest.raises(ProfileViolated) as caught:
        certify(name, fast().ca, ECDSA_P256_SHA256, subject=subject_of(name, **changes))
    assert not any(text.removeprefix("IIN") in str(caught.value) for text in changes.values())


def test_what_may_be_missing_of_a_foreigner() -> None:
    name = subject_of("kz-individual", COMMON_NAME="KARIMOV RUSTAM")
    bare = type(name).build(
        (one.oid, one.text) for one in name.attributes if one.oid not in {"2.5.4.4", "2.5.4.42"}
    )
    found = holder_of(
        certify("kz-individual", fast().ca, ECDSA_P256_SHA256, subject=bare).certificate
    )
    assert found is not None
    assert (found.surname, found.given_name, found.patronymic) == (None, "RUSTAM", None)


def test_no_key_is_certified_twice(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    house = fast()
    engine = open_database(new_register("sqlite", request, tmp_path))
    register = Register(engine, node=1, audit=lambda connection, **record: None)
    register.add_issuer(
        "1" * 64, label="Example", certificate=house.ca.certificate, key_uri="file:ca",
        settings="{}", actor="ceremony", at=NOON,
    )  # fmt: skip
    assert house.ca.facts is not None
    authority = Authority(
        issuer="1" * 64, facts=house.ca.facts, signer=house.ca.signer, register=register,
        policy=lambda request, at: None, check_key=check_key,
    )  # fmt: skip
    order = IssueRequest(
        request="request-1", profile=shipped_profile("kz-individual"),
        subject=subject_of("kz-individual"),
        public_key=new_signer(ECDSA_P256_SHA256).public_key, person="person-1",
        authority="centre-7", operator="operator-3", evidence=bytes(32),
        not_after=NOON + timedelta(days=1095),
    )  # fmt: skip
    leaf = authority.issue(authority.prepare(order, at=NOON), at=NOON)
    assert leaf.serial_number_octets == serial_of_key(order.public_key)
    assert leaf.not_after - leaf.not_before == timedelta(days=1095)
    again = replace(order, request="request-2")
    with pytest.raises(SerialNumberUsed):
        authority.issue(authority.prepare(again, at=NOON + DAY), at=NOON + DAY)
    engine.dispose()


def test_profiles_say_a_check_and_a_serial_number_that_exist() -> None:
    data = as_data(shipped_profile("kz-individual"))
    assert read_profile(canonical(data)) == shipped_profile("kz-individual")
    subject = data["subject"]
    other = [*subject[:2], subject[2] | {"check": "kz-nothing"}, *subject[3:]]
    for change in ({"subject": other}, {"serial_number": "counted"}):
        with pytest.raises(MalformedProfile):
            read_profile(canonical(data | change))


def test_every_profile_of_the_country_is_used_here() -> None:
    assert all(isinstance(certify_any(name), Member) for name in HOLDERS)


def certify_any(name: str) -> Member:
    house = fast()
    if name == "kz-root":
        return house.root
    issuer = house.root if shipped_profile(name).is_authority else house.ca
    if name == "kz-tsa":
        return house.stamper.member
    return certify(name, issuer, ECDSA_P256_SHA256)
