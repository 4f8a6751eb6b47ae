"""What an operator writes down of a visit: the document, how it looked, the picture, the papers.

A file of TOML beside the scans it names. It holds personal data, so nothing of it is repeated in
an error, and it is for the operator to destroy it once the desk has taken it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

from ..ca.settings import Fields, read_toml
from ..errors import InvalidArgument, LimitExceeded
from .application import Application
from .encoding import encode
from .evidence.chips import ChipRead, authenticate_chip
from .evidence.cscas import CscaStore
from .evidence.inperson import ChipAbsence, InPersonRecord, Inspection, SeenDocument
from .evidence.states import ALPHA_2
from .evidence.vault import SIZE_LIMIT
from .kinds import EvidenceKind
from .people import DocumentIdentity, Pseudonyms
from .providers import CheckedEvidence
from .readers import checked_chip, chip_challenge
from .states import Flow

_CHIP_FILES: Final = {"EF.SOD": 0, "EF.DG1": 1, "EF.DG14": 14, "EF.DG15": 15}
_RESPONSE: Final = "response"
_PAPER: Final = b"eds paper "
_CHIP_LIMIT: Final = 256 * 1024
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_NUMBER: Final = re.compile(r"[A-Z0-9]{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit as the operator wrote it down. Scans are octets; times are days of the document.

    `personal_number` is wanted of residents, `identity` of those who are to be given a number.
    """

    document: SeenDocument
    country: str
    number: str = field(repr=False)
    place: str
    inspections: frozenset[Inspection]
    capture: bytes = field(repr=False)
    identity: DocumentIdentity | None = field(default=None, repr=False)
    personal_number: str = field(default="", repr=False)
    chip: ChipRead | None = None
    chip_absence: ChipAbsence | None = None
    translation: bytes = field(default=b"", repr=False)
    power_of_attorney: bytes = field(default=b"", repr=False)
    contact: str = field(default="", repr=False)
    remark: str = field(default="", repr=False)


def read_visit(data: bytes, *, file: str, folder: Path) -> Visit:
    """Read the file of a visit; the files it names stand in `folder`.

    Raises MalformedSettings, OSError, LimitExceeded.
    """
    top = read_toml(data, file=file)
    document, visit = top.table("document"), top.table("visit")
    chip = visit.text("chip", "")
    absence = visit.text("chip_absence", "")
    if bool(chip) is bool(absence):
        visit.refuse("chip", "the folder with what was read, or chip_absence: why there is none")
    country, number = document.text("country"), document.text("number")
    if not _COUNTRY.fullmatch(country) or not _NUMBER.fullmatch(number):
        document.refuse("number", "a country of two letters, a number of letters and digits")
    found = Visit(
        document=_one_of(SeenDocument, document, "kind"),
        country=country,
        number=number,
        personal_number=document.text("personal_number", ""),
        identity=_identity(document, country, number),
        place=visit.text("place"),
        inspections=frozenset(_inspection(visit, each) for each in visit.texts("inspections")),
        capture=_scan(visit, "capture", folder),
        chip=read_chip(folder / chip) if chip else None,
        chip_absence=_one_of(ChipAbsence, visit, "chip_absence", absence) if absence else None,
        translation=_scan(visit, "translation", folder) if "translation" in visit else b"",
        power_of_attorney=(
            _scan(visit, "power_of_attorney", folder) if "power_of_attorney" in visit else b""
        ),
        contact=visit.text("contact", ""),
        remark=visit.text("remark", ""),
    )
    for each in (document, visit, top):
        each.finish()
    if found.personal_number and not re.fullmatch(r"[0-9A-Za-z]{4,20}", found.personal_number):
        document.refuse("personal_number", "letters and digits")
    return found


def read_chip(folder: Path) -> ChipRead:
    """What a reader took from a chip: EF.SOD, EF.DG1, EF.DG14, EF.DG15 and `response`, as files.

    Raises OSError, LimitExceeded.
    """
    found = {
        number: _read(folder / name, limit=_CHIP_LIMIT)
        for name, number in _CHIP_FILES.items()
        if number == 0 or (folder / name).exists()
    }
    answered = (folder / _RESPONSE).exists()
    return ChipRead(
        security_object=found.pop(0),
        data_groups=found,
        response=_read(folder / _RESPONSE, limit=_CHIP_LIMIT) if answered else None,
    )


def visit_challenge(application: Application) -> bytes:
    """What a chip at the centre answers to: this version of this application."""
    named = f"eds visit\0{application.application}\0{application.version}"
    return hashlib.sha256(named.encode()).digest()


