"""One table of digest and signature algorithms; every other module reads it, none repeats it.

A row says which key it needs, how the message is hashed and padded, how it is called in
certificates, CMS, XML, JWS and PKCS #11, and until when it may be relied on. A new algorithm
is a new row. The dates are policy data: ETSI TS 119 312 V1.5.1 (October 2024) as published in
its TS 119 322 catalogue, unless a row names another source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, Protocol

from eds import der, gost
from eds.errors import (
    AlgorithmKeyMismatch,
    AlgorithmUnavailable,
    DecodeError,
    UnknownAlgorithm,
)

TS_119_312: Final = "ETSI TS 119 312 V1.5.1"


class KeyType(Enum):
    """Kinds of keys; an algorithm and a key of another kind never meet."""

    RSA = "RSA"
    EC = "EC"
    ED25519 = "Ed25519"
    ML_DSA_44 = "ML-DSA-44"
    ML_DSA_65 = "ML-DSA-65"
    ML_DSA_87 = "ML-DSA-87"
    GOST_2015_512 = "GOST 34.10-2015 (512)"
    GOST_2015_256 = "GOST 34.10-2015 (256)"
    GOST_2004 = "GOST 34.310-2004"
    DSA = "DSA"

    __hash__ = object.__hash__  # each member is one object; that of Enum is a call


class Hash(Protocol):
    """A digest that is fed piece by piece."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


# A third of the time of looking the name up.
_CONSTRUCTORS: Final[dict[str, Callable[..., Hash]]] = {
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}


class Padding(Enum):
    """RSA paddings (RFC 8017)."""

    PKCS1V15 = "PKCS#1 v1.5"
    PSS = "PSS"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DigestAlgorithm:
    """A message digest. `size` is in octets; `name` is what hashlib or `eds.gost` calls it."""

    name: str
    oid: str
    size: int
    parameters: bytes = b""  # encoded, of the AlgorithmIdentifier in CMS; RFC 5754 §2: absent
    xml_uri: str | None = None
    relied_on_until: date | None = None
    source: str = TS_119_312

    def __repr__(self) -> str:
        return f"<DigestAlgorithm {self.name}>"

    @property
    def identifier(self) -> bytes:
        """The encoded AlgorithmIdentifier as CMS and time-stamps write it."""
        return der.sequence(der.object_identifier(self.oid), self.parameters)

    def new(self) -> Hash:
        """An incremental digest, as hashlib has them. Raises AlgorithmUnavailable."""
        constructor = _CONSTRUCTORS.get(self.name)
        if constructor is not None:
            return constructor()
        if self.name in gost.NAMES:
            return gost.new(self.name)
        try:
            return hashlib.new(self.name, usedforsecurity=False)
        except ValueError:
            raise AlgorithmUnavailable(
                algorithm=self.name, reason="no implementation of this digest"
            ) from None

    def digest(self, message: bytes) -> bytes:
        """The digest of `message`. Raises AlgorithmUnavailable."""
        constructor = _CONSTRUCTORS.get(self.name)
        if constructor is not None:
            return constructor(message).digest()
        found = self.new()
        found.update(message)
        return found.digest()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Curve:
    """A named elliptic curve. `bits` is the size of the field; `name` is cryptography's."""

    name: str
    oid: str
    bits: int
    nist_name: str | None = None

    def __repr__(self) -> str:
        return f"<Curve {self.name}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignatureAlgorithm:
    """One way to sign.

    `digest` is what the message is hashed with (None: the scheme takes the whole message), and
    `cms_digest` what CMS hashes the content with beside it. `parameters` is the encoded
    parameters field of the AlgorithmIdentifier, empty where it is absent. The PKCS #11
    mechanisms are CKM names: the first takes the message, `pkcs11_raw_mechanism` the digest
    (RSA PKCS#1: the DigestInfo around it).
    """

    name: str
    key_type: KeyType
    oid: str
    digest: DigestAlgorithm | None
    cms_digest: DigestAlgorithm
    parameters: bytes = b""
    curve: Curve | None = None
    padding: Padding | None = None
    salt_length: int | None = None  # octets, PSS only
    mgf_digest: DigestAlgorithm | None = None  # PSS only
    xml_uri: str | None = None
    jws_name: str | None = None
    pkcs11_mechanism: str | None = None
    pkcs11_raw_mechanism: str | None = None
    relied_on_until: date | None = None
    source: str = TS_119_312

    def __repr__(self) -> str:
        return f"<SignatureAlgorithm {self.name}>"

    @property
    def identifier(self) -> bytes:
        """The encoded AlgorithmIdentifier for certificates, lists, requests and CMS."""
        return der.sequence(der.object_identifier(self.oid), self.parameters)


