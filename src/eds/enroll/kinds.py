"""Kinds of evidence."""

from __future__ import annotations

from enum import Enum


class EvidenceKind(Enum):
    """What a piece of evidence is; `eds.enroll.evidence.assurance` says what it shows."""

    REGISTER = "register"
    CONTACT_CODE = "contact_code"
    PASSPORT_CHIP = "passport_chip"
    IDENTITY_CARD_CHIP = "identity_card_chip"
    EXISTING_EDS = "existing_eds"
    REGISTER_PHOTO = "register_photo"
    FACE_MATCH = "face_match"
    DOCUMENT_SEEN = "document_seen"
    DOCUMENT_CHIP = "document_chip"
    LIVE_CAPTURE = "live_capture"
    TRANSLATION = "translation"
    POWER_OF_ATTORNEY = "power_of_attorney"
    LIVING_KEY = "living_key"
    SECOND_FACTOR = "second_factor"
