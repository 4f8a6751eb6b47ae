"""An official's work at a desk: each act signed with their own EDS, and what follows from it.

`By` is the official at this counter: whom their certificate names, and what signs for them. Where
two people are wanted for one thing, the first writes a `Proposal` and the second signs it too.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ..certificates import Certificate
from ..errors import InvalidArgument, MalformedStatement, TransitionRefused
from . import centre, offices, reading, status
from .application import Application
from .centre import Cleared
from .desk import Desk, Envelope
from .encoding import decode, digest, encode, from_data, to_data
from .evidence.cscas import CscaStore
from .failures import Code, Failure
from .guards import record_digest
from .issuing import Issuing
from .officials import Official, Role
from .people import DocumentIdentity, Snapshot
from .statements import ActStatement, SignedAct
from .states import State
from .visits import Visit, pieces_of

_PROPOSAL_LIMIT: Final = 256 * 1024
CHANGES: Final = ("hold", "revocation", "release")
_ENDS: Final[Mapping[str, Callable[..., Application]]] = {
    "return": centre.send_back,
    "decline": centre.decline,
    "turn_away": centre.turn_away,
}
FOUND: Final = "found_desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """An official: the certificate, the pseudonym of its person, what signs statements (CMS).

    A desk at an address keeps its pseudonyms to itself: `person` is empty there.
    """

    certificate: Certificate
    person: str = ""
    sign: Callable[[bytes], bytes] = field(repr=False)

    def act(
        self, act: str, target: str, *, version: int, digest: bytes, at: datetime,
        station: str = "", reason: str = "",
    ) -> SignedAct:  # fmt: skip
        """A signed statement, used once."""
        said = ActStatement(
            act=act, target=target, version=version, digest=digest, station=station, at=at,
            nonce=secrets.token_bytes(16), reason=reason,
        )  # fmt: skip
        return SignedAct(statement=said.encoded, signature=self.sign(said.encoded))


@dataclass(frozen=True, slots=True, kw_only=True)
class Casework:
    """The acts of officials on applications. `now` is asked once for each act."""

    desk: Desk
    now: Callable[[], datetime]
    cscas: CscaStore = field(default_factory=lambda: CscaStore(()))

    def case(self, application: str, by: By) -> Application:
        """Where it stands, without its person. Raises ApplicationNotFound."""
        del by
        return self.desk.store.load(application)

    def check_in(self, application: str, by: By, *, station: str = "") -> Application:
        """The applicant is here. `station` is where; the official's own, if not said.

        Raises TransitionRefused, SignatureNotPassed.
        """
        here = station or self._station(by)
        return self._act("check_in", application, by, centre.check_in, station=here)

    def record(self, application: str, by: By, visit: Visit | None = None) -> Application:
        """Write down a visit and sign the record; without one, sign what is known already.

        Raises TransitionRefused, SignatureNotPassed, EvidenceUsed, EvidenceUnverified.
        """
        before = self.desk.store.load(application)
        if visit is not None and before.state is not State.EVIDENCE_VALIDATED_IN_PERSON:
            at = self.now()
            pieces = pieces_of(
                visit,
                before,
                operator=by.certificate.fingerprint,
                station=before.station,
                pseudonyms=self.desk.pseudonyms,
                cscas=self.cscas,
                at=at,
            )
            act = self._signed("examine", before, by, at=at)
            before = centre.examine(
                self.desk, application, _envelope(at), act,
                pieces=pieces,
                reason_without_chip=visit.chip_absence.value if visit.chip_absence else "",
                identity=visit.identity,
                contact=visit.contact,
            )  # fmt: skip
        return self._act(
            "record", application, by, centre.record, digest=record_digest(before, by.person)
        )

    def approve(self, application: str, by: By) -> Cleared:
        """The second official's yes, and its use: the number allotted, the secret made.

        Raises TransitionRefused, SignatureNotPassed, ProviderUnavailable; after the last, the same
        again goes on.
        """
        before = self.desk.store.load(application)
        if before.state is not State.CHECKER_APPROVED:
            self._act(
                "approve", application, by, centre.approve,
                digest=record_digest(before, before.operator),
            )  # fmt: skip
        return self.clear(application)

    def clear(self, application: str) -> Cleared:
        """Use an approval. Raises TransitionRefused, WrongState, ProviderUnavailable."""
        return centre.clear(self.desk, application, at=self.now())

    def end(self, application: str, by: By, *, act: str, reason: str) -> Application:
        """`return` for more, `decline` (the second official), or `turn_away` at the counter.

        Raises TransitionRefused, SignatureNotPassed.
        """
        return self._act(act, application, by, _ENDS[act], reason=reason)

    def new_secret(self, application: str, by: By) -> Cleared:
        """Another activation secret. Raises TransitionRefused, SignatureNotPassed."""
        at = self.now()
        before = self.desk.store.load(application)
        act = self._signed("new_secret", before, by, at=at)
        return centre.new_secret(self.desk, application, _envelope(at), act)

    def person(self, application: str, by: By) -> Snapshot | DocumentIdentity | None:
        """Who applies: as the register says, else as the operator read it in the document.

        The log says who looked. Raises TransitionRefused, ApplicationNotFound.
        """
        _, snapshot = self._shown(application, by)
        return snapshot or reading.identity_of(self.desk, application)

    def evidence(self, application: str, by: By) -> Mapping[str, bytes]:
        """What was seen and taken of the applicant, to be looked at before a decision: kind of
        evidence → octets. The log says who looked. Raises as `person` does.
        """
        found, _ = self._shown(application, by)
        return reading.papers(self.desk, found)

    def _shown(self, application: str, by: By) -> tuple[Application, Snapshot | None]:
        at = self.now()
        act = by.act(reading.READ, reading.TARGET, version=0, digest=bytes(32), at=at)
        who = reading.reader(self.desk, act, at=at)
        return reading.show(self.desk, application, who, at=at)

    # -- inside

    def _act(
        self, name: str, application: str, by: By,
        function: Callable[[Desk, str, Envelope, SignedAct], Application], **said: Any,
    ) -> Application:  # fmt: skip
        at = self.now()
        act = self._signed(name, self.desk.store.load(application), by, at=at, **said)
        return function(self.desk, application, _envelope(at), act)

    def _signed(
        self, name: str, before: Application, by: By, *, at: datetime, digest: bytes = bytes(32),
        station: str = "", reason: str = "",
    ) -> SignedAct:  # fmt: skip
        return by.act(
            name, f"application/{before.application}", version=before.version, digest=digest,
            at=at, station=station or before.station, reason=reason,
        )  # fmt: skip

    def _station(self, by: By) -> str:
        official = self.desk.store.official(by.person)
        stations = sorted(official.stations) if official is not None else []
        return stations[0] if len(stations) == 1 else ""


def _envelope(at: datetime) -> Envelope:
    return Envelope(message=secrets.token_hex(16), at=at)


# --- what two people do ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What one official has signed and a second is to sign too, for as long as acts may be on
    their way. `official` is whom it is about, `change` what becomes of a certificate.
    """

    first: SignedAct
    official: Official | None = None
    change: str = ""

    @property
    def encoded(self) -> bytes:
        """As a file of JSON."""
        return json.dumps(to_data(self), indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, octets: bytes) -> Proposal:
        """Raises MalformedStatement."""
        try:
            if len(octets) > _PROPOSAL_LIMIT:
                raise ValueError
            found: Proposal = from_data(cls, json.loads(octets))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise MalformedStatement(reason="not a proposal") from None
        return found

    @property
    def said(self) -> ActStatement:
        """The first statement. Raises MalformedStatement."""
        return decode(ActStatement, self.first.statement)


