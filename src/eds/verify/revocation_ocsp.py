"""What OCSP responses say of a certificate (RFC 6960): signed by its issuer or by a delegate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from .. import extensions
from ..certificates import Certificate
from ..errors import AlgorithmError, EdsError
from ..extensions import Extension, KeyUsage, RevocationReason
from ..ocsp import CertId, CertificateStatus, OcspResponse, ResponseStatus, SingleResponse
from .findings import Finding
from .indications import SubIndication
from .revocation_inquiry import (
    ANSWER,
    AUTHORITY,
    BUDGET,
    DEEPEST,
    EXTENSIONS,
    GENERAL_FAILURE,
    NONCE,
    WELL_FORMED,
    Inquiry,
    NotUsable,
    Observation,
    Problem,
    Status,
    algorithm_of,
)
from .trust import Purpose

UNDERSTOOD: Final = frozenset({extensions.OCSP_NONCE, extensions.OCSP_EXTENDED_REVOKE})
_KNOWN_OF_SINGLES: Final = frozenset(
    {
        extensions.OCSP_ARCHIVE_CUTOFF,
        extensions.REASON_CODE,
        extensions.INVALIDITY_DATE,
        extensions.CERTIFICATE_ISSUER,
    }
)
_KNOWN_OF_RESPONDERS: Final = frozenset(
    {
        extensions.KEY_USAGE,
        extensions.EXTENDED_KEY_USAGE,
        extensions.BASIC_CONSTRAINTS,
        extensions.CERTIFICATE_POLICIES,
        extensions.SUBJECT_ALTERNATIVE_NAME,
        extensions.OCSP_NO_CHECK,
        extensions.CRL_DISTRIBUTION_POINTS,
    }
)
_MAY_SIGN: Final = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION})
AUTHORISED: Final = AUTHORITY.kept()
_NEVER_ISSUED: Final = datetime(1970, 1, 1, tzinfo=UTC)


def observe(inquiry: Inquiry) -> list[Observation]:
    """What the responses in the evidence say; those that cannot be used become problems."""
    observed: list[Observation] = []
    for found in inquiry.evidence.ocsp_responses:
        try:
            _observe(inquiry, found, observed)
        except NotUsable as refusal:
            inquiry.problems.append(_named(refusal.problem, found))
        except EdsError as error:
            inquiry.problems.append(
                _named(Problem(WELL_FORMED, GENERAL_FAILURE, {"error": error.code}), found)
            )
    return observed


def _named(problem: Problem, found: OcspResponse) -> Problem:
    problem.facts["response"] = found.fingerprint.hex()
    return problem


def _observe(inquiry: Inquiry, found: OcspResponse, observed: list[Observation]) -> None:
    if found.status is not ResponseStatus.SUCCESSFUL:
        raise NotUsable(ANSWER, SubIndication.TRY_LATER, response_status=found.status.name)
    # Whom it speaks of comes first, and is believed nothing: of the answers in a document most
    # are about others, and each would cost a signature check.
    singles = [single for single in found.responses if _is_meant(inquiry, single.cert_id)]
    if not singles:
        inquiry.foreign += 1
        return
    until, signature = _signed(inquiry, found, _responders(inquiry, found))
    if inquiry.validation_time is not None:
        issued = (single.this_update for single in singles)
        inquiry.require_issued(max(found.produced_at, *issued))
    _require_understood(found.extensions, UNDERSTOOD)
    if inquiry.nonce is not None and found.nonce != inquiry.nonce:
        raise NotUsable(NONCE, GENERAL_FAILURE, present=found.nonce is not None)
    findings = signature, AUTHORISED
    # One by one: what the first say counts, whatever is wrong with the last.
    for single in singles:
        observation = _observation(inquiry, found, single, until, findings)
        observed.append(observation)


def _is_meant(inquiry: Inquiry, cert_id: CertId) -> bool:
    """The whole CertID is compared: name hash, key hash and serial number."""
    try:
        return cert_id.names(inquiry.certificate, issuer=inquiry.issuer)
    except AlgorithmError:
        return False


def _require_understood(found: Mapping[str, Extension], known: frozenset[str]) -> None:
    if known.issuperset(found):
        return
    unknown = sorted(oid for oid, one in found.items() if one.critical and oid not in known)
    if unknown:
        raise NotUsable(EXTENSIONS, GENERAL_FAILURE, unknown=tuple(unknown))


# --- who signed it (RFC 6960 §4.2.2.2) ----------------------------------------------------------


def _responders(inquiry: Inquiry, found: OcspResponse) -> Iterator[Certificate]:
    """Whom the response may be from: the issuer, or whoever fits its responder id."""
    issuer = inquiry.issuer
    if found.is_from(issuer):
        yield issuer
    delegates = (
        one
        for one in (*found.certificates, *inquiry.evidence.certificates)
        if _may_be_appointed(one, issuer)
    )
    chosen = _chosen_by_operator(inquiry, max(inquiry.at, found.produced_at))
    for one in dict.fromkeys((*delegates, *chosen)):
        if one != issuer and found.is_from(one):
            yield one


def _may_be_appointed(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether it names that issuer and the purpose; one that cannot be read was not appointed."""
    try:
        return extensions.OCSP_SIGNING in (
            certificate.extended_key_usage or ()
        ) and certificate.issuer.matches(issuer.subject)
    except EdsError:
        return False