# --- digests ----------------------------------------------------------------------------------

_XMLENC = "http://www.w3.org/2001/04/xmlenc#"
_XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
_XMLDSIG_11 = "http://www.w3.org/2009/xmldsig11#"
_XMLDSIG_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_XMLDSIG_MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
_XMLDSIG_MORE_2021 = "http://www.w3.org/2021/04/xmldsig-more#"
_XML_NCA = "urn:ietf:params:xml:ns:pkigovkz:xmlsec:algorithms:"

SHA1: Final = DigestAlgorithm(
    name="sha1",
    oid="1.3.14.3.2.26",
    size=20,
    xml_uri=_XMLDSIG + "sha1",
    relied_on_until=date(2012, 8, 1),
)
SHA256: Final = DigestAlgorithm(
    name="sha256", oid="2.16.840.1.101.3.4.2.1", size=32, xml_uri=_XMLENC + "sha256"
)
SHA384: Final = DigestAlgorithm(
    name="sha384", oid="2.16.840.1.101.3.4.2.2", size=48, xml_uri=_XMLDSIG_MORE + "sha384"
)
SHA512: Final = DigestAlgorithm(
    name="sha512", oid="2.16.840.1.101.3.4.2.3", size=64, xml_uri=_XMLENC + "sha512"
)
_NULL = der.null()
SHA3_224: Final = DigestAlgorithm(
    name="sha3_224",
    oid="2.16.840.1.101.3.4.2.7",
    size=28,
    xml_uri=_XMLDSIG_MORE_2007 + "sha3-224",
    relied_on_until=date.min,
    source="FIPS 202; TS 119 312 does not name it",
)
SHA3_256: Final = DigestAlgorithm(
    name="sha3_256",
    oid="2.16.840.1.101.3.4.2.8",
    size=32,
    xml_uri=_XMLDSIG_MORE_2007 + "sha3-256",
)
SHA3_384: Final = DigestAlgorithm(
    name="sha3_384",
    oid="2.16.840.1.101.3.4.2.9",
    size=48,
    xml_uri=_XMLDSIG_MORE_2007 + "sha3-384",
)
SHA3_512: Final = DigestAlgorithm(
    name="sha3_512",
    oid="2.16.840.1.101.3.4.2.10",
    size=64,
    xml_uri=_XMLDSIG_MORE_2007 + "sha3-512",
)
_KZ = "Republic of Kazakhstan, ST RK GOST R 34.11-2015"
STREEBOG256: Final = DigestAlgorithm(
    name="streebog256",
    oid="1.2.398.3.10.1.3.2",
    size=32,
    parameters=_NULL,  # as the NCA RK writes it
    xml_uri=_XML_NCA + "gostr34112015-256",
    source=_KZ,
)
STREEBOG512: Final = DigestAlgorithm(
    name="streebog512",
    oid="1.2.398.3.10.1.3.3",
    size=64,
    parameters=_NULL,  # as the NCA RK writes it
    xml_uri=_XML_NCA + "gostr34112015-512",
    source=_KZ,
)
# The production hierarchy that used it ended on this day: its last issuing certificate expired.
_GOST_2004_END = date(2025, 6, 25)
_GOST_2004_SOURCE = "expiry of the NCA RK issuing certificate GOST 2018"
GOST34311: Final = DigestAlgorithm(
    name="gost34311",
    oid="1.2.398.3.10.1.3.1",
    size=32,
    parameters=_NULL,  # as the NCA RK writes it
    xml_uri=_XMLDSIG_MORE + "gost34311",
    relied_on_until=_GOST_2004_END,
    source=_GOST_2004_SOURCE,
)

