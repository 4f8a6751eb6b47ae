"""The report of a ceremony: canonical JSON, and a signature over its very octets beside it.

Whoever has the key of the audit log from elsewhere can verify both with this code or with
openssl alone. The report holds the certificates themselves, so what it claims of them is held
against them; it is not signed by an issuer's key, which signs certificates and lists only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from ..algorithms import identify, signature_algorithm
from ..certificates import Certificate
from ..errors import DecodeError, EdsError, MalformedReport
from ..keys.contract import Signer
from ..publickeys import PublicKey
from .ceremony_plan import Ceremony, Role
from .profiles import canonical
from .register import Register

REPORT_LIMIT: Final = 4 * 1024 * 1024  # octets
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCertificate:
    """One certificate that stands after the ceremony, and where its key is."""

    label: str
    issuer: str
    profile: str
    profile_hash: str
    key_uri: str
    certificate: Certificate

    @classmethod
    def of(cls, role: Role, certificate: Certificate, *, key_uri: str) -> Self:
        return cls(
            label=role.label,
            issuer=role.issuer,
            profile=f"{role.profile.name}/{role.profile.version}",
            profile_hash=role.profile.hash.hex(),
            key_uri=key_uri,
            certificate=certificate,
        )

    @property
    def data(self) -> dict[str, Any]:
        """As it stands in the report."""
        certificate = self.certificate
        return {
            "certificate": base64.b64encode(certificate.encoded).decode(),
            "issuer": self.issuer,
            "key_identifier": certificate.public_key.key_identifier.hex(),
            "key_uri": self.key_uri,
            "label": self.label,
            "not_after": certificate.not_after.isoformat(),
            "not_before": certificate.not_before.isoformat(),
            "profile": self.profile,
            "profile_sha256": self.profile_hash,
            "public_key": certificate.public_key.description,
            "public_key_sha256": certificate.public_key.fingerprint.hex(),
            "serial_number": certificate.serial_number_octets.hex(),
            "sha256": certificate.fingerprint.hex(),
            "subject": certificate.subject.rfc4514,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report, read: `data` as it stands, `encoded` what was signed."""

    encoded: bytes
    data: dict[str, Any]
    certificates: tuple[tuple[str, str, Certificate], ...]  # label, issuer, certificate
    signed_by: str  # SHA-256 of the key
    algorithm: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the octets, as the audit log has it."""
        return hashlib.sha256(self.encoded).digest()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a report. Raises MalformedReport."""
        if len(encoded) > REPORT_LIMIT:
            raise MalformedReport(reason=f"over {REPORT_LIMIT} octets")
        try:
            data = json.loads(encoded)
            if canonical(data) + b"\n" != encoded:
                raise MalformedReport(reason="not the canonical form")
            if data["eds_ceremony_report"] != _VERSION:
                raise MalformedReport(reason="another version")
            rows = data["certificates"]
            found = tuple(
                (
                    str(row["label"]),
                    str(row["issuer"]),
                    Certificate(base64.b64decode(row["certificate"], validate=True)),
                )
                for row in rows
            )
            return cls(
                encoded=encoded,
                data=data,
                certificates=found,
                signed_by=str(data["signed_by"]["public_key_sha256"]),
                algorithm=str(data["signed_by"]["algorithm"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
            raise MalformedReport(reason=type(error).__name__) from None
        except DecodeError as error:
            raise MalformedReport(reason=error.code) from None


def write_report(
    ceremony: Ceremony,
    made: Sequence[ReportedCertificate],
    *,
    authority: str,
    actor: str,
    started_at: str,
    finished_at: datetime,
    remarks: Iterable[str],
    signer: Signer,
) -> tuple[Report, bytes, bytes]:
    """The report, its octets and the signature over them."""
    encoded = (
        canonical(
            {
                "actor": actor,
                "authority": authority,
                "ceremony": ceremony.name,
                "certificates": [one.data for one in made],
                "description_sha256": ceremony.digest.hex(),
                "eds_ceremony_report": _VERSION,
                "finished_at": finished_at.isoformat(),
                "participants": [
                    {"name": one.name, "role": one.role} for one in ceremony.participants
                ],
                "purpose": ceremony.purpose,
                "remarks": list(remarks),
                "signed_by": {
                    "algorithm": signer.algorithm.name,
                    "public_key_sha256": signer.public_key.fingerprint.hex(),
                },
                "started_at": started_at,
            }
        )
        + b"\n"
    )
    return Report.decode(encoded), encoded, signer.sign(encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFinding:
    """One thing that a report claims and that does not hold."""

    code: str
    place: str
    detail: str


def verify_report(
    report: Report,
    signature: bytes,
    *,
    keys: Iterable[PublicKey],
    register: Register | None,
) -> tuple[ReportFinding, ...]:
    """All that does not hold; empty where everything does.

    `keys` are the trusted keys of the log. With a register, the issuers of the report must stand
    there as they are.
    """
    found: list[ReportFinding] = []
    if not _is_signed(report, signature, tuple(keys)):
        found.append(
            ReportFinding(
                code="ceremony.untrusted",
                place="signature",
                detail="not signed by a key that is trusted, or changed since",
            )
        )
    by_label = {label: certificate for label, _, certificate in report.certificates}
    for row, (label, issuer, certificate) in zip(
        report.data["certificates"], report.certificates, strict=True
    ):
        claimed = ReportedCertificate(
            label=label,
            issuer=issuer,
            profile=row.get("profile", ""),
            profile_hash=row.get("profile_sha256", ""),
            key_uri=row.get("key_uri", ""),
            certificate=certificate,
        )
        if claimed.data != row:
            found.append(
                ReportFinding(
                    code="ceremony.misreported",
                    place=label,
                    detail="what is said of the certificate is not what it says",
                )
            )
        above = by_label.get(issuer)
        if above is None and register is not None:
            above = _registered(register, issuer)
        if above is not None and not _is_issued_by(certificate, above):
            found.append(
                ReportFinding(
                    code="ceremony.not_issued", place=label, detail=f"{issuer} did not sign it"
                )
            )
        if register is not None and certificate.basic_constraints is not None:
            there = _registered(register, label)
            if certificate.basic_constraints.ca and there != certificate:
                found.append(
                    ReportFinding(
                        code="ceremony.not_registered",
                        place=label,
                        detail="the register has no such issuer, or another",
                    )
                )
    return tuple(found)


def _is_signed(report: Report, signature: bytes, keys: tuple[PublicKey, ...]) -> bool:
    for key in keys:
        if key.fingerprint.hex() != report.signed_by:
            continue
        try:
            algorithm = signature_algorithm(report.algorithm)
            return key.verify(signature, report.encoded, algorithm=algorithm)
        except EdsError:
            return False
    return False


def _is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    key = issuer.public_key
    try:
        algorithm = identify(
            certificate.signature_algorithm, key_type=key.key_type, curve=key.curve
        )
        return certificate.issuer == issuer.subject and key.verify(
            certificate.signature, certificate.tbs_encoded, algorithm=algorithm
        )
    except EdsError:
        return False


def _registered(register: Register, label: str) -> Certificate | None:
    for row in register.issuers():
        if row.label == label:
            return Certificate(bytes(row.certificate))
    return None