def _signed(
    inquiry: Inquiry, found: OcspResponse, responders: Iterable[Certificate]
) -> tuple[datetime, Finding]:
    """Until when its signature counts, and that it is of one who may answer for the issuer.

    Raises NotUsable.
    """
    produced = found.produced_at
    refusal: NotUsable | None = None
    for responder in responders:
        try:
            key = responder.public_key
            algorithm = algorithm_of(found.signature_algorithm, key)
            finding = inquiry.verify(algorithm, key, found.signature, found.tbs_encoded)
            instant = max(inquiry.at, produced)
            until = inquiry.require_algorithm(algorithm, key, instant)
            if key == inquiry.issuer.public_key:
                valid = inquiry.require_in_validity(inquiry.issuer, instant)
            else:
                valid = _require_appointed(inquiry, responder, produced, instant)
            return min(until, valid), finding
        except NotUsable as wrong:
            refusal = refusal or wrong
        except EdsError as error:
            refusal = refusal or NotUsable(WELL_FORMED, GENERAL_FAILURE, error=error.code)
    raise refusal or NotUsable(AUTHORITY, GENERAL_FAILURE, responder="none that was appointed")


def _require_appointed(
    inquiry: Inquiry, responder: Certificate, produced: datetime, instant: datetime
) -> datetime:
    """The last instant for which `responder` is a delegate that the issuer made with this key.

    Its certificate must have been valid when it signed, and still at the instant judged where
    that is later. Its own status is asked as well, unless the issuer said it need not be
    (ocsp-nocheck). Raises NotUsable.
    """
    facts = {"responder": responder.fingerprint.hex()}
    if responder in _chosen_by_operator(inquiry, instant):
        return instant
    issuer = inquiry.issuer
    usage = responder.key_usage
    if usage is not None and not usage & _MAY_SIGN:
        raise NotUsable(AUTHORITY, GENERAL_FAILURE, **facts, reason="key usage")
    _require_understood(responder.extensions, _KNOWN_OF_RESPONDERS)
    until = min(inquiry.require_in_validity(responder, one) for one in (produced, instant))
    key = issuer.public_key
    try:
        algorithm = algorithm_of(responder.signature_algorithm, key)
        inquiry.verify(algorithm, key, responder.signature, responder.tbs_encoded)
    except NotUsable as wrong:
        if wrong.problem.rule is BUDGET:
            raise
        raise NotUsable(
            AUTHORITY, GENERAL_FAILURE, **facts, reason="not signed by the issuer"
        ) from wrong
    until = min(until, inquiry.require_algorithm(algorithm, key, instant))
    if responder.ocsp_no_check:
        return until
    if responder.encoded in inquiry.visiting or len(inquiry.visiting) >= DEEPEST:
        raise NotUsable(AUTHORITY, GENERAL_FAILURE, **facts, reason="its own status hangs on it")
    status = inquiry.status_of(inquiry, responder, issuer, instant)
    if status is Status.UNKNOWN and not _names_a_source(responder):
        return until  # the issuer chose to offer none, the third way of RFC 6960 §4.2.2.2.1
    if status is not Status.GOOD:
        raise NotUsable(AUTHORITY, GENERAL_FAILURE, **facts, reason="status not established")
    return instant  # its status was judged for this instant alone


def _names_a_source(responder: Certificate) -> bool:
    return bool(responder.crl_distribution_points or responder.freshest_crl or responder.ocsp_urls)


def _chosen_by_operator(inquiry: Inquiry, instant: datetime) -> list[Certificate]:
    """Anchors for OCSP alone are responders that the relying party configured (§4.2.2.2)."""
    return [
        anchor.certificate
        for anchor in inquiry.trust.anchors
        if anchor.purposes == {Purpose.OCSP_SIGNING}
        and (anchor.since is None or anchor.since <= instant)
        and (anchor.until is None or instant <= anchor.until)
    ]


# --- what it says -------------------------------------------------------------------------------

_STATUS: Final = {
    CertificateStatus.GOOD: Status.GOOD,
    CertificateStatus.REVOKED: Status.REVOKED,
    CertificateStatus.UNKNOWN: Status.UNKNOWN,
}


def _observation(
    inquiry: Inquiry,
    found: OcspResponse,
    single: SingleResponse,
    until: datetime,
    findings: tuple[Finding, ...],
) -> Observation:
    _require_understood(single.extensions, _KNOWN_OF_SINGLES)
    if single.next_update is not None and single.next_update < single.this_update:
        raise NotUsable(WELL_FORMED, GENERAL_FAILURE, next_update=single.next_update)
    status = _STATUS[single.status]
    if status is Status.REVOKED and single.revocation_reason is RevocationReason.CERTIFICATE_HOLD:
        # RFC 6960 §2.2: "on hold since 1970" is how a certificate never issued is answered for.
        never = found.extended_revoke and single.revocation_time == _NEVER_ISSUED
        status = Status.REVOKED if never else Status.ON_HOLD
    if single.revocation_reason is RevocationReason.REMOVE_FROM_CRL:
        raise NotUsable(ANSWER, GENERAL_FAILURE, reason="removeFromCRL in an OCSP response")
    return Observation(
        status=status,
        this_update=single.this_update,
        next_update=single.next_update,
        fresh_until=inquiry.fresh_until(single.this_update, single.next_update, until),
        source=found,
        since=single.revocation_time,
        reason=single.revocation_reason,
        invalidity_date=single.invalidity_date,
        speaks=status is not Status.GOOD or _speaks_of(inquiry.certificate, single),
        findings=findings,
    )


def _speaks_of(certificate: Certificate, single: SingleResponse) -> bool:
    """Whether "good" still means something: before it expired, or within the archive cutoff."""
    if single.this_update <= certificate.not_after:
        return True
    cutoff = single.archive_cutoff
    return cutoff is not None and cutoff <= certificate.not_after
