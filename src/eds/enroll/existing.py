"""Another EDS of the applicant: who signed with it, when it is offered and again at the issue."""

from __future__ import annotations

from datetime import datetime

from ..ca.register import Register
from ..certificates import Certificate
from ..errors import SignatureNotPassed, TransitionRefused
from .application import Application
from .certified import living
from .desk import Desk
from .encoding import decode
from .failures import Code, Failure
from .filing import evidence_file
from .kinds import EvidenceKind
from .statements import SignedAct


def signer_of_eds(desk: Desk, register: Register, act: SignedAct, *, at: datetime) -> Certificate:
    """The certificate of whoever signed, good at this moment.

    Raises SignatureNotPassed, TransitionRefused for one that our register has and that is not
    living.
    """
    signer = desk.office.checker.signer_of(act.statement, act.signature, at=at)
    # A list of an hour ago may not know yet what our own register does.
    ours = register.find_by(fingerprint=signer.fingerprint, limit=1)
    if ours and living(register, signer.fingerprint, at=at) is None:
        raise TransitionRefused(failures=(Failure(code=Code.KEY_NOT_LIVING),))
    return signer


def existing_eds_stands(
    desk: Desk, register: Register, application: Application, *, at: datetime
) -> bool:
    """Whether every EDS that the application rests on is still good, and the applicant's.

    Raises RegisterUnavailable, OSError.
    """
    for item in application.evidence:
        if item.kind is not EvidenceKind.EXISTING_EDS:
            continue
        name = evidence_file(item.kind, item.digest)
        kept = desk.store.file(application.application, name)
        if kept is None:
            return False
        try:
            signer = signer_of_eds(desk, register, decode(SignedAct, kept), at=at)
        except (SignatureNotPassed, TransitionRefused):
            return False
        number = desk.office.personal_number(signer)
        if number is None or desk.pseudonyms.person(number) != application.subject:
            return False
    return True
