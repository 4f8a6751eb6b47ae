"""The applicant's side of a desk: how it is spoken to, where one stands, what one's key signs.

`Access` is the same whether the desk is a folder on this machine (`eds.enroll.reception`) or an
address. The private key stays with whoever calls: what signs is handed in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

from ..certificates import Certificate
from ..errors import CertificateMismatch, WrongState
from ..names import Name
from ..requests import CertificationRequest, RequestSigner
from .certified import CertificateState, CertificateStatus
from .evidence.chips import ChipRead
from .issuing import CertificateFields
from .kinds import EvidenceKind
from .statements import (
    ActivationStatement,
    ConfirmationStatement,
    ExistingEdsStatement,
    MandateStatement,
    PossessionStatement,
    RenewalStatement,
    SignedAct,
    StatusStatement,
)
from .states import Flow, State

# No letters that are taken for others when somebody reads them from paper.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 5, 4


class Turn(Enum):
    """Whose turn it is."""

    APPLICANT = "applicant"
    DESK = "desk"  # by itself: a register is asked, a risk is weighed
    OFFICIALS = "officials"
    AUTHORITY = "authority"
    NOBODY = "nobody"  # it has ended


class Step(Enum):
    """What is to be done next."""

    SUBMIT = "submit"
    WAIT = "wait"
    CODE = "code"
    EVIDENCE = "evidence"
    FACE = "face"
    VISIT = "visit"
    LIVING_KEY = "living_key"
    KEY = "key"
    CONFIRM = "confirm"
    ACTIVATE = "activate"
    RELEASE = "release"
    DONE = "done"
    ENDED = "ended"


NEXT: Final[Mapping[State, tuple[Turn, Step]]] = {
    State.NEW: (Turn.APPLICANT, Step.SUBMIT),
    State.DRAFT: (Turn.APPLICANT, Step.SUBMIT),
    State.SUBMITTED: (Turn.DESK, Step.WAIT),
    State.RESOLVED: (Turn.APPLICANT, Step.CODE),
    State.CONTACT_CONFIRMED: (Turn.APPLICANT, Step.EVIDENCE),
    State.EVIDENCE_VALIDATED: (Turn.APPLICANT, Step.FACE),
    State.VERIFIED: (Turn.DESK, Step.WAIT),
    State.MANUAL_REVIEW: (Turn.OFFICIALS, Step.WAIT),
    State.ROUTED_TO_CENTRE: (Turn.APPLICANT, Step.VISIT),
    State.APPOINTED: (Turn.APPLICANT, Step.VISIT),
    State.PRESENT: (Turn.OFFICIALS, Step.WAIT),
    State.EVIDENCE_VALIDATED_IN_PERSON: (Turn.OFFICIALS, Step.WAIT),
    State.MAKER_RECORDED: (Turn.OFFICIALS, Step.WAIT),
    State.CHECKER_APPROVED: (Turn.DESK, Step.WAIT),
    State.RETURNED: (Turn.APPLICANT, Step.VISIT),
    State.LIVING_KEY_PROVED: (Turn.DESK, Step.WAIT),
    State.CLEARED: (Turn.APPLICANT, Step.KEY),
    State.KEY_BOUND: (Turn.APPLICANT, Step.CONFIRM),
    State.CONFIRMED: (Turn.AUTHORITY, Step.WAIT),
    State.ISSUING: (Turn.AUTHORITY, Step.WAIT),
    State.ISSUED: (Turn.APPLICANT, Step.ACTIVATE),
    State.ACTIVE: (Turn.NOBODY, Step.DONE),
    **dict.fromkeys(
        (
            *(State.REVOKED_UNACCEPTED, State.REJECTED, State.LOCKED),
            *(State.EXPIRED, State.CANCELLED),
        ),
        (Turn.NOBODY, Step.ENDED),
    ),
}


# What a certificate came to after its issue → what its holder does next.
_NEXT_OF: Final[Mapping[CertificateState, Step]] = {
    CertificateState.HELD: Step.RELEASE,
    CertificateState.REVOKED: Step.ENDED,
    CertificateState.EXPIRED: Step.ENDED,
}


# Where this is the evidence, a face is compared with the register's picture.
WITH_THE_REGISTER: Final = frozenset({EvidenceKind.REGISTER_PHOTO, EvidenceKind.EXISTING_EDS})


def next_step(flow: Flow, state: State) -> tuple[Turn, Step]:
    """Whose turn it is, and what they do next. In a renewal the code comes with the old key."""
    if flow is Flow.RENEWAL and state is State.RESOLVED:
        return Turn.APPLICANT, Step.LIVING_KEY
    return NEXT[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An application, and what only its applicant has."""

    application: str
    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an application stands, as its applicant may see it.

    `challenge`, `nonce`, `renews` and `certificate` (its SHA-256) are what statements are made
    over. `tries_left` is of what is being asked for now; `in_person`: an activation secret was
    given at the centre, and is wanted with the key; `photo`: a face is compared with the
    register's picture. `status` is that of the certificate, None where the desk knows none.
    `reason` is the last that it was rejected, locked or sent back for, as the applicant may know
    it: a code of `eds.enroll.wording.REFUSALS`, or what an official wrote.
    """

    application: str
    flow: Flow
    state: State
    profile: str
    deadline: datetime | None
    challenge: bytes
    nonce: bytes
    renews: bytes
    certificate: bytes
    in_person: bool
    station: str
    tries_left: int | None = None
    photo: bool = False
    status: CertificateStatus | None = None
    reason: str = ""

    @property
    def turn(self) -> Turn:
        return next_step(self.flow, self.state)[0]

    @property
    def step(self) -> Step:
        step = next_step(self.flow, self.state)[1]
        if step is not Step.DONE or self.status is None:
            return step
        return _NEXT_OF.get(self.status.state, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody applies for: under a personal number, a document, or a certificate to renew.

    Whoever is to be certified as somebody of an organisation names it by its number, and all but
    its head bring the head's mandate. `message` (16 random octets in hexadecimal, or longer) makes
    the same call open it once.
    """

    flow: Flow
    message: str
    profile: str = ""
    personal_number: str = field(default="", repr=False)
    document: tuple[str, str] = field(default=("", ""), repr=False)
    station: str = ""
    certificate: Certificate | None = None
    organisation: str = ""
    mandate: SignedAct | None = field(default=None, repr=False)


