"""A desk with its authority, its people and its officials; one call for each step of a flow."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine

from eds.algorithms import ECDSA_P256_SHA256
from eds.audit import LogVerifier, StoredRecord
from eds.audit.records import AuditRecord
from eds.audit.store import AuditLog, AuditWriter
from eds.ca.authority import Authority
from eds.ca.database import reading
from eds.ca.issuers import DESK_KINDS, IssuerRules
from eds.ca.keycheck import check_key
from eds.ca.profiles import CertificateProfile
from eds.ca.register import Register
from eds.certificates import Certificate
from eds.enroll import centre, issuing, offices, remote
from eds.enroll.application import Application, rebuild
from eds.enroll.desk import Desk, Envelope
from eds.enroll.encoding import digest
from eds.enroll.evidence.vault import AesMasterKey
from eds.enroll.guards import record_digest
from eds.enroll.issuing import DecidedOnly, Issuing
from eds.enroll.kinds import EvidenceKind
from eds.enroll.officials import Office, Official, Role
from eds.enroll.people import DocumentIdentity, Pseudonyms, Residency, Snapshot
from eds.enroll.policy import EnrolmentPolicy
from eds.enroll.providers import CheckedEvidence
from eds.enroll.simulators import (
    SimulatedDocuments,
    SimulatedFaces,
    SimulatedKey,
    SimulatedNotifier,
    SimulatedPhones,
    SimulatedPopulation,
    SimulatedState,
)
from eds.enroll.statements import (
    ActivationStatement,
    ActStatement,
    ConfirmationStatement,
    PossessionStatement,
    SignedAct,
)
from eds.enroll.states import Flow
from eds.enroll.store import ApplicationStore
from eds.errors import SignatureNotPassed
from eds.keys.contract import KeyRef
from eds.keys.signers import LocalSigner
from eds.names import COMMON_NAME, Name
from eds.requests import CertificationRequest
from tests.ca.hierarchy import PROFILES, authority, public
from tests.sign.house import party

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ISSUER = "1" * 64
TERMS = hashlib.sha256(b"terms of 2026").digest()
STATION = "astana-1"
TOKEN = b"what only the applicant holds"
ALGORITHM = ECDSA_P256_SHA256.name
PASSPHRASE = "correct horse battery"
OFFICERS = ("officer-1", "officer-2")
OPERATOR, CHECKER = "operator-1", "checker-1"
RESIDENT = "900101300017"
DOCUMENT = ("UZ", "AA1234567")
MASTER = AesMasterKey(b"m" * 32, key_id="2026")


def name_of(certificate: Certificate) -> str | None:
    """The person of a certificate made here: its common name up to the copy's mark."""
    return certificate.subject.values(COMMON_NAME)[0].partition("#")[0]


@dataclass
class MortalWriter:
    """An audit trail at which the process dies: `left` records from now, before it is written
    (the act is undone) or, by `after`, at the next use of the database."""

    inner: AuditWriter
    left: int | None = None
    death: type[BaseException] = KeyboardInterrupt

    def __call__(self, connection: Any, **record: Any) -> None:
        self.inner(connection, **record)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise self.death

    def append_all(self, connection: Any, entries: Any) -> object:
        made = self.inner.append_all(connection, entries)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise self.death
        return made


@dataclass
class QuickChecker:
    """Signatures of a test's own: an HMAC that names the signer; `revoked` no longer pass.

    What the validator does with real ones is tested in test_real_signatures.py.
    """

    revoked: set[str] = field(default_factory=set)

    def sign(self, who: str, statement: bytes) -> bytes:
        return who.encode() + b"\0" + hmac.digest(who.encode(), statement, "sha256")

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Certificate:
        del at
        who, _, tag = signature.partition(b"\0")
        good = hmac.compare_digest(tag, hmac.digest(who, statement, "sha256"))
        if not good or who.decode() in self.revoked:
            raise SignatureNotPassed(indication="TOTAL_FAILED", sub_indication=None)
        return party(name=who.decode()).certificate