DIGESTS: Final = (
    *(SHA1, SHA256, SHA384, SHA512),
    *(SHA3_224, SHA3_256, SHA3_384, SHA3_512),
    *(STREEBOG256, STREEBOG512, GOST34311),
)

# --- curves -------------------------------------------------------------------------------------

P256: Final = Curve(name="secp256r1", oid="1.2.840.10045.3.1.7", bits=256, nist_name="P-256")
P384: Final = Curve(name="secp384r1", oid="1.3.132.0.34", bits=384, nist_name="P-384")
P521: Final = Curve(name="secp521r1", oid="1.3.132.0.35", bits=521, nist_name="P-521")
BRAINPOOL_P256R1: Final = Curve(name="brainpoolP256r1", oid="1.3.36.3.3.2.8.1.1.7", bits=256)
BRAINPOOL_P384R1: Final = Curve(name="brainpoolP384r1", oid="1.3.36.3.3.2.8.1.1.11", bits=384)
BRAINPOOL_P512R1: Final = Curve(name="brainpoolP512r1", oid="1.3.36.3.3.2.8.1.1.13", bits=512)

CURVES: Final = (P256, P384, P521, BRAINPOOL_P256R1, BRAINPOOL_P384R1, BRAINPOOL_P512R1)

# --- signatures -----------------------------------------------------------------------------------

_SHA2 = (SHA256, SHA384, SHA512)
_SHA3 = (SHA3_256, SHA3_384, SHA3_512, SHA3_224)
_MGF1 = "1.2.840.113549.1.1.8"
RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
DSA_KEY: Final = "1.2.840.10040.4.1"


def _digest_identifier(digest: DigestAlgorithm) -> bytes:
    return der.sequence(der.object_identifier(digest.oid), _NULL)


def _pss_parameters(digest: DigestAlgorithm, salt_length: int) -> bytes:
    """RSASSA-PSS-params with MGF1 over the same digest (RFC 4055 §3.1)."""
    if (digest, salt_length) == (SHA1, 20):
        return der.sequence()  # all of them defaults, which DER leaves out
    return der.sequence(
        der.explicit(0, _digest_identifier(digest)),
        der.explicit(1, der.sequence(der.object_identifier(_MGF1), _digest_identifier(digest))),
        der.explicit(2, der.integer(salt_length)),
    )


def _dashed(digest: DigestAlgorithm) -> str:
    return digest.name.replace("_", "-")


def _rsa_pkcs1(
    digest: DigestAlgorithm, oid: str, xml_uri: str | None, jws: str | None
) -> SignatureAlgorithm:
    return SignatureAlgorithm(
        name=f"rsa-pkcs1-{_dashed(digest)}",
        key_type=KeyType.RSA,
        padding=Padding.PKCS1V15,
        digest=digest,
        cms_digest=digest,
        oid=oid,
        parameters=_NULL,
        xml_uri=xml_uri,
        jws_name=jws,
        pkcs11_mechanism=f"CKM_{digest.name.upper()}_RSA_PKCS",
        pkcs11_raw_mechanism="CKM_RSA_PKCS",
        relied_on_until=digest.relied_on_until,
    )


def _rsa_pss(digest: DigestAlgorithm) -> SignatureAlgorithm:
    return SignatureAlgorithm(
        name=f"rsa-pss-{digest.name}",
        key_type=KeyType.RSA,
        padding=Padding.PSS,
        digest=digest,
        cms_digest=digest,
        oid=RSASSA_PSS,
        parameters=_pss_parameters(digest, digest.size),
        salt_length=digest.size,
        mgf_digest=digest,
        xml_uri=f"{_XMLDSIG_MORE_2007}{digest.name}-rsa-MGF1",
        jws_name=None if digest is SHA1 else f"PS{digest.size * 8}",
        pkcs11_mechanism=f"CKM_{digest.name.upper()}_RSA_PKCS_PSS",
        pkcs11_raw_mechanism="CKM_RSA_PKCS_PSS",
        relied_on_until=digest.relied_on_until,
    )


