"""A signer met again: what is the same for all their signatures is not looked at twice.

Only the plainest signature takes this road: one signer, no unsigned attributes, no status in the
document, nothing that departs from the standards, and a signer who passed before under the very
policy, with the very evidence, at an instant for which that stands too. What differs from one
signature to the next is checked in full: attributes, content, signature value. Whatever is not
as it was goes the long road, which says what is wrong; so this one never refuses anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from .. import der
from ..algorithms import DigestAlgorithm
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError
from ..signeddata import Attribute, SignedData, SignerInfo
from . import attributes as known
from .content import Content
from .context import Context
from .evidence import Evidence
from .findings import Finding
from .indications import Indication
from .policy import Level
from .report import SignatureFormat, SignatureReport
from .trust import Purpose

# What every plain signature has, and what may stand beside it without a rule of its own.
_PLAIN: Final = frozenset(
    {
        known.CONTENT_TYPE,
        known.MESSAGE_DIGEST,
        known.SIGNING_TIME,
        known.SIGNING_CERTIFICATE_V2,
    }
)


class Passed(NamedTuple):
    """A plain signature that passed, as far as it is the same for the next one of that signer."""

    given: Evidence
    valid_from: datetime
    valid_until: datetime
    certificate: Certificate
    digest: DigestAlgorithm
    verify: Callable[[bytes, bytes], bool]
    content_type: str
    findings: tuple[Finding, ...]
    path: tuple[Certificate, ...]
    algorithm: str
    level: Level | None


Key = tuple[bytes, bytes, bytes]


def key_of(info: SignerInfo, signed: dict[str, Attribute]) -> Key | None:
    """What names a signer and their way of signing for good; None for any but the plainest."""
    reference = signed.get(known.SIGNING_CERTIFICATE_V2)
    if reference is None or not _PLAIN.issuperset(signed):
        return None
    return info.identity, reference.octets, info.signature_algorithm


def is_plain(signed_data: SignedData) -> bool:
    """Whether nothing around the one signer needs a look of its own."""
    certificates = signed_data.certificates_encoded
    elder = b""
    for one in certificates:
        if one[0] != der.SEQUENCE or one == elder:
            return False
        elder = one
    return (
        signed_data.version == 1
        and not signed_data.brings_status
        and not signed_data.tolerances
        and len(signed_data.digest_algorithms) == 1
        and (len(certificates) < 3 or len(set(certificates)) == len(certificates))
    )


def again(
    info: SignerInfo, signed_data: SignedData, *, content: Content, context: Context
) -> SignatureReport | None:
    """The report on a plain signature that passes as one of that signer did before, else None."""
    if info.has_unsigned_attributes or not is_plain(signed_data):
        return None
    try:
        attributes = info.signed_attributes or ()
        signed = {one.oid: one for one in attributes}
        key = key_of(info, signed)
        if key is None or len(signed) != len(attributes):
            return None
        before: Passed | None
        before = context.trust.proofs.of(context.policy, Purpose.SIGNATURE).passed.get(key)
        at = context.at
        if (
            before is None
            or before.given is not context.evidence
            or not before.valid_from <= at <= before.valid_until
            or context.existence.of(info.signature) != at
            or before.content_type != signed_data.content_type
            or before.certificate.encoded not in signed_data.certificates_encoded
            or info.digest_algorithm != signed_data.digest_algorithms[0]
            or not _are_as_signed(signed, before, content)
            or not _is_in_order(attributes)
            or not before.verify(info.signature, info.signed_attributes_encoded or b"")
        ):
            return None
        time = signed.get(known.SIGNING_TIME)
        claimed = None if time is None else time.value().time()
    except (DecodeError, AlgorithmError):
        return None
    return SignatureReport(
        format=SignatureFormat.CADES,
        indication=Indication.TOTAL_PASSED,
        sub_indication=None,
        findings=before.findings,
        signer=before.certificate,
        path=before.path,
        level=before.level,
        claimed_time=claimed,
        proven_time=at,
        algorithm=before.algorithm,
        digest_algorithm=before.digest.name,
        content_type=before.content_type,
    )


def _are_as_signed(signed: dict[str, Attribute], before: Passed, content: Content) -> bool:
    """Whether content and its type are those in the signed attributes, one value each."""
    said, kind = signed.get(known.MESSAGE_DIGEST), signed.get(known.CONTENT_TYPE)
    if said is None or kind is None:
        return False
    digest = content.digest(before.digest)
    return (
        digest is not None
        and said.octets == der.octet_string(digest)
        and kind.octets == der.object_identifier(before.content_type)
    )


def _is_in_order(attributes: tuple[Attribute, ...]) -> bool:
    """Whether the signed attributes stand in the order of DER."""
    elder = b""
    for one in attributes:
        younger = one.encoded
        if younger < elder:
            return False
        elder = younger
    return True