class Access(Protocol):
    """What an applicant asks of a desk. Every refusal is discreet: it helps no impostor."""

    def terms(self) -> bytes: ...

    def open(self, wanted: Wanted, *, token: bytes, terms: bytes) -> Standing:
        """Apply, and agree to these terms."""
        ...

    def standing(self, session: Session) -> Standing: ...

    def send_code(self, session: Session) -> Standing: ...

    def confirm_code(self, session: Session, code: str) -> Standing: ...

    def offer_photo(self, session: Session) -> Standing: ...

    def offer_chip(self, session: Session, chip: ChipRead, *, kind: EvidenceKind) -> Standing: ...

    def offer_eds(self, session: Session, signature: bytes) -> Standing:
        """CMS over the ExistingEdsStatement, with another EDS of the applicant."""
        ...

    def offer_face(self, session: Session, assertion: bytes) -> Standing: ...

    def prove_living_key(
        self, session: Session, *, signature: bytes, algorithm: str, code: str
    ) -> Standing: ...

    def bind_key(
        self, session: Session, *, request: bytes, possession: bytes, algorithm: str, secret: str
    ) -> Standing: ...

    def fields(self, session: Session) -> CertificateFields: ...

    def confirm(self, session: Session, *, confirmation: bytes, algorithm: str) -> Standing: ...

    def certificates(self, session: Session) -> tuple[Certificate, ...]:
        """The certificate that was issued, then those of its issuers."""
        ...

    def activate(
        self, session: Session, *, acceptance: bytes, algorithm: str, passphrase: str
    ) -> Standing: ...

    def give_up(self, session: Session) -> Standing:
        """Cancel it, or refuse the certificate that was issued."""
        ...

    def end_by_passphrase(
        self, certificate: bytes, act: str, *, passphrase: str, reason: str
    ) -> str: ...

    def end_by_key(
        self, statement: bytes, *, signature: bytes, algorithm: str, reason: str
    ) -> str: ...


def new_token() -> bytes:
    """What only the applicant will have."""
    return secrets.token_bytes(32)


