"""The report: a frozen value that says what was found of every signature in a document.

Renderings (JSON, text, HTML, ETSI TS 119 102-2) are functions over it, elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NoReturn

from ..certificates import Certificate
from ..errors import Sentence, SignatureNotPassed
from .findings import Finding
from .indications import Indication, SubIndication
from .policy import Level


class SignatureFormat(Enum):
    """How a signature is carried."""

    CMS = "CMS"
    CADES = "CAdES"
    PDF = "PDF"  # a PDF signature that is not PAdES
    PADES = "PAdES"


class Judged:
    """Whatever has an indication: a document, a signature, a time-stamp."""

    __slots__ = ()

    indication: Indication
    sub_indication: SubIndication | None

    @property
    def verdict(self) -> str:
        """Indication and sub-indication in one line: `INDETERMINATE / TRY_LATER`."""
        sub = "" if self.sub_indication is None else f" / {self.sub_indication.value}"
        return f"{self.indication.value}{sub}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampReport(Judged):
    """One time-stamp: what it says, whether it is believed, and over what it stands.

    `kind` is `signature`, `content`, `archive` or `document`; `time` is None where the token
    could not be read.
    """

    kind: str
    time: datetime | None
    indication: Indication
    sub_indication: SubIndication | None
    findings: tuple[Finding, ...]
    authority: Certificate | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the document the signature is about.

    `whole` says that every octet a reader sees is signed. `changes` names what came after the
    signature and was allowed (PDF revisions), for people to read.
    """

    whole: bool
    changes: tuple[Sentence, ...] = ()
    name: str = ""  # of the signature field, where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureReport(Judged):
    """What was found of one signature.

    `claimed_time` is what the signer says; `proven_time` the earliest instant for which there
    is a proof of existence, `at` of the validation where there is no earlier one. `level` is
    the level reached, None below B. `path` runs from the signer's certificate to the anchor.
    """

    format: SignatureFormat
    indication: Indication
    sub_indication: SubIndication | None
    findings: tuple[Finding, ...]
    signer: Certificate | None = None
    path: tuple[Certificate, ...] = ()
    level: Level | None = None
    claimed_time: datetime | None = None
    proven_time: datetime | None = None
    algorithm: str | None = None
    digest_algorithm: str | None = None
    content_type: str | None = None
    coverage: Coverage | None = None
    time_stamps: tuple[TimeStampReport, ...] = ()
    counter_signatures: tuple[SignatureReport, ...] = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is neither yes nor no: look at its indication")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport(Judged):
    """What was found of a document.

    `at` is the instant the validation was asked for. `policy` and `trust` name what was
    demanded and believed. Its indication is the worst of its signatures'; a document without a
    signature is not passed but INDETERMINATE, SIGNED_DATA_NOT_FOUND, and one that cannot be
    read is TOTAL_FAILED, FORMAT_FAILURE: `findings` says why. `content_digest` is that of what
    was signed, by the digest algorithm of the first signature.
    """

    at: datetime
    policy: str
    trust: str
    indication: Indication
    sub_indication: SubIndication | None
    signatures: tuple[SignatureReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    content_digest: bytes | None = None

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is neither yes nor no: look at its indication")

    def require_passed(self) -> None:
        """For callers who only need a yes. Raises SignatureNotPassed."""
        if self.indication is not Indication.TOTAL_PASSED:
            raise SignatureNotPassed(
                indication=self.indication.value,
                sub_indication=None if self.sub_indication is None else self.sub_indication.value,
            )
