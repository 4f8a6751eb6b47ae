"""The rules that a PDF signature is held against, beside those of every CMS signature."""

from __future__ import annotations

from typing import Final

from .findings import Rule

READABLE: Final = Rule(
    code="pdf.readable",
    clause="ISO 32000-2 §7.5; EN 319 102-1 §5.2.2",
    says="the PDF document can be read",
)
LIMITS: Final = Rule(
    code="pdf.limits",
    clause="policy",
    says="the PDF document costs no more work than the policy allows",
)
DICTIONARY: Final = Rule(
    code="pdf.signature_dictionary",
    clause="ISO 32000-2 §12.8.1 table 255",
    says="the signature dictionary has the entries it must have, of their types",
)
SUBFILTER: Final = Rule(
    code="pdf.subfilter",
    clause="ISO 32000-2 §12.8.3; EN 319 142-1 §4.1, §5",
    says="the signature is encoded in a way that is judged here",
)
BYTE_RANGE: Final = Rule(
    code="pdf.byte_range",
    clause="ISO 32000-2 §12.8.1; EN 319 142-1 §6.3",
    says="what is signed is the file from its first octet, but for the one string of /Contents",
)
CONTENTS: Final = Rule(
    code="pdf.contents",
    clause="ISO 32000-2 §12.8.1; EN 319 142-1 §6.3",
    says="what /Contents holds is one value in hexadecimal of one case, filled up with zeros",
)
COVERED: Final = Rule(
    code="pdf.signature_dictionary_signed",
    clause="ISO 32000-2 §12.8.1; EN 319 142-1 §6.3",
    says="the signature dictionary stands among the octets that are signed",
)
ONE_FIELD: Final = Rule(
    code="pdf.one_field",
    clause="ISO 32000-2 §12.7.5.5",
    says="the signature is the value of one field alone",
)
REVISION: Final = Rule(
    code="pdf.revision",
    clause="ISO 32000-2 §7.5.6, §12.8.1",
    says="the signature covers its own revision of the document and all before it, whole",
)
COVERAGE: Final = Rule(
    code="pdf.coverage",
    clause="EN 319 142-1 §5.4, §5.5; ISO 32000-2 §12.8.2.2",
    says="what follows the signed octets are validation data, time-stamps and allowed changes",
)
VOUCHED: Final = Rule(
    code="pdf.visible_signature",
    clause="ISO 32000-2 §12.8.2.2; 'Attacks on PDF Certification' (2021)",
    says="visible signatures that were added later are valid themselves",
)
PERMISSIONS: Final = Rule(
    code="pdf.permissions",
    clause="ISO 32000-2 §12.8.2.2, §12.8.2.4",
    says="what the author allows to change after the signature can be read",
)
CLAIMED_TIME: Final = Rule(
    code="pdf.claimed_time",
    clause="EN 319 142-1 §6.3; ISO 32000-2 table 255",
    says="the time the signer claims stands in /M and nowhere else",
)
DETACHED: Final = Rule(
    code="pdf.detached",
    clause="EN 319 142-1 §6.3; ISO 32000-2 §12.8.3.3",
    says="the CMS holds one signer and no content of its own",
)
DIGEST: Final = Rule(
    code="pdf.digest",
    clause="ISO 32000-2 §12.8.3.3.1",
    says="the digest inside the CMS is that of the document",
)
SIGNED_ATTRIBUTES: Final = Rule(
    code="pdf.signed_attributes",
    clause="EN 319 102-1 §5.2.8; EN 319 142-1 §6.3",
    says="signed attributes name the signer's certificate",
)
REVOCATION_DATA: Final = Rule(
    code="pdf.security_store",
    clause="EN 319 142-1 §5.4.2",
    says="the document security store can be read",
)
LEVEL: Final = Rule(
    code="pdf.level",
    clause="policy; EN 319 142-1 §6",
    says="the signature has the level that the policy demands",
)
BUDGET: Final = Rule(
    code="pdf.budget",
    clause="policy",
    says="there are no more signatures than the policy allows to look at",
)
