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
    except (EdsError, NotUsable):
        observed = None
    if observed is None or not observed.is_fresh(inquiry.at):
        inquiry.checks[0] = checks
        return None
    return observed


def _observed(inquiry: Inquiry) -> Observation | None:
    """What the only source says that is about the certificate. Raises NotUsable, EdsError."""
    certificate, evidence = inquiry.certificate, inquiry.evidence
    answer: tuple[OcspResponse, SingleResponse] | None = None
    serial_number = certificate.serial_number
    for response in evidence.ocsp_responses:
        if response.status is not ResponseStatus.SUCCESSFUL:
            return None
        for single in response.responses:
            if single.cert_id.serial_number == serial_number:
                if answer is not None:
                    return None
                answer = response, single
    own: CertificateList | None = None
    name = certificate.issuer_encoded
    for found in evidence.lists:
        if found.issuer_encoded == name:
            if answer is not None or own is not None:
                return None
            own = found
        elif _may_be_meant(inquiry, found):
            return None
    if own is not None:
        return _by_list(inquiry, own)
    return None if answer is None else _by_answer(inquiry, *answer)


def _may_be_meant(inquiry: Inquiry, found: CertificateList) -> bool:
    """Whether a list of another name may be about the certificate. Raises EdsError."""
    certificate, prepared = inquiry.certificate, inquiry.trust.prepared
    return prepared(found.issuer) == prepared(certificate.issuer) or any(
        point.crl_issuer for point in certificate.crl_distribution_points
    )


def _by_list(inquiry: Inquiry, found: CertificateList) -> Observation | None:
    issuer, this, after = inquiry.issuer, found.this_update, found.next_update
    usage = issuer.key_usage
    if (
        not found.is_plain
        or issuer.subject_encoded != inquiry.certificate.issuer_encoded
        or (usage is not None and KeyUsage.CRL_SIGN not in usage)
        or (after is not None and after < this)
        or this > inquiry.certificate.not_after
    ):
        return None
    inquiry.require_issued(this)
    key, instant = issuer.public_key, max(inquiry.at, this)
    algorithm = algorithm_of(found.signature_algorithm, key)
    until = inquiry.require_algorithm(algorithm, key, instant)
    valid = inquiry.require_in_validity(issuer, instant)
    found, signature = verified(inquiry, found, issuer, algorithm)
    if found.find(inquiry.certificate.serial_number) or found.critical_entry_extensions:
        return None
    fresh_until = inquiry.fresh_until(this, after, min(until, valid))
    observed = Status.GOOD, this, after, fresh_until, found, (), None, None, None
    return _new(Observation, (*observed, ALL_REASONS, True, (signature, *OF_ISSUER)))


def _by_answer(inquiry: Inquiry, found: OcspResponse, single: SingleResponse) -> Observation | None:
    issuer, this, after = inquiry.issuer, single.this_update, single.next_update
    if (
        single.status is not CertificateStatus.GOOD
        or inquiry.nonce is not None
        or single.extensions
        or not UNDERSTOOD.issuperset(found.extensions)
        or not single.cert_id.names(inquiry.certificate, issuer=issuer)
        or not found.is_from(issuer)
        or (after is not None and after < this)
        or this > inquiry.certificate.not_after
    ):
        return None
    produced = found.produced_at
    inquiry.require_issued(max(produced, this))
    key, instant = issuer.public_key, max(inquiry.at, produced)
    algorithm = algorithm_of(found.signature_algorithm, key)
    until = inquiry.require_algorithm(algorithm, key, instant)
    valid = inquiry.require_in_validity(issuer, instant)
    signature = inquiry.verify(algorithm, key, found.signature, found.tbs_encoded)
    fresh_until = inquiry.fresh_until(this, after, min(until, valid))
    observed = Status.GOOD, this, after, fresh_until, found, (), None, None, None
    return _new(Observation, (*observed, ALL_REASONS, True, (signature, AUTHORISED)))


_new: Final = tuple.__new__  # half the cost of `Observation(…)`, as in `der`
