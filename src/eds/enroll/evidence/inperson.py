"""What an operator saw, as one record: the octets that operator and checker both sign."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from ...errors import MalformedEvidence, NaiveDatetime
from .strictjson import read_object, write_object

VERSION: Final = 1
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_SHA256_SIZE: Final = 32


class SeenDocument(Enum):
    """The original that lay on the desk."""

    PASSPORT = "passport"
    IDENTITY_CARD = "identity_card"
    RESIDENCE_PERMIT = "residence_permit"


class Inspection(Enum):
    """What the operator looked at, and found in order."""

    ORIGINAL_SEEN = "original_seen"
    SECURITY_FEATURES = "security_features"
    PHOTO_RESEMBLES = "photo_resembles"
    ZONE_AGREES = "zone_agrees"
    TRANSLATION_NOTARISED = "translation_notarised"
    POWER_OF_ATTORNEY = "power_of_attorney"
    SPEAKS_FOR_SELF = "speaks_for_self"


class ChipAbsence(Enum):
    """Why no chip was read: a reason is given or a report."""

    NO_CHIP = "no_chip"
    CHIP_DEFECTIVE = "chip_defective"
    READER_DEFECTIVE = "reader_defective"


@dataclass(frozen=True, slots=True, kw_only=True)
class InPersonRecord:
    """One visit. `operator` is the SHA-256 of the operator's certificate; `applicant` a pseudonym.

    `document_number` stands in the record that is signed and sealed, and in no repr. Digests are
    SHA-256: `chip_digest` over what was read from the chip, `capture_digest` over the picture
    taken at the desk. Raises MalformedEvidence with the field at fault, NaiveDatetime.
    """

    application: str
    applicant: str
    operator: bytes
    station: str
    place: str
    seen_at: datetime
    document: SeenDocument
    issuing_state: str
    document_number: str = field(repr=False)
    inspections: frozenset[Inspection]
    capture_digest: bytes = field(repr=False)
    chip_digest: bytes | None = field(default=None, repr=False)
    chip_absence: ChipAbsence | None = None
    remark: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.seen_at.utcoffset() is None:
            raise NaiveDatetime(argument="seen_at")
        if self.seen_at.microsecond:
            raise MalformedEvidence(field="seen_at", reason="whole seconds are wanted")
        for name in (
            *("application", "applicant", "station", "place", "issuing_state"),
            *("document_number", "remark"),
        ):
            text = getattr(self, name)
            if name == "remark" and not text:
                continue
            if not _TEXT.fullmatch(text) or unicodedata.normalize("NFC", text) != text:
                raise MalformedEvidence(field=name, reason="not one line of text in form NFC")
        for name in ("operator", "capture_digest", "chip_digest"):
            octets = getattr(self, name)
            if octets is not None and len(octets) != _SHA256_SIZE:
                raise MalformedEvidence(field=name, reason="not a SHA-256")
        if (self.chip_digest is None) is (self.chip_absence is None):
            raise MalformedEvidence(field="chip_digest", reason="a chip, or why there is none")

    @property
    def canonical(self) -> bytes:
        """The octets to sign: canonical JSON, one spelling for each record."""
        data: dict[str, Any] = {
            "type": "eds-in-person-record",
            "version": VERSION,
            "application": self.application,
            "applicant": self.applicant,
            "operator": self.operator.hex(),
            "station": self.station,
            "place": self.place,
            "seen_at": int(self.seen_at.timestamp()),
            "document": self.document.value,
            "issuing_state": self.issuing_state,
            "document_number": self.document_number,
            "inspections": sorted(one.value for one in self.inspections),
            "capture_digest": self.capture_digest.hex(),
            "remark": self.remark,
        }
        if self.chip_digest is not None:
            data["chip_digest"] = self.chip_digest.hex()
        if self.chip_absence is not None:
            data["chip_absence"] = self.chip_absence.value
        return write_object(data)

    @property
    def digest(self) -> bytes:
        """SHA-256 over the octets that are signed."""
        return hashlib.sha256(self.canonical).digest()


def read_in_person_record(octets: bytes) -> InPersonRecord:
    """The record of exactly these octets. Raises MalformedEvidence for any other spelling."""
    try:
        data = read_object(octets)
        if (data.pop("type", None), data.pop("version", None)) != ("eds-in-person-record", VERSION):
            raise MalformedEvidence(field="type", reason="not a record of a visit")
        chip, absence = data.pop("chip_digest", None), data.pop("chip_absence", None)
        record = InPersonRecord(
            operator=bytes.fromhex(data.pop("operator")),
            seen_at=datetime.fromtimestamp(data.pop("seen_at"), tz=UTC),
            document=SeenDocument(data.pop("document")),
            inspections=frozenset(Inspection(one) for one in data.pop("inspections")),
            capture_digest=bytes.fromhex(data.pop("capture_digest")),
            chip_digest=None if chip is None else bytes.fromhex(chip),
            chip_absence=None if absence is None else ChipAbsence(absence),
            **data,
        )
    except (ValueError, TypeError, KeyError, OverflowError, OSError, AttributeError):
        raise MalformedEvidence(field="record", reason="not a record of a visit") from None
    if record.canonical != octets:
        raise MalformedEvidence(field="record", reason="not in its canonical form")
    return record
