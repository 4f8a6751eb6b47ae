"""Where a CMS departs from the letter of RFC 5652 in octets that nobody signs.

None of it changes what was signed or by whom. But each is a second form of the same document, so
a policy says which are forgiven, and a report names them.
"""

from __future__ import annotations

from typing import Final

from .. import der
from ..errors import DecodeError
from ..signeddata import DATA, SignedData, SignerInfo
from ..tolerances import (
    CMS_VERSION,
    DIGEST_IDENTIFIER_MISMATCH,
    SIGNER_NOT_DER,
    Tolerance,
)

_NONE: Final[frozenset[Tolerance]] = frozenset()
_BY_KEY_IDENTIFIER: Final = der.context(0, constructed=False)
# The choices of CertificateChoices and RevocationInfoChoice that ask for a version (§5.1).
_ATTRIBUTE_V1: Final = 0xA1
_ATTRIBUTE_V2: Final = 0xA2
_OTHER_CERTIFICATE: Final = 0xA3


def departures_of(signed_data: SignedData) -> frozenset[Tolerance]:
    """Those of the whole. Raises DecodeError where its sets cannot be read."""
    found = signed_data.tolerances
    if signed_data.version != _version(signed_data):
        found |= {CMS_VERSION}
    return found


def departures_of_signer(info: SignerInfo, signed_data: SignedData) -> frozenset[Tolerance]:
    """Those of one signer."""
    found = _NONE
    named_by_key = info.sid.tag == _BY_KEY_IDENTIFIER
    if info.version != (3 if named_by_key else 1):
        found |= {CMS_VERSION}
    if info.digest_algorithm not in signed_data.digest_algorithms:
        found |= {DIGEST_IDENTIFIER_MISMATCH}
    if signed_data.tolerances and info.encoded not in signed_data.encoded:
        found |= {SIGNER_NOT_DER}
    return found


def _version(signed_data: SignedData) -> int:
    """What the version has to be (§5.1)."""
    kinds = {one[0] for one in signed_data.certificates_encoded}
    if _OTHER_CERTIFICATE in kinds:
        return 5
    if any(one[0] != der.SEQUENCE for one in signed_data.revocation_encoded):
        return 5
    if _ATTRIBUTE_V2 in kinds:
        return 4
    if _ATTRIBUTE_V1 in kinds or signed_data.content_type != DATA:
        return 3
    return 3 if any(info.version == 3 for info in signed_data.signer_infos) else 1


def readable_departures(info: SignerInfo, signed_data: SignedData) -> frozenset[Tolerance]:
    """Those of one signer and of the whole around it; none where they cannot be told."""
    try:
        return departures_of(signed_data) | departures_of_signer(info, signed_data)
    except DecodeError:
        return signed_data.tolerances
