"""Wrong turns: each is refused by its own code, and nothing is issued."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from threading import Barrier

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from eds.audit.statements import Pen
from eds.ca.authority import IssueRequest
from eds.ca.database import writing
from eds.ca.subjects import build_subject
from eds.enroll import centre, issuing, offices, remote, sealedfiles
from eds.enroll.evidence.assertions import Detection, LivenessMethod
from eds.enroll.filing import evidence_file
from eds.enroll.issuing import request_name
from eds.enroll.kinds import EvidenceKind
from eds.enroll.officials import Role
from eds.enroll.providers import DocumentState, require_real
from eds.enroll.statements import PossessionStatement
from eds.enroll.states import State
from eds.errors import (
    EdsError,
    EvidenceUsed,
    InvalidArgument,
    MalformedAssertion,
    ProviderUnavailable,
    SimulatorRefused,
    TransitionRefused,
)
from eds.names import COMMON_NAME, COUNTRY, Name
from eds.requests import CertificationRequest
from tests.ca.hierarchy import PROFILES
from tests.enroll.house import (
    CHECKER,
    DAY,
    MASTER,
    MINUTE,
    OFFICERS,
    OPERATOR,
    RESIDENT,
    TOKEN,
    Holder,
    House,
    identity,
    resident,
)


def codes(act: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(TransitionRefused) as refused:
        act()
    return refused.value.codes


# --- the person -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (None, "person_unknown"),
        (resident(alive=False), "person_dead"),
        (resident(born=date(2015, 1, 1)), "person_under_age"),
        (resident("850101300018"), "person_unknown"),  # the register answers about another
    ],
)
def test_who_the_register_does_not_vouch_for_is_rejected(
    house: House, person: object, reason: str
) -> None:
    house.population.people = {RESIDENT: person} if person is not None else {}  # type: ignore[dict-item]
    application = house.resolved()
    assert (application.state, application.reason) == (State.REJECTED, reason)


def test_a_non_resident_does_not_get_a_residents_certificate(house: House) -> None:
    from eds.enroll.people import Residency

    house.population.people[RESIDENT] = resident(residency=Residency.NON_RESIDENT)
    application = house.resolved()
    assert application.state is State.REJECTED
    assert application.reason == "residency_mismatch"


def test_a_register_that_does_not_answer_decides_nothing(house: House) -> None:
    application = house.submit(house.open())
    house.population.is_down = True
    with pytest.raises(ProviderUnavailable):
        remote.resolve(house.desk, application.application, at=house.at)
    house.population.is_down = False
    application = remote.resolve(house.desk, application.application, at=house.at)
    assert application.state is State.RESOLVED


def test_one_telephone_serves_two_people(house: House) -> None:
    numbers = ["850101300018", "850101300019", "850101300020"]
    for number in numbers:
        house.population.people[number] = resident(number)
        house.phones.numbers[number] = "+77010000009"
    applications = [house.resolved(number) for number in numbers]

    def send(number: int) -> object:
        return remote.send_code(house.desk, applications[number].application, house.envelope())

    send(0)
    send(1)
    assert codes(lambda: send(2)) == ("contact_shared",)


def test_three_codes_are_sent_and_three_are_tried(house: House) -> None:
    application = house.resolved()
    for _ in range(3):
        remote.send_code(house.desk, application.application, house.envelope())
    again = lambda: remote.send_code(house.desk, application.application, house.envelope())  # noqa: E731
    assert codes(again) == ("sends_spent",)
    wrong = f"{(int(house.code()) + 1) % 10**6:06d}"
    for _ in range(3):
        assert codes(
            lambda: remote.confirm_contact(
                house.desk, application.application, house.envelope(), code=wrong
            )
        ) == ("code_wrong",)
    assert house.load(application).state is State.LOCKED
    house.check_log()


def test_a_code_is_good_for_ten_minutes(house: House) -> None:
    application = house.resolved()
    remote.send_code(house.desk, application.application, house.envelope())
    house.tick(by=10 * MINUTE)
    assert codes(
        lambda: remote.confirm_contact(
            house.desk, application.application, house.envelope(), code=house.code()
        )
    ) == ("code_wrong",)


# --- evidence ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"holder": "1:another"}, "evidence_of_another"),
        ({"kind": EvidenceKind.PASSPORT_CHIP, "challenge": b"x" * 32}, "evidence_not_ours"),
        ({"kind": EvidenceKind.PASSPORT_CHIP, "challenge": None}, "evidence_not_ours"),
        ({"kind": EvidenceKind.FACE_MATCH}, "evidence_missing"),
        ({"document": ("KZ", "LOST")}, "document_not_current"),
        ({"document": ("KZ", "UNKNOWN")}, "document_status_unknown"),
    ],
)
def test_evidence_that_proves_nothing_here(
    house: House, change: dict[str, object], code: str
) -> None:
    house.documents.states = {
        ("KZ", "LOST"): DocumentState.LOST, ("KZ", "UNKNOWN"): DocumentState.UNKNOWN,
    }  # fmt: skip
    application = house.contact_confirmed()
    piece = house.photo(application, **change)
    assert codes(
        lambda: remote.offer_evidence(
            house.desk, application.application, pieces=(piece,), message="e", at=house.at
        )
    ) == (code,)
    assert house.load(application).state is State.CONTACT_CONFIRMED


def test_three_foreign_chips_lock_the_document(house: House) -> None:
    application = house.contact_confirmed()
    for number in range(3):
        application = house.load(application)
        piece = house.photo(application, holder="1:another", document=("KZ", "N1"))
        found = codes(
            partial(
                remote.offer_evidence,
                house.desk,
                application.application,
                pieces=(piece,),
                message=f"e{number}",
                at=house.at,
            )
        )
        assert found == ("evidence_of_another",)
    assert house.load(application).state is State.LOCKED
    application = house.contact_confirmed()
    piece = house.photo(application, document=("KZ", "N1"))
    assert codes(
        lambda: remote.offer_evidence(
            house.desk, application.application, pieces=(piece,), message="e", at=house.at
        )
    ) == ("document_locked",)
    name = house.pseudonyms.document("KZ", "N1")
    acts = [
        house.signed(who, "unlock_document", target=f"document/{name}", version=0, reason="lost")
        for who in OFFICERS
    ]
    again = replace(acts[0])
    assert "same_person" in codes(
        partial(offices.unlock_document, house.desk, name, acts[0], again, at=house.at)
    )
    offices.unlock_document(house.desk, name, *acts, at=house.at)
    remote.offer_evidence(
        house.desk, application.application, pieces=(piece,), message="e2", at=house.at
    )
    with pytest.raises(EvidenceUsed):
        offices.unlock_document(house.desk, name, *acts, at=house.at)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"application": "another"}, "assertion_foreign"),
        ({"challenge": b"x" * 32}, "assertion_foreign"),
        ({"reference": EvidenceKind.PASSPORT_CHIP}, "assertion_foreign"),
        ({"score": 0}, "face_differs"),
        ({"score": 899}, "face_differs"),
        ({"presentation": Detection.SUSPECT}, "not_alive"),
        ({"liveness": LivenessMethod.PASSIVE}, "not_alive"),
        ({"injection": Detection.NOT_CHECKED}, "not_alive"),
    ],
)
def test_a_provider_that_lies_clears_nobody(
    house: House, change: dict[str, object], code: str
) -> None:
    application = house.evidence_validated()
    assert codes(lambda: house.face_check(application, **change)) == (code,)
    assert house.load(application).face_checks == 1


def test_an_old_assertion_and_one_used_before(house: House) -> None:
    application = house.evidence_validated()
    old = {"at": house.at - 4 * MINUTE, "captured_at": house.at - 11 * MINUTE}
    assert codes(lambda: house.face_check(application, **old)) == ("assertion_stale",)
    application = house.load(application)
    assert codes(lambda: house.face_check(application, identifier="f-1", score=1)) == (
        "face_differs",
    )
    application = house.load(application)
    with pytest.raises(EvidenceUsed):
        house.face_check(application, identifier="f-1")


def test_an_assertion_that_nobody_signed_is_no_attempt(house: House) -> None:
    application = house.evidence_validated()
    token = house.face(application)
    with pytest.raises(MalformedAssertion):
        remote.face_check(
            house.desk, application.application, token=token[:-1] + b"?", message="x", at=house.at
        )
    assert house.load(application).face_checks == 0


# --- officials ----------------------------------------------------------------------------------


def test_the_operator_alone_approves_nothing(house: House) -> None:
    application = house.recorded()
    house.tick(by=2 * MINUTE)
    found = codes(lambda: house.decide("approve", application, OPERATOR))
    assert {"role_missing", "same_person"} <= set(found)
    # Nor after changing chairs.
    house.appoint(OPERATOR, Role.CHECKER)
    assert codes(lambda: house.decide("approve", application, OPERATOR)) == ("same_person",)
    refusals = [each for each in house.records() if each.act == "enroll.act.refused"]
    assert [each.details["refused"] for each in refusals][-1] == ("same_person",)


def test_nobody_decides_in_haste(house: House) -> None:
    application = house.recorded()
    assert codes(lambda: house.decide("approve", application, CHECKER)) == ("in_haste",)


def test_an_act_is_used_once_and_for_its_version(house: House) -> None:
    application = house.appointed()
    act = house.act(application, OPERATOR, "check_in")
    centre.check_in(house.desk, application.application, house.envelope(), act)
    with pytest.raises(EdsError):
        centre.check_in(house.desk, application.application, house.envelope(), act)


def test_who_leaves_takes_their_pending_decisions_along(house: House) -> None:
    application = house.approved()
    house.remove(CHECKER)
    assert (
        codes(lambda: centre.clear(house.desk, application.application, at=house.at))[0]
        == "out_of_office"
    )
    assert house.load(application).state is State.CHECKER_APPROVED


def test_an_official_whose_certificate_was_revoked_decided_nothing(house: House) -> None:
    application, secret = house.cleared_in_person()
    application = house.confirmed(application, Holder(), secret=secret)
    house.checker.revoked.add(OPERATOR)
    assert codes(lambda: house.issue(application)) == ("out_of_office",)
    assert house.register.find_by(limit=10) == ()


def test_an_official_is_appointed_by_two_and_founded_once(house: House) -> None:
    from eds.enroll.officials import Official

    official = Official(person=house.person("new"), roles=frozenset({Role.CHECKER}))
    act = house.office_act("officer-1", "appoint_official", official)
    again = house.office_act("officer-1", "appoint_official", official)
    assert "same_person" in codes(
        lambda: offices.appoint_official(house.desk, official, act, again, at=house.at)
    )
    both = replace(official, roles=frozenset({Role.CHECKER, Role.OPERATOR}))
    acts = [house.office_act(each, "appoint_official", both) for each in ("officer-1", "officer-2")]
    assert codes(lambda: offices.appoint_official(house.desk, both, *acts, at=house.at)) == (
        "roles_exclusive",
    )
    operators = [house.office_act(OPERATOR, "appoint_official", official), act]
    assert "role_missing" in codes(
        lambda: offices.appoint_official(house.desk, official, *operators, at=house.at)
    )
    officers = [
        Official(person=house.person(who), roles=frozenset({Role.SECURITY_OFFICER}))
        for who in ("officer-8", "officer-9")
    ]
    with pytest.raises(InvalidArgument):
        offices.found_desk(house.desk, officers, ceremony=b"c" * 32, at=house.at)


def test_what_is_missing_at_the_counter_is_named(house: House) -> None:
    application = house.present()
    kinds = EvidenceKind
    for without, code in (
        (kinds.DOCUMENT_SEEN, "original_not_seen"), (kinds.DOCUMENT_CHIP, "chip_not_read"),
        (kinds.LIVE_CAPTURE, "capture_missing"), (kinds.TRANSLATION, "papers_missing"),
    ):  # fmt: skip
        pieces = tuple(each for each in house.seen(application) if each.kind is not without)
        assert codes(partial(house.examine, application, pieces=pieces)) == (code,)
    gone = identity(permission_until=house.at)
    assert codes(lambda: house.examine(application, identity=gone)) == ("no_permission_to_stay",)
    other = identity(number="ZZ")
    assert set(codes(lambda: house.examine(application, identity=other))) == {"evidence_of_another"}


def test_what_was_returned_twice_is_decided(house: House) -> None:
    application = house.recorded()
    for _ in range(2):
        application = house.decide("return", application, CHECKER)
        house.tick()
        application = house.decide("record", house.examine(house.check_in(application)), OPERATOR)
    assert codes(lambda: house.decide("return", application, CHECKER)) == ("returns_spent",)
    declined = house.decide("decline", application, CHECKER)
    assert (declined.state, declined.reason) == (State.REJECTED, "papers")
    house.check_log()


# --- the key and the certificate ----------------------------------------------------------------


def test_a_key_is_bound_to_its_application_alone(house: House) -> None:
    application = house.cleared()
    key = Holder()
    assert codes(lambda: house.bind(application, key, of="another")) == ("possession_foreign",)
    assert codes(lambda: house.bind(application, key, nonce=b"x" * 32)) == ("possession_foreign",)
    other = CertificationRequest.build(Name.build([]), Holder().signer).encoded
    assert "possession_foreign" in codes(lambda: house.bind(application, key, request=other))
    request = CertificationRequest.build(Name.build([]), key.signer).encoded
    broken = request[:-1] + bytes((request[-1] ^ 1,))
    assert "possession_not_proved" in codes(lambda: house.bind(application, key, request=broken))


def test_names_in_a_request_are_the_registers_or_none(house: House) -> None:
    application = house.cleared()
    key = Holder()
    invented = Name.build([(COUNTRY, "KZ"), (COMMON_NAME, "SOMEBODY ELSE")])
    request = CertificationRequest.build(invented, key.signer).encoded
    assert "names_invented" in codes(lambda: house.bind(application, key, request=request))


def test_a_key_is_certified_once_in_its_life(house: House) -> None:
    key = Holder()
    house.active(house.cleared(), key)
    house.tick(by=DAY)
    application = house.cleared()
    assert codes(lambda: house.bind(application, key)) == ("key_certified_before",)


def test_two_living_certificates_of_a_kind_are_the_most(house: House) -> None:
    for _ in range(2):
        house.active(house.cleared(), Holder())
        house.tick(by=DAY)
    application = house.confirmed(house.cleared(), Holder())
    assert codes(lambda: house.issue(application)) == ("too_many_certificates",)


def test_the_activation_secret_has_five_tries_and_two_halves(house: House) -> None:
    application, secret = house.cleared_in_person()
    for guess in ("", secret[:8], secret[8:], secret[::-1], "A" * 16):
        found = codes(partial(house.bind, application, Holder(), secret=guess))
        assert found == ("secret_wrong",)
    assert house.load(application).state is State.LOCKED


def test_one_octet_of_evidence_changed_after_the_decision_stops_the_issue(house: House) -> None:
    application, secret = house.cleared_in_person()
    application = house.confirmed(application, Holder(), secret=secret)
    item = application.evidence[0]
    name = evidence_file(item.kind, item.digest)
    # By somebody with the master key in hand, so that it opens well.
    with writing(house.engine) as connection:
        sealedfiles.keep(
            Pen.of(connection), application.application, {name: b"another document"}, master=MASTER,
            is_new=False, at=house.at,
        )  # fmt: skip
    assert house.store.file(application.application, name) == b"another document"
    assert "evidence_changed" in codes(lambda: house.issue(application))
    assert house.register.find_by(limit=10) == ()


def test_the_authority_signs_only_what_the_desk_decided(house: House) -> None:
    """An operator with the authority in hand, but without a decision, gets nothing signed."""
    application = house.confirmed(house.cleared(), Holder())
    profile = PROFILES["natural-person-signature"]
    key = Holder().signer.public_key
    for name in (request_name(application.application), request_name("no such"), "by hand"):
        request = IssueRequest(
            request=name, profile=profile, public_key=key, person=application.subject,
            subject=build_subject(profile, resident().subject), authority="remote",
            operator="system", evidence=hashlib.sha256(b"").digest(),
        )  # fmt: skip
        assert codes(partial(house.authority.prepare, request, at=house.at)) == (
            "certificate_differs",
        )


def test_a_person_who_died_meanwhile_gets_no_certificate(house: House) -> None:
    application = house.confirmed(house.cleared(), Holder())
    house.population.people[RESIDENT] = resident(alive=False)
    assert codes(lambda: house.issue(application)) == ("person_dead",)


def test_without_a_notice_nothing_is_activated(house: House) -> None:
    key = Holder()
    application = house.confirmed(house.cleared(), key)
    certificate = house.issue(application)
    house.notifier.is_down = True
    with pytest.raises(ProviderUnavailable):
        house.activate(application, key)
    issued = house.register.find_by(fingerprint=certificate.fingerprint)[0]
    assert issued.status.state.value == "on_hold"
    house.notifier.is_down = False
    assert codes(lambda: house.activate(application, Holder()))[0] == "not_signed_with_key"
    assert house.activate(application, key).state is State.ACTIVE


def test_what_is_confirmed_is_what_is_issued(house: House) -> None:
    key = Holder()
    application = house.bind(house.cleared(), key)
    shown = issuing.fields_to_confirm(house.desk, house.issuing, application.application)
    assert not any(text in repr(shown) for text in shown.subject.values())
    certificate = house.issue(house.confirm(application, key))
    profile = PROFILES["natural-person-signature"]
    assert certificate.subject == build_subject(profile, shown.subject)
    assert certificate.not_after == shown.not_after
    assert certificate.public_key.fingerprint == shown.key


# --- values -------------------------------------------------------------------------------------


def test_simulators_say_so_and_are_refused_in_production(house: House) -> None:
    for provider in house.desk.providers:
        with pytest.raises(SimulatorRefused):
            require_real([provider])
    require_real([object()])


def test_a_policy_in_which_one_decides_alone_cannot_be(house: House) -> None:
    with pytest.raises(InvalidArgument):
        replace(house.policy, deciding_people=1)


def test_a_token_that_can_be_guessed_opens_nothing(house: House) -> None:
    from eds.enroll.states import Flow

    with pytest.raises(InvalidArgument):
        remote.open_application(
            house.desk, house.envelope(token=TOKEN[:8]), flow=Flow.REMOTE,
            profile="natural-person-signature", personal_number=RESIDENT,
        )  # fmt: skip


def test_a_secret_that_was_lost_is_made_anew_at_the_counter(house: House) -> None:
    application, old = house.cleared_in_person()
    act = house.act(application, OPERATOR, "new_secret")
    found = centre.new_secret(house.desk, application.application, house.envelope(), act)
    half = house.notifier.sent[-1][2]["half"]
    assert codes(lambda: house.bind(application, Holder(), secret=old)) == ("secret_wrong",)
    bound = house.bind(house.load(application), Holder(), secret=found.printed_half + half)
    assert bound.state is State.KEY_BOUND
    house.check_log()


def test_a_case_whose_official_left_is_returned_and_decided_anew(house: House) -> None:
    application = house.approved()
    house.remove(OPERATOR)
    house.appoint("operator-2", Role.OPERATOR)
    application = house.decide("return", application, CHECKER)
    application = house.check_in(application, by="operator-2")
    application = house.examine(application, by="operator-2")
    application = house.decide("record", application, "operator-2")
    house.tick(by=2 * MINUTE)
    application = house.decide("approve", application, CHECKER)
    assert centre.clear(house.desk, application.application, at=house.at).application.state is (
        State.CLEARED
    )
    house.check_log()


def test_of_two_checkers_at_once_one_decides(both: House) -> None:
    both.appoint("checker-2", Role.CHECKER)
    application = both.recorded()
    both.tick(by=2 * MINUTE)
    barrier = Barrier(2)

    def vote(who: str) -> str:
        act = both.act(application, who, "approve" if who == CHECKER else "decline")
        envelope = both.envelope()
        barrier.wait()
        function = centre.approve if who == CHECKER else centre.decline
        try:
            return function(both.desk, application.application, envelope, act).state.value
        except EdsError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(vote, (CHECKER, "checker-2")))
    assert len({"checker_approved", "rejected"} & set(answers)) == 1
    both.check_log()


@pytest.mark.parametrize("algorithm", ["ecdsa-p256-sha1", "rsa-pkcs1-sha256", "no such"])
def test_a_statement_by_another_or_an_outdated_algorithm_proves_nothing(
    house: House, algorithm: str
) -> None:
    application = house.cleared()
    key = Holder()
    request = CertificationRequest.build(Name.build([]), key.signer)
    statement = PossessionStatement(
        application=application.application, nonce=application.nonce,
        key=request.public_key.fingerprint, request=request.fingerprint,
        profile=application.profile,
    )  # fmt: skip
    outdated = key.key.sign(statement.encoded, ec.ECDSA(hashes.SHA1()))
    assert codes(
        lambda: house.bind(
            application, key, request=request.encoded, possession=outdated, algorithm=algorithm
        )
    ) == ("possession_foreign",)
