"""What verdicts mean in one sentence, for people who never read a standard.

`translate` (`eds.languages`) gives each English sentence in the reader's language; names and
values stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .. import names
from ..certificates import Certificate
from ..country import countries, holder_of
from ..errors import DecodeError, Translate
from .indications import Indication, SubIndication
from .report import SignatureReport, ValidationReport

MEANING: Final = {
    Indication.TOTAL_PASSED: "The signature is valid.",
    Indication.TOTAL_FAILED: "The signature is not valid.",
    Indication.INDETERMINATE: "Whether the signature is valid cannot be established.",
}
MEANING_OF_SEVERAL: Final = {
    Indication.TOTAL_PASSED: "All signatures are valid.",
    Indication.TOTAL_FAILED: "At least one signature is not valid.",
    Indication.INDETERMINATE: "Whether all signatures are valid cannot be established.",
}
SUB_MEANING: Final = {
    SubIndication.FORMAT_FAILURE: "The document or signature does not have the form it must have.",
    SubIndication.HASH_FAILURE: "The document is not the one that was signed.",
    SubIndication.SIG_CRYPTO_FAILURE: "The signature was not made with the key of its certificate.",
    SubIndication.REVOKED: "The certificate had been revoked when the signature was made.",
    SubIndication.EXPIRED: "The certificate had expired when the signature was made.",
    SubIndication.NOT_YET_VALID: "The certificate was not valid yet when the signature was made.",
    SubIndication.SIG_CONSTRAINTS_FAILURE: "The signature does not meet what the policy demands.",
    SubIndication.CHAIN_CONSTRAINTS_FAILURE: (
        "The certificates do not meet what the policy demands."
    ),
    SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE: "The certificates could not be checked.",
    SubIndication.CRYPTO_CONSTRAINTS_FAILURE: "An algorithm or key is too weak.",
    SubIndication.POLICY_PROCESSING_ERROR: "The signature policy could not be read.",
    SubIndication.SIGNATURE_POLICY_NOT_AVAILABLE: "The signature policy is not at hand.",
    SubIndication.TIMESTAMP_ORDER_FAILURE: "Time-stamps contradict each other.",
    SubIndication.NO_SIGNING_CERTIFICATE_FOUND: "The signer's certificate was not found.",
    SubIndication.NO_CERTIFICATE_CHAIN_FOUND: (
        "Nothing leads from the signer's certificate to an authority that is trusted here."
    ),
    SubIndication.NO_CERTIFICATE_CHAIN_FOUND_NO_POE: (
        "An authority was trusted once, and nothing proves that the signature existed then."
    ),
    SubIndication.REVOKED_NO_POE: (
        "The certificate is revoked, and nothing proves that the signature was made before."
    ),
    SubIndication.REVOKED_CA_NO_POE: (
        "An authority's certificate is revoked, and nothing proves that the signature was made "
        "before."
    ),
    SubIndication.OUT_OF_BOUNDS_NOT_REVOKED: (
        "The certificate is out of its validity period; it was not revoked."
    ),
    SubIndication.OUT_OF_BOUNDS_NO_POE: (
        "The certificate is out of its validity period, and nothing proves when the signature "
        "was made."
    ),
    SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE: (
        "The certificate of a status service is out of its validity period."
    ),
    SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE: (
        "An algorithm is too weak today, and nothing proves that the signature existed before."
    ),
    SubIndication.NO_POE: "Nothing proves when the signature existed.",
    SubIndication.TRY_LATER: "The status of a certificate is not known yet: try again later.",
    SubIndication.SIGNED_DATA_NOT_FOUND: "There is no signature, or not what it signs.",
}
# What the reports call what they tell, by its stable key.
LABELS: Final = {
    "at": "Validated for",
    "policy": "Policy",
    "trust": "Trusted authorities",
    "content_digest": "SHA-256 of the content",
    "signature": "Signature",
    "counter_signature": "Counter-signature",
    "signer": "Signer",
    "organisation": "Organisation",
    "certified_by": "Certified by",
    "format": "Format",
    "proven_time": "Proven time",
    "claimed_time": "Time the signer claims",
    "algorithm": "Algorithm",
    "coverage": "Covers",
    "field": "Field",
    "changes": "Changed after the signature",
    "time_stamp": "Time-stamp",
    "kind": "Kind",
    "verdict": "Verdict",
    "authority": "Authority",
    "time": "Time",
    "certificates": "Certificates",
    "subject": "Subject",
    "issuer": "Issuer",
    "serial_number": "Serial number",
    "not_before": "Valid from",
    "not_after": "Valid until",
    "findings": "What was checked",
}
STAMPED: Final = {
    "signature": "over the signature",
    "content": "over the content",
    "archive": "over the whole signature, for archives",
    "document": "over the document",
}
COVERAGE: Final = {True: "The whole document", False: "Not the whole document"}


def explain(report: ValidationReport | SignatureReport, *, translate: Translate) -> str:
    """One or two sentences that say what the verdict means."""
    if report.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND:
        return translate(SUB_MEANING[report.sub_indication])
    if isinstance(report, ValidationReport) and len(report.signatures) > 1:
        meaning = MEANING_OF_SEVERAL[report.indication]
    else:
        meaning = MEANING[report.indication]
    if report.sub_indication is None:
        return translate(meaning)
    return f"{translate(meaning)} {translate(SUB_MEANING[report.sub_indication])}"


def holder_rows(certificate: Certificate, *, translate: Translate) -> Iterator[tuple[str, str]]:
    """(label, text) of the subject in the terms of its country, where that is known."""
    holder = holder_of(certificate)
    if holder is None:
        return
    labels = countries()[holder.country].labels
    for key, value in holder.facts(translate):
        yield translate(labels.get(key, key)), value if isinstance(value, str) else "; ".join(value)


def subject_of(certificate: Certificate) -> tuple[str, str | None]:
    """(name, organisation) of the subject, for a headline. A name that cannot be read is "?"."""
    try:
        subject = certificate.subject
        given = " ".join((*subject.values(names.SURNAME), *subject.values(names.GIVEN_NAME)))
        common = subject.values(names.COMMON_NAME)
        organisation = subject.values(names.ORGANIZATION)
        named = common[0] if common else given or subject.rfc4514 or "?"
        return named, organisation[0] if organisation else None
    except DecodeError:
        return "?", None
