"""Where a CMS departs from the letter of RFC 5652 in octets that nobody signs.

None of it changes what was signed or by whom. But each is a second form of the same document, so
a policy says which are forgiven, and a report names them.
"""

from __future__ import annotations

from typing import Final

from .. import der
from ..signeddata import DATA, SignedData, SignerInfo
from ..tolerances import (
    CMS_VERSION,
    DIGEST_IDENTIFIER_MISMATCH,
    REPEATED_ELEMENT,
    SIGNER_NOT_DER,
    Tolerance,
)

_NONE: Final[frozenset[Tolerance]] = frozenset()
_BY_KEY_IDENTIFIER: Final = der.context(0, constructed=False)
# The choices of CertificateChoices that ask for a version of the whole (§5.1).
_VERSION_FOR: Final = {der.context(1): 3, der.context(2): 4, der.context(3): 5}


def departures_of(signed_data: SignedData) -> frozenset[Tolerance]:
    """Those of the whole. Raises DecodeError where its sets cannot be read."""
    found = signed_data.tolerances
    if signed_data.version != _version(signed_data):
        found |= {CMS_VERSION}
    for elements in (
        signed_data.certificates_encoded,
        signed_data.digest_algorithms,
        signed_data.signer_infos,
    ):
        if len(elements) > 1 and len(set(elements)) < len(elements):
            found |= {REPEATED_ELEMENT}
    return found


def departures_of_signer(info: SignerInfo, signed_data: SignedData) -> frozenset[Tolerance]:
    """Those of one signer."""
    found = _NONE
    if info.version != (3 if info.sid.tag == _BY_KEY_IDENTIFIER else 1):
        found |= {CMS_VERSION}
    if info.digest_algorithm not in signed_data.digest_algorithms:
        found |= {DIGEST_IDENTIFIER_MISMATCH}
    if signed_data.tolerances and info.encoded not in signed_data.encoded:
        found |= {SIGNER_NOT_DER}
    return found


def _version(signed_data: SignedData) -> int:
    """What the version has to be (§5.1)."""
    least = 3 if signed_data.content_type != DATA else 1
    for one in signed_data.certificates_encoded:
        if one[0] != der.SEQUENCE:
            least = max(least, _VERSION_FOR.get(one[0], 1))
    if signed_data.brings_status and any(
        one[0] != der.SEQUENCE for one in signed_data.revocation_encoded
    ):
        least = 5
    for info in signed_data.signer_infos:
        if info.version == 3:
            return max(least, 3)
    return least
