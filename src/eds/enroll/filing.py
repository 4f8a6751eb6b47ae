"""Under which name a desk keeps what, and how long: the retention class of each file.

A class is destroyed by destroying its key, so what is wanted as long as a certificate lives (the
register's entry, the address bound, what people signed) is not of the class of pictures and
captures.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from .evidence.vault import RetentionClass
from .kinds import EvidenceKind

_K: Final = EvidenceKind
_FOLDERS: Final = MappingProxyType(
    {
        **dict.fromkeys((_K.FACE_MATCH, _K.LIVE_CAPTURE), "biometric"),
        **dict.fromkeys(
            (_K.REGISTER, _K.CONTACT_CODE, _K.SECOND_FACTOR, _K.LIVING_KEY, _K.EXISTING_EDS),
            "proof",
        ),
    }
)
# The first part of a name → its class; all else belongs to the decision.
_CLASSES: Final = MappingProxyType(
    {
        "biometric": RetentionClass.BIOMETRIC,
        "document": RetentionClass.DOCUMENT,
        "applicant": RetentionClass.DOCUMENT,
        "identity": RetentionClass.DOCUMENT,
    }
)


def evidence_file(kind: EvidenceKind, digest: bytes) -> str:
    """The name that a piece of evidence is kept under."""
    return f"{_FOLDERS.get(kind, 'document')}/{digest.hex()}"


def retention_of(name: str) -> RetentionClass:
    """How long the file of that name is kept."""
    return _CLASSES.get(name.partition("/")[0], RetentionClass.DECISION)
