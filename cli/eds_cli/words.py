"""Words for object identifiers, as data: what stands here is shown by name, all else by number.

Only what is international; what is national comes from the library's country modules.
"""

from __future__ import annotations

from typing import Final

EXTENSIONS: Final = {
    "2.5.29.9": "subject directory attributes",
    "2.5.29.14": "subject key identifier",
    "2.5.29.15": "key usage",
    "2.5.29.16": "private key usage period",
    "2.5.29.17": "subject alternative names",
    "2.5.29.18": "issuer alternative names",
    "2.5.29.19": "basic constraints",
    "2.5.29.20": "CRL number",
    "2.5.29.21": "reason code",
    "2.5.29.24": "invalidity date",
    "2.5.29.27": "delta CRL indicator",
    "2.5.29.28": "issuing distribution point",
    "2.5.29.29": "certificate issuer",
    "2.5.29.30": "name constraints",
    "2.5.29.31": "CRL distribution points",
    "2.5.29.32": "certificate policies",
    "2.5.29.33": "policy mappings",
    "2.5.29.35": "authority key identifier",
    "2.5.29.36": "policy constraints",
    "2.5.29.37": "extended key usage",
    "2.5.29.46": "freshest CRL",
    "2.5.29.54": "inhibit any policy",
    "2.5.29.60": "expired certificates on CRL",
    "1.3.6.1.5.5.7.1.1": "authority information access",
    "1.3.6.1.5.5.7.1.3": "QC statements",
    "1.3.6.1.5.5.7.1.11": "subject information access",
    "1.3.6.1.5.5.7.48.1.2": "nonce",
    "1.3.6.1.5.5.7.48.1.5": "OCSP no check",
    "1.3.6.1.5.5.7.48.1.6": "archive cutoff",
    "1.3.6.1.5.5.7.48.1.9": "extended revoke",
    "0.4.0.194121.2.1": "validity assured, short term",
    "1.3.6.1.4.1.11129.2.4.2": "signed certificate time-stamps",
}

KEY_USAGE: Final = {
    0: "digitalSignature",
    1: "nonRepudiation",
    2: "keyEncipherment",
    3: "dataEncipherment",
    4: "keyAgreement",
    5: "keyCertSign",
    6: "cRLSign",
    7: "encipherOnly",
    8: "decipherOnly",
}

