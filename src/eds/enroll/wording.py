"""Where an application stands, what comes next and why something was refused, for people.

English sentences, which `eds.languages` gives in the reader's language. Codes and states stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..extensions import RevocationReason
from ..languages import translator
from .certified import CertificateState
from .failures import NOT_ACCEPTED
from .states import State

STATES: Final = {
    State.NEW: "There is no application yet.",
    State.DRAFT: "The application has been begun and not been submitted yet.",
    State.SUBMITTED: "The application has been submitted.",
    State.RESOLVED: "The applicant has been found in the register of the population.",
    State.CONTACT_CONFIRMED: "The telephone number has been confirmed.",
    State.EVIDENCE_VALIDATED: "The identity document has been checked.",
    State.VERIFIED: "The applicant's identity has been verified.",
    State.MANUAL_REVIEW: "Officials are looking at the application.",
    State.ROUTED_TO_CENTRE: "The application goes on at a service centre.",
    State.APPOINTED: "There is an appointment at a service centre.",
    State.PRESENT: "The applicant is at the service centre.",
    State.EVIDENCE_VALIDATED_IN_PERSON: "The documents have been checked at the service centre.",
    State.MAKER_RECORDED: "The operator has signed the record; a second official decides.",
    State.CHECKER_APPROVED: "A second official has approved the application.",
    State.RETURNED: "The application was sent back: something has to be put right.",
    State.LIVING_KEY_PROVED: "The applicant has proved to hold the key of a valid certificate.",
    State.CLEARED: "The application is approved: a key may be made now.",
    State.KEY_BOUND: "The key has been made and bound to the application.",
    State.CONFIRMED: "The applicant has confirmed what the certificate will say.",
    State.ISSUING: "The certificate is being issued.",
    State.ISSUED: "The certificate has been issued and is on hold until it is accepted.",
    State.ACTIVE: "The certificate is valid and can be used.",
    State.REVOKED_UNACCEPTED: "The certificate was not accepted and is revoked.",
    State.REJECTED: "The application was rejected.",
    State.LOCKED: "The application is locked: there were too many wrong attempts.",
    State.EXPIRED: "The application has expired.",
    State.CANCELLED: "The application was cancelled by the applicant.",
}
NEXT: Final = {
    State.NEW: "Open an application.",
    State.DRAFT: "Read the terms, agree to them and submit the application.",
    State.SUBMITTED: "Wait: your details are being compared with the registers.",
    State.RESOLVED: "Enter the code that was sent to your telephone.",
    State.CONTACT_CONFIRMED: "Have your identity document read.",
    State.EVIDENCE_VALIDATED: "Pass the check of your face.",
    State.VERIFIED: "Wait: the application is being decided.",
    State.MANUAL_REVIEW: "Wait: officials decide within three working days.",
    State.ROUTED_TO_CENTRE: "Come to a service centre with your identity document.",
    State.APPOINTED: "Come to the service centre with the originals of your documents.",
    State.PRESENT: "Give the operator the originals of your documents.",
    State.EVIDENCE_VALIDATED_IN_PERSON: "Wait: the operator records what was checked.",
    State.MAKER_RECORDED: "Wait: a second official decides.",
    State.CHECKER_APPROVED: "Wait: the application is being cleared.",
    State.RETURNED: "Come to the service centre again with what was missing.",
    State.LIVING_KEY_PROVED: "Wait: the renewal is being decided.",
    State.CLEARED: "Make your key and prove that you hold it.",
    State.KEY_BOUND: "Read what the certificate will say, and confirm it.",
    State.CONFIRMED: "Wait: the certificate is being issued.",
    State.ISSUING: "Wait: the certificate is being issued.",
    State.ISSUED: "Check the certificate, and accept it by a signature with your new key.",
    State.ACTIVE: "Keep the key and its password safe, and tell nobody the password.",
    State.REVOKED_UNACCEPTED: "Open a new application if you still want a certificate.",
    State.REJECTED: "Ask why at a service centre, or open a new application.",
    State.LOCKED: "Come to a service centre with your identity document.",
    State.EXPIRED: "Open a new application.",
    State.CANCELLED: "Open a new application if you still want a certificate.",
}
# What is said of a certificate in use instead, once it is no longer valid.
_CERTIFICATES: Final = {
    CertificateState.HELD: "The certificate is on hold: what is signed meanwhile is not relied on.",
    CertificateState.REVOKED: "The certificate is revoked.",
    CertificateState.EXPIRED: "The certificate has expired.",
}
_NEXT_OF_CERTIFICATES: Final = {
    CertificateState.HELD: (
        "Come to a service centre to have it released, or revoke it where its key may be known to "
        "others."
    ),
    CertificateState.REVOKED: "Open a new application if you still want a certificate.",
    CertificateState.EXPIRED: "Open a new application if you still want a certificate.",
}
# An application that was sent back and goes on has its reason still, but it is over.
_HAVE_REASONS: Final = frozenset({State.REJECTED, State.LOCKED, State.RETURNED})
# Why a certificate was revoked (RFC 5280 §5.3.1).
_REASONS: Final = {
    RevocationReason.KEY_COMPROMISE: "the key was lost, or others may know it",
    RevocationReason.CA_COMPROMISE: "the key of the authority was compromised",
    RevocationReason.AFFILIATION_CHANGED: "the holder no longer belongs to the organisation",
    RevocationReason.SUPERSEDED: "another certificate took its place",
    RevocationReason.CESSATION_OF_OPERATION: "it is no longer needed",
    RevocationReason.PRIVILEGE_WITHDRAWN: "the right to it was withdrawn",
}
# What an applicant may be shown (`Failure.shown`), and what officials read besides.
REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        NOT_ACCEPTED: "What was given was not accepted.",
        "applicant_not_authentic": "The applicant did not prove to be who opened the application.",
        "too_many_applications": "Too many applications were opened in a short time.",
        "device_shared": "Too many people applied from this device.",
        "profile_unknown": "There is no such kind of certificate.",
        "consent_missing": "The consent to the processing of personal data is missing.",
        "terms_outdated": "The terms have changed: they have to be read and agreed to again.",
        "person_unknown": "The register of the population does not know this person.",
        "person_dead": "The register says that this person has died.",
        "person_under_age": "The applicant is under age.",
        "residency_mismatch": "This way is not open to residents, or only to residents.",
        "contact_unknown": "The telephone number is not the one in the register.",
        "contact_shared": "Too many people gave this telephone number.",
        "sends_spent": "No more codes are sent for this application.",
        "attempts_spent": "There are no attempts left.",
        "code_wrong": "The code is wrong.",
        "evidence_missing": "Evidence of the identity is missing.",
        "evidence_of_another": "The evidence is about another person.",
        "evidence_not_ours": "The evidence was not made for this application.",
        "evidence_changed": "The evidence was changed.",
        "document_locked": "This document was refused too often and is locked.",
        "document_not_current": "The document has expired or was withdrawn.",
        "document_status_unknown": "It is not known whether the document is valid.",
        "document_refused": "This kind of document is not accepted.",
        "face_checks_spent": "There are no checks of the face left.",
        "face_checks_left": "There are checks of the face left.",
        "assertion_foreign": "The answer of the service is about another application.",
        "assertion_stale": "The answer of the service is too old.",
        "not_alive": "It was not seen that a living person sat before the camera.",
        "face_differs": "The face is not that of the document.",
        "risk_too_high": "The risk is too high to decide without people.",
        "risk_low": "The risk is low: officials need not decide.",
        "assurance_too_low": "The identity is not assured well enough.",
        "station_unknown": "There is no such service centre or station.",
        "not_an_official": "The signer is not an official in office.",
        "role_missing": "The official does not have the role for this act.",
        "roles_exclusive": "These two roles are never held by one person.",
        "own_case": "Nobody decides their own case.",
        "conflict": "The official has an interest in this case.",
        "same_person": "Two different people have to act.",
        "another_operator": "Another operator began this application.",
        "act_not_signed": "The act is not signed by the official.",
        "act_for_another": "The signed act is about something else.",
        "act_stale": "The signed act is too old.",
        "another_record": "What was signed is another record.",
        "record_changed": "The record was changed after it was signed.",
        "official_limit": "The official has decided as many cases today as are allowed.",
        "in_haste": "The decision came too fast to have been considered.",
        "reason_missing": "A reason has to be given.",
        "returns_spent": "The application cannot be sent back again.",
        "too_few_people": "Too few people have decided.",
        "out_of_office": "An official who decided is no longer in office.",
        "original_not_seen": "The original of the document was not seen.",
        "chip_not_read": "The chip of the document was not read, and no reason is given.",
        "capture_missing": "The picture taken on the spot is missing.",
        "papers_missing": "Papers are missing.",
        "no_permission_to_stay": "There is no permission to stay, or it has ended.",
        "organisation_unknown": "The register of legal entities does not know this organisation.",
        "organisation_closed": "The organisation has been closed.",
        "not_the_head": "The register does not name the applicant as the head of the organisation.",
        "mandate_missing": "The mandate of the head of the organisation is missing.",
        "mandate_not_signed": "The signature of the mandate did not pass the check.",
        "mandate_of_another": "The mandate was not signed by the head of the organisation.",
        "mandate_for_another": (
            "The mandate is for another person, organisation or kind of certificate."
        ),
        "mandate_stale": "The mandate is too old.",
        "mandate_used": "The mandate was used before.",
        "key_not_living": "The key is not one of a valid certificate of the applicant.",
        "second_factor_missing": "The second factor is missing.",
        "renewals_spent": "The certificate cannot be renewed from afar again.",
        "not_in_person": "This is done in person only.",
        "secret_wrong": "The activation secret is wrong.",
        "possession_not_proved": "It was not proved that the applicant holds the key.",
        "possession_foreign": "The proof of possession was made for something else.",
        "key_certified_before": "This key was certified before.",
        "key_refused": "The key is too weak or of a kind that is not allowed.",
        "names_invented": "The request names what the decision does not.",
        "not_confirmed": "What the certificate will say was not confirmed as it is.",
        "too_many_certificates": "The person has as many certificates as are allowed.",
        "certificate_differs": "The certificate is not what was decided.",
        "not_signed_with_key": "The acceptance is not signed with the new key.",
        "notice_not_sent": "The notice to the applicant was not sent.",
        "expired": "The time is over.",
        "time_left": "The time is not over yet.",
        "clock_behind": "The clock is behind the last act.",
    }
)


def state_in_words(
    state: State, *, language: str, certificate: CertificateState | None = None
) -> str:
    """Where the application stands, and its certificate once that is in use.

    Raises InvalidArgument for a language not spoken here.
    """
    said = STATES[state]
    if state is State.ACTIVE and certificate is not None:
        said = _CERTIFICATES.get(certificate, said)
    return translator(language)(said)


def next_step(state: State, *, language: str, certificate: CertificateState | None = None) -> str:
    """What the applicant does now. Raises InvalidArgument for a language not spoken here."""
    said = NEXT[state]
    if state is State.ACTIVE and certificate is not None:
        said = _NEXT_OF_CERTIFICATES.get(certificate, said)
    return translator(language)(said)


def reason_in_words(reason: RevocationReason | None, *, language: str) -> str:
    """Why a certificate was revoked; empty where that was not said.

    Raises InvalidArgument for a language not spoken here.
    """
    said = _REASONS.get(reason) if reason is not None else None
    return translator(language)(said) if said else ""


def refusal_in_words(code: str, *, language: str) -> str:
    """Why something was refused, by a code of `failures` or what may be shown of it.

    Raises InvalidArgument for a language not spoken here.
    """
    return translator(language)(REFUSALS.get(code, code))


def rejection_in_words(state: State, reason: str, *, language: str) -> str:
    """Why an application was rejected, locked or sent back; empty where it was not, or where that
    was not said. What an official wrote stays as it is.

    Raises InvalidArgument for a language not spoken here.
    """
    if state not in _HAVE_REASONS or not reason:
        return ""
    said = REFUSALS.get(reason)
    return reason if said is None else translator(language)(said)