def pieces_of(
    visit: Visit,
    application: Application,
    *,
    operator: bytes,
    station: str,
    pseudonyms: Pseudonyms,
    cscas: CscaStore,
    at: datetime,
) -> tuple[CheckedEvidence, ...]:
    """The visit as evidence of this application. `operator` is the SHA-256 of their certificate.

    Raises EvidenceUnverified for a chip that did not pass, MalformedEvidence, InvalidArgument.
    """
    if application.flow is Flow.CENTRE:
        holder = pseudonyms.document(visit.country, visit.number)
    elif visit.personal_number:
        holder = pseudonyms.person(visit.personal_number)
    else:
        raise InvalidArgument(argument="personal_number", reason="wanted of who has one")
    document = (visit.country, visit.number)
    pieces = []
    if visit.chip is not None:
        pieces.append(_chip(visit, visit.chip, application, holder, cscas, at=at))
    record = InPersonRecord(
        application=application.application,
        applicant=application.applicant,
        operator=operator,
        station=station,
        place=visit.place,
        seen_at=at.replace(microsecond=0),
        document=visit.document,
        issuing_state=visit.country,
        document_number=visit.number,
        inspections=visit.inspections,
        capture_digest=hashlib.sha256(visit.capture).digest(),
        chip_digest=hashlib.sha256(pieces[0].octets).digest() if pieces else None,
        chip_absence=visit.chip_absence,
        remark=visit.remark,
    )
    if Inspection.ORIGINAL_SEEN in visit.inspections:
        pieces.append(
            CheckedEvidence(
                kind=EvidenceKind.DOCUMENT_SEEN,
                octets=record.canonical,
                holder=holder,
                document=document,
            )
        )
    # A picture is taken once. Papers may be shown again, each time for one application.
    pieces.append(
        CheckedEvidence(kind=EvidenceKind.LIVE_CAPTURE, octets=visit.capture, holder=holder)
    )
    for kind, scan, notarised in (
        (EvidenceKind.TRANSLATION, visit.translation, Inspection.TRANSLATION_NOTARISED),
        (EvidenceKind.POWER_OF_ATTORNEY, visit.power_of_attorney, Inspection.POWER_OF_ATTORNEY),
    ):
        if scan and notarised in visit.inspections:
            octets = _PAPER + encode({"record": record.digest, "paper": kind}) + b"\n" + scan
            pieces.append(CheckedEvidence(kind=kind, octets=octets, holder=holder))
    return tuple(pieces)


def paper_of(octets: bytes) -> bytes:
    """The scan of a paper that was kept, without the line that bound it to its visit."""
    return octets.partition(b"\n")[2] if octets.startswith(_PAPER) else octets


# --- inside --------------------------------------------------------------------------------------


def _chip(
    visit: Visit, chip: ChipRead, application: Application, holder: str, cscas: CscaStore, *,
    at: datetime,
) -> CheckedEvidence:  # fmt: skip
    challenge = visit_challenge(application)
    report = authenticate_chip(
        chip,
        cscas=cscas,
        at=at,
        challenge=None if chip.response is None else chip_challenge(challenge),
    )
    mrz = report.mrz
    same = (
        mrz is not None
        and ALPHA_2.get(mrz.issuing_state) == visit.country
        and mrz.number == visit.number
    )
    made = checked_chip(
        report, chip, kind=EvidenceKind.DOCUMENT_CHIP, challenge=challenge,
        holder=holder if same else "",
    )  # fmt: skip
    return CheckedEvidence(
        kind=made.kind,
        octets=made.octets,
        holder=made.holder,
        challenge=made.challenge,
        valid_until=made.valid_until,
        document=(visit.country, visit.number),
        proves=made.proves,
    )


def _identity(document: Fields, country: str, number: str) -> DocumentIdentity | None:
    if "surname" not in document:
        return None
    until = document.text("permission_until", "")
    return DocumentIdentity(
        country=country,
        number=number,
        surname=document.text("surname"),
        given_name=document.text("given_name", "") or None,
        born=_day(document, "born", document.text("born")),
        nationality=document.text("nationality"),
        expires=_day(document, "expires", document.text("expires")),
        permission_until=(
            datetime.combine(_day(document, "permission_until", until), time(), UTC)
            if until
            else None
        ),
    )


def _day(fields: Fields, key: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fields.refuse(key, "a day such as '2027-06-01'")


def _inspection(fields: Fields, text: str) -> Inspection:
    try:
        return Inspection(text)
    except ValueError:
        fields.refuse("inspections", f"of {', '.join(each.value for each in Inspection)}")


def _one_of(kind: Any, fields: Fields, key: str, text: str | None = None) -> Any:
    try:
        return kind(fields.text(key) if text is None else text)
    except ValueError:
        fields.refuse(key, f"one of {', '.join(each.value for each in kind)}")


def _scan(fields: Fields, key: str, folder: Path) -> bytes:
    found = _read(folder / fields.text(key), limit=SIZE_LIMIT - 4096)
    if not found:
        fields.refuse(key, "the file is empty")
    return found


def _read(path: Path, *, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise LimitExceeded(limit="octets of a file", allowed=limit)
    return data