def is_personal(text: str) -> bool:
    return len(text) == 12 and text.isdigit()


def resident(number: str = RESIDENT, **changes: Any) -> Snapshot:
    made: dict[str, Any] = {
        "personal_number": number,
        "subject": {
            "country": "KZ",
            "common_name": "АХМЕТОВ АСАН",
            "surname": "АХМЕТОВ",
            "given_name": "АСАН",
            "serial_number": f"PNOKZ-{number}",
        },
        "born": date(1990, 1, 1),
        "alive": True,
        "residency": Residency.RESIDENT,
        "taken_at": NOON,
        "has_photo": True,
    }
    return Snapshot(**(made | changes))


def identity(**changes: Any) -> DocumentIdentity:
    made: dict[str, Any] = {
        "country": "UZ",
        "number": "AA1234567",
        "surname": "KARIMOV",
        "given_name": "RUSTAM",
        "born": date(1985, 5, 5),
        "nationality": "UZ",
        "expires": date(2030, 1, 1),
        "permission_until": NOON + 200 * DAY,
    }
    return DocumentIdentity(**(made | changes))


@dataclass
class House:
    """All of it, on one database. `at` is the time; `tick` moves it."""

    engine: Engine
    policy: EnrolmentPolicy = field(
        default_factory=lambda: EnrolmentPolicy(
            name="test", version="1", terms=TERMS, stations=frozenset({STATION}),
            audience="desk.example.kz", passphrase_cost=2,
        )
    )  # fmt: skip
    at: datetime = NOON
    checker: Any = field(default_factory=QuickChecker)
    profiles: Mapping[str, CertificateProfile] = field(default_factory=lambda: PROFILES)
    issuer: Any = None  # facts, certificate and signer of another authority
    state: SimulatedState | None = None  # other providers

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        audit = MortalWriter(AuditWriter(writer="desk-1", is_personal=is_personal))
        self.mortal = audit
        self.store = ApplicationStore(self.engine, audit=audit, master=MASTER)
        self.pseudonyms = Pseudonyms(b"k" * 32)
        state = self.state or SimulatedState(
            people=(),
            population=SimulatedPopulation(
                people={RESIDENT: resident()},
                numbers=[f"8505053{n:05d}" for n in range(100, 200)],
            ),
            phones=SimulatedPhones(numbers={RESIDENT: "+77010000001"}),
            documents=SimulatedDocuments(),
            notifier=SimulatedNotifier(),
            faces=SimulatedFaces(SimulatedKey("faces"), audience=self.policy.audience),
        )
        self.population, self.phones, self.documents = (
            state.population, state.phones, state.documents,
        )  # fmt: skip
        self.notifier, self.faces = state.notifier, state.faces
        self.register = Register(self.engine, node=1, audit=audit)
        self.issuing = Issuing(register=self.register, profiles=self.profiles, check_key=check_key)
        self.desk = Desk(
            store=self.store,
            policy=self.policy,
            pseudonyms=self.pseudonyms,
            office=Office(
                checker=self.checker,
                personal_number=name_of,
                pseudonyms=self.pseudonyms,
                official=self.store.official,
            ),
            population=self.population,
            phones=self.phones,
            documents=self.documents,
            notifier=self.notifier,
            assertions=self.faces,
        )
        made: Any = self.issuer or authority("issuing-ca")
        if not self.register.issuers():
            self.register.add_issuer(
                ISSUER, label="Example", certificate=made.certificate, key_uri="file:ca",
                settings="{}", actor="ceremony", at=NOON - DAY,
            )  # fmt: skip
        self.made = made
        self.use(self.desk)

    def use(self, desk: Desk) -> None:
        """Go on with that desk, which its authority asks too."""
        made, self.desk = self.made, desk
        self.authority = Authority(
            issuer=ISSUER,
            facts=made.facts,
            signer=made.signer
            if self.issuer
            else LocalSigner(
                made.key,
                key=KeyRef(uri="file:ca", label="ca"),
                public_key=made.facts.public_key,
                algorithm=ECDSA_P256_SHA256,
            ),
            register=self.register,
            policy=DecidedOnly(
                desk=self.desk, issuing=self.issuing, inner=IssuerRules(kinds=DESK_KINDS)
            ),
            check_key=check_key,
        )

    def die_after(self, records: int | None, death: type[BaseException]) -> None:
        """Die in the transaction of that record from now: what was committed before stays."""
        self.mortal.left, self.mortal.death = records, death

    # -- officials

    def person(self, who: str) -> str:
        return self.pseudonyms.person(who.partition("#")[0])

    def found(self) -> House:
        """Two security officers, an operator and a checker of the station."""
        officers = [
            Official(person=self.person(who), roles=frozenset({Role.SECURITY_OFFICER}))
            for who in OFFICERS
        ]
        offices.found_desk(self.desk, officers, ceremony=b"c" * 32, at=self.at)
        self.appoint(OPERATOR, Role.OPERATOR)
        self.appoint(CHECKER, Role.CHECKER)
        return self

    def appoint(self, who: str, *roles: Role, conflicts: frozenset[str] = frozenset()) -> None:
        official = Official(
            person=self.person(who), roles=frozenset(roles), stations=frozenset({STATION}),
            conflicts=conflicts,
        )  # fmt: skip
        acts = [self.office_act(each, "appoint_official", official) for each in OFFICERS]
        offices.appoint_official(self.desk, official, *acts, at=self.at)

    def remove(self, who: str, by: str = OFFICERS[0]) -> None:
        gone = Official(person=self.person(who), roles=frozenset())
        act = self.office_act(by, "remove_official", gone)
        offices.remove_official(self.desk, gone.person, act, at=self.at)

    def office_act(self, by: str, act: str, official: Official) -> SignedAct:
        return self.signed(
            by, act, target=f"official/{official.person}", version=0, digest=digest(official)
        )

    def signed(
        self, by: str, act: str, *, target: str, version: int, digest: bytes = bytes(32),
        reason: str = "", at: datetime | None = None, station: str = STATION,
    ) -> SignedAct:  # fmt: skip
        statement = ActStatement(
            act=act, target=target, version=version, digest=digest, station=station,
            at=at or self.at, nonce=next(self.numbers).to_bytes(16, "big"), reason=reason,
        )  # fmt: skip
        return SignedAct(
            statement=statement.encoded, signature=self.checker.sign(by, statement.encoded)
        )

    def act(self, application: Application, by: str, act: str, **changes: Any) -> SignedAct:
        """What an official signs to act on this version."""
        if act in ("record", "approve") and "digest" not in changes:
            operator = application.operator or self.person(by)
            changes["digest"] = record_digest(application, operator)
        if act in ("return", "decline", "turn_away"):
            changes.setdefault("reason", "papers")
        changes.setdefault("version", application.version)
        return self.signed(by, act, target=f"application/{application.application}", **changes)

    # -- time and messages

    def tick(self, *, by: timedelta = MINUTE) -> None:
        self.at += by

    def envelope(self, message: str | None = None, token: bytes = TOKEN) -> Envelope:
        return Envelope(message=message or f"m{next(self.numbers)}", at=self.at, token=token)

    def load(self, application: Application) -> Application:
        return self.store.load(application.application)

    # -- from home

    def open(self, number: str = RESIDENT, **changes: Any) -> Application:
        made: dict[str, Any] = {
            "flow": Flow.REMOTE, "profile": "natural-person-signature", "personal_number": number,
        }  # fmt: skip
        return remote.open_application(self.desk, self.envelope(), **(made | changes))

    def submit(self, application: Application) -> Application:
        return remote.submit(
            self.desk, application.application, self.envelope(), consent=b"yes", terms=TERMS
        )

    def resolved(self, number: str = RESIDENT) -> Application:
        application = self.submit(self.open(number))
        return remote.resolve(self.desk, application.application, at=self.at)

    def code(self) -> str:
        """The newest code that was sent."""
        sent = (w["code"] for _, kind, w in reversed(self.notifier.sent) if kind == "contact-code")
        return next(sent, "none was sent")

    def contact_confirmed(self, number: str = RESIDENT) -> Application:
        application = self.resolved(number)
        remote.send_code(self.desk, application.application, self.envelope())
        return remote.confirm_contact(
            self.desk, application.application, self.envelope(), code=self.code()
        )

    def photo(self, application: Application, **changes: Any) -> CheckedEvidence:
        made: dict[str, Any] = {
            "kind": EvidenceKind.REGISTER_PHOTO,
            "octets": f"photo for {application.application} {next(self.numbers)}".encode(),
            "holder": application.subject,
        }
        return CheckedEvidence(**(made | changes))

    def evidence_validated(self, number: str = RESIDENT) -> Application:
        application = self.contact_confirmed(number)
        return remote.offer_evidence(
            self.desk, application.application, pieces=(self.photo(application),),
            message=f"m{next(self.numbers)}", at=self.at,
        )  # fmt: skip

    def face(self, application: Application, /, **changes: Any) -> bytes:
        made: dict[str, Any] = {
            "identifier": f"f{next(self.numbers)}", "application": application.application,
            "challenge": application.challenge, "at": self.at,
        }  # fmt: skip
        return self.faces.assertion(**(made | changes))

    def face_check(self, application: Application, /, **changes: Any) -> Application:
        return remote.face_check(
            self.desk, application.application, token=self.face(application, **changes),
            message=f"m{next(self.numbers)}", at=self.at,
        )  # fmt: skip

    def verified(self, number: str = RESIDENT) -> Application:
        return self.face_check(self.evidence_validated(number))

    def cleared(self, number: str = RESIDENT) -> Application:
        application = self.verified(number)
        return remote.assess(self.desk, application.application, risk=0, at=self.at)

    # -- at the centre

    def appointed(self, document: tuple[str, str] = DOCUMENT) -> Application:
        application = remote.open_application(
            self.desk, self.envelope(), flow=Flow.CENTRE, profile="non-resident-signature",
            document=document,
        )  # fmt: skip
        application = self.submit(application)
        return centre.appoint(self.desk, application.application, station=STATION, at=self.at)

    def check_in(self, application: Application, by: str = OPERATOR, **changes: Any) -> Application:
        act = self.act(application, by, "check_in", **changes)
        return centre.check_in(self.desk, application.application, self.envelope(), act)

    def seen(self, application: Application, *kinds: EvidenceKind) -> tuple[CheckedEvidence, ...]:
        kinds = kinds or (
            EvidenceKind.DOCUMENT_SEEN, EvidenceKind.DOCUMENT_CHIP, EvidenceKind.LIVE_CAPTURE,
            EvidenceKind.TRANSLATION,
        )  # fmt: skip
        return tuple(
            CheckedEvidence(
                kind=kind,
                octets=f"{kind.value} {application.application} {next(self.numbers)}".encode(),
                holder=application.applicant,
                document=DOCUMENT if kind is EvidenceKind.DOCUMENT_SEEN else (),
            )
            for kind in kinds
        )

    def examine(self, application: Application, by: str = OPERATOR, **changes: Any) -> Application:
        made: dict[str, Any] = {
            "pieces": self.seen(application),
            "contact": "guest@example.uz",
        }
        if application.flow is Flow.CENTRE:
            made["identity"] = identity()
        act = self.act(application, by, "examine")
        return centre.examine(
            self.desk, application.application, self.envelope(), act, **(made | changes)
        )

    def decide(self, name: str, application: Application, by: str, **changes: Any) -> Application:
        """`record`, `approve`, `return`, `decline` or `turn_away`."""
        function = {"return": centre.send_back}.get(name) or getattr(centre, name)
        act = self.act(application, by, name, **changes)
        done: Application = function(self.desk, application.application, self.envelope(), act)
        return done

    def present(self, application: Application | None = None) -> Application:
        return self.check_in(application or self.appointed())

    def recorded(self, application: Application | None = None) -> Application:
        return self.decide("record", self.examine(self.present(application)), OPERATOR)

    def approved(self, application: Application | None = None) -> Application:
        application = self.recorded(application)
        self.tick(by=2 * MINUTE)
        return self.decide("approve", application, CHECKER)

    def cleared_in_person(self, application: Application | None = None) -> tuple[Application, str]:
        """With the whole activation secret."""
        found = centre.clear(self.desk, self.approved(application).application, at=self.at)
        sent = next(
            words["half"] for _, kind, words in reversed(self.notifier.sent)
            if kind == "activation-half"
        )  # fmt: skip
        return found.application, found.printed_half + sent

    # -- the key

    def bind(
        self, application: Application, key: Holder, *, secret: str = "", **changes: Any
    ) -> Application:
        request = CertificationRequest.build(Name.build([]), key.signer)
        statement = PossessionStatement(
            application=changes.pop("of", application.application),
            nonce=changes.pop("nonce", application.nonce),
            key=request.public_key.fingerprint,
            request=request.fingerprint,
            profile=application.profile,
        )
        made: dict[str, Any] = {
            "request": request.encoded,
            "possession": key.signer.sign(statement.encoded),
            "algorithm": ALGORITHM,
            "secret": secret,
        }
        return issuing.bind_key(
            self.desk, self.issuing, application.application, self.envelope(), **(made | changes)
        )

    def confirm(self, application: Application, key: Holder) -> Application:
        shown = issuing.fields_to_confirm(self.desk, self.issuing, application.application)
        statement = ConfirmationStatement(
            application=application.application, nonce=application.nonce, fields=shown.digest
        )
        return issuing.confirm(
            self.desk, application.application, self.envelope(),
            confirmation=key.signer.sign(statement.encoded), algorithm=ALGORITHM,
        )  # fmt: skip

    def issue(self, application: Application) -> Certificate:
        return issuing.issue(
            self.desk, self.issuing, self.authority, application.application, at=self.at
        )

    def activate(self, application: Application, key: Holder) -> Application:
        application = self.load(application)
        statement = ActivationStatement(
            application=application.application,
            certificate=application.certificate,
            challenge=application.challenge,
        )
        return issuing.activate(
            self.desk, self.issuing, application.application, self.envelope(),
            acceptance=key.signer.sign(statement.encoded), algorithm=ALGORITHM,
            passphrase=PASSPHRASE,
        )  # fmt: skip

    def confirmed(self, application: Application, key: Holder, *, secret: str = "") -> Application:
        return self.confirm(self.bind(application, key, secret=secret), key)

    def active(
        self, application: Application, key: Holder, *, secret: str = ""
    ) -> tuple[Application, Certificate]:
        application = self.confirmed(application, key, secret=secret)
        certificate = self.issue(application)
        return self.activate(application, key), certificate

    # -- the log

    def records(self) -> list[AuditRecord]:
        with reading(self.engine, consistent=True) as connection:
            items = list(AuditLog(connection).items())
        assert list(LogVerifier(keys=[]).verify(items)) == []
        return [AuditRecord.decode(i.encoded) for i in items if isinstance(i, StoredRecord)]

    def check_log(self) -> None:
        """The state from the log alone is the state in the database, one record a version."""
        records = self.records()
        rebuilt = rebuild(records)
        stored = {each.application: each for each in self.store.everything()}
        assert rebuilt == stored
        moves = [each for each in records if each.act.startswith("enroll.application.")]
        assert len(moves) == sum(each.version for each in stored.values())


@cache
def holder(name: str) -> Holder:
    """The key of that name, made once."""
    return Holder(name)


class Holder:
    """A key of a citizen, on the citizen's side; of a `name`, always the same one."""

    def __init__(self, name: str = "") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        if name:
            number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
            self.key = ec.derive_private_key(number % 2**255 + 1, ec.SECP256R1())
        self.signer = LocalSigner(
            self.key,
            key=KeyRef(uri="file:mine", label="mine"),
            public_key=public(self.key),
            algorithm=ECDSA_P256_SHA256,
        )
