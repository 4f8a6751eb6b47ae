"""Random histories of a desk with its adversaries, and what must be true after each step.

One step is one act by somebody: an honest applicant or official, a replaying applicant, a hurried
operator, a colluding pair, a lying provider, a clock that jumps, a message that comes twice or
late, a process that dies between an effect and the word that it is done. `Machine` keeps a model
of its own: what the invariants of the 24 say is asked of the database, not of the guards.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event, text

from eds.ca.database import writing
from eds.ca.lifecycle import Act
from eds.ca.lifecycle import State as Standing
from eds.ca.register import Issued
from eds.certificates import Certificate
from eds.enroll import centre, issuing, remote, renewal, status
from eds.enroll.application import Application, rebuild
from eds.enroll.desk import Envelope, previous_application
from eds.enroll.evidence.assertions import Detection, LivenessMethod
from eds.enroll.failures import DISCREET
from eds.enroll.filing import evidence_file
from eds.enroll.kinds import EvidenceKind
from eds.enroll.officials import Role
from eds.enroll.people import Residency
from eds.enroll.providers import CheckedEvidence
from eds.enroll.statements import RenewalStatement, StatusStatement
from eds.enroll.states import TERMINAL, Flow, State
from eds.enroll.status import Wish
from eds.errors import EdsError, EvidenceDestroyed, TransitionRefused
from tests.enroll.dominators import DOMINATORS
from tests.enroll.house import (
    ALGORITHM,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    PASSPHRASE,
    STATION,
    TERMS,
    TOKEN,
    House,
    holder,
    identity,
    resident,
)

PEOPLE = tuple(f"9001013{n:05d}" for n in range(16))
DOCUMENTS = tuple(("UZ", f"AA{n:07d}") for n in range(10))
# The last of the operators and of the checkers are applicants too.
OPERATORS = ("operator-1", "operator-2", PEOPLE[0])
CHECKERS = ("checker-1", "checker-2", PEOPLE[1])
QUIET = frozenset(code.value for code in DISCREET)
COUNTERS = (
    "sends", "code_misses", "evidence_misses", "face_checks", "secret_misses", "returns",
)  # fmt: skip
NEAR_THE_END = (State.CLEARED, State.KEY_BOUND, State.CONFIRMED, State.ISSUING, State.ISSUED)


class Died(BaseException):
    """The process died here."""


@dataclass
class Replay:
    """An act that arrived once and may arrive again."""

    act: Callable[[], object]


@dataclass
class Machine:
    engine: Engine
    seed: int
    secrets: dict[str, str] = field(default_factory=dict)
    replays: list[Replay] = field(default_factory=list)
    ended: dict[str, Application] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    versions: dict[str, int] = field(default_factory=dict)
    founded: bool = False  # by an earlier process, on the same database
    passed: dict[str, set[State]] = field(default_factory=dict)  # the states of each, by the log
    counted: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.house = House(self.engine, at=NOON)
        house = self.house
        house.population.people = {number: resident(number) for number in PEOPLE}
        house.phones.numbers = {n: f"+7701{i:07d}" for i, n in enumerate(PEOPLE)}
        for country, number in DOCUMENTS:  # the state's register outlives a desk
            seen = identity(country=country, number=number)
            house.population.allot(seen, application="", at=NOON)
        house.numbers = itertools.count(1 + abs(self.seed) * 100_000)
        drawn = random.Random(f"desk {self.seed}")
        house.use(replace(house.desk, random=drawn.randbytes))
        if not self.founded:
            house.found()
            for who in OPERATORS:
                house.appoint(who, Role.OPERATOR)
            for who in CHECKERS:
                house.appoint(who, Role.CHECKER)
        self.keep(house.store.everything())

    # -- a step

    def step(self) -> None:
        kind, act = self.random.choice(self.acts())
        before = self.house.at
        shown: tuple[str, ...] = ()
        try:
            act()
            self.counts[kind] += 1
        except EdsError as error:
            self.counts[f"{kind}: {getattr(error, 'codes', (error.code,))[0]}"] += 1
            shown = getattr(error, "shown", ())
        except Died:
            self.counts[f"{kind}: died"] += 1
        assert not QUIET & set(shown)  # 19
        if self.house.at < before:  # the clock that went back is put right afterwards
            self.house.at = before

    def honest_step(self) -> None:
        """One act of somebody honest, or of the clock."""
        act = self.random.choice([self.forward] * 12 + [self.open, self.open, self.tick])
        try:
            act()
        except EdsError as error:
            self.counts[error.code] += 1
        except Died:
            self.counts["died"] += 1

    def acts(self) -> list[tuple[str, Callable[[], object]]]:
        honest = [("honest", self.forward)] * 24
        return [
            *honest,
            ("open", self.open),
            ("open", self.open),
            ("replay", self.replay),
            ("replay", self.replay),
            ("hurry", self.hurried_operator),
            ("collude", self.colluding_pair),
            ("lie", self.lying_provider),
            ("lie", self.lying_provider),
            ("steal", self.stranger),
            ("clock", self.jump),
            *[("tick", self.tick)] * 4,
            ("die", self.die),
            ("office", self.change_office),
            *[("tamper", self.tamper)] * 2,
            ("cancel", self.cancel),
            *[("retire", self.retire)] * 3,
        ]

    def some(self, *states: State) -> Application | None:
        found = [each for each in self.current.values() if each.state in states or not states]
        return self.random.choice(found) if found else None

    def keep(self, everything: tuple[Application, ...]) -> None:
        self.current = {each.application: each for each in everything if each.is_open}

    def sees(self, application: str) -> None:
        found = self.house.store.load(application)
        self.count(found)
        if found.is_open:
            self.current[application] = found
        else:
            self.current.pop(application, None)

    # -- honest people

    def open(self) -> None:
        house, r = self.house, self.random
        house.tick(by=timedelta(seconds=r.randrange(1, 300)))
        message = f"m{next(house.numbers)}"
        kind = r.randrange(6)
        if kind == 0 and (mine := self.holdings()):
            certificate = r.choice(mine)
            application = renewal.open_renewal(
                house.desk, house.issuing, house.envelope(message), certificate=certificate
            )
        elif kind < 4:
            application = remote.open_application(
                house.desk, house.envelope(message), flow=Flow.REMOTE,
                profile="natural-person-signature", personal_number=r.choice(PEOPLE),
                device=f"device-{r.randrange(6)}",
            )  # fmt: skip
        else:
            application = remote.open_application(
                house.desk, house.envelope(message), flow=Flow.CENTRE,
                profile="non-resident-signature", document=r.choice(DOCUMENTS),
            )  # fmt: skip
        self.sees(application.application)

    def holdings(self) -> list[Certificate]:
        """Certificates that somebody has, the newest."""
        return [each.certificate for each in self.house.register.find_by(limit=6)]

    def forward(self) -> None:
        application = self.some()
        if application is None:
            return self.open()
        if self.random.random() < 0.3:
            application = self.some(*NEAR_THE_END) or application
        self.house.tick(by=timedelta(seconds=self.random.randrange(0, 90)))
        name = application.application
        if self.random.random() < 0.08:
            # The process dies in this act, at one of its transactions.
            self.house.die_after(self.random.randrange(1, 6), Died)
        try:
            self.move(application)
        finally:
            self.house.die_after(None, Died)
            self.sees(name)

    def remember(self, act: Callable[[], object]) -> object:
        """Do it, and keep it for who replays."""
        self.replays.append(Replay(act))
        del self.replays[:-30]
        return act()

    def move(self, a: Application) -> None:
        house, desk, name, r = self.house, self.house.desk, a.application, self.random
        envelope = house.envelope()
        at, message = house.at, f"m{next(house.numbers)}"
        match a.state:
            case State.DRAFT:
                self.remember(
                    lambda: remote.submit(desk, name, envelope, consent=b"yes", terms=TERMS)
                )
            case State.SUBMITTED if a.flow is Flow.CENTRE:
                centre.appoint(desk, name, station=STATION, at=at)
            case State.SUBMITTED:
                remote.resolve(desk, name, at=at)
            case State.RESOLVED if a.flow is Flow.RENEWAL:
                if not a.contact:
                    renewal.send_factor(desk, name, envelope)
                    return
                self.remember(self.living(a, envelope, self.code(a)))
            case State.RESOLVED:
                if not a.contact or r.random() < 0.1:
                    remote.send_code(desk, name, envelope)
                    return
                code = self.code(a) if r.random() < 0.9 else "000000"
                self.remember(lambda: remote.confirm_contact(desk, name, envelope, code=code))
            case State.CONTACT_CONFIRMED:
                again = {} if r.random() < 0.7 else {"octets": f"photo {r.randrange(3)}".encode()}
                pieces = (house.photo(a, **again),)
                self.remember(
                    lambda: remote.offer_evidence(desk, name, pieces=pieces, message=message, at=at)
                )
            case State.EVIDENCE_VALIDATED:
                score = 950 if r.random() < 0.6 else 100
                token = house.face(a, score=score)
                self.remember(
                    lambda: remote.face_check(desk, name, token=token, message=message, at=at)
                )
            case State.VERIFIED:
                remote.assess(desk, name, risk=r.choice((0, 10, 60)), at=at)
            case State.APPOINTED | State.ROUTED_TO_CENTRE | State.RETURNED:
                act = house.act(a, r.choice(OPERATORS), "check_in")
                self.remember(lambda: centre.check_in(desk, name, envelope, act))
            case State.PRESENT:
                self.examine(a, envelope)
            case State.EVIDENCE_VALIDATED_IN_PERSON | State.MANUAL_REVIEW:
                act = house.act(a, self.maker(a), "record")
                self.remember(lambda: centre.record(desk, name, envelope, act))
            case State.MAKER_RECORDED:
                house.tick(by=2 * MINUTE)
                what = r.choice(("approve",) * 6 + ("return", "decline"))
                house.decide(what, a, r.choice(CHECKERS))
            case State.CHECKER_APPROVED:
                if r.random() < 0.2:  # one of the two leaves between decision and use
                    self.leave(a)
                try:
                    self.take(name, centre.clear(desk, name, at=at))
                    for person in (a.operator, a.checker):  # 21
                        assert house.store.official(person), "who left decided"
                except TransitionRefused:
                    house.decide("return", a, r.choice(CHECKERS))
            case State.LIVING_KEY_PROVED:
                renewal.clear_renewal(desk, name, at=at)
            case State.CLEARED if a.in_person and name not in self.secrets:
                act = house.act(a, r.choice(OPERATORS), "new_secret")
                self.take(name, centre.new_secret(desk, name, envelope, act))
            case State.CLEARED:
                house.bind(a, holder(name), secret=self.secrets.get(name, ""))
            case State.KEY_BOUND:
                house.confirm(a, holder(name))
            case State.CONFIRMED | State.ISSUING:
                try:
                    house.issue(a)
                    for person in {a.operator, a.checker} - {""}:  # 21
                        assert a.state is State.ISSUING or house.store.official(person)
                except TransitionRefused:
                    if a.state is State.CONFIRMED and r.random() < 0.4:
                        house.tick(by=16 * MINUTE)  # nobody waits for what does not come
                        self.tick()
                    raise
            case State.ISSUED:
                house.activate(a, holder(name))

    def leave(self, a: Application) -> None:
        """One who decided leaves office; sometimes they are there again, and it stands again."""
        who = self.random.choice((*OPERATORS[1:], *CHECKERS[1:]))
        if self.house.person(who) in (a.operator, a.checker):
            self.house.remove(who)

    def take(self, name: str, cleared: centre.Cleared) -> None:
        """Both halves: the printed one, and the one that was sent."""
        half = next(
            (w["half"] for _, k, w in reversed(self.house.notifier.sent)
             if k == "activation-half" and w["application"] == name), "",
        )  # fmt: skip
        self.secrets[name] = cleared.printed_half + half

    def code(self, a: Application) -> str:
        """The newest code that was sent to this applicant."""
        sent = (
            words["code"] for _, kind, words in reversed(self.house.notifier.sent)
            if kind == "contact-code" and words["application"] == a.application
        )  # fmt: skip
        return next(sent, "none was sent")

    def maker(self, a: Application) -> str:
        """Mostly the operator whose case it is."""
        mine = [who for who in OPERATORS if self.house.person(who) == a.operator]
        return self.random.choice(mine * 4 + list(OPERATORS))

    def examine(self, a: Application, envelope: Envelope) -> None:
        house = self.house
        act = house.act(a, self.maker(a), "examine")
        contact = f"{a.applicant[:9]}@example.uz"
        kwargs: dict[str, Any] = {"pieces": house.seen(a), "contact": contact}
        if a.flow is Flow.CENTRE:
            number = next(
                number for country, number in DOCUMENTS
                if house.pseudonyms.document(country, number) == a.applicant
            )  # fmt: skip
            kwargs["identity"] = identity(
                number=number, permission_until=house.at + self.random.randrange(2, 300) * DAY
            )
        self.remember(lambda: centre.examine(house.desk, a.application, envelope, act, **kwargs))

    def living(self, a: Application, envelope: Envelope, code: str) -> Callable[[], object]:
        house = self.house
        previous = previous_application(house.desk, a.renews)
        key = holder("" if previous is None else previous.application)
        statement = RenewalStatement(
            application=a.application, challenge=a.challenge, certificate=a.renews
        )
        signature = key.signer.sign(statement.encoded)
        return lambda: renewal.prove_living_key(
            house.desk, house.issuing, a.application, envelope, signature=signature,
            algorithm=ALGORITHM, code=code,
        )  # fmt: skip

    def cancel(self) -> None:
        application = self.some()
        if application is not None and self.random.random() < 0.3:
            remote.cancel(self.house.desk, application.application, self.house.envelope())
            self.sees(application.application)

    def retire(self) -> None:
        """A holder gives up, or holds, a certificate: by the key, or by the passphrase."""
        house, r = self.house, self.random
        mine = self.holdings()
        if not mine:
            return
        certificate = r.choice(mine)
        name = house.store.reference("certificate", certificate.fingerprint.hex())
        if name is None or house.store.load(name).state is not State.ACTIVE:
            return
        if r.random() < 0.5:
            wish = Wish(certificate=certificate.fingerprint, act=Act.REVOKE)
            words = PASSPHRASE if r.random() < 0.7 else "another, and a long one"
            status.by_passphrase(house.desk, house.issuing, wish, passphrase=words, at=house.at)
            return
        said = StatusStatement(
            certificate=certificate.fingerprint, act=r.choice(("revoke", "revoke", "hold")),
            at=house.at, nonce=next(house.numbers).to_bytes(16, "big"),
        ).encoded  # fmt: skip
        signature = holder(name).signer.sign(said)
        self.remember(
            lambda: status.by_key(
                house.desk, house.issuing, statement=said, signature=signature,
                algorithm=ALGORITHM, at=house.at,
            )
        )  # fmt: skip

    # -- adversaries

    def replay(self) -> None:
        """The same message again, late or out of order: whatever the answer, nothing is new."""
        if not self.replays:
            return
        try:
            self.random.choice(self.replays).act()
        finally:
            self.look()

    def stranger(self) -> None:
        """Who has the name of an application, and not its token."""
        application = self.some()
        if application is None:
            return
        forged = Envelope(message="stranger", at=self.house.at, token=TOKEN + b"!")
        version = application.version
        try:
            self.random.choice(
                (
                    lambda: remote.cancel(self.house.desk, application.application, forged),
                    lambda: remote.send_code(self.house.desk, application.application, forged),
                    lambda: issuing.repudiate(
                        self.house.desk, self.house.issuing, application.application, forged
                    ),
                )
            )()
        finally:
            assert self.house.load(application).version == version

    def hurried_operator(self) -> None:
        """Signs what was not seen, approves alone, uses an act for another case."""
        application = self.some(
            State.PRESENT, State.EVIDENCE_VALIDATED_IN_PERSON, State.MAKER_RECORDED, State.RETURNED
        )
        if application is None:
            return
        house = self.house
        who = self.random.choice(OPERATORS)
        what = self.random.choice(("record", "approve", "examine"))
        try:
            if what == "examine":
                pieces = house.seen(application, EvidenceKind.LIVE_CAPTURE)
                house.examine(application, by=who, pieces=pieces)
            else:
                house.decide(what, application, who)
                assert what != "approve", "an operator approved"
        finally:
            self.sees(application.application)

    def colluding_pair(self) -> None:
        """An operator who changes chairs, or who decides the case of the other, and their own."""
        application = self.some(State.MAKER_RECORDED, State.CHECKER_APPROVED)
        if application is None:
            return
        house, who = self.house, OPERATORS[0]
        house.appoint(who, Role.CHECKER)
        try:
            house.tick(by=2 * MINUTE)
            if application.state is State.MAKER_RECORDED:
                house.decide("approve", application, who)
                assert application.operator != house.person(who), "one person in both chairs"
            else:
                centre.clear(house.desk, application.application, at=house.at)
        finally:
            house.appoint(who, Role.OPERATOR)
            self.sees(application.application)

    def lying_provider(self) -> None:
        """Assertions and evidence for another case, of another person, without a score."""
        house, r = self.house, self.random
        application = self.some(State.EVIDENCE_VALIDATED, State.CONTACT_CONFIRMED)
        if application is None:
            return
        name, message = application.application, f"m{next(house.numbers)}"
        try:
            if application.state is State.EVIDENCE_VALIDATED:
                lie: dict[str, Any] = r.choice(
                    (
                        {"score": 0}, {"presentation": Detection.SUSPECT},
                        {"challenge": bytes(32)}, {"application": "another"},
                        {"at": house.at - HOUR}, {"liveness": LivenessMethod.PASSIVE},
                    )
                )  # fmt: skip
                token = house.face(application, **lie)
                remote.face_check(house.desk, name, token=token, message=message, at=house.at)
                raise AssertionError("an assertion that lies cleared somebody")
            piece: CheckedEvidence = house.photo(
                application,
                holder=r.choice((application.subject, house.person(r.choice(PEOPLE)))),
                octets=f"photo {r.randrange(3)}".encode(),
            )
            remote.offer_evidence(house.desk, name, pieces=(piece,), message=message, at=house.at)
            if piece.holder != application.subject:
                raise AssertionError("evidence of somebody else was accepted")
        finally:
            self.sees(name)

    def jump(self) -> None:
        """Forward by hours; or back, where nothing may come of it."""
        if self.random.random() < 0.5:
            self.house.tick(by=self.random.choice((HOUR, 5 * HOUR, DAY)) * self.random.random())
            return
        application = self.some()
        if application is None:
            return
        self.house.tick(by=-2 * DAY)
        version = application.version
        try:
            self.move(application)
        finally:
            after = self.house.load(application)
            assert after.version == version, "a clock that went back moved something"

    def tick(self) -> None:
        for each in issuing.tick(self.house.desk, self.house.issuing, at=self.house.at):
            self.sees(each.application)

    def die(self) -> None:
        """The process dies while it issues or activates: before or after any commit."""
        application = self.some(State.CONFIRMED, State.ISSUING, State.ISSUED)
        if application is None:
            return
        house = self.house
        left = self.random.randrange(1, 9)
        house.die_after(left, Died)
        try:
            self.move(application)
        finally:
            house.die_after(None, Died)
            self.sees(application.application)

    def tamper(self) -> None:
        """Somebody with the database changes one bit of what was decided upon; it is mended."""
        application = self.some(State.KEY_BOUND, State.CONFIRMED, State.ISSUING)
        if application is None:
            return
        if application.state is State.KEY_BOUND:
            application = self.house.confirm(application, holder(application.application))
        item = self.random.choice(application.evidence)
        place = {"a": application.application, "n": evidence_file(item.kind, item.digest)}
        with writing(self.engine) as connection:
            query = "SELECT sealed FROM enroll_files WHERE application = :a AND name = :n"
            sealed = bytes(connection.execute(text(query), place).scalar_one())
        bent = bytearray(sealed)
        bent[self.random.randrange(len(bent))] ^= 1 << self.random.randrange(8)
        issued = len(self.house.register.find_by())
        put = text("UPDATE enroll_files SET sealed = :s WHERE application = :a AND name = :n")
        with writing(self.engine) as connection:
            connection.execute(put, {**place, "s": bytes(bent)})
        try:
            self.house.issue(application)
            assert len(self.house.register.find_by()) == issued, "issued on bent evidence"  # 12
        finally:
            with writing(self.engine) as connection:
                connection.execute(put, {**place, "s": sealed})
            self.sees(application.application)

    def change_office(self) -> None:
        who = self.random.choice((*OPERATORS[1:], *CHECKERS[1:]))
        role = Role.OPERATOR if who in OPERATORS else Role.CHECKER
        if self.random.random() < 0.4:
            self.house.remove(who)
        else:
            self.house.appoint(who, role)

    def look(self) -> None:
        self.keep(self.house.store.everything())

    # -- what must be true

    def check(self) -> None:
        """The invariants, upon the database, the log and the register together."""
        house = self.house
        stored = {each.application: each for each in house.store.everything()}
        issued = {each.certificate.fingerprint: each for each in house.register.find_by()}
        self.check_log(stored)
        self.check_ended(stored)
        self.check_certificates(stored, issued)
        self.check_evidence(stored)
        self.check_people(stored)

    def check_log(self, stored: dict[str, Application]) -> None:
        records = self.house.records()
        assert rebuild(records) == stored  # 10, 11
        moves = [r for r in records if r.act.startswith("enroll.application.")]
        assert Counter(r.subject for r in moves) == Counter(
            {f"application/{n}": a.version for n, a in stored.items()}
        )
        self.passed = defaultdict(set)
        for each in moves:
            self.passed[each.subject.partition("/")[2]].add(State(each.details["to"]))

    def check_ended(self, stored: dict[str, Application]) -> None:
        for name, application in stored.items():
            assert application.version >= self.versions.get(name, 0)
            self.versions[name] = application.version
            if application.state in TERMINAL:  # 8, 9
                assert self.ended.setdefault(name, application) == application
            self.count(application)

    def count(self, application: Application) -> None:
        counted = tuple(getattr(application, each) for each in COUNTERS)
        before = self.counted.get(application.application, counted)
        assert all(a <= b for a, b in zip(before, counted, strict=True))  # 18
        self.counted[application.application] = counted

    def check_certificates(
        self, stored: dict[str, Application], issued: dict[bytes, Issued]
    ) -> None:
        by_key = {a.key: a for a in stored.values() if a.key and a.confirmation}
        keys: dict[bytes, str] = {}
        active: Counter[tuple[str, str]] = Counter()
        for fingerprint, one in issued.items():
            certificate = one.certificate
            key = certificate.public_key.fingerprint
            assert keys.setdefault(key, one.person) == one.person  # 15
            application = by_key[key]  # 1: with a possession proof, confirmed
            assert application.nonce
            assert self.passed[application.application] >= {State.CLEARED, State.ISSUING}
            way = DOMINATORS[application.flow] - {State.ISSUED}
            assert self.passed[application.application] >= way  # 2
            assert self.house.store.code(application.application, "activation") is None  # 6
            horizon = application.horizon
            assert horizon is None or certificate.not_after <= horizon  # 16
            assert application.subject == one.person
            kept = self.house.store.file(application.application, "possession")
            assert kept is not None
            assert application.nonce.hex().encode() in kept
            snapshot = next(
                each for each in self.house.population.people.values()
                if self.house.pseudonyms.person(each.personal_number) == one.person
            )  # fmt: skip
            assert snapshot.subject["serial_number"] in [
                each.text for each in certificate.subject.attributes
            ]  # 13
            rule = self.house.policy.profiles[application.profile]
            assert rule.residency is snapshot.residency  # 22
            assert one.profile.startswith(application.profile)
            assert application.level >= rule.minimum  # 14
            if snapshot.residency is Residency.NON_RESIDENT:
                assert application.permission_until is not None
                assert certificate.not_after <= application.permission_until  # 16
            if application.record:  # 3, 4
                assert application.operator
                assert application.checker
                people = {application.operator, application.checker}
                assert len(people) == 2
                assert not people & {application.applicant, application.subject}
            elif application.flow is Flow.REMOTE:
                assert EvidenceKind.FACE_MATCH in application.kinds  # 2
                assert application.face_checks < 5
            else:
                assert application.flow is Flow.RENEWAL
                assert application.renewals <= 2
            settled = not self.house.store.effects(application.application)
            if application.state is State.ISSUED or (application.state is State.ISSUING):
                assert one.status.state is not Standing.REVOKED
            if application.state is State.ISSUED:
                assert one.status.state is Standing.ON_HOLD
            if application.state is State.REVOKED_UNACCEPTED and settled:  # 17
                assert one.status.state is Standing.REVOKED
            if application.state is State.ACTIVE:
                assert fingerprint == application.certificate
                if certificate.not_after > self.house.at and one.status.state is Standing.VALID:
                    replaced = any(
                        a.renews == fingerprint for a in stored.values() if a.certificate
                    )
                    active[one.person, application.profile] += not replaced
        assert all(count <= 2 for count in active.values()), active  # 7
        for application in stored.values():
            if application.state in (State.ISSUED, State.ACTIVE):
                assert application.certificate in issued

    def check_evidence(self, stored: dict[str, Application]) -> None:
        used: Counter[bytes] = Counter()
        for application in stored.values():
            for item in application.evidence:
                if item.kind is not EvidenceKind.REGISTER:
                    used[item.digest] += 1
        assert all(count == 1 for count in used.values())  # 5, 6
        nonces = Counter(a.nonce for a in stored.values() if a.nonce)
        assert all(count == 1 for count in nonces.values())  # 6

    def check_people(self, stored: dict[str, Application]) -> None:
        for application in stored.values():  # 3, 4
            if application.operator and application.checker:
                assert application.operator != application.checker
            for person in {application.operator, application.checker} - {""}:
                assert person not in (application.applicant, application.subject)
        open_: Counter[str] = Counter()
        for application in stored.values():
            if application.is_open:
                open_.update({application.applicant, application.subject} - {""})
        assert all(count == 1 for count in open_.values())

    def check_forgotten(self) -> None:
        """Captures and assertions of what ended long ago open to nobody; the log still tells."""
        store = self.house.store
        for application in store.everything():
            for item in application.evidence:
                if item.kind in (EvidenceKind.FACE_MATCH, EvidenceKind.LIVE_CAPTURE):
                    name = evidence_file(item.kind, item.digest)
                    try:
                        store.file(application.application, name)
                    except EvidenceDestroyed:
                        continue
                    raise AssertionError("a capture outlived its time")  # 23


def run(engine: Engine, *, seed: int, steps: int, every: int) -> Counter[str]:
    """So many steps, checked after each `every` of them and at the end.

    Nothing is asked of the disk: what a killed process leaves is the business of `crash`.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
    machine = Machine(engine, seed)
    for number in range(steps):
        machine.step()
        if number % every == every - 1:
            machine.check()
    machine.house.tick(by=90 * DAY)
    machine.tick()
    machine.house.tick(by=40 * DAY)
    machine.tick()
    machine.check()
    machine.check_forgotten()
    assert all(not each.is_open for each in machine.house.store.everything())
    return machine.counts