_ECDSA_OIDS = {
    SHA1: "1.2.840.10045.4.1",
    SHA256: "1.2.840.10045.4.3.2",
    SHA384: "1.2.840.10045.4.3.3",
    SHA512: "1.2.840.10045.4.3.4",
    SHA3_224: "2.16.840.1.101.3.4.3.9",
    SHA3_256: "2.16.840.1.101.3.4.3.10",
    SHA3_384: "2.16.840.1.101.3.4.3.11",
    SHA3_512: "2.16.840.1.101.3.4.3.12",
}
_JWS_ECDSA = {(P256, SHA256): "ES256", (P384, SHA384): "ES384", (P521, SHA512): "ES512"}


def _ecdsa(curve: Curve, digest: DigestAlgorithm) -> SignatureAlgorithm:
    short = curve.nist_name.replace("-", "").lower() if curve.nist_name else curve.name.lower()
    return SignatureAlgorithm(
        name=f"ecdsa-{short}-{_dashed(digest)}",
        key_type=KeyType.EC,
        curve=curve,
        digest=digest,
        cms_digest=digest,
        oid=_ECDSA_OIDS[digest],
        xml_uri=(_XMLDSIG_MORE_2021 if digest in _SHA3 else _XMLDSIG_MORE)
        + f"ecdsa-{_dashed(digest)}",
        jws_name=_JWS_ECDSA.get((curve, digest)),
        pkcs11_mechanism=f"CKM_ECDSA_{digest.name.upper()}",
        pkcs11_raw_mechanism="CKM_ECDSA",
        relied_on_until=digest.relied_on_until,
    )


def _dsa(digest: DigestAlgorithm, oid: str, xml_uri: str) -> SignatureAlgorithm:
    return SignatureAlgorithm(
        name=f"dsa-{digest.name}",
        key_type=KeyType.DSA,
        digest=digest,
        cms_digest=digest,
        oid=oid,
        xml_uri=xml_uri,
        relied_on_until=digest.relied_on_until,
    )


def _ml_dsa(key_type: KeyType, oid: str) -> SignatureAlgorithm:
    return SignatureAlgorithm(
        name=key_type.value.lower(),
        key_type=key_type,
        digest=None,
        cms_digest=SHA512,  # RFC 9882 §3.3
        oid=oid,
        jws_name=key_type.value,
        pkcs11_mechanism="CKM_ML_DSA",
        source="FIPS 204, RFC 9881",
    )


RSA_PKCS1_SHA1: Final = _rsa_pkcs1(SHA1, "1.2.840.113549.1.1.5", _XMLDSIG + "rsa-sha1", None)
RSA_PKCS1_SHA256: Final = _rsa_pkcs1(
    SHA256, "1.2.840.113549.1.1.11", _XMLDSIG_MORE + "rsa-sha256", "RS256"
)
RSA_PKCS1_SHA384: Final = _rsa_pkcs1(
    SHA384, "1.2.840.113549.1.1.12", _XMLDSIG_MORE + "rsa-sha384", "RS384"
)
RSA_PKCS1_SHA512: Final = _rsa_pkcs1(
    SHA512, "1.2.840.113549.1.1.13", _XMLDSIG_MORE + "rsa-sha512", "RS512"
)
RSA_PSS_SHA1: Final = _rsa_pss(SHA1)
RSA_PSS_SHA256: Final = _rsa_pss(SHA256)
RSA_PSS_SHA384: Final = _rsa_pss(SHA384)
RSA_PSS_SHA512: Final = _rsa_pss(SHA512)

ECDSA: Final = tuple(_ecdsa(curve, digest) for curve in CURVES for digest in (*_SHA2, SHA1))
ECDSA_P256_SHA256: Final = _ecdsa(P256, SHA256)
ECDSA_P384_SHA384: Final = _ecdsa(P384, SHA384)
ECDSA_P521_SHA512: Final = _ecdsa(P521, SHA512)
ECDSA_BRAINPOOL_P256R1_SHA256: Final = _ecdsa(BRAINPOOL_P256R1, SHA256)
ECDSA_BRAINPOOL_P384R1_SHA384: Final = _ecdsa(BRAINPOOL_P384R1, SHA384)
ECDSA_BRAINPOOL_P512R1_SHA512: Final = _ecdsa(BRAINPOOL_P512R1, SHA512)

