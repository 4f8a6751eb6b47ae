"""A desk at an address, as its officials work at it: `Counter` over the JSON API.

Each act is signed here, with the official's own EDS, over what the desk has just shown; there is
no session. Looking is signed for too, once in a few minutes.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from ..enroll import reading
from ..enroll.casework import (
    CHANGES,
    By,
    Proposal,
    agree,
    propose_official,
    proposed_official,
    removal,
)
from ..enroll.certified import CertificateStatus
from ..enroll.evidence.assurance import Level
from ..enroll.kinds import EvidenceKind
from ..enroll.officials import Official
from ..enroll.people import DocumentIdentity
from ..enroll.statements import SignedAct
from ..enroll.states import Flow, State
from ..enroll.visits import Visit
from ..errors import ApplicationNotFound, MalformedStatement
from .deskclient import status_of
from .deskconnection import SECONDS, DeskConnection, base64_of, instant, octets_of

_OFFICE: Final = "/office"
_NAME: Final = re.compile("[0-9a-f]{32}")
_LOOKS_LAST: Final = timedelta(minutes=5)  # less than a desk lets a statement be on its way
_PAGES: Final = 2000  # of fifty cases
_PAPERS_LIMIT: Final = 16 << 20
_ENDS: Final = {"return": "return", "decline": "reject", "turn_away": "turn-away"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCase:
    """An application as a desk at an address shows it to its officials, without its person."""

    application: str
    flow: Flow
    profile: str
    state: State
    version: int
    station: str
    deadline: datetime | None
    level: Level
    risk: int
    kinds: frozenset[EvidenceKind]
    face_checks: int
    returns: int
    reason_without_chip: str
    reason: str
    operator: str
    checker: str
    record: bytes
    certificate: bytes
    in_person: bool
    status: CertificateStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCleared:
    """A cleared application, and the half of its activation secret that is printed here."""

    application: ShownCase
    printed_half: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A case with its person, the record to be signed, and what a chip is to answer.

    `person` are the subject's attributes as the register has them, with `born` and `residency`;
    None where only `identity` is known, what the operator read in the document.
    """

    case: ShownCase
    person: Mapping[str, Any] | None = field(repr=False)
    identity: DocumentIdentity | None = field(repr=False)
    record: bytes = field(repr=False)
    chip_challenge: bytes


