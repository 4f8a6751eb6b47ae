"""People of organisations at a desk of Kazakhstan: its templates, its numbers, its names."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eds.ca.database import open_database
from eds.ca.lint import lint
from eds.ca.profiles import shipped_profile
from eds.certificates import Certificate
from eds.country import countries, holder_of
from eds.country.contract import HolderKind
from eds.enroll import remote
from eds.enroll.applicant import make_mandate
from eds.enroll.application import Application
from eds.enroll.desksettings import DeskSettings, Setting
from eds.enroll.officials import certified_number
from eds.enroll.policy import EnrolmentPolicy, profiles_of
from eds.enroll.simulators import SimulatedOrganisation, demo_people, simulated_state
from eds.enroll.statements import SignedAct
from eds.enroll.states import State
from eds.errors import IdentityNumberRefused
from tests.country.house import fast
from tests.enroll.house import NOON, STATION, TERMS, Holder, House

KZ = countries()["KZ"]
HEAD, WORKER = (one.personal_number for one in demo_people(KZ, at=NOON)[:2])
BIN = "960440000220"
FIRM = SimulatedOrganisation(number=BIN, name="ТОО «Пример»", head=HEAD)
POLICY = EnrolmentPolicy(
    name="kz", version="1", terms=TERMS, stations=frozenset({STATION}), audience="desk.example.kz",
    passphrase_cost=2, country=KZ, profiles=profiles_of(KZ),
)  # fmt: skip
PROFILES = {name: shipped_profile(name) for name in POLICY.profiles}


@pytest.fixture
def house(sqlite_desk: Callable[[Path], str], tmp_path: Path) -> Iterator[House]:
    state = simulated_state(
        demo_people(KZ, at=NOON), seed="demo", audience=POLICY.audience, at=NOON, country=KZ,
        organisations=[FIRM],
    )  # fmt: skip
    engine = open_database(sqlite_desk(tmp_path))
    made = House(engine, policy=POLICY, profiles=PROFILES, issuer=fast().ca, state=state)
    made.use(replace(made.desk, organisations=state.organisations))
    yield made.found()
    engine.dispose()


def applied(house: House, number: str, profile: str, mandate: SignedAct | None) -> Application:
    opened = house.open(number, profile=profile, organisation=BIN, mandate=mandate)
    return remote.resolve(house.desk, house.submit(opened).application, at=house.at)


def mandate(house: House, profile: str, organisation: str = BIN) -> SignedAct:
    return make_mandate(
        lambda said: house.checker.sign(HEAD, said),
        organisation=organisation, person=WORKER, profile=profile, at=house.at,
    )  # fmt: skip


def certified(house: House, application: Application) -> Certificate:
    name = application.application
    remote.send_code(house.desk, name, house.envelope())
    application = remote.confirm_contact(house.desk, name, house.envelope(), code=house.code())
    application = remote.offer_evidence(
        house.desk, name, pieces=(house.photo(application),), message="photo", at=house.at
    )
    house.face_check(application)
    application = remote.assess(house.desk, name, risk=0, at=house.at)
    return house.active(application, Holder())[1]


def told_by_openssl(certificate: Certificate) -> str:
    command = ["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-ext"]
    command += ["extendedKeyUsage", "-nameopt", "utf8,sep_multiline,lname"]
    done = subprocess.run(command, input=certificate.encoded, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("number", "profile", "role"),
    [
        (HEAD, "kz-head", "1.2.398.3.3.4.1.2.1"),
        (WORKER, "kz-employee", "1.2.398.3.3.4.1.2.5"),
    ],
    ids=["head", "employee"],
)
def test_somebody_of_an_organisation_comes_to_a_certificate_of_the_country(
    house: House, number: str, profile: str, role: str
) -> None:
    given = None if number == HEAD else mandate(house, profile)
    certificate = certified(house, applied(house, number, profile, given))
    facts = house.made.facts
    assert lint(certificate.tbs_encoded, profile=PROFILES[profile], issuer=facts, at=house.at) == ()
    said = told_by_openssl(certificate)
    for line in (
        f"serialNumber=IIN{number}", "organizationName=ТОО «Пример»",
        f"organizationalUnitName=BIN{BIN}", "countryName=KZ",
    ):  # fmt: skip
        assert line in said
    assert {role, "1.2.398.3.3.4.1.2", "1.2.398.3.3.4.3.2"} <= set(said.replace(",", "").split())
    found = holder_of(certificate)
    assert found is not None
    assert found.kind is HolderKind.EMPLOYEE
    assert found.organisation_number is not None
    assert found.organisation_number.digits == BIN
    assert [one.word for one in found.identified_by] == ["identified remotely"]
    # With the certificate of the head the next mandate is the head's.
    assert certified_number(certificate) == number
    house.check_log()


@pytest.mark.parametrize("profile", ["kz-signer", "kz-finance", "kz-hr"])
def test_whoever_is_mandated_is_looked_up_and_named_by_the_registers(
    house: House, profile: str
) -> None:
    assert applied(house, WORKER, profile, mandate(house, profile)).state is State.RESOLVED
    alone = applied(house, HEAD, profile, None)
    assert (alone.state, alone.reason) == (State.REJECTED, "mandate_missing")


@pytest.mark.parametrize(
    "number",
    [BIN[:-1] + "1", HEAD, "12", "961340000221"],
    ids=["check digit", "of a person", "short", "no month"],
)
def test_a_number_that_no_organisation_can_have_opens_nothing(house: House, number: str) -> None:
    before = house.store.everything()
    with pytest.raises(IdentityNumberRefused) as refused:
        house.open(HEAD, profile="kz-head", organisation=number)
    assert refused.value.code == "names.number_refused"
    assert number not in str(refused.value)
    assert house.store.everything() == before


def test_a_desk_of_the_country_certifies_them_where_it_asks_a_register() -> None:
    settings = DeskSettings(
        name="kz", authority="../example", audience="desk.example.kz", stations=(STATION,),
        country="KZ",
    )  # fmt: skip
    assert set(settings.rules) == {"kz-individual", "kz-non-resident"}
    for asks in (
        replace(settings, setting=Setting.DEMONSTRATION),
        replace(settings, providers={"organisations": "registers:firms"}),
    ):
        assert set(asks.rules) == set(POLICY.profiles) == set(settings.rules) | {
            "kz-head", "kz-signer", "kz-finance", "kz-hr", "kz-employee",
        }  # fmt: skip