# SHA-3 as NIST and RFC 8692, RFC 9688 name it: read and verified, chosen for nothing new.
_RSA_SHA3_OIDS = {
    SHA3_224: "2.16.840.1.101.3.4.3.13",
    SHA3_256: "2.16.840.1.101.3.4.3.14",
    SHA3_384: "2.16.840.1.101.3.4.3.15",
    SHA3_512: "2.16.840.1.101.3.4.3.16",
}
RSA_PKCS1_SHA3: Final = tuple(_rsa_pkcs1(one, _RSA_SHA3_OIDS[one], None, None) for one in _SHA3)
ECDSA_SHA3: Final = tuple(_ecdsa(curve, digest) for curve in CURVES for digest in _SHA3)

ED25519: Final = SignatureAlgorithm(
    name="ed25519",
    key_type=KeyType.ED25519,
    digest=None,
    cms_digest=SHA512,  # RFC 8419 §2.3
    oid="1.3.101.112",
    xml_uri=_XMLDSIG_MORE_2021 + "eddsa-ed25519",
    jws_name="EdDSA",
    pkcs11_mechanism="CKM_EDDSA",
    source="RFC 8410",
)
ML_DSA_44: Final = _ml_dsa(KeyType.ML_DSA_44, "2.16.840.1.101.3.4.3.17")
ML_DSA_65: Final = _ml_dsa(KeyType.ML_DSA_65, "2.16.840.1.101.3.4.3.18")
ML_DSA_87: Final = _ml_dsa(KeyType.ML_DSA_87, "2.16.840.1.101.3.4.3.19")

# FIPS 186-5 keeps it for signatures that exist: verified, and never made (RFC 3279, RFC 5758).
DSA_SHA1: Final = _dsa(SHA1, "1.2.840.10040.4.3", _XMLDSIG + "dsa-sha1")
DSA_SHA256: Final = _dsa(SHA256, "2.16.840.1.101.3.4.3.2", _XMLDSIG_11 + "dsa-sha256")
VERIFY_ONLY: Final = frozenset({KeyType.DSA})
"""Kinds of keys for which nothing new is made: no key, no signature, no certificate."""

GOST_2015_512: Final = SignatureAlgorithm(
    name="gost-2015-512",
    key_type=KeyType.GOST_2015_512,
    digest=STREEBOG512,
    cms_digest=STREEBOG512,
    oid="1.2.398.3.10.1.1.2.3.2",
    parameters=_NULL,
    xml_uri=_XML_NCA + "gostr34102015-gostr34112015-512",
    jws_name="GG2015",
    source=_KZ,
)
GOST_2015_256: Final = SignatureAlgorithm(
    name="gost-2015-256",
    key_type=KeyType.GOST_2015_256,
    digest=STREEBOG256,
    cms_digest=STREEBOG256,
    oid="1.2.398.3.10.1.1.2.3.1",
    parameters=_NULL,
    xml_uri=_XML_NCA + "gostr34102015-gostr34112015-256",
    source=_KZ,
)
GOST_2004: Final = SignatureAlgorithm(
    name="gost-2004",
    key_type=KeyType.GOST_2004,
    digest=GOST34311,
    cms_digest=GOST34311,
    oid="1.2.398.3.10.1.1.1.2",
    parameters=_NULL,
    xml_uri=_XMLDSIG_MORE + "gost34310-gost34311",
    jws_name="GG2004",
    relied_on_until=_GOST_2004_END,
    source=_GOST_2004_SOURCE,
)

SIGNATURE_ALGORITHMS: Final = (
    RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512,
    RSA_PSS_SHA256,
    RSA_PSS_SHA384,
    RSA_PSS_SHA512,
    *ECDSA,
    ED25519,
    ML_DSA_44,
    ML_DSA_65,
    ML_DSA_87,
    GOST_2015_512,
    GOST_2015_256,
    GOST_2004,
    *RSA_PKCS1_SHA3,
    *ECDSA_SHA3,
    RSA_PKCS1_SHA1,
    RSA_PSS_SHA1,
    DSA_SHA256,
    DSA_SHA1,
)