class HttpCounter:
    """The desk at `https://HOST[:PORT][/PATH]`. `now` is asked once for each act.

    Each call raises ProviderUnavailable where the desk does not answer, TransitionRefused (with
    all its reasons) and DeskRefused where it does not do what was asked, ApplicationNotFound for
    what is no name of an application. Raises InvalidArgument for another address.
    """

    def __init__(
        self,
        address: str,
        *,
        now: Callable[[], datetime],
        context: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._desk = DeskConnection(address, context=context, seconds=seconds)
        self._now = now
        self._looks: dict[bytes, tuple[datetime, SignedAct]] = {}

    def __repr__(self) -> str:
        return f"<HttpCounter {self._desk.host}>"

    # -- looking

    def waiting(self, by: By) -> tuple[ShownCase, ...]:
        """What waits for people at the official's stations, the most urgent first."""
        found: list[ShownCase] = []
        after: Any = None
        place = ("", "")
        for _ in range(_PAGES):
            body = {"act": self._look(by)} | ({} if after is None else {"after": after})
            told = self._desk.post(f"{_OFFICE}/queue", body)
            try:
                found += map(self._case, told["applications"])
                after, before = told["after"], place
                if after is None:
                    return tuple(found)
                place = (after["deadline"], after["application"])
                if not before < place:
                    raise ValueError
            except (KeyError, TypeError, ValueError):
                raise self._desk.strange() from None
        raise self._desk.strange()  # this desk never comes to an end

    def see(self, application: str, by: By) -> Seen:
        """One case and its person. The desk's log says who looked."""
        told = self._desk.post(_of(application, "view"), {"act": self._look(by)})
        try:
            seen = Seen(
                case=self._case(told["case"]),
                person=_person(told["person"]),
                identity=_identity(told["identity"]),
                record=octets_of(told["record"]),
                chip_challenge=bytes.fromhex(told["chip_challenge"]),
            )
            said = json.loads(seen.record)
            # What is signed is read first: a record of another application is none.
            ours = (said["record"], said["application"]) == ("eds.enroll.record", application)
            if not ours or seen.case.application != application:
                raise ValueError
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise self._desk.strange() from None
        return seen

    def case(self, application: str, by: By) -> ShownCase:
        """Where it stands."""
        return self.see(application, by).case

    def person(self, application: str, by: By) -> Mapping[str, Any] | DocumentIdentity | None:
        """Who applies: as the register says, else as the operator read it in the document."""
        seen = self.see(application, by)
        return seen.identity if seen.person is None else seen.person

    def evidence(self, application: str, by: By) -> Mapping[str, bytes]:
        """What was seen and taken, to be looked at before a decision: kind → octets."""
        told = self._desk.post(
            _of(application, "papers"), {"act": self._look(by)}, limit=_PAPERS_LIMIT
        )
        try:
            return {
                EvidenceKind(kind).value: octets_of(text) for kind, text in told["papers"].items()
            }
        except (KeyError, AttributeError, ValueError):
            raise self._desk.strange() from None

    # -- a case

    def check_in(self, application: str, by: By, *, station: str = "") -> ShownCase:
        """The applicant is here. `station` is where; that of the appointment, if not said."""
        return self._decide("check-in", "check_in", application, by, station=station)

    def record(self, application: str, by: By, visit: Visit | None = None) -> ShownCase:
        """Write down a visit and sign the record; without one, sign what is known already."""
        seen = self.see(application, by)
        if visit is not None and seen.case.state is not State.EVIDENCE_VALIDATED_IN_PERSON:
            said = {"act": self._act("examine", seen.case, by), "visit": _visit(visit)}
            self._desk.post(_of(application, "examination"), said)
            seen = self.see(application, by)
        return self._decide("record", "record", application, by, seen=seen, signs=seen.record)

    def approve(self, application: str, by: By) -> ShownCleared:
        """The second official's yes, and its use. Where a register failed, the same goes on."""
        seen = self.see(application, by)
        case = seen.case
        if case.state is not State.CHECKER_APPROVED:
            case = self._decide("approve", "approve", application, by, seen=seen, signs=seen.record)
        act = self._act(reading.USE, case, by)
        return self._cleared(_of(application, "clearance"), {"act": act})

    def end(self, application: str, by: By, *, act: str, reason: str) -> ShownCase:
        """`return` for more, `decline` (the second official), or `turn_away` at the counter."""
        return self._decide(_ENDS[act], act, application, by, reason=reason)

    def new_secret(self, application: str, by: By) -> ShownCleared:
        """Another activation secret."""
        act = self._act("new_secret", self.case(application, by), by)
        return self._cleared(_of(application, "secret"), {"act": act})

    # -- officials and certificates

    def pseudonym(self, personal_number: str, by: By) -> str:
        """How a person is called in acts; security officers alone are told."""
        said = {"act": self._look(by), "personal_number": personal_number}
        return self._text(self._desk.post(f"{_OFFICE}/pseudonyms", said), "pseudonym")

    def appoint(self, proposal: Proposal, by: By) -> Official:
        """The second security officer puts a person in office."""
        official = proposed_official(proposal)
        second = propose_official(official, by, at=self._now()).first
        said = {
            "official": {
                "person": official.person,
                "roles": sorted(role.value for role in official.roles),
                "stations": sorted(official.stations),
                "conflicts": sorted(official.conflicts),
            },
            "first": _signed(proposal.first),
            "second": _signed(second),
        }
        self._desk.post(f"{_OFFICE}/officials", said)
        return official

    def remove(self, person: str, by: By) -> None:
        """Out of office, from this instant."""
        said = {"person": person, "act": _signed(removal(person, by, at=self._now()))}
        self._desk.post(f"{_OFFICE}/officials/removal", said)

    def approve_change(self, proposal: Proposal, by: By) -> str:
        """The second official of a hold, a revocation or a release: the state after it."""
        if proposal.change not in CHANGES:  # it comes from a file, and becomes a part of a path
            raise MalformedStatement(reason="the proposal is about no certificate")
        second = agree(proposal, by, at=self._now())
        said = {"first": _signed(proposal.first), "second": _signed(second)}
        path = f"{_OFFICE}/certificates/{proposal.change}"
        return self._text(self._desk.post(path, said), "state")

    # -- inside

    def _look(self, by: By) -> dict[str, str]:
        at, name = self._now(), by.certificate.fingerprint
        signed_at, act = self._looks.get(name, (None, None))
        if signed_at is None or act is None or not at - _LOOKS_LAST < signed_at <= at:
            act = by.act(reading.READ, reading.TARGET, version=0, digest=bytes(32), at=at)
            self._looks[name] = (at, act)
        return _signed(act)

    def _act(
        self, name: str, case: ShownCase, by: By, *, digest: bytes = bytes(32), station: str = "",
        reason: str = "",
    ) -> dict[str, str]:  # fmt: skip
        return _signed(
            by.act(
                name,
                f"application/{case.application}",
                version=case.version,
                digest=digest,
                at=self._now(),
                station=station or case.station,
                reason=reason,
            )
        )

    def _decide(
        self, path: str, name: str, application: str, by: By, *, seen: Seen | None = None,
        signs: bytes | None = None, station: str = "", reason: str = "",
    ) -> ShownCase:  # fmt: skip
        case = self.case(application, by) if seen is None else seen.case
        digest = bytes(32) if signs is None else hashlib.sha256(signs).digest()
        act = self._act(name, case, by, digest=digest, station=station, reason=reason)
        return self._case(self._desk.post(_of(application, path), {"act": act}))

    def _cleared(self, path: str, body: Any) -> ShownCleared:
        told = self._desk.post(path, body)
        return ShownCleared(
            application=self._case(told.get("case")),
            printed_half=self._text(told, "printed_half"),
        )

    def _text(self, told: Any, name: str) -> str:
        found = told.get(name)
        if not isinstance(found, str):
            raise self._desk.strange()
        return found

    def _case(self, told: Any) -> ShownCase:
        try:
            shown = told["application"]
            deadline = shown["deadline"]
            if not _NAME.fullmatch(shown["application"]):
                raise ValueError
            return ShownCase(
                application=shown["application"],
                flow=Flow(shown["flow"]),
                profile=str(shown["profile"]),
                state=State(shown["state"]),
                version=int(shown["version"]),
                station=str(shown["station"]),
                deadline=None if deadline is None else instant(deadline),
                level=Level[told["level"].upper()],
                risk=int(told["risk"]),
                kinds=frozenset(EvidenceKind(each["kind"]) for each in told["evidence"]),
                face_checks=int(told["face_checks"]),
                returns=int(told["returns"]),
                reason_without_chip=str(told["reason_without_chip"]),
                reason=str(told["reason"]),
                operator=str(told["operator"]),
                checker=str(told["checker"]),
                record=bytes.fromhex(told["record"]),
                certificate=bytes.fromhex(shown["certificate"]),
                in_person=shown["in_person"] is True,
                status=status_of(shown.get("certificate_status")),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._desk.strange() from None


def _of(application: str, act: str) -> str:
    if not _NAME.fullmatch(application):
        raise ApplicationNotFound(application=application)
    return f"{_OFFICE}/applications/{application}/{act}"


def _signed(act: SignedAct) -> dict[str, str]:
    return {"statement": base64_of(act.statement), "signature": base64_of(act.signature)}


def _person(told: Any) -> Mapping[str, Any] | None:
    if told is None:
        return None
    subject = {str(name): str(text) for name, text in told["subject"].items()}
    return {**subject, "born": str(told["born"]), "residency": str(told["residency"])}


def _identity(told: Any) -> DocumentIdentity | None:
    if told is None:
        return None
    until, given = told["permission_until"], told["given_name"]
    return DocumentIdentity(
        country=str(told["country"]),
        number=str(told["number"]),
        surname=str(told["surname"]),
        given_name=None if given is None else str(given),
        born=date.fromisoformat(told["born"]),
        nationality=str(told["nationality"]),
        expires=date.fromisoformat(told["expires"]),
        permission_until=None if until is None else instant(until),
    )


def _visit(visit: Visit) -> dict[str, Any]:
    """A visit as the API takes it: what is not there is left out."""
    said: dict[str, Any] = {
        "document": visit.document.value,
        "country": visit.country,
        "number": visit.number,
        "place": visit.place,
        "inspections": sorted(each.value for each in visit.inspections),
        "capture": base64_of(visit.capture),
    }
    texts = {
        "personal_number": visit.personal_number,
        "contact": visit.contact,
        "remark": visit.remark,
        "translation": base64_of(visit.translation),
        "power_of_attorney": base64_of(visit.power_of_attorney),
        "chip_absence": "" if visit.chip_absence is None else visit.chip_absence.value,
    }
    said |= {name: text for name, text in texts.items() if text}
    if visit.identity is not None:
        said["identity"] = _identity_said(visit.identity)
    if visit.chip is not None:
        groups = {str(number): base64_of(each) for number, each in visit.chip.data_groups.items()}
        said["chip"] = {
            "security_object": base64_of(visit.chip.security_object),
            "data_groups": groups,
        }
        if visit.chip.response is not None:
            said["chip"]["response"] = base64_of(visit.chip.response)
    return said


def _identity_said(identity: DocumentIdentity) -> dict[str, str]:
    until = identity.permission_until
    said = {
        "surname": identity.surname,
        "given_name": identity.given_name or "",
        "born": identity.born.isoformat(),
        "nationality": identity.nationality,
        "expires": identity.expires.isoformat(),
        "permission_until": ""
        if until is None
        else until.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    return {name: text for name, text in said.items() if text}
