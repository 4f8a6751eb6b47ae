"""What revocation lists say of a certificate (RFC 5280 §6.3.3): full, sharded, delta, indirect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from .. import der, extensions
from ..algorithms import SignatureAlgorithm
from ..certificatelists import CertificateList, RevokedEntry
from ..certificates import Certificate
from ..errors import EdsError
from ..extensions import (
    DistributionPoint,
    GeneralName,
    IssuingDistributionPoint,
    KeyUsage,
    RevocationReason,
)
from ..names import Name
from .findings import Finding
from .indications import SubIndication
from .path import prove
from .policy import ANY_POLICY, ValidationPolicy
from .revocation_inquiry import (
    ALL_REASONS,
    AUTHORITY,
    DEEPEST,
    DELTA,
    EXTENSIONS,
    GENERAL_FAILURE,
    SCOPE,
    SIGNATURE,
    WELL_FORMED,
    Inquiry,
    NotUsable,
    Observation,
    Problem,
    Status,
    algorithm_of,
    subject_matches,
)
from .trust import Purpose

_KNOWN: Final = frozenset(
    {
        extensions.AUTHORITY_KEY_IDENTIFIER,
        extensions.ISSUER_ALTERNATIVE_NAME,
        extensions.CRL_NUMBER,
        extensions.DELTA_CRL_INDICATOR,
        extensions.ISSUING_DISTRIBUTION_POINT,
        extensions.FRESHEST_CRL,
        extensions.AUTHORITY_INFORMATION_ACCESS,
        extensions.EXPIRED_CERTS_ON_CRL,
    }
)
_KNOWN_OF_ENTRIES: Final = frozenset({extensions.REASON_CODE, extensions.INVALIDITY_DATE})
_EVERYTHING: Final = IssuingDistributionPoint()
OF_ISSUER: Final = (AUTHORITY.kept(), SCOPE.kept())


class _Believed(NamedTuple):
    """A list whose signer may speak for the issuer, and which is about the certificate."""

    list: CertificateList
    signer: Certificate
    reasons: frozenset[int]
    until: datetime  # what signed it may be relied on
    findings: tuple[Finding, ...]


def observe(inquiry: Inquiry) -> list[Observation]:
    """What the lists in the evidence say; those that cannot be used become problems."""
    observed: list[Observation] = []
    complete: list[_Believed] = []
    deltas: list[_Believed] = []
    for found in inquiry.evidence.lists:
        try:
            points = _points(inquiry, found)
            if not points:
                inquiry.foreign += 1
                continue
            believed = _believe(inquiry, found, points)
            (deltas if believed.list.is_delta else complete).append(believed)
        except NotUsable as refusal:
            inquiry.problems.append(_named(refusal.problem, found))
        except EdsError as error:
            inquiry.problems.append(
                _named(Problem(WELL_FORMED, GENERAL_FAILURE, {"error": error.code}), found)
            )
    for believed in complete:
        _look_up(inquiry, believed, None, observed)
    for delta in deltas:
        bases = [believed for believed in complete if _builds_on(delta, believed)]
        if bases:
            # Any base gives the same list of the delta's day.
            newest = max(bases, key=lambda one: one.list.crl_number or 0)
            _look_up(inquiry, newest, delta, observed)
        else:
            _look_up_alone(inquiry, delta, observed)
    return observed


def _named(problem: Problem, found: CertificateList) -> Problem:
    problem.facts["list"] = found.fingerprint.hex()
    return problem


# --- scope (§6.3.3 b) ---------------------------------------------------------------------------


def _points(inquiry: Inquiry, found: CertificateList) -> tuple[DistributionPoint, ...]:
    """The distribution points of the certificate for which `found` has the right issuer.

    A certificate that names none, or none for its own issuer, has the one that the RFC assumes:
    every reason, under the name of its issuer.
    """
    certificate = inquiry.certificate
    issuer = found.issuer
    own = issuer.encoded == certificate.issuer_encoded or (
        inquiry.trust.prepared(issuer) == inquiry.trust.prepared(certificate.issuer)
    )
    if own and (found.is_plain or extensions.ISSUING_DISTRIBUTION_POINT not in found.extensions):
        return (_ASSUMED,)  # it covers everything of that issuer, wherever it was published
    points = [
        point
        for point in certificate.crl_distribution_points
        if point.crl_issuer and _names_directory(point.crl_issuer, issuer)
    ]
    if own:
        points += [point for point in certificate.crl_distribution_points if not point.crl_issuer]
        points.append(_ASSUMED)
    return tuple(points)


_ASSUMED: Final = DistributionPoint()


def _names_directory(names: tuple[GeneralName, ...], wanted: Name) -> bool:
    return any(
        name.directory_name is not None and name.directory_name.matches(wanted) for name in names
    )


def _reasons_in_scope(
    inquiry: Inquiry, found: CertificateList, points: tuple[DistributionPoint, ...]
) -> frozenset[int]:
    """The reasons that `found` covers for the certificate. Raises NotUsable out of its scope."""
    scope = found.issuing_distribution_point
    if scope is None:
        scope = _EVERYTHING
        if _ASSUMED in points:
            return ALL_REASONS
    constraints = inquiry.certificate.basic_constraints
    is_authority = constraints is not None and constraints.ca
    if scope.only_attribute_certificates:
        raise NotUsable(SCOPE, GENERAL_FAILURE, only="attribute certificates")
    if scope.only_user_certificates and is_authority:
        raise NotUsable(SCOPE, GENERAL_FAILURE, only="user certificates")
    if scope.only_ca_certificates and not is_authority:
        raise NotUsable(SCOPE, GENERAL_FAILURE, only="authority certificates")
    covered = [point for point in points if _is_covered(inquiry, found.issuer, scope, point)]
    if not covered:
        raise NotUsable(SCOPE, GENERAL_FAILURE, only="another distribution point")
    of_list = ALL_REASONS if scope.only_some_reasons is None else scope.only_some_reasons
    of_points = frozenset[int]().union(
        *(ALL_REASONS if point.reasons is None else point.reasons for point in covered)
    )
    return of_list & of_points & ALL_REASONS


def _is_covered(
    inquiry: Inquiry, issuer: Name, scope: IssuingDistributionPoint, point: DistributionPoint
) -> bool:
    if point.crl_issuer and not scope.indirect:
        return False
    if not scope.full_name and scope.relative_name is None:
        return True
    ours = _full_names(scope.full_name, scope.relative_name, (issuer,))
    if point.full_name or point.relative_name is not None:
        bases = tuple(
            name.directory_name for name in point.crl_issuer if name.directory_name is not None
        )
        theirs = _full_names(
            point.full_name, point.relative_name, bases or (inquiry.certificate.issuer,)
        )
    elif point.crl_issuer:
        theirs = point.crl_issuer
    else:
        theirs = _full_names((), None, (inquiry.certificate.issuer,))
    # Any of them, not the first alone: a shard has one name for each server it lies on.
    return any(_same_name(one, other) for one in ours for other in theirs)


def _full_names(
    full: tuple[GeneralName, ...], relative: bytes | None, bases: tuple[Name, ...]
) -> tuple[GeneralName, ...]:
    """The names meant: as they are, below each base, or the bases themselves."""
    if full:
        return full
    kind = extensions.GeneralNameKind.DIRECTORY_NAME
    if relative is None:
        return tuple(GeneralName(kind=kind, value=base) for base in bases)
    return tuple(
        GeneralName(kind=kind, value=Name(der.sequence(der.decode(base.encoded).octets, relative)))
        for base in bases
    )


def _same_name(one: GeneralName, other: GeneralName) -> bool:
    if one.directory_name is not None and other.directory_name is not None:
        return one.directory_name.matches(other.directory_name)
    return one == other


# --- who signed it (§6.3.3 f, g) ----------------------------------------------------------------


def _believe(
    inquiry: Inquiry, found: CertificateList, points: tuple[DistributionPoint, ...]
) -> _Believed:
    """The list once its signature is verified, its signer authorised, its scope ours.

    Nothing of its entries is read before. Raises NotUsable.
    """
    inquiry.require_issued(found.this_update)
    found, signer, until, signature = _signed(inquiry, found)
    if not found.is_plain and not _KNOWN.issuperset(found.extensions):
        unknown = sorted(
            oid for oid, one in found.extensions.items() if one.critical and oid not in _KNOWN
        )
        if unknown:
            raise NotUsable(EXTENSIONS, GENERAL_FAILURE, unknown=tuple(unknown))
    if found.next_update is not None and found.next_update < found.this_update:
        raise NotUsable(WELL_FORMED, GENERAL_FAILURE, next_update=found.next_update)
    reasons = _reasons_in_scope(inquiry, found, points)
    return _Believed(found, signer, reasons, until, (signature, *OF_ISSUER))


def _signed(
    inquiry: Inquiry, found: CertificateList
) -> tuple[CertificateList, Certificate, datetime, Finding]:
    """The list, kept where it was verified before, its signer, until when that counts."""
    instant = max(inquiry.at, found.this_update)
    refusal: NotUsable | None = None
    for signer in _signers(inquiry, found):
        usage = signer.key_usage
        if usage is not None and KeyUsage.CRL_SIGN not in usage:
            refusal = refusal or NotUsable(AUTHORITY, GENERAL_FAILURE, key_usage="no cRLSign")
            continue
        try:
            algorithm = algorithm_of(found.signature_algorithm, signer.public_key)
            kept, finding = verified(inquiry, found, signer, algorithm)
        except NotUsable as wrong:
            refusal = refusal or wrong
            continue
        # The key signed it: from here on the first reason stands.
        until = inquiry.require_algorithm(algorithm, signer.public_key, instant)
        if signer == inquiry.issuer or _speaks_for_itself(inquiry, signer):
            valid = inquiry.require_in_validity(signer, instant)
        else:
            valid = _require_proven(inquiry, signer, instant)
        return kept, signer, min(until, valid), finding
    raise refusal or NotUsable(AUTHORITY, GENERAL_FAILURE, signer="not known")


def verified(
    inquiry: Inquiry, found: CertificateList, signer: Certificate, algorithm: SignatureAlgorithm
) -> tuple[CertificateList, Finding]:
    """The list, kept where it was verified before with that key. Raises NotUsable."""
    memo = inquiry.trust.verified_lists
    # The signature finds it, and all octets are compared: cheaper than a digest of millions.
    key = (found.signature, signer.public_key.encoded)
    kept = memo.get(key)
    if kept is not None and kept == found:
        return kept, SIGNATURE.kept(algorithm=algorithm.name)
    finding = inquiry.verify(algorithm, signer.public_key, found.signature, found.tbs_encoded)
    # Its index takes about twice the octets of the list once it is asked.
    memo.put(key, found, weight=3 * len(found.encoded))
    return found, finding


def _signers(inquiry: Inquiry, found: CertificateList) -> Iterator[Certificate]:
    """Who may have signed it: the issuer, then all else of that name, the likeliest key first."""
    issuer = found.issuer
    own = inquiry.issuer
    if own.subject_encoded == issuer.encoded or subject_matches(own, issuer):
        yield inquiry.issuer
    handed_in = (one for one in inquiry.evidence.certificates if subject_matches(one, issuer))
    others = dict.fromkeys((*handed_in, *inquiry.trust.named(issuer)))
    wanted = found.authority_key_identifier
    named = None if wanted is None else wanted.key_identifier

    def rank(signer: Certificate) -> int:
        try:
            own = signer.subject_key_identifier
        except EdsError:
            own = None
        if named is None or own is None:
            return 1
        return 0 if named == own else 2

    yield from (one for one in sorted(others, key=rank) if one != inquiry.issuer)


def _speaks_for_itself(inquiry: Inquiry, signer: Certificate) -> bool:
    """Whether the certificate judged is the signer's own, and its issuer left its status to it.

    That takes a distribution point whose cRLIssuer is the subject (PKITS 4.14.30): the issuer
    signed that nobody else would ever tell.
    """
    return signer == inquiry.certificate and any(
        _names_directory(point.crl_issuer, signer.subject)
        for point in signer.crl_distribution_points
    )


def _is_kin(inquiry: Inquiry, signer: Certificate, parent: Certificate) -> bool:
    """Whether another key under the issuer's name is truly the issuer's.

    Names are unique only as far as every authority under an anchor is honest. One that certifies
    a namesake of its neighbour must not thereby sign the neighbour's lists. So the other key was
    certified by the issuer, or certified the issuer, or both have the same parent.
    """
    issuer = inquiry.issuer
    return (
        _is_signed_by(inquiry, signer, issuer)
        or _is_signed_by(inquiry, issuer, signer)
        or _is_signed_by(inquiry, issuer, parent)
    )


def _is_signed_by(inquiry: Inquiry, certificate: Certificate, signer: Certificate) -> bool:
    if not subject_matches(signer, certificate.issuer):
        return False
    key = signer.public_key
    inquiry.spend()
    try:
        algorithm = algorithm_of(certificate.signature_algorithm, key)
        return key.verify(certificate.signature, certificate.tbs_encoded, algorithm=algorithm)
    except (EdsError, NotUsable):
        return False


def _require_proven(inquiry: Inquiry, signer: Certificate, instant: datetime) -> datetime:
    """The last instant for which `signer` is proven to the same anchor, and good, as its path.

    Raises NotUsable.
    """
    facts = {"signer": signer.fingerprint.hex()}
    if signer.encoded in inquiry.visiting or len(inquiry.visiting) >= DEEPEST:
        raise NotUsable(AUTHORITY, GENERAL_FAILURE, **facts, reason="its own status hangs on it")
    proof = prove(
        signer,
        trust=inquiry.trust,
        purpose=Purpose.LIST_SIGNING,
        at=instant,
        policy=without_policies(inquiry.policy),
        certificates=(inquiry.issuer, *inquiry.evidence.certificates),
    )
    if proof.sub_indication is not None:
        raise NotUsable(AUTHORITY, proof.sub_indication, **facts, reason="no path")
    if inquiry.anchor is not None and proof.anchor != inquiry.anchor:
        raise NotUsable(AUTHORITY, GENERAL_FAILURE, **facts, reason="another anchor")
    # An indirect list is kept by whomever the certificate itself names.
    if signer.subject.matches(inquiry.issuer.subject):
        parent = proof.path[min(1, len(proof.path) - 1)]
        if not _is_kin(inquiry, signer, parent):
            raise NotUsable(AUTHORITY, GENERAL_FAILURE, **facts, reason="a namesake")
    for certificate, issuer in zip(proof.path, proof.path[1:], strict=False):
        if inquiry.status_of(inquiry, certificate, issuer, instant) is not Status.GOOD:
            raise NotUsable(AUTHORITY, GENERAL_FAILURE, **facts, reason="status not established")
    return instant  # the status of its path was judged for this instant alone


def without_policies(policy: ValidationPolicy) -> ValidationPolicy:
    """The policy for those who sign evidence: certificate policies are asked of signers alone."""
    if policy.certificate_policies == {ANY_POLICY} and not policy.require_explicit_policy:
        return policy
    return replace(
        policy, certificate_policies=frozenset({ANY_POLICY}), require_explicit_policy=False
    )


# --- what it says -------------------------------------------------------------------------------


def _builds_on(delta: _Believed, complete: _Believed) -> bool:
    """Whether both together are the complete list of the delta's day (§5.2.4)."""
    base, number = delta.list.delta_crl_indicator, delta.list.crl_number
    of_complete = complete.list.crl_number
    return (
        base is not None
        and number is not None
        and of_complete is not None
        and base <= of_complete < number
        and delta.signer.public_key == complete.signer.public_key
        and delta.list.issuer.matches(complete.list.issuer)
        and delta.list.issuing_distribution_point == complete.list.issuing_distribution_point
    )


