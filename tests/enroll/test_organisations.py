"""People of organisations: by the register of legal entities, or by the mandate of its head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from eds.enroll import remote
from eds.enroll.applicant import make_mandate
from eds.enroll.application import Application
from eds.enroll.issuing import issue
from eds.enroll.policy import ORGANISATION_PROFILES, PROFILES
from eds.enroll.providers import require_real
from eds.enroll.simulators import SimulatedOrganisation, SimulatedOrganisations
from eds.enroll.statements import ExistingEdsStatement, SignedAct
from eds.enroll.states import State
from eds.errors import InvalidArgument, MalformedStatement, SimulatorRefused, TransitionRefused
from tests.enroll.house import DAY, RESIDENT, Holder, House, resident

BIN, OTHER = "990140000017", "991240000028"
HEAD = "700101300011"
EMPLOYEE = "legal-entity-employee"


@dataclass
class Firm:
    """A desk that asks a register with one organisation; `RESIDENT` applies, `HEAD` heads it."""

    house: House

    def __post_init__(self) -> None:
        house = self.house
        self.register = SimulatedOrganisations()
        for number in (BIN, OTHER):
            self.know(number)
        policy = replace(house.policy, profiles={**PROFILES, **ORGANISATION_PROFILES})
        house.policy = policy
        house.use(replace(house.desk, policy=policy, organisations=self.register))
        house.population.people[HEAD] = resident(HEAD)
        house.phones.numbers[HEAD] = "+77010000002"

    def know(self, number: str = BIN, **changes: Any) -> None:
        made = {"number": number, "name": "ТОО «Пример»", "head": HEAD} | changes
        self.register.entries[number] = SimulatedOrganisation(**made)

    def mandate(self, by: str = HEAD, **changes: Any) -> SignedAct:
        made: dict[str, Any] = {
            "organisation": BIN, "person": RESIDENT, "profile": EMPLOYEE, "at": self.house.at,
        }  # fmt: skip
        return make_mandate(lambda said: self.house.checker.sign(by, said), **(made | changes))

    def resolved(self, number: str = RESIDENT, **changes: Any) -> Application:
        said = {"profile": EMPLOYEE, "organisation": BIN} | changes
        application = self.house.submit(self.house.open(number, **said))
        return remote.resolve(self.house.desk, application.application, at=self.house.at)

    def cleared(self, application: Application) -> Application:
        house, name = self.house, application.application
        remote.send_code(house.desk, name, house.envelope())
        application = remote.confirm_contact(house.desk, name, house.envelope(), code=house.code())
        application = remote.offer_evidence(
            house.desk, name, pieces=(house.photo(application),), message="photo", at=house.at
        )
        house.face_check(application)
        return remote.assess(house.desk, name, risk=0, at=house.at)


@pytest.fixture
def firm(house: House) -> Firm:
    return Firm(house)


def attributes(firm: Firm, application: Application) -> set[tuple[str, str]]:
    _, certificate = firm.house.active(application, Holder())
    return {(each.oid, each.text) for each in certificate.subject.attributes}


NAMED = {
    ("2.5.4.10", "ТОО «Пример»"), ("2.5.4.97", f"NTRKZ-{BIN}"), ("2.5.4.3", "АХМЕТОВ АСАН"),
}  # fmt: skip


def test_the_head_of_an_organisation_is_whom_the_register_names(firm: Firm) -> None:
    found = firm.cleared(firm.resolved(HEAD, profile="legal-entity-head"))
    assert attributes(firm, found) >= {*NAMED, ("2.5.4.12", "Head")}
    firm.house.check_log()


def test_others_are_certified_by_the_mandate_of_the_head(firm: Firm) -> None:
    found = firm.cleared(firm.resolved(mandate=firm.mandate()))
    assert attributes(firm, found) >= NAMED
    signer = "legal-entity-signer"
    again = firm.cleared(firm.resolved(profile=signer, mandate=firm.mandate(profile=signer)))
    assert attributes(firm, again) >= {*NAMED, ("2.5.4.12", "Authorised signatory")}
    # The number of an organisation stands in the log as little as a person's.
    firm.house.check_log()


def ending(firm: Firm, **changes: Any) -> tuple[State, str]:
    found = firm.resolved(**changes)
    return found.state, found.reason


WRONG_TURNS: dict[str, Callable[[Firm], dict[str, Any]]] = {
    "not_the_head": lambda _: {"profile": "legal-entity-head"},
    "mandate_missing": lambda _: {},
    "organisation_unknown": lambda firm: {
        "organisation": "990140000099", "mandate": firm.mandate(organisation="990140000099"),
    },
    "mandate_of_another": lambda firm: {"mandate": firm.mandate(by=RESIDENT)},
    "mandate_stale": lambda firm: {"mandate": firm.mandate(at=firm.house.at - 31 * DAY)},
}  # fmt: skip


@pytest.mark.parametrize("code", WRONG_TURNS)
def test_each_wrong_turn_ends_with_its_own_code(firm: Firm, code: str) -> None:
    assert ending(firm, **WRONG_TURNS[code](firm)) == (State.REJECTED, code)


@pytest.mark.parametrize(
    "changes", [{"person": HEAD}, {"organisation": OTHER}, {"profile": "legal-entity-finance"}]
)
def test_a_mandate_for_somebody_or_something_else_is_none(
    firm: Firm, changes: dict[str, str]
) -> None:
    assert ending(firm, mandate=firm.mandate(**changes)) == (State.REJECTED, "mandate_for_another")


def test_a_mandate_of_tomorrow_is_none_today(firm: Firm) -> None:
    early = firm.mandate(at=firm.house.at + DAY)
    assert ending(firm, mandate=early) == (State.REJECTED, "mandate_stale")


def test_what_the_validator_does_not_pass_is_no_mandate(firm: Firm) -> None:
    mandate = firm.mandate()
    firm.house.checker.revoked.add(HEAD)
    assert ending(firm, mandate=mandate) == (State.REJECTED, "mandate_not_signed")


def test_a_closed_organisation_certifies_nobody(firm: Firm) -> None:
    firm.know(active=False)
    assert ending(firm, mandate=firm.mandate()) == (State.REJECTED, "organisation_closed")


def test_a_mandate_works_once(firm: Firm) -> None:
    mandate = firm.mandate()
    first = firm.resolved(mandate=mandate)
    assert first.state is State.RESOLVED
    remote.cancel(firm.house.desk, first.application, firm.house.envelope())
    assert ending(firm, mandate=mandate) == (State.REJECTED, "mandate_used")


def test_what_was_true_when_it_was_asked_must_be_true_at_the_signature(firm: Firm) -> None:
    found, key = firm.cleared(firm.resolved(mandate=firm.mandate())), Holder()
    house = firm.house
    house.confirmed(found, key)

    def refused() -> tuple[str, ...]:
        with pytest.raises(TransitionRefused) as refusal:
            issue(house.desk, house.issuing, house.authority, found.application, at=house.at)
        return refusal.value.codes

    firm.know(head="710202300022")
    assert refused() == ("mandate_of_another",)
    firm.know(active=False)
    assert refused() == ("organisation_closed",)
    firm.know()
    house.checker.revoked.add(HEAD)
    assert refused() == ("mandate_not_signed",)
    house.checker.revoked.clear()
    issue(house.desk, house.issuing, house.authority, found.application, at=house.at)


def test_an_organisation_is_named_where_it_is_wanted_and_nowhere_else(firm: Firm) -> None:
    for changes in (
        {"profile": EMPLOYEE},
        {"organisation": BIN},
        {"mandate": firm.mandate()},
    ):
        with pytest.raises(InvalidArgument):
            firm.house.open(**changes)
    other = ExistingEdsStatement(application="a", challenge=b"").encoded
    with pytest.raises(MalformedStatement):
        firm.house.open(
            profile=EMPLOYEE, organisation=BIN, mandate=SignedAct(statement=other, signature=b"")
        )


def test_a_simulated_register_of_legal_entities_is_refused_in_production(firm: Firm) -> None:
    assert firm.register in firm.house.desk.providers
    with pytest.raises(SimulatorRefused):
        require_real((firm.register,))
