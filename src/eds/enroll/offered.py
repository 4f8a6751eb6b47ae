"""Evidence as an applicant offers it from home, verified: what the guards then judge.

The register's picture, the chip of a document, a signature with another EDS. Each of them answers
the application's challenge where it can, and speaks of a person, never of an application alone.
"""

from __future__ import annotations

from datetime import date, datetime

from ..errors import EvidenceUnverified
from .application import Application
from .desk import Desk, previous_application, snapshot_of
from .encoding import encode
from .evidence.assurance import EDS_OF_LEVEL, Level
from .evidence.chips import ChipRead, authenticate_chip
from .evidence.cscas import CscaStore
from .existing import signer_of_eds
from .issuing import Issuing
from .kinds import EvidenceKind
from .people import Snapshot
from .providers import CheckedEvidence
from .readers import checked_chip, chip_challenge, holder_of
from .statements import ExistingEdsStatement, SignedAct


def register_photo(desk: Desk, application: Application) -> CheckedEvidence:
    """The picture that the register has of the person, to compare a face with.

    Raises EvidenceUnverified where there is none.
    """
    person = _person(desk, application)
    if not person.has_photo:
        raise EvidenceUnverified(reason="the register has no picture")
    octets = encode(
        {
            "evidence": "eds.enroll.register_photo",
            "application": application.application,
            "snapshot": application.snapshot,
            "challenge": application.challenge,
        }
    )
    return CheckedEvidence(
        kind=EvidenceKind.REGISTER_PHOTO, octets=octets, holder=application.subject
    )


def chip_of_person(
    desk: Desk,
    application: Application,
    chip: ChipRead,
    *,
    kind: EvidenceKind,
    cscas: CscaStore,
    at: datetime,
    issued_on: date | None = None,
) -> CheckedEvidence:
    """A chip that passed passive authentication, and answered `chip_challenge` if it answers.

    One of somebody else has no holder: the guard says so, and counts it. Raises
    EvidenceUnverified.
    """
    challenge = application.challenge
    report = authenticate_chip(
        chip,
        cscas=cscas,
        at=at,
        challenge=None if chip.response is None else chip_challenge(challenge),
        issued_on=issued_on,
    )
    try:
        holder = holder_of(report, _person(desk, application), desk.pseudonyms)
    except EvidenceUnverified:
        holder = ""
    return checked_chip(report, chip, kind=kind, challenge=challenge, holder=holder)


def existing_eds(
    desk: Desk, issuing: Issuing, application: Application, signature: bytes, *, at: datetime
) -> CheckedEvidence:
    """CMS over the ExistingEdsStatement of this application and its challenge.

    It shows as much as the proofing that its certificate rests on, where this desk did it; what
    others did is not known here. Raises SignatureNotPassed, TransitionRefused for a certificate
    that our register has and that is not living, EvidenceUnverified for one that names no person.
    """
    said = ExistingEdsStatement(
        application=application.application, challenge=application.challenge
    )
    act = SignedAct(statement=said.encoded, signature=signature)
    signer = signer_of_eds(desk, issuing.register, act, at=at)
    number = desk.office.personal_number(signer)
    if number is None:
        raise EvidenceUnverified(reason="the certificate names no person")
    previous = previous_application(desk, signer.fingerprint)
    return CheckedEvidence(
        kind=EvidenceKind.EXISTING_EDS,
        octets=encode(act),
        holder=desk.pseudonyms.person(number),
        challenge=application.challenge,
        proves=EDS_OF_LEVEL[Level.NONE if previous is None else previous.level],
    )


def _person(desk: Desk, application: Application) -> Snapshot:
    person = snapshot_of(desk, application)
    if person is None:
        raise EvidenceUnverified(reason="the register knows nobody yet")
    return person
