"""Named departures from the standards: what is forgiven when reading, where it is seen, and why.

A reader never bends a rule in silence. It either refuses, or names the row of this table that
it made use of, so that a report can list it. Writers never make use of any.

`accepted` is the default. A row that is not accepted exists so that the refusal can be named,
and so that a policy may choose otherwise with open eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """One departure from a rule.

    `applies_to` is what may depart: nothing else is forgiven by this row. `source` says how we
    know that the departure exists.
    """

    name: str
    departure: str
    rule: str
    applies_to: str
    seen: str
    source: str
    accepted: bool

    def __str__(self) -> str:
        return self.name


_BER = "encoding: CMS, PKCS #12, time-stamp tokens; never certificates, CRLs or OCSP responses"
_NCA_P12 = "NCA RK key files of 2018 to 2026"

# --- encoding: what `eds.ber` turns into DER -----------------------------------------------------

INDEFINITE_LENGTH: Final = Tolerance(
    name="indefinite-length",
    departure="a constructed value ends with 00 00 instead of giving its length",
    rule="X.690 §10.1",
    applies_to=_BER,
    seen=f"CMS made as a stream (RFC 5652 §2 wants BER there); {_NCA_P12}",
    source="openssl cms -stream; the NCA SDK's test keys",
    accepted=True,
)
CONSTRUCTED_STRING: Final = Tolerance(
    name="constructed-string",
    departure="an OCTET STRING stands in pieces",
    rule="X.690 §10.2",
    applies_to=_BER,
    seen=f"content of CMS made as a stream; encrypted content of {_NCA_P12}",
    source="openssl cms -stream; the NCA SDK's test keys",
    accepted=True,
)
NON_MINIMAL_LENGTH: Final = Tolerance(
    name="non-minimal-length",
    departure="a length takes more octets than it needs",
    rule="X.690 §10.1",
    applies_to=_BER,
    seen="writers that reserve room for a length and fill it in later",
    source="X.690 §8.1.3.5 note 2 allows it in BER; Wycheproof has it as a test",
    accepted=True,
)
BOOLEAN_NOT_FF: Final = Tolerance(
    name="boolean-not-ff",
    departure="TRUE is an octet other than FF",
    rule="X.690 §11.1",
    applies_to="nothing: in what is signed as DER, one meaning has one encoding",
    seen="BER writers; X.690 §8.2.2 allows any octet but 00",
    source="X.690 §8.2.2; cryptography refuses it, OpenSSL reads it",
    accepted=False,
)
UNSORTED_SET: Final = Tolerance(
    name="unsorted-set",
    departure="the elements of a SET OF are not in ascending order",
    rule="X.690 §11.6",
    applies_to="certificates, signerInfos, digestAlgorithms and unsigned attributes of CMS",
    seen="certificates of CMS in the order of the path; several signers in order of signing",
    source="CMS samples of the EU DSS; pyHanko and OpenSSL read them as well",
    accepted=True,
)
TRAILING_OCTETS: Final = Tolerance(
    name="trailing-octets",
    departure="octets follow the outermost value",
    rule="X.690 §8.1.1; security research M13: a place to hide in",
    applies_to="nothing; the zeros that fill /Contents of a PDF are the PDF reader's business",
    seen="files cut from a larger buffer",
    source="mutation campaign on CMS verifiers",
    accepted=False,
)
NON_MINIMAL_INTEGER: Final = Tolerance(
    name="non-minimal-integer",
    departure="an INTEGER begins with nine equal bits",
    rule="X.690 §8.3.2, which binds BER as well",
    applies_to="nothing: two encodings of one serial number are two identities",
    seen="home-made encoders that always put a zero octet first",
    source="x509-limbo and Wycheproof have it as a test",
    accepted=False,
)

# --- certificates, requests, certificate lists ----------------------------------------------------

SIGNATURE_ALGORITHM_NULL_MISMATCH: Final = Tolerance(
    name="signature-algorithm-null-mismatch",
    departure="the inner and outer AlgorithmIdentifier differ in an absent and a present NULL",
    rule="RFC 5280 §4.1.1.2 and §5.1.1.2",
    applies_to="certificates and certificate lists; the identifiers must be equal otherwise",
    seen="CRL of the NCA RK test authority (GOST 2022) of 2026-08: no NULL inside, NULL outside",
    source="the list itself; its signature verifies",
    accepted=True,
)
MISSING_NULL: Final = Tolerance(
    name="missing-null",
    departure="an AlgorithmIdentifier lacks the NULL its algorithm asks for",
    rule="RFC 3279 §2.2.1 for RSA signatures; RFC 4055 §5 asks readers to accept it",
    applies_to="AlgorithmIdentifiers of RSA and GOST signatures",
    seen="several CMS writers; NCA RK CRL of 2026-08",
    source="RFC 4055 §5",
    accepted=True,
)
SUPERFLUOUS_NULL: Final = Tolerance(
    name="superfluous-null",
    departure="an AlgorithmIdentifier of ECDSA has a NULL where nothing may stand",
    rule="RFC 5758 §3.2",
    applies_to="certificates on a path, where the NULL stands inside as well and so is signed",
    seen="test identity cards of Finland (DVV TEST Certificates - G5E)",
    source="OpenSSL and Java read it, cryptography refuses it",
    accepted=True,
)
OVERLONG_ATTRIBUTE: Final = Tolerance(
    name="overlong-attribute",
    departure="an attribute of a name has more characters than its upper bound",
    rule="RFC 5280 appendix A.1, ub-common-name and its like",
    applies_to="subject and issuer names in certificates",
    seen="organisations whose full legal name is their commonName or organizationName",
    source="cryptography warns of them rather than refuse",
    accepted=True,
)
PRINTABLE_STRING_CHARSET: Final = Tolerance(
    name="printable-string-charset",
    departure="a PrintableString holds ASCII characters outside its repertoire (@, &, *, _)",
    rule="X.680 §41.4",
    applies_to="names",
    seen="certificates of many authorities, e-mail addresses above all",
    source="OpenSSL, NSS and Go read or have read them",
    accepted=True,
)
NON_POSITIVE_SERIAL_NUMBER: Final = Tolerance(
    name="non-positive-serial-number",
    departure="a certificate's serial number is zero or negative",
    rule="RFC 5280 §4.1.2.2, which asks readers to be gracious",
    applies_to="certificates and the entries and identifiers that name them",
    seen="self-made roots with serial 0; authorities of the 1990s",
    source="RFC 5280 §4.1.2.2",
    accepted=True,
)
OVERLONG_SERIAL_NUMBER: Final = Tolerance(
    name="overlong-serial-number",
    departure="a certificate's serial number takes more than 20 octets",
    rule="RFC 5280 §4.1.2.2",
    applies_to="certificates",
    seen="20 random octets with the leading bit set, which make 21",
    source="x509-limbo has it as a test",
    accepted=False,
)
KEY_USAGE_TRAILING_ZEROS: Final = Tolerance(
    name="key-usage-trailing-zeros",
    departure="a named BIT STRING ends with zero bits",
    rule="X.690 §11.2.2",
    applies_to="keyUsage, nsCertType, reasonFlags, PKIFailureInfo",
    seen="authorities that always write one or two whole octets",
    source="cryptography and OpenSSL read them",
    accepted=True,
)
EXPLICIT_DEFAULT: Final = Tolerance(
    name="explicit-default",
    departure="a field that has its DEFAULT value is written out",
    rule="X.690 §11.5",
    applies_to="critical FALSE of extensions, cA FALSE of basicConstraints, version v1",
    seen="certificates of many authorities",
    source="PKITS and x509-limbo; cryptography reads basicConstraints so",
    accepted=True,
)

# --- CMS, OCSP, time-stamps ----------------------------------------------------------------------

KEY_OID_AS_SIGNATURE_ALGORITHM: Final = Tolerance(
    name="key-oid-as-signature-algorithm",
    departure="SignerInfo.signatureAlgorithm names the kind of key instead of the signature",
    rule="RFC 5652 §5.3; for RSA, RFC 3370 §3.2 allows rsaEncryption",
    applies_to="SignerInfo of GOST 34.310-2004 and 34.10-2015",
    seen="CMS of the NCA RK native library, 2018 to 2021 (1.2.398.3.10.1.1.1.1)",
    source="the SDK's sample of 2018; its signature verifies",
    accepted=True,
)
CMS_VERSION: Final = Tolerance(
    name="cms-version",
    departure="the version of a SignedData or SignerInfo is another than its content asks for",
    rule="RFC 5652 §5.1 and §5.3",
    applies_to="SignedData and SignerInfo",
    seen="CMS with version 3 over plain data; time-stamps with OCSP responses and version 3",
    source="CMS samples of the EU DSS; OpenSSL and pyHanko read them",
    accepted=False,
)
UNSORTED_SIGNED_ATTRIBUTES: Final = Tolerance(
    name="unsorted-signed-attributes",
    departure="signed attributes stand in another order than that of DER, which was hashed",
    rule="RFC 5652 §5.3: they must be DER even where the rest is not",
    applies_to="signed attributes of CMS; where another order was hashed, nothing verifies",
    seen="CMS samples of the EU DSS",
    source="the EU DSS reads them; OpenSSL hashes them as they stand",
    accepted=False,
)
DIGEST_IDENTIFIER_MISMATCH: Final = Tolerance(
    name="digest-identifier-mismatch",
    departure="the digest algorithm of a signer is announced with a NULL and used without, or "
    "the other way round",
    rule="RFC 5652 §5.1: the set names the algorithms that the signers use",
    applies_to="SignedData.digestAlgorithms",
    seen="signatures of several writers, extended by others",
    source="CMS samples of the EU DSS",
    accepted=False,
)
ISSUER_NOT_VERBATIM: Final = Tolerance(
    name="issuer-not-verbatim",
    departure="a signer is named by an issuer that matches its certificate's in other octets",
    rule="RFC 5652 §10.2.4; names that differ in case or kind of string match (RFC 5280 §7.1)",
    applies_to="SignerInfo.sid",
    seen="writers that encode names anew",
    source="RFC 5280 §7.1",
    accepted=False,
)
REPEATED_ELEMENT: Final = Tolerance(
    name="repeated-element",
    departure="a certificate, a digest algorithm or a whole signer stands there twice",
    rule="nothing: a SET OF may hold one value several times, and a signature needs it once",
    applies_to="certificates, digestAlgorithms and signerInfos of CMS",
    seen="two signers of one digest algorithm, which is then announced twice",
    source="CMS samples of the EU DSS",
    accepted=False,
)
SIGNER_NOT_DER: Final = Tolerance(
    name="signer-not-der",
    departure="a SignerInfo is BER",
    rule="nothing: RFC 5652 asks for DER in signed attributes only",
    applies_to="SignerInfo of CMS made as a stream, which writers encode as DER all the same",
    seen="nowhere yet; a second encoding of one signature",
    source="security research M10, M13",
    accepted=False,
)
NEGATIVE_TIME_STAMP_NUMBER: Final = Tolerance(
    name="negative-time-stamp-number",
    departure="the serial number or the nonce of a time-stamp is negative",
    rule="RFC 3161 §2.4.2 (serial of up to 160 bits) and §2.4.1 (a large random number)",
    applies_to="TSTInfo.serialNumber, TSTInfo.nonce, TimeStampReq.nonce",
    seen="time-stamps of the NCA RK",
    source="tokens inside the SDK's samples of 2022 and 2026; their signatures verify",
    accepted=True,
)
EMPTY_OCSP_NO_CHECK: Final = Tolerance(
    name="empty-ocsp-no-check",
    departure="the ocsp-nocheck extension is an empty OCTET STRING instead of one that holds NULL",
    rule="RFC 6960 §4.2.2.2.1",
    applies_to="certificates of OCSP responders",
    seen="older responder certificates of the NCA RK",
    source="research on the NCA RK's services; breaks strict parsers",
    accepted=True,
)

TOLERANCES: Final = (
    INDEFINITE_LENGTH,
    CONSTRUCTED_STRING,
    NON_MINIMAL_LENGTH,
    BOOLEAN_NOT_FF,
    UNSORTED_SET,
    TRAILING_OCTETS,
    NON_MINIMAL_INTEGER,
    SIGNATURE_ALGORITHM_NULL_MISMATCH,
    MISSING_NULL,
    SUPERFLUOUS_NULL,
    OVERLONG_ATTRIBUTE,
    PRINTABLE_STRING_CHARSET,
    NON_POSITIVE_SERIAL_NUMBER,
    OVERLONG_SERIAL_NUMBER,
    KEY_USAGE_TRAILING_ZEROS,
    EXPLICIT_DEFAULT,
    KEY_OID_AS_SIGNATURE_ALGORITHM,
    CMS_VERSION,
    UNSORTED_SIGNED_ATTRIBUTES,
    DIGEST_IDENTIFIER_MISMATCH,
    ISSUER_NOT_VERBATIM,
    REPEATED_ELEMENT,
    SIGNER_NOT_DER,
    NEGATIVE_TIME_STAMP_NUMBER,
    EMPTY_OCSP_NO_CHECK,
)

_BY_NAME: Final = MappingProxyType({row.name: row for row in TOLERANCES})


def tolerance(name: str) -> Tolerance:
    """The row of that name. Raises InvalidArgument."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise InvalidArgument(argument="name", reason=f"no tolerance {name!r}") from None