OBJECTS: Final = {
    # extended key usage
    "2.5.29.37.0": "any purpose",
    "1.3.6.1.5.5.7.3.1": "TLS server",
    "1.3.6.1.5.5.7.3.2": "TLS client",
    "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.4": "e-mail protection",
    "1.3.6.1.5.5.7.3.8": "time-stamping",
    "1.3.6.1.5.5.7.3.9": "OCSP signing",
    "1.3.6.1.5.5.7.3.36": "document signing",
    "1.3.6.1.4.1.311.20.2.2": "smart card logon",
    # access methods
    "1.3.6.1.5.5.7.48.1": "OCSP",
    "1.3.6.1.5.5.7.48.2": "CA issuers",
    "1.3.6.1.5.5.7.48.3": "time-stamping",
    # QC statements (EN 319 412-5, RFC 3739)
    "0.4.0.1862.1.1": "EU qualified certificate",
    "0.4.0.1862.1.2": "limit of transaction value",
    "0.4.0.1862.1.3": "retention period",
    "0.4.0.1862.1.4": "key in a qualified device",
    "0.4.0.1862.1.5": "disclosure statements",
    "0.4.0.1862.1.6": "type of certificate",
    "0.4.0.1862.1.7": "country of legislation",
    "1.3.6.1.5.5.7.11.2": "syntax of RFC 3739",
    # policies
    "2.5.29.32.0": "any policy",
    # content types (RFC 5652, RFC 3161)
    "1.2.840.113549.1.7.1": "data",
    "1.2.840.113549.1.7.2": "signed data",
    "1.2.840.113549.1.7.3": "enveloped data",
    "1.2.840.113549.1.7.5": "digested data",
    "1.2.840.113549.1.7.6": "encrypted data",
    "1.2.840.113549.1.9.16.1.2": "authenticated data",
    "1.2.840.113549.1.9.16.1.4": "time-stamp",
    "1.2.840.113549.1.9.16.1.9": "compressed data",
    "1.2.840.113549.1.9.16.1.23": "authenticated enveloped data",
    # attributes (RFC 5652, RFC 5035, EN 319 122)
    "1.2.840.113549.1.9.2": "unstructured name",
    "1.2.840.113549.1.9.3": "content type",
    "1.2.840.113549.1.9.4": "message digest",
    "1.2.840.113549.1.9.5": "signing time",
    "1.2.840.113549.1.9.6": "countersignature",
    "1.2.840.113549.1.9.7": "challenge password",
    "1.2.840.113549.1.9.14": "extension request",
    "1.2.840.113549.1.9.15": "S/MIME capabilities",
    "1.2.840.113549.1.9.52": "algorithm protection",
    "1.2.840.113549.1.9.16.2.4": "content hints",
    "1.2.840.113549.1.9.16.2.12": "signing certificate",
    "1.2.840.113549.1.9.16.2.14": "signature time-stamp",
    "1.2.840.113549.1.9.16.2.15": "signature policy",
    "1.2.840.113549.1.9.16.2.16": "commitment type",
    "1.2.840.113549.1.9.16.2.17": "signer location",
    "1.2.840.113549.1.9.16.2.18": "signer attributes",
    "1.2.840.113549.1.9.16.2.20": "content time-stamp",
    "1.2.840.113549.1.9.16.2.21": "certificate references",
    "1.2.840.113549.1.9.16.2.22": "revocation references",
    "1.2.840.113549.1.9.16.2.23": "certificate values",
    "1.2.840.113549.1.9.16.2.24": "revocation values",
    "1.2.840.113549.1.9.16.2.47": "signing certificate v2",
    "1.2.840.113583.1.1.8": "revocation information archival",
    "0.4.0.1733.2.5": "archive time-stamp v3",
    "0.4.0.19122.1.1": "signer attributes v2",
    # bags of PKCS#12 (RFC 7292)
    "1.2.840.113549.1.12.10.1.1": "private key, not encrypted",
    "1.2.840.113549.1.12.10.1.2": "private key, encrypted",
    "1.2.840.113549.1.12.10.1.3": "certificate",
    "1.2.840.113549.1.12.10.1.4": "CRL",
    "1.2.840.113549.1.12.10.1.5": "secret",
    "1.2.840.113549.1.12.10.1.6": "nested contents",
    # encryption with passwords (RFC 7292, RFC 8018)
    "1.2.840.113549.1.12.1.1": "RC4-128",
    "1.2.840.113549.1.12.1.2": "RC4-40",
    "1.2.840.113549.1.12.1.3": "3DES",
    "1.2.840.113549.1.12.1.4": "2-key 3DES",
    "1.2.840.113549.1.12.1.5": "RC2-128",
    "1.2.840.113549.1.12.1.6": "RC2-40",
    "1.2.840.113549.1.5.3": "DES with MD5",
    "1.2.840.113549.1.5.10": "DES with SHA-1",
    "1.2.840.113549.1.5.11": "RC2 with SHA-1",
    "1.2.840.113549.1.5.12": "PBKDF2",
    "1.2.840.113549.1.5.13": "PBES2",
    "1.2.840.113549.1.5.14": "PBMAC1",
    "1.3.6.1.4.1.11591.4.11": "scrypt",
    "1.2.840.113549.3.7": "3DES-CBC",
    "2.16.840.1.101.3.4.1.2": "AES-128-CBC",
    "2.16.840.1.101.3.4.1.22": "AES-192-CBC",
    "2.16.840.1.101.3.4.1.42": "AES-256-CBC",
    "2.16.840.1.101.3.4.1.46": "AES-256-GCM",
    "1.2.840.113549.2.7": "HMAC-SHA-1",
    "1.2.840.113549.2.9": "HMAC-SHA-256",
    "1.2.840.113549.2.10": "HMAC-SHA-384",
    "1.2.840.113549.2.11": "HMAC-SHA-512",
}


def word(oid: str) -> str:
    """What `oid` is called, or itself."""
    from eds.country import term

    return OBJECTS.get(oid) or EXTENSIONS.get(oid) or term(oid) or oid


def word_and_oid(oid: str) -> str:
    """Word and number, OCSP signing (1.3.6.1.5.5.7.3.9), or the bare number without a word."""
    found = word(oid)
    return oid if found == oid else f"{found} ({oid})"
