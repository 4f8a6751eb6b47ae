"""What evidence proves, and how surely a set of it identifies a person: the one table of both.

Readers say what a piece has shown, the flows add what they saw themselves, and `level_reached` is
the only place that turns proofs into a level. Levels are those of ETSI TS 119 461 V2.1.1
(Baseline, Extended) and NIST SP 800-63A-4 (IAL). The rows are this project's reading of them, not
a certificate of conformity. A level is reached when all proofs of one of its rows are there, so
taking a proof away never raises it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from ...errors import InvalidArgument
from ..kinds import EvidenceKind


class Proof(Enum):
    """What one piece of evidence has shown, once it was verified."""

    CHIP_GENUINE = "chip_genuine"
    CHIP_NOT_CLONED = "chip_not_cloned"
    DOCUMENT_SEEN = "document_seen"
    DOCUMENT_IN_FORCE = "document_in_force"
    REGISTER = "register"
    CONTACT_CONFIRMED = "contact_confirmed"
    PERSON_ALIVE = "person_alive"
    FACE_LIKE_CHIP = "face_like_chip"
    FACE_LIKE_REGISTER = "face_like_register"
    PERSON_PRESENT = "person_present"
    OPERATOR_RECORD = "operator_record"
    SECOND_OFFICIAL = "second_official"
    EDS_BASELINE = "eds_baseline"
    EDS_EXTENDED = "eds_extended"
    ZONE_READ = "zone_read"


class Level(IntEnum):
    """Levels of identity proofing (ETSI TS 119 461)."""

    NONE = 0
    BASELINE = 1
    EXTENDED = 2


class Ial(IntEnum):
    """Identity assurance levels (NIST SP 800-63A)."""

    NONE = 0
    IAL1 = 1
    IAL2 = 2
    IAL3 = 3


class Task(Enum):
    """Tasks of identity proofing (ETSI TS 119 461)."""

    COLLECTION = "attribute and evidence collection"
    VALIDATION = "attribute and evidence validation"
    BINDING = "binding to applicant"
    RESULT = "issuing of result"


class Strength(Enum):
    """Strength of evidence (NIST SP 800-63A); NONE: it is no evidence of identity."""

    NONE = "none"
    FAIR = "fair"
    STRONG = "strong"
    SUPERIOR = "superior"


class Contribution(NamedTuple):
    """What a proof is good for, and the highest level that it can help to reach."""

    task: Task
    helps_up_to: Level
    strength: Strength
    says: str


CONTRIBUTIONS: Final[Mapping[Proof, Contribution]] = MappingProxyType({
    Proof.CHIP_GENUINE: Contribution(
        Task.VALIDATION, Level.EXTENDED, Strength.SUPERIOR,
        "the data are as the issuing state signed them; the chip may be a copy"),
    Proof.CHIP_NOT_CLONED: Contribution(
        Task.VALIDATION, Level.EXTENDED, Strength.NONE, "the chip itself answered our challenge"),
    Proof.DOCUMENT_SEEN: Contribution(
        Task.VALIDATION, Level.EXTENDED, Strength.STRONG, "an operator examined the original"),
    Proof.DOCUMENT_IN_FORCE: Contribution(
        Task.VALIDATION, Level.EXTENDED, Strength.NONE, "its issuer says that it is valid"),
    Proof.REGISTER: Contribution(
        Task.VALIDATION, Level.EXTENDED, Strength.NONE,
        "the register has one living person with these attributes"),
    Proof.CONTACT_CONFIRMED: Contribution(
        Task.BINDING, Level.BASELINE, Strength.NONE,
        "somebody reads messages to the number the register has; no more"),
    Proof.PERSON_ALIVE: Contribution(
        Task.BINDING, Level.EXTENDED, Strength.NONE,
        "a living person, neither presented nor injected, at that moment"),
    Proof.FACE_LIKE_CHIP: Contribution(
        Task.BINDING, Level.EXTENDED, Strength.NONE, "the face is like the one in the chip"),
    Proof.FACE_LIKE_REGISTER: Contribution(
        Task.BINDING, Level.BASELINE, Strength.NONE, "the face is like the register's photograph"),
    Proof.PERSON_PRESENT: Contribution(
        Task.BINDING, Level.EXTENDED, Strength.NONE, "the person stood before an operator"),
    Proof.OPERATOR_RECORD: Contribution(
        Task.RESULT, Level.EXTENDED, Strength.NONE, "an official signed what they saw"),
    Proof.SECOND_OFFICIAL: Contribution(
        Task.RESULT, Level.EXTENDED, Strength.NONE, "another person signed the same record"),
    Proof.EDS_BASELINE: Contribution(
        Task.BINDING, Level.BASELINE, Strength.STRONG,
        "a living key whose certificate rests on baseline proofing"),
    Proof.EDS_EXTENDED: Contribution(
        Task.BINDING, Level.EXTENDED, Strength.SUPERIOR,
        "a living key whose certificate rests on extended proofing"),
    Proof.ZONE_READ: Contribution(
        Task.COLLECTION, Level.NONE, Strength.NONE,
        "somebody typed or scanned a zone; check digits prove nothing"),
})  # fmt: skip


class Shown(NamedTuple):
    """What an accepted piece of one kind shows always, and what it may show besides."""

    always: frozenset[Proof]
    besides: frozenset[Proof] = frozenset()


def _shown(*always: Proof, besides: Iterable[Proof] = ()) -> Shown:
    return Shown(frozenset(always), frozenset(besides))


_P = Proof
_OF_A_CHIP: Final = _shown(_P.CHIP_GENUINE, besides=(_P.CHIP_NOT_CLONED, _P.DOCUMENT_IN_FORCE))
_OF_A_KEY: Final = _shown(besides=(_P.EDS_BASELINE, _P.EDS_EXTENDED))
# What is accepted at the desk, kind by kind. OPERATOR_RECORD and SECOND_OFFICIAL are no pieces:
# they come with the acts themselves.
SHOWN: Final[Mapping[EvidenceKind, Shown]] = MappingProxyType({
    EvidenceKind.REGISTER: _shown(_P.REGISTER),
    EvidenceKind.CONTACT_CODE: _shown(_P.CONTACT_CONFIRMED),
    EvidenceKind.PASSPORT_CHIP: _OF_A_CHIP,
    EvidenceKind.IDENTITY_CARD_CHIP: _OF_A_CHIP,
    EvidenceKind.DOCUMENT_CHIP: _OF_A_CHIP,
    EvidenceKind.EXISTING_EDS: _OF_A_KEY,
    EvidenceKind.LIVING_KEY: _OF_A_KEY,
    EvidenceKind.REGISTER_PHOTO: _shown(),  # what a face is compared with; no more
    EvidenceKind.FACE_MATCH: _shown(
        _P.PERSON_ALIVE, besides=(_P.FACE_LIKE_CHIP, _P.FACE_LIKE_REGISTER)),
    EvidenceKind.DOCUMENT_SEEN: _shown(_P.DOCUMENT_SEEN, besides=(_P.DOCUMENT_IN_FORCE,)),
    EvidenceKind.LIVE_CAPTURE: _shown(_P.PERSON_PRESENT),
    EvidenceKind.TRANSLATION: _shown(),
    EvidenceKind.POWER_OF_ATTORNEY: _shown(),
    EvidenceKind.SECOND_FACTOR: _shown(_P.CONTACT_CONFIRMED),
})  # fmt: skip
FACE_LIKE: Final[Mapping[EvidenceKind, Proof]] = MappingProxyType({
    EvidenceKind.PASSPORT_CHIP: _P.FACE_LIKE_CHIP,
    EvidenceKind.IDENTITY_CARD_CHIP: _P.FACE_LIKE_CHIP,
    EvidenceKind.REGISTER_PHOTO: _P.FACE_LIKE_REGISTER,
})  # fmt: skip
"""What the face was compared with → what a match shows."""
EDS_OF_LEVEL: Final[Mapping[Level, frozenset[Proof]]] = MappingProxyType({
    Level.NONE: frozenset(),
    Level.BASELINE: frozenset({_P.EDS_BASELINE}),
    Level.EXTENDED: frozenset({_P.EDS_EXTENDED}),
})  # fmt: skip
"""How surely the holder of a key was proven when it was certified → what the key shows now."""


def shown_by(kind: EvidenceKind, besides: frozenset[Proof]) -> frozenset[Proof]:
    """What a piece of that kind shows. Raises InvalidArgument where its kind cannot show that."""
    row = SHOWN[kind]
    if not besides <= row.always | row.besides:
        raise InvalidArgument(argument="proves", reason=f"{kind.value} cannot show that")
    return row.always | besides


LEVELS: Final[tuple[tuple[Level, frozenset[Proof]], ...]] = (
    # Remote, unattended, with the chip.
    (Level.EXTENDED, frozenset({
        _P.CHIP_GENUINE, _P.CHIP_NOT_CLONED, _P.DOCUMENT_IN_FORCE, _P.REGISTER,
        _P.PERSON_ALIVE, _P.FACE_LIKE_CHIP})),
    # Physical presence, the document by its chip too, and the house's own rule of two officials.
    (Level.EXTENDED, frozenset({
        _P.PERSON_PRESENT, _P.DOCUMENT_SEEN, _P.DOCUMENT_IN_FORCE, _P.CHIP_GENUINE,
        _P.OPERATOR_RECORD, _P.SECOND_OFFICIAL})),
    # By an electronic signature with a certificate: never above its own proofing.
    (Level.EXTENDED, frozenset({_P.EDS_EXTENDED, _P.REGISTER})),
    (Level.BASELINE, frozenset({_P.EDS_BASELINE, _P.REGISTER})),
    (Level.BASELINE, frozenset({
        _P.CHIP_GENUINE, _P.REGISTER, _P.PERSON_ALIVE, _P.FACE_LIKE_CHIP})),
    (Level.BASELINE, frozenset({
        _P.REGISTER, _P.CONTACT_CONFIRMED, _P.PERSON_ALIVE, _P.FACE_LIKE_REGISTER})),
    # A document without a chip says what two officials can see of it.
    (Level.BASELINE, frozenset({
        _P.PERSON_PRESENT, _P.DOCUMENT_SEEN, _P.OPERATOR_RECORD, _P.SECOND_OFFICIAL})),
)  # fmt: skip
IALS: Final[tuple[tuple[Ial, frozenset[Proof]], ...]] = (
    # In person, superior evidence by its cryptography, a biometric looked at by an operator.
    (Ial.IAL3, frozenset({
        _P.PERSON_PRESENT, _P.CHIP_GENUINE, _P.CHIP_NOT_CLONED, _P.DOCUMENT_SEEN, _P.REGISTER,
        _P.OPERATOR_RECORD})),
    (Ial.IAL2, frozenset({
        _P.CHIP_GENUINE, _P.REGISTER, _P.PERSON_ALIVE, _P.FACE_LIKE_CHIP})),
    (Ial.IAL2, frozenset({
        _P.CHIP_GENUINE, _P.REGISTER, _P.PERSON_PRESENT, _P.OPERATOR_RECORD})),
    (Ial.IAL1, frozenset({_P.CHIP_GENUINE, _P.REGISTER, _P.CONTACT_CONFIRMED})),
    # No strong and fair evidence together, but the document seen and the register at hand.
    (Ial.IAL1, frozenset({
        _P.DOCUMENT_SEEN, _P.REGISTER, _P.PERSON_PRESENT, _P.OPERATOR_RECORD})),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The levels reached, the proofs they rest on, and what the next level would still want."""

    level: Level
    ial: Ial
    by: frozenset[Proof]
    missing: frozenset[Proof]


def level_reached(proofs: Iterable[Proof]) -> Reached:
    """The highest levels whose every proof is there: never more than the evidence gives."""
    held = frozenset(proofs)
    level, by = max(
        ((row, wanted) for row, wanted in LEVELS if wanted <= held),
        key=lambda one: one[0],
        default=(Level.NONE, frozenset[Proof]()),
    )
    ial = max((row for row, wanted in IALS if wanted <= held), default=Ial.NONE)
    above = [wanted - held for row, wanted in LEVELS if row > level]
    return Reached(
        level=level, ial=ial, by=by, missing=min(above, key=len, default=frozenset[Proof]())
    )
