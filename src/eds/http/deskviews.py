"""What the desk tells, as JSON, and the JSON Schema of it, side by side.

An applicant is shown where the application stands and what the next signature is over, and no
reason that would help an impostor.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from ..ca.lifecycle import Status
from ..certificates import Certificate
from ..enroll.application import Application
from ..enroll.certified import CertificateState, CertificateStatus
from ..enroll.evidence.assurance import Level
from ..enroll.failures import shown_reason
from ..enroll.issuing import CertificateFields
from ..enroll.kinds import EvidenceKind
from ..enroll.people import DocumentIdentity, Snapshot
from ..enroll.policy import EnrolmentPolicy
from ..enroll.reception import tries_left
from ..enroll.states import Flow, State
from .bodies import Schema

TEXT: Final[Schema] = {"type": "string"}
DIGEST: Final[Schema] = {"type": "string", "pattern": "^(?:[0-9a-f]{64})?$"}
OCTETS: Final[Schema] = {"type": "string", "contentEncoding": "base64"}
NUMBER: Final[Schema] = {"type": "integer", "minimum": 0}
INSTANT: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
STATES: Final = tuple(state.value for state in State if state is not State.NEW)
KINDS: Final = tuple(kind.value for kind in EvidenceKind)


def an_object(title: str, /, **members: Schema) -> Schema:
    """An object with exactly these members."""
    return {
        "type": "object",
        "title": title,
        "properties": members,
        "required": sorted(members),
        "additionalProperties": False,
    }


def a_list(of: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": of}


REASON: Final[Schema] = {"type": ["string", "null"]}
CERTIFICATE_STATUS: Final[Schema] = {
    "anyOf": [
        {"type": "null"},
        an_object(
            "CertificateOfApplication",
            serial={"type": "string", "pattern": "^[0-9a-f]{2,40}$"},
            state={"type": "string", "enum": [state.value for state in CertificateState]},
            since=INSTANT,
            not_after=INSTANT,
            reason=REASON,
        ),
    ]
}
APPLICATION: Final = an_object(
    "Application",
    application=TEXT,
    flow={"type": "string", "enum": [flow.value for flow in Flow]},
    state={"type": "string", "enum": list(STATES)},
    version=NUMBER,
    profile=TEXT,
    challenge=DIGEST,
    nonce=DIGEST,
    evidence=a_list({"type": "string", "enum": list(KINDS)}),
    station=TEXT,
    in_person={"type": "boolean"},
    tries_left={"type": ["integer", "null"]},
    certificate=DIGEST,
    certificate_status=CERTIFICATE_STATUS,
    renews=DIGEST,
    not_after=INSTANT,
    deadline=INSTANT,
    ends_at=INSTANT,
    reason=TEXT,
)


def application_view(
    found: Application, policy: EnrolmentPolicy, status: CertificateStatus | None
) -> dict[str, Any]:
    """What the applicant is shown; `status` is that of the certificate, as far as it is known."""
    return {
        "application": found.application,
        "flow": found.flow.value,
        "state": found.state.value,
        "version": found.version,
        "profile": found.profile,
        "challenge": found.challenge.hex(),
        "nonce": found.nonce.hex(),
        "evidence": sorted(kind.value for kind in found.kinds),
        "station": found.station,
        "in_person": found.in_person,
        "tries_left": tries_left(found, policy),
        "certificate": found.certificate.hex(),
        "certificate_status": None if status is None else certificate_status_view(status),
        "renews": found.renews.hex(),
        "not_after": instant(found.not_after),
        "deadline": instant(found.deadline),
        "ends_at": instant(found.ends_at),
        "reason": shown_reason(found.reason),
    }


def certificate_status_view(status: CertificateStatus) -> dict[str, Any]:
    """The present state of the certificate that an application led to."""
    return {
        "serial": status.serial.hex(),
        "state": status.state.value,
        "since": instant(status.since),
        "not_after": instant(status.not_after),
        "reason": None if status.reason is None else status.reason.name.lower(),
    }


TERMS: Final = an_object("Terms", text=OCTETS, digest=DIGEST)
FIELDS: Final = an_object(
    "CertificateFields",
    subject={"type": "object", "additionalProperties": TEXT},
    profile=TEXT,
    profile_hash=DIGEST,
    key=DIGEST,
    not_after=INSTANT,
    services=a_list(TEXT),
    digest=DIGEST,
)


def fields_view(shown: CertificateFields) -> dict[str, Any]:
    """The fields of the certificate to be; `digest` is what the applicant confirms."""
    return {
        "subject": dict(shown.subject),
        "profile": shown.profile,
        "profile_hash": shown.profile_hash.hex(),
        "key": shown.key.hex(),
        "not_after": instant(shown.not_after),
        "services": list(shown.services),
        "digest": shown.digest.hex(),
    }


CERTIFICATE: Final = an_object(
    "IssuedCertificate",
    certificate=OCTETS,
    issuers=a_list(OCTETS),
    fingerprint=DIGEST,
    application=APPLICATION,
)


def certificate_view(
    certificate: Certificate,
    found: Application,
    policy: EnrolmentPolicy,
    status: CertificateStatus | None,
    *,
    issuers: Iterable[Certificate],
) -> dict[str, Any]:
    """A certificate that was issued, those above it, and the challenge to accept it by."""
    return {
        "certificate": base64_of(certificate.encoded),
        "fingerprint": certificate.fingerprint.hex(),
        "issuers": [base64_of(each.encoded) for each in issuers],
        "application": application_view(found, policy, status),
    }


STATUS: Final = an_object(
    "CertificateStatus",
    state={"type": "string", "enum": ["valid", "on_hold", "revoked"]},
    since=INSTANT,
    reason=REASON,
)


def status_view(status: Status) -> dict[str, Any]:
    """The status of a certificate."""
    return {
        "state": status.state.value,
        "since": instant(status.since),
        "reason": None if status.reason is None else status.reason.name.lower(),
    }


# --- for officials -------------------------------------------------------------------------------

CASE: Final = an_object(
    "Case",
    application=APPLICATION,
    applicant=TEXT,
    subject=TEXT,
    operator=TEXT,
    checker=TEXT,
    reason=TEXT,
    reason_without_chip=TEXT,
    risk=NUMBER,
    face_checks=NUMBER,
    returns=NUMBER,
    level={"type": "string", "enum": [level.name.lower() for level in Level]},
    record=DIGEST,
    evidence=a_list(
        an_object(
            "EvidenceItem",
            kind={"type": "string", "enum": list(KINDS)},
            digest=DIGEST,
            valid_until=INSTANT,
        )
    ),
)


def case_view(
    found: Application, policy: EnrolmentPolicy, status: CertificateStatus | None
) -> dict[str, Any]:
    """What an official is shown: pseudonyms, counts, the real reason."""
    return {
        "application": application_view(found, policy, status),
        "applicant": found.applicant,
        "subject": found.subject,
        "operator": found.operator,
        "checker": found.checker,
        "reason": found.reason,
        "reason_without_chip": found.reason_without_chip,
        "risk": found.risk,
        "face_checks": found.face_checks,
        "returns": found.returns,
        "level": found.level.name.lower(),
        "record": found.record.hex(),
        "evidence": [
            {
                "kind": item.kind.value,
                "digest": item.digest.hex(),
                "valid_until": instant(item.valid_until),
            }
            for item in found.evidence
        ],
    }


PERSON: Final[Schema] = {
    "anyOf": [
        {"type": "null"},
        an_object(
            "Person",
            subject={"type": "object", "additionalProperties": TEXT},
            born={"type": "string", "format": "date"},
            residency=TEXT,
        ),
    ]
}


def person_view(snapshot: Snapshot | None) -> dict[str, Any] | None:
    """The person as the register said when this was decided."""
    if snapshot is None:
        return None
    return {
        "subject": dict(snapshot.subject),
        "born": snapshot.born.isoformat(),
        "residency": snapshot.residency.value,
    }


IDENTITY: Final[Schema] = {
    "anyOf": [
        {"type": "null"},
        an_object(
            "DocumentIdentity",
            country=TEXT,
            number=TEXT,
            surname=TEXT,
            given_name={"type": ["string", "null"]},
            born={"type": "string", "format": "date"},
            nationality=TEXT,
            expires={"type": "string", "format": "date"},
            permission_until=INSTANT,
        ),
    ]
}


def identity_view(identity: DocumentIdentity | None) -> dict[str, Any] | None:
    """The person as the operator read them in the document, before a number was allotted."""
    if identity is None:
        return None
    return {
        "country": identity.country,
        "number": identity.number,
        "surname": identity.surname,
        "given_name": identity.given_name,
        "born": identity.born.isoformat(),
        "nationality": identity.nationality,
        "expires": identity.expires.isoformat(),
        "permission_until": instant(identity.permission_until),
    }


# --- spelling ------------------------------------------------------------------------------------


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def base64_of(octets: bytes) -> str:
    """Base64 (RFC 4648 §4), in one line."""
    return base64.b64encode(octets).decode()
