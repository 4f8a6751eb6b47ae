"""Who may be certified as somebody of an organisation: by its register, or by its head's mandate.

The register of legal entities says who heads an organisation; whoever else it is to be certified
for shows a mandate that the head has signed with a living EDS. Both are asked when the person is
looked up, and again at the signature of the certificate.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime

from ..errors import SignatureNotPassed, TransitionRefused
from .application import Application
from .desk import Desk
from .encoding import decode
from .guards import Findings
from .guards.contract import CheckedMandate, KnownOrganisation
from .people import Snapshot
from .providers import OrganisationEntry
from .statements import MandateStatement, SignedAct

MANDATE_FILE = "mandate"


def entry_of(desk: Desk, application: Application, *, at: datetime) -> OrganisationEntry | None:
    """What the register says of the organisation that is applied for; None for natural persons.

    Raises ProviderUnavailable.
    """
    if not application.organisation or desk.organisations is None:
        return None
    kept = desk.store.file(application.application, "applicant")
    number = json.loads(kept or b"{}").get("organisation", "")
    return desk.organisations.look_up(number, at=at) if number else None


def with_organisation(
    desk: Desk, application: Application, snapshot: Snapshot, entry: OrganisationEntry | None
) -> Snapshot:
    """The person as a certificate of the organisation names them: all of it from the registers."""
    rule = desk.policy.profiles.get(application.profile)
    if entry is None or rule is None or rule.represents is None:
        return snapshot
    title = {"title": rule.title} if rule.title else {}
    return replace(snapshot, subject={**snapshot.subject, **entry.subject, **title})


def found_out(
    desk: Desk,
    application: Application,
    findings: Findings,
    entry: OrganisationEntry | None,
    *,
    at: datetime,
) -> Findings:
    """With what register and mandate say, the mandate's signature validated at this moment."""
    known = None
    if entry is not None:
        known = KnownOrganisation(
            organisation=desk.pseudonyms.organisation(entry.number),
            head=desk.pseudonyms.person(entry.head),
            active=entry.active,
        )
    return replace(findings, organisation=known, mandate=_mandate(desk, application, at=at))


def mandate_used(desk: Desk, application: Application) -> tuple[tuple[str, bytes], ...]:
    """A mandate works once."""
    act = _kept(desk, application)
    return () if act is None else (("mandate", hashlib.sha256(act.statement).digest()),)


def _kept(desk: Desk, application: Application) -> SignedAct | None:
    if not application.organisation:
        return None
    kept = desk.store.file(application.application, MANDATE_FILE)
    return None if kept is None else decode(SignedAct, kept)


def _mandate(desk: Desk, application: Application, *, at: datetime) -> CheckedMandate | None:
    act = _kept(desk, application)
    if act is None:
        return None
    said = decode(MandateStatement, act.statement)
    signer = ""
    try:
        certificate = desk.office.checker.signer_of(act.statement, act.signature, at=at)
        number = desk.office.personal_number(certificate)
        if number is not None and (said.statement, said.v) == ("eds.enroll.mandate", 1):
            signer = desk.pseudonyms.person(number)
    except (SignatureNotPassed, TransitionRefused):
        pass  # nobody has signed it: the guard says so
    return CheckedMandate(
        signer=signer,
        organisation=desk.pseudonyms.organisation(said.organisation),
        person=desk.pseudonyms.person(said.person),
        profile=said.profile,
        at=said.at,
    )