# The OIDs of subjectPublicKeyInfo.algorithm.
KEY_TYPES: Final = MappingProxyType(
    {
        RSA_ENCRYPTION: KeyType.RSA,
        RSASSA_PSS: KeyType.RSA,
        EC_PUBLIC_KEY: KeyType.EC,
        ED25519.oid: KeyType.ED25519,
        ML_DSA_44.oid: KeyType.ML_DSA_44,
        ML_DSA_65.oid: KeyType.ML_DSA_65,
        ML_DSA_87.oid: KeyType.ML_DSA_87,
        "1.2.398.3.10.1.1.2.2": KeyType.GOST_2015_512,
        "1.2.398.3.10.1.1.2.1": KeyType.GOST_2015_256,
        "1.2.398.3.10.1.1.1.1": KeyType.GOST_2004,
        DSA_KEY: KeyType.DSA,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySizePeriod:
    """Keys of `key_type` with fewer than `below_bits` bits may be relied on until that day."""

    key_type: KeyType
    below_bits: int
    relied_on_until: date
    source: str = TS_119_312


KEY_SIZE_PERIODS: Final = (
    KeySizePeriod(key_type=KeyType.RSA, below_bits=1024, relied_on_until=date(2010, 8, 1)),
    KeySizePeriod(key_type=KeyType.RSA, below_bits=1900, relied_on_until=date(2019, 10, 1)),
    KeySizePeriod(key_type=KeyType.RSA, below_bits=3000, relied_on_until=date(2029, 1, 1)),
    KeySizePeriod(key_type=KeyType.DSA, below_bits=1024, relied_on_until=date.min),
    KeySizePeriod(key_type=KeyType.DSA, below_bits=1900, relied_on_until=date(2015, 12, 1)),
    KeySizePeriod(key_type=KeyType.DSA, below_bits=3000, relied_on_until=date(2029, 1, 1)),
)

# --- looking rows up ----------------------------------------------------------------------------

_BY_NAME: Final = {row.name: row for row in SIGNATURE_ALGORITHMS}
_DIGEST_BY_OID: Final = {row.oid: row for row in DIGESTS}
_DIGEST_BY_NAME: Final = {row.name: row for row in DIGESTS}
_CURVE_BY_OID: Final = {row.oid: row for row in CURVES}
_CURVE_BY_NAME: Final = {row.name: row for row in CURVES}
_BY_OID: Final[dict[tuple[str, Curve | None], SignatureAlgorithm]] = {
    (row.oid, row.curve): row for row in SIGNATURE_ALGORITHMS if row.oid != RSASSA_PSS
}


def signature_algorithm(name: str) -> SignatureAlgorithm:
    """The row of that name. Raises UnknownAlgorithm."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownAlgorithm(identifier=name) from None


def digest_algorithm(name: str) -> DigestAlgorithm:
    """The digest of that name. Raises UnknownAlgorithm."""
    try:
        return _DIGEST_BY_NAME[name]
    except KeyError:
        raise UnknownAlgorithm(identifier=name) from None


def digest_by_oid(oid: str) -> DigestAlgorithm:
    """The digest of that object identifier. Raises UnknownAlgorithm."""
    try:
        return _DIGEST_BY_OID[oid]
    except KeyError:
        raise UnknownAlgorithm(identifier=oid) from None


def curve_by_oid(oid: str) -> Curve:
    """The named curve of that object identifier. Raises UnknownAlgorithm."""
    try:
        return _CURVE_BY_OID[oid]
    except KeyError:
        raise UnknownAlgorithm(identifier=oid) from None


def curve_by_name(name: str) -> Curve:
    """The named curve that `cryptography` calls so. Raises UnknownAlgorithm."""
    try:
        return _CURVE_BY_NAME[name]
    except KeyError:
        raise UnknownAlgorithm(identifier=name) from None


def identify(
    identifier: der.Element, *, key_type: KeyType, curve: Curve | None = None
) -> SignatureAlgorithm:
    """The row that an AlgorithmIdentifier of a signature names, for a key of this kind.

    The key decides first: an identifier that belongs to another kind of key is refused, so
    nobody can choose the algorithm by writing another one beside the signature. Parameters
    must be what the row says; for RSA an absent NULL is accepted, as RFC 4055 §5 allows. PSS
    parameters may name another salt length; the row returned carries it.

    Raises MalformedDer, UnknownAlgorithm, AlgorithmKeyMismatch.
    """
    encoded = identifier.encoded
    if len(encoded) > 64:
        return _identify(identifier, key_type, curve)
    try:
        return _usual(encoded, key_type, None if curve is None else curve.name)
    except DecodeError:
        return _identify(identifier, key_type, curve)  # where it stands, to say where


# The few that there are stand under millions of objects.
@lru_cache(maxsize=1024)
def _usual(encoded: bytes, key_type: KeyType, curve: str | None) -> SignatureAlgorithm:
    row = None if curve is None else _CURVE_BY_NAME[curve]
    return _identify(der.decode(encoded), key_type, row)


def _identify(
    identifier: der.Element, key_type: KeyType, curve: Curve | None
) -> SignatureAlgorithm:
    fields = identifier.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    parameters = fields.take().encoded if fields.next_tag is not None else b""
    fields.finish()
    if oid == RSASSA_PSS:
        row = pss_algorithm(parameters)
    else:
        row = _row(oid, curve)
        if parameters not in (row.parameters, b"" if row.parameters == _NULL else row.parameters):
            raise UnknownAlgorithm(identifier=f"{oid} with unexpected parameters")
    if row.key_type is not key_type:
        raise AlgorithmKeyMismatch(algorithm=row.name, key=key_type.value)
    return row


def _row(oid: str, curve: Curve | None) -> SignatureAlgorithm:
    row = _BY_OID.get((oid, curve)) or _BY_OID.get((oid, None))
    if row is not None:
        return row
    for candidate in SIGNATURE_ALGORITHMS:  # an ECDSA identifier beside a key without a curve
        if candidate.oid == oid:
            return candidate
    raise UnknownAlgorithm(identifier=oid)


def pss_algorithm(parameters: bytes) -> SignatureAlgorithm:
    """The row that encoded RSASSA-PSS-params name (RFC 4055 §3.1; the defaults are SHA-1).

    Another salt length or mask digest than the row's own is carried by the row returned.
    Raises UnknownAlgorithm.
    """
    digest = mgf_digest = SHA1
    salt_length = 20
    if not parameters:
        raise UnknownAlgorithm(identifier="RSASSA-PSS without parameters")
    try:
        fields = der.decode(parameters).fields()
        if part := fields.optional(der.context(0)):
            digest = _digest_of(part.only_child())
        if part := fields.optional(der.context(1)):
            mask = part.only_child().fields()
            if mask.take(der.OBJECT_IDENTIFIER).object_identifier() != _MGF1:
                raise UnknownAlgorithm(identifier="RSASSA-PSS with a mask other than MGF1")
            mgf_digest = _digest_of(mask.take(der.SEQUENCE))
            mask.finish()
        if part := fields.optional(der.context(2)):
            salt_length = part.only_child().expect(der.INTEGER).small(1024)
        trailer = fields.optional(der.context(3))
        if trailer and trailer.only_child().expect(der.INTEGER).small(127) != 1:
            raise UnknownAlgorithm(identifier="RSASSA-PSS with an unknown trailer field")
        fields.finish()
    except DecodeError as error:
        raise UnknownAlgorithm(identifier="RSASSA-PSS with malformed parameters") from error
    row = _BY_NAME.get(f"rsa-pss-{digest.name}")
    if row is None:
        raise UnknownAlgorithm(identifier=f"RSASSA-PSS with {digest.name}")
    if (salt_length, mgf_digest) == (row.salt_length, row.mgf_digest):
        return row
    return replace(
        row, parameters=parameters, salt_length=salt_length, mgf_digest=mgf_digest, jws_name=None
    )


def _digest_of(identifier: der.Element) -> DigestAlgorithm:
    fields = identifier.fields()
    digest = digest_by_oid(fields.take(der.OBJECT_IDENTIFIER).object_identifier())
    if fields.next_tag is not None:
        fields.take(der.NULL).null()
    fields.finish()
    return digest