def _look_up(
    inquiry: Inquiry,
    complete: _Believed,
    delta: _Believed | None,
    observed: list[Observation],
) -> None:
    """Observe what a complete list, brought up to date by a delta where there is one, says."""
    newest = complete if delta is None else delta
    try:
        decided, entry = newest, _entry(inquiry, newest)
        if entry is None and newest is not complete:
            decided, entry = complete, _entry(inquiry, complete)
        if entry is None or entry.reason is RevocationReason.REMOVE_FROM_CRL:
            _require_entries_understood(complete)
            if newest is not complete:
                _require_entries_understood(newest)
        together = complete.list, newest.list
        observed.append(_observation(inquiry, newest, entry, decided, together))
    except NotUsable as refusal:
        inquiry.problems.append(_named(refusal.problem, newest.list))
    except EdsError as error:
        inquiry.problems.append(
            _named(Problem(WELL_FORMED, GENERAL_FAILURE, {"error": error.code}), newest.list)
        )


def _look_up_alone(inquiry: Inquiry, delta: _Believed, observed: list[Observation]) -> None:
    """A delta without its base cannot say that a certificate is good, but it can say the rest."""
    try:
        entry = _entry(inquiry, delta)
        if entry is not None and entry.reason is not RevocationReason.REMOVE_FROM_CRL:
            observed.append(_observation(inquiry, delta, entry, delta, (delta.list,)))
            return
        raise NotUsable(DELTA, SubIndication.TRY_LATER, base=delta.list.delta_crl_indicator)
    except NotUsable as refusal:
        inquiry.problems.append(_named(refusal.problem, delta.list))
    except EdsError as error:
        inquiry.problems.append(
            _named(Problem(WELL_FORMED, GENERAL_FAILURE, {"error": error.code}), delta.list)
        )


