"""Time-stamps asked for and put into signatures (RFC 3161, EN 319 122-1 §5.3).

Where tokens come from is a `TimeStamper`'s business: an authority over HTTP
(`eds.sign.timestamp`), one in the same process, a test.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, Protocol

from .. import der
from ..algorithms import (
    GOST34311,
    SHA256,
    STREEBOG256,
    STREEBOG512,
    DigestAlgorithm,
    digest_by_oid,
)
from ..errors import AlgorithmError, DecodeError, InvalidArgument, TimeStampRefused
from ..signeddata import SignedData, SignerInfo
from ..timestamps import TimeStampResponse, TimeStampToken
from ..verify import attributes as known
from . import attributes
from .cms import rebuilt, with_unsigned_attributes

RESERVE: Final = 12 * 1024
"""Octets that a token with its certificates may take, where a place must be kept for it."""


class TimeStamper(Protocol):
    """Gives time-stamps over digests."""

    def stamp(self, digest: bytes, *, algorithm: DigestAlgorithm) -> TimeStampToken:
        """A token over `digest`. Raises TimeStampRefused, also where it may not be believed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampQuestion:
    """A request for one token (RFC 3161 §2.4.1) and what its answer must repeat.

    `policy` is wanted of the authority, None leaves the choice to it. Raises InvalidArgument
    for a digest of another length than its algorithm gives.
    """

    digest: bytes
    algorithm: DigestAlgorithm = SHA256
    policy: str | None = None
    nonce: int

    def __post_init__(self) -> None:
        if len(self.digest) != self.algorithm.size:
            raise InvalidArgument(argument="digest", reason="not of the length of its algorithm")

    @classmethod
    def about(
        cls, digest: bytes, *, algorithm: DigestAlgorithm = SHA256, policy: str | None = None
    ) -> TimeStampQuestion:
        """A question with a fresh nonce of 64 bits."""
        return cls(
            digest=digest, algorithm=algorithm, policy=policy, nonce=secrets.randbits(63) | 1 << 63
        )

    @property
    def encoded(self) -> bytes:
        """The TimeStampReq, DER; the authority's certificate is wanted in the token."""
        return der.sequence(
            der.integer(1),
            der.sequence(self.algorithm.identifier, der.octet_string(self.digest)),
            b"" if self.policy is None else der.object_identifier(self.policy),
            der.integer(self.nonce),
            der.boolean(True),  # noqa: FBT003 - it is the value
        )

    def answered_by(self, encoded: bytes, *, authority: str) -> TimeStampToken:
        """The token of a TimeStampResp, where it answers this question (§2.4.2).

        Whether its signature is to be believed is the validator's to say. Raises
        TimeStampRefused; `authority` names whom to blame.
        """
        try:
            response = TimeStampResponse(encoded)
            token = response.token
            if token is None:
                failures = ", ".join(sorted(one.name.lower() for one in response.failures))
                said = failures or response.status.name.lower()
                raise TimeStampRefused(authority=authority, reason=f"refused: {said}")
            info = token.tst_info
        except DecodeError as error:
            raise TimeStampRefused(authority=authority, reason=str(error)) from error
        if (info.imprint_oid, info.imprint) != (self.algorithm.oid, self.digest):
            raise TimeStampRefused(authority=authority, reason="it stamped something else")
        if info.nonce != self.nonce:
            raise TimeStampRefused(authority=authority, reason="it answered another request")
        if self.policy is not None and info.policy != self.policy:
            raise TimeStampRefused(authority=authority, reason="its policy is not the one asked")
        return token


def imprint_algorithm(info: SignerInfo) -> DigestAlgorithm:
    """The digest by which a signature is time-stamped unless somebody says otherwise.

    Streebog-512 for one of GOST, of either generation, as its authorities take it; else SHA-256.
    """
    try:
        fields = der.decode(info.digest_algorithm).fields()
        digest = digest_by_oid(fields.take(der.OBJECT_IDENTIFIER).object_identifier())
    except (AlgorithmError, DecodeError):
        return SHA256
    return STREEBOG512 if digest in (STREEBOG256, STREEBOG512, GOST34311) else SHA256


def with_signature_time_stamp(
    signed: SignedData,
    *,
    of: SignerInfo,
    stamper: TimeStamper,
    algorithm: DigestAlgorithm | None = None,
) -> bytes:
    """Level T: a time-stamp over the signature value of one signer (EN 319 122-1 §5.3).

    `algorithm` is the digest of the imprint; None: as `imprint_algorithm` says.

    Everything else stays byte for byte. Raises InvalidArgument where `of` is none of the
    signers, TimeStampRefused.
    """
    if of not in signed.signer_infos:
        raise InvalidArgument(argument="of", reason="not a signer of this document")
    chosen = algorithm or imprint_algorithm(of)
    token = stamper.stamp(chosen.digest(of.signature), algorithm=chosen)
    added = attributes.attribute(known.SIGNATURE_TIME_STAMP, token.encoded)
    return rebuilt(
        signed,
        signer_infos=tuple(
            with_unsigned_attributes(one, added) if one == of else one.encoded
            for one in signed.signer_infos
        ),
    )