def propose_official(official: Official, by: By, *, at: datetime) -> Proposal:
    """Have a person put in office, or out of it and in again with other roles."""
    first = by.act(
        "appoint_official", f"official/{official.person}", version=0, digest=digest(official),
        at=at,
    )  # fmt: skip
    return Proposal(first=first, official=official)


def proposed_official(proposal: Proposal) -> Official:
    """Whom a proposal is about. Raises MalformedStatement for one about a certificate."""
    if proposal.official is None:
        raise MalformedStatement(reason="the proposal is about no official")
    return proposal.official


def appoint(desk: Desk, proposal: Proposal, by: By, *, at: datetime) -> Official:
    """The second security officer. Raises TransitionRefused, SignatureNotPassed, EvidenceUsed."""
    official = proposed_official(proposal)
    second = propose_official(official, by, at=at).first
    offices.appoint_official(desk, official, proposal.first, second, at=at)
    return official


def remove(desk: Desk, person: str, by: By, *, at: datetime) -> None:
    """Out of office. Raises TransitionRefused, SignatureNotPassed."""
    offices.remove_official(desk, person, removal(person, by, at=at), at=at)


def removal(person: str, by: By, *, at: datetime) -> SignedAct:
    """One security officer's word that a person is out of office."""
    gone = Official(person=person, roles=frozenset())
    return by.act("remove_official", f"official/{person}", version=0, digest=digest(gone), at=at)