def _entry(inquiry: Inquiry, believed: _Believed) -> RevokedEntry | None:
    certificate = inquiry.certificate
    return believed.list.find(certificate.serial_number, issuer=certificate.issuer)


def _require_entries_understood(believed: _Believed) -> None:
    known = _KNOWN_OF_ENTRIES
    scope = believed.list.issuing_distribution_point
    if scope is not None and scope.indirect:
        known |= {extensions.CERTIFICATE_ISSUER}
    unknown = believed.list.critical_entry_extensions - known
    if unknown:
        raise NotUsable(EXTENSIONS, GENERAL_FAILURE, unknown_of_entries=tuple(sorted(unknown)))


def _observation(
    inquiry: Inquiry,
    newest: _Believed,
    entry: RevokedEntry | None,
    decided: _Believed,
    together: tuple[CertificateList, ...],
) -> Observation:
    found = newest.list
    fresh_until = inquiry.fresh_until(found.this_update, found.next_update, newest.until)
    status, since = Status.GOOD, None
    if entry is not None and entry.reason is not RevocationReason.REMOVE_FROM_CRL:
        held = entry.reason is RevocationReason.CERTIFICATE_HOLD
        status, since = Status.ON_HOLD if held else Status.REVOKED, entry.revocation_date
    listed = status is not Status.GOOD
    return Observation(
        status=status,
        this_update=found.this_update,
        next_update=found.next_update,
        fresh_until=fresh_until,
        source=decided.list if listed else found,
        beside=together,
        since=since,
        reason=entry.reason if listed and entry is not None else None,
        invalidity_date=entry.invalidity_date if listed and entry is not None else None,
        reasons=newest.reasons,
        speaks=listed or _speaks_of(inquiry.certificate, found),
        findings=newest.findings,
    )


def _speaks_of(certificate: Certificate, found: CertificateList) -> bool:
    """Whether a certificate that is not listed was not just dropped after it expired.

    An entry stays until one list after the end of the validity period has been issued (RFC 5280
    §3.3); from then on only expiredCertsOnCRL says how long.
    """
    if found.this_update <= certificate.not_after:
        return True
    since = found.expired_certificates_since
    return since is not None and since <= certificate.not_after
