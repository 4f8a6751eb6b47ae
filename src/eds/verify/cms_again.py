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

# What every plain signature has, and what may stand beside it without a rule of its own.
_PLAIN: Final = frozenset(
    {
        known.CONTENT_TYPE,
        known.MESSAGE_DIGEST,
        known.SIGNING_TIME,
        known.SIGNING_CERTIFICATE_V2,
    }
)


class Shape(NamedTuple):
    """The signed attributes of a plain signature, apart from the digest and the time in them.

    All that stands there is the same for every signature of one signer made by one program:
    which attributes there are, in which order, and the hash of the certificate. Offsets are of
    the contents of both values, in the octets that are signed; without a time both are equal.
    """

    size: int
    digest: tuple[int, int]
    time: tuple[int, int]
    time_tag: int
    rest: bytes

    @classmethod
    def of(cls, info: SignerInfo) -> Shape | None:
        """The shape of the signed attributes; None for any but the plainest."""
        attributes = info.signed_attributes or ()
        signed = {one.oid: one for one in attributes}
        octets = info.signed_attributes_encoded
        if octets is None or len(signed) != len(attributes) or not _is_plain(signed):
            return None
        # The attributes follow one another and end both; before them stands one head.
        shift = attributes[-1].end - len(octets)
        said = signed[known.MESSAGE_DIGEST].value()
        digest = said.content - shift, said.end - shift
        time, tag = (len(octets), len(octets)), 0
        if known.SIGNING_TIME in signed:
            claimed = signed[known.SIGNING_TIME].value()
            time, tag = (claimed.content - shift, claimed.end - shift), claimed.tag
        shape = cls(len(octets), digest, time, tag, b"")
        return shape._replace(rest=shape.without(octets))

    def without(self, octets: bytes) -> bytes:
        """What is left of signed attributes of this size without both values."""
        first, second = sorted((self.digest, self.time))
        return octets[: first[0]] + octets[first[1] : second[0]] + octets[second[1] :]


class Passed(NamedTuple):
    """A plain signature that passed, as far as it is the same for the next one of that signer."""

    shape: Shape
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


def key_of(info: SignerInfo) -> tuple[bytes, bytes]:
    """What names a signer and their way of signing."""
    return info.identity, info.signature_algorithm


def _is_plain(signed: dict[str, Attribute]) -> bool:
    needed = (known.CONTENT_TYPE, known.MESSAGE_DIGEST, known.SIGNING_CERTIFICATE_V2)
    return _PLAIN.issuperset(signed) and all(one in signed for one in needed)


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
    before: Passed | None
    before = context.trust.proofs.of(context.policy, context.purpose).passed.get(key_of(info))
    octets = info.signed_attributes_encoded
    at = context.at
    if (
        before is None
        or octets is None
        or before.given is not context.evidence
        or not before.valid_from <= at <= before.valid_until
        or context.existence.of(info.signature) != at
        or before.content_type != signed_data.content_type
        or before.certificate.encoded not in signed_data.certificates_encoded
        or info.digest_algorithm != signed_data.digest_algorithms[0]
    ):
        return None
    shape = before.shape
    if len(octets) != shape.size or shape.without(octets) != shape.rest:
        return None
    try:
        start, end = shape.digest
        if octets[start:end] != content.digest(before.digest):
            return None
        if not before.verify(info.signature, octets):
            return None
        claimed = None
        if shape.time_tag:
            start, end = shape.time
            claimed = der.Element(octets, shape.time_tag, start - 2, start, end).time()
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