def new_passphrase() -> str:
    """A passphrase that revokes: easy to write down, about 99 bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


# --- what the applicant's key signs --------------------------------------------------------------


def bind_key(access: Access, session: Session, signer: RequestSigner, *, secret: str) -> Standing:
    """Have a key bound to the application: the request names nobody, the register does.

    Raises TransitionRefused, ProofOfPossessionFailed, and what the key raises.
    """
    standing = access.standing(session)
    request = CertificationRequest.build(Name.build([]), signer)
    statement = PossessionStatement(
        application=session.application,
        nonce=standing.nonce,
        key=request.public_key.fingerprint,
        request=request.fingerprint,
        profile=standing.profile,
    )
    return access.bind_key(
        session,
        request=request.encoded,
        possession=signer.sign(statement.encoded),
        algorithm=signer.algorithm.name,
        secret=secret,
    )


def confirm(
    access: Access, session: Session, signer: RequestSigner, shown: CertificateFields
) -> Standing:
    """Say with the new key that these fields, which were shown, are right."""
    statement = ConfirmationStatement(
        application=session.application,
        nonce=access.standing(session).nonce,
        fields=shown.digest,
    )
    return access.confirm(
        session,
        confirmation=signer.sign(statement.encoded),
        algorithm=signer.algorithm.name,
    )


def activate(
    access: Access, session: Session, signer: RequestSigner, *, passphrase: str
) -> tuple[Standing, tuple[Certificate, ...]]:
    """Accept the certificate that was issued for this key, and get it with its issuers.

    Raises CertificateMismatch where it is for another key.
    """
    found = access.certificates(session)
    if not found or found[0].public_key != signer.public_key:
        raise CertificateMismatch(key=session.application)
    statement = ActivationStatement(
        application=session.application,
        certificate=found[0].fingerprint,
        challenge=access.standing(session).challenge,
    )
    after = access.activate(
        session,
        acceptance=signer.sign(statement.encoded),
        algorithm=signer.algorithm.name,
        passphrase=passphrase,
    )
    return after, found


def prove_living_key(
    access: Access, session: Session, signer: RequestSigner, *, code: str
) -> Standing:
    """Sign with the key that is renewed, and give the code that was sent."""
    standing = access.standing(session)
    statement = RenewalStatement(
        application=session.application,
        challenge=standing.challenge,
        certificate=standing.renews,
    )
    return access.prove_living_key(
        session,
        signature=signer.sign(statement.encoded),
        algorithm=signer.algorithm.name,
        code=code,
    )


def prove_existing_eds(
    access: Access, session: Session, sign: Callable[[bytes], bytes]
) -> Standing:
    """Prove who one is with another EDS of one's own: `sign` makes the CMS (detached, content type
    `ACT_CONTENT_TYPE`) over the statement that it is given.

    Raises WrongState before anything is signed where no evidence is asked for, TransitionRefused,
    SignatureNotPassed (DeskRefused from a desk at an address), and what the key raises.
    """
    standing = access.standing(session)
    if standing.step is not Step.EVIDENCE:
        raise WrongState(
            application=session.application, state=standing.state.value, act="validate_evidence"
        )
    statement = ExistingEdsStatement(application=session.application, challenge=standing.challenge)
    return access.offer_eds(session, sign(statement.encoded))


def make_mandate(
    sign: Callable[[bytes], bytes], *, organisation: str, person: str, profile: str, at: datetime
) -> SignedAct:
    """The head of an organisation wants a person (a personal number) certified under a profile:
    `sign` makes the CMS over the statement, as `prove_existing_eds` says.
    """
    said = MandateStatement(
        organisation=organisation, person=person, profile=profile, at=at,
        nonce=secrets.token_bytes(16),
    )  # fmt: skip
    return SignedAct(statement=said.encoded, signature=sign(said.encoded))


def end_by_key(
    access: Access, certificate: bytes, act: str, signer: RequestSigner, *, reason: str,
    at: datetime,
) -> str:  # fmt: skip
    """Have one's own certificate (its SHA-256) held or revoked, by its key: the state after it."""
    statement = StatusStatement(
        certificate=certificate, act=act, at=at, nonce=secrets.token_bytes(16)
    )
    return access.end_by_key(
        statement.encoded,
        signature=signer.sign(statement.encoded),
        algorithm=signer.algorithm.name,
        reason=reason,
    )
