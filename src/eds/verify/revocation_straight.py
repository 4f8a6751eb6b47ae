"""The status that one list or one answer of the issuer's own gives: good, and nothing to weigh.

Most certificates have one source of status, signed by their issuer. It is observed here as an
inquiry would, but nobody else is looked for who might speak for the issuer, and no problem is
noted: whatever is otherwise (a revocation, a second source, a delegate, a shard, anything stale,
late or not understood) is left to the inquiry. `tests/verify/test_revocation_straight.py` holds
both roads together.
"""

from __future__ import annotations

from typing import Final

from ..certificatelists import CertificateList
from ..errors import EdsError
from ..extensions import KeyUsage
from ..ocsp import CertificateStatus, OcspResponse, ResponseStatus, SingleResponse
from .findings import Finding
from .revocation_inquiry import (
    ALL_REASONS,
    Inquiry,
    NotUsable,
    Observation,
    Status,
    algorithm_of,
)
from .revocation_lists import OF_ISSUER, verified
from .revocation_ocsp import AUTHORISED, UNDERSTOOD


def only_observation(inquiry: Inquiry) -> Observation | None:
    """What an inquiry would observe alone: good, for sure and fresh. None: it has to inquire.

    The inquiry is as it was where that is so.
    """
    checks = inquiry.checks[0]
    try:
        observed = _observed(inquiry)
        if observed is not None and inquiry.at <= observed.fresh_until:
            return observed
    except (EdsError, NotUsable):
        pass
    inquiry.checks[0] = checks
    return None


def _observed(inquiry: Inquiry) -> Observation | None:
    """What the only source says that is about the certificate. Raises NotUsable, EdsError."""
    own, answer = _sources(inquiry)
    issuer, certificate = inquiry.issuer, inquiry.certificate
    source: CertificateList | OcspResponse
    said: CertificateList | SingleResponse
    if own is not None and answer is None and _is_for_all(inquiry, own):
        source = said = own
        signed_at = own.this_update
    elif answer is not None and own is None and _is_for_one(inquiry, *answer):
        source, said = answer
        signed_at = source.produced_at
    else:
        return None
    this, after = said.this_update, said.next_update
    if (after is not None and after < this) or this > certificate.not_after:
        return None
    inquiry.require_issued(max(signed_at, this))
    key, instant = issuer.public_key, max(inquiry.at, signed_at)
    algorithm = algorithm_of(source.signature_algorithm, key)
    until = inquiry.require_algorithm(algorithm, key, instant)
    until = min(until, inquiry.require_in_validity(issuer, instant))
    findings: tuple[Finding, ...]
    if own is not None:
        source, signature = verified(inquiry, own, issuer, algorithm)
        if source.find(certificate.serial_number) or source.critical_entry_extensions:
            return None
        findings = signature, *OF_ISSUER
    else:
        signature = inquiry.verify(algorithm, key, source.signature, source.tbs_encoded)
        findings = signature, AUTHORISED
    fresh_until = inquiry.fresh_until(this, after, until)
    observed = Status.GOOD, this, after, fresh_until, source, (), None, None, None
    return _new(Observation, (*observed, ALL_REASONS, True, findings))


def _sources(
    inquiry: Inquiry,
) -> tuple[CertificateList | None, tuple[OcspResponse, SingleResponse] | None]:
    """The list and the answer about the certificate; neither where there is more to weigh."""
    certificate, evidence = inquiry.certificate, inquiry.evidence
    own: CertificateList | None = None
    answer: tuple[OcspResponse, SingleResponse] | None = None
    serial_number, name = certificate.serial_number, certificate.issuer_encoded
    for response in evidence.ocsp_responses:
        if response.status is not ResponseStatus.SUCCESSFUL:
            return None, None
        for single in response.responses:
            if single.cert_id.serial_number == serial_number:
                if answer is not None:
                    return None, None
                answer = response, single
    for found in evidence.lists:
        if found.issuer_encoded == name:
            if own is not None:
                return None, None
            own = found
        elif _may_be_meant(inquiry, found):
            return None, None
    return own, answer


def _may_be_meant(inquiry: Inquiry, found: CertificateList) -> bool:
    """Whether a list of another name may be about the certificate. Raises EdsError."""
    certificate, prepared = inquiry.certificate, inquiry.trust.prepared
    return prepared(found.issuer) == prepared(certificate.issuer) or any(
        point.crl_issuer for point in certificate.crl_distribution_points
    )


def _is_for_all(inquiry: Inquiry, found: CertificateList) -> bool:
    """Whether a list under the issuer's name is one of all its certificates, its to sign."""
    issuer = inquiry.issuer
    usage = issuer.key_usage
    return (
        found.is_plain
        and issuer.subject_encoded == inquiry.certificate.issuer_encoded
        and (usage is None or KeyUsage.CRL_SIGN in usage)
    )


def _is_for_one(inquiry: Inquiry, found: OcspResponse, single: SingleResponse) -> bool:
    """Whether an answer says "good" of the certificate, its issuer claims it, and no more."""
    return (
        single.status is CertificateStatus.GOOD
        and inquiry.nonce is None
        and not single.extensions
        and UNDERSTOOD.issuperset(found.extensions)
        and single.cert_id.names(inquiry.certificate, issuer=inquiry.issuer)
        and found.is_from(inquiry.issuer)
    )


_new: Final = tuple.__new__  # half the cost of `Observation(…)`, as in `der`