def propose_change(
    certificate: bytes, change: str, by: By, *, reason: str, at: datetime
) -> Proposal:
    """`hold`, `revocation` or `release` of a certificate (its SHA-256).

    `reason` is for people; the word of RFC 5280 §5.3.1 that it begins with, such as
    `key-compromise`, is that of the revocation.
    """
    if change not in CHANGES:
        raise InvalidArgument(argument="change", reason=f"one of {', '.join(CHANGES)}")
    if not reason:
        raise TransitionRefused(failures=(Failure(code=Code.REASON_MISSING),))
    first = by.act(
        f"propose_{change}", f"certificate/{certificate.hex()}", version=0, digest=bytes(32),
        at=at, reason=reason,
    )  # fmt: skip
    return Proposal(first=first, change=change)


def agree(proposal: Proposal, by: By, *, at: datetime) -> SignedAct:
    """The second signature over what was proposed of a certificate. Raises MalformedStatement."""
    said = proposal.said
    return by.act(
        f"approve_{proposal.change}", said.target, version=said.version, digest=said.digest,
        at=at, reason=said.reason,
    )  # fmt: skip


def approve_change(
    desk: Desk, issuing: Issuing, proposal: Proposal, by: By, *, at: datetime
) -> str:
    """The second official: the state of the certificate after it. Raises TransitionRefused,
    SignatureNotPassed, EvidenceUsed.
    """
    second = agree(proposal, by, at=at)
    after = status.by_officials(desk, issuing, proposal.change, proposal.first, second, at=at)
    return after.state.value


# --- the first officers ----------------------------------------------------------------------


def founding_record(name: str, officers: tuple[By, ...], *, at: datetime) -> bytes:
    """What all who are present sign: the desk, the hour, and who will be its security officers."""
    return encode(
        {
            "record": "eds.enroll.founding",
            "desk": name,
            "at": at,
            "officers": sorted(each.person for each in officers),
            "certificates": sorted(each.certificate.fingerprint.hex() for each in officers),
        }
    )


def found(desk: Desk, name: str, officers: tuple[By, ...], *, at: datetime) -> bytes:
    """Put the first security officers in office, each by their own signature: the record.

    Raises TransitionRefused for fewer than two different people, InvalidArgument where there are
    officials already, SignatureNotPassed.
    """
    record = founding_record(name, officers, at=at)
    signed = hashlib.sha256(record).digest()
    for each in officers:
        act = each.act(FOUND, f"desk/{name}", version=0, digest=signed, at=at)
        signer = desk.office.checker.signer_of(act.statement, act.signature, at=at)
        number = desk.office.personal_number(signer)
        if number is None or desk.pseudonyms.person(number) != each.person:
            raise TransitionRefused(failures=(Failure(code=Code.NOT_AN_OFFICIAL),))
    roles = frozenset({Role.SECURITY_OFFICER})
    offices.found_desk(
        desk,
        [Official(person=each.person, roles=roles) for each in officers],
        ceremony=signed,
        at=at,
    )
    return record
