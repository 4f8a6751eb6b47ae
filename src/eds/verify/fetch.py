"""Fetching: what `verify` asks of the network, for paths that are already proven alone.

`collect` asks for what is missing and nothing else: lists, OCSP answers and the certificates of
their signers, over HTTP (`eds.verify.exchange`), from addresses the operator allowed. What comes
is judged by `revocation.check` before it is handed on or kept. A server can do nothing but give
no evidence: that is an outcome, not an error.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Final

from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import EdsError, InvalidArgument
from ..ocsp import OcspResponse, write_request
from .evidence import NO_EVIDENCE, Evidence
from .exchange import ExchangeFailed, Reply, Resolve, exchange
from .fetch_cache import EvidenceCache, Kept
from .fetch_rules import FetchRules, IssuerSources, Nonce, Target, target
from .path import PathResult
from .policy import ValidationPolicy
from .revocation import RevocationResult, Status, check
from .trust import TrustAnchor, TrustStore

_NONCE_OCTETS: Final = 32  # RFC 9654 §2.1


class Kind(Enum):
    """What was asked for."""

    LIST = "list"
    OCSP = "ocsp"
    CERTIFICATES = "certificates"


class Fetched(Enum):
    """How one request ended. The first three gave something."""

    NEW = "new"
    NOT_MODIFIED = "not_modified"  # what is kept still stands
    FROM_CACHE = "from_cache"  # nothing was asked
    NOT_ALLOWED = "not_allowed"  # the address is not on the operator's list
    ADDRESS_REFUSED = "address_refused"  # the name leads to a private or reserved address
    NOT_RESOLVED = "not_resolved"
    NOT_CONNECTED = "not_connected"  # refused, reset, cut off, or TLS that failed
    TIMED_OUT = "timed_out"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"
    REDIRECTED = "redirected"  # not followed
    STATUS_REFUSED = "status_refused"  # an HTTP status other than 200 and 304
    MALFORMED = "malformed"  # not HTTP, or not the kind of object
    NOT_BELIEVED = "not_believed"  # `check` refused it
    OLDER = "older"  # than what is kept
    BUDGET_SPENT = "budget_spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """What became of one address. `detail` is a code of a finding, an HTTP status, or empty."""

    url: str
    kind: Kind
    result: Fetched
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was found beside the evidence handed in, and how each address answered."""

    evidence: Evidence
    outcomes: tuple[FetchOutcome, ...]


def collect(
    path: PathResult,
    *,
    evidence: Evidence = NO_EVIDENCE,
    trust: TrustStore,
    at: datetime,
    policy: ValidationPolicy,
    rules: FetchRules,
    validation_time: datetime | None = None,
    cache: EvidenceCache | None = None,
    resolve: Resolve | None = None,
) -> Collected:
    """Fetch what the status of the certificates of a proven path still wants.

    Each certificate below the anchor whose status at `at` is not established by `evidence` is
    asked about, the highest first: OCSP, then its lists, then the certificates set for its
    issuer. `validation_time` is the present (`at` where not given). Returns only what was
    verified; hand it to `revocation.check_path` together with `evidence`.

    Never raises for what a server does. Raises InvalidArgument for a path that is not proven:
    nothing is ever fetched for one; NaiveDatetime; EvidenceCacheUnavailable.
    """
    if path.sub_indication is not None or path.anchor is None:
        raise InvalidArgument(argument="path", reason="nothing is fetched for an unproven path")
    run = _Run(
        trust=trust,
        at=at,
        validation_time=validation_time or at,
        policy=policy,
        rules=rules,
        cache=cache,
        anchor=path.anchor,
        client=_Client(rules, resolve),
        evidence=evidence,
    )
    pairs = list(zip(path.path, path.path[1:], strict=False))
    for certificate, issuer in reversed(pairs):
        run.establish(certificate, issuer)
    return Collected(evidence=run.found, outcomes=tuple(run.outcomes))


class _Refused(Exception):
    """Inside this module: how a request ended without anything."""

    def __init__(self, result: Fetched, detail: str = "") -> None:
        super().__init__(result.value)
        self.result = result
        self.detail = detail


class _Run:
    """One call of `collect`."""

    def __init__(
        self,
        *,
        trust: TrustStore,
        at: datetime,
        validation_time: datetime,
        policy: ValidationPolicy,
        rules: FetchRules,
        cache: EvidenceCache | None,
        anchor: TrustAnchor,
        client: _Client,
        evidence: Evidence,
    ) -> None:
        self.trust, self.at, self.validation_time = trust, at, validation_time
        self.policy, self.rules, self.cache = policy, rules, cache
        self.anchor, self.client, self.given = anchor, client, evidence
        self.found = NO_EVIDENCE
        self.outcomes: list[FetchOutcome] = []
        self._done: dict[tuple[str, bytes], bool] = {}

    def establish(self, certificate: Certificate, issuer: Certificate) -> None:
        """Ask for the status of one certificate until it is known or nobody is left to ask."""
        for attempt in self._attempts(certificate, issuer):
            if self._is_known(certificate, issuer):
                return
            attempt()

    def _is_known(self, certificate: Certificate, issuer: Certificate) -> bool:
        result = self._check(certificate, issuer, self.given + self.found)
        return result.status in {Status.GOOD, Status.REVOKED}

    def _check(
        self,
        certificate: Certificate,
        issuer: Certificate,
        evidence: Evidence,
        nonce: bytes | None = None,
    ) -> RevocationResult:
        return check(
            certificate,
            issuer=issuer,
            evidence=evidence,
            trust=self.trust,
            at=self.at,
            policy=self.policy,
            validation_time=self.validation_time,
            nonce=nonce,
            anchor=self.anchor,
        )

    def _attempts(
        self, certificate: Certificate, issuer: Certificate
    ) -> Iterator[Callable[[], None]]:
        """What can be tried, in order; each only when the one before was not enough."""
        set_for = self.rules.sources.get(issuer.fingerprint)
        sources = _own_sources(certificate) if set_for is None else set_for
        chosen = set_for is not None
        yield from self._questions(certificate, issuer, sources, chosen=chosen)
        if not sources.certificates:
            return
        for url in sources.certificates:
            yield partial(self._certificates, url)
        # With the signers at hand the same lists and answers may be believed.
        for key in [key for key, believed in self._done.items() if not believed]:
            del self._done[key]
        yield from self._questions(certificate, issuer, sources, chosen=chosen)

    def _questions(
        self,
        certificate: Certificate,
        issuer: Certificate,
        sources: IssuerSources,
        *,
        chosen: bool,
    ) -> Iterator[Callable[[], None]]:
        for url in sources.ocsp:
            yield partial(self._answer, certificate, issuer, url, chosen=chosen)
        for url in sources.lists:
            yield partial(self._list, certificate, issuer, url, chosen=chosen)

    # -- one address each

    def _note(self, url: str, kind: Kind, result: Fetched, detail: str = "") -> None:
        self.outcomes.append(FetchOutcome(url=url, kind=kind, result=result, detail=detail))

    def _require_allowed(self, url: str, *, chosen: bool) -> Target:
        wanted = target(url)
        if wanted is None or not (chosen or self.rules.allows(url)):
            raise _Refused(Fetched.NOT_ALLOWED)
        return wanted

    def _list(
        self, certificate: Certificate, issuer: Certificate, url: str, *, chosen: bool
    ) -> None:
        if (url, b"") in self._done:
            return
        self._done[url, b""] = False
        key = b"list " + url.encode("ascii", "replace")
        kept = None if self.cache is None else self.cache.get(key)
        before = None if kept is None else _read_list(kept.body)
        try:
            wanted = self._require_allowed(url, chosen=chosen)
            if before is not None:
                known = Evidence(lists=(before,))
                result = self._check(certificate, issuer, self.given + self.found + known)
                if result.status in {Status.GOOD, Status.REVOKED}:
                    self._believe(url, known)
                    self._note(url, Kind.LIST, Fetched.FROM_CACHE)
                    return
            reply = self.client.get(wanted, self.rules.list_octets, kept if before else None)
            if reply.status == 304:
                self._note(url, Kind.LIST, Fetched.NOT_MODIFIED)
            else:
                self._take_list(certificate, issuer, url, key, reply, before)
                return
        except _Refused as refusal:
            self._note(url, Kind.LIST, refusal.result, refusal.detail)
            if refusal.result is Fetched.NOT_ALLOWED:
                return
        if before is not None:
            self._believe(url, Evidence(lists=(before,)))  # stale, and it may still tell something

    def _take_list(
        self,
        certificate: Certificate,
        issuer: Certificate,
        url: str,
        key: bytes,
        reply: Reply,
        before: CertificateList | None,
    ) -> None:
        found = _read_list(reply.body)
        if found is None:
            raise _Refused(Fetched.MALFORMED)
        self._require_believed(certificate, issuer, found)
        if before is not None and found.this_update < before.this_update:
            raise _Refused(Fetched.OLDER)
        self._believe(url, Evidence(lists=(found,)))
        self._keep(
            key, Kept(body=found.encoded, etag=reply.etag, last_modified=reply.last_modified)
        )
        self._note(url, Kind.LIST, Fetched.NEW)

    def _answer(
        self, certificate: Certificate, issuer: Certificate, url: str, *, chosen: bool
    ) -> None:
        about = certificate.fingerprint
        if (url, about) in self._done:
            return
        self._done[url, about] = False
        key = b"ocsp " + about + url.encode("ascii", "replace")
        kept = None if self.cache is None else self.cache.get(key)
        before = None if kept is None else _read_answer(kept.body)
        try:
            wanted = self._require_allowed(url, chosen=chosen)
            if before is not None:
                known = Evidence(ocsp_responses=(before,))
                result = self._check(certificate, issuer, self.given + self.found + known)
                if result.status in {Status.GOOD, Status.REVOKED}:
                    self._believe(url, known, about)
                    self._note(url, Kind.OCSP, Fetched.FROM_CACHE)
                    return
            sent = None
            if self.rules.nonce is not Nonce.ABSENT:
                sent = secrets.token_bytes(_NONCE_OCTETS)
            request = write_request(certificate, issuer=issuer, nonce=sent)
            reply = self.client.post(wanted, self.rules.answer_octets, request)
            found = _read_answer(reply.body)
            if found is None:
                raise _Refused(Fetched.MALFORMED)
            self._require_believed(certificate, issuer, found, self._nonce_wanted(found, sent))
            self._believe(url, Evidence(ocsp_responses=(found,)), about)
            self._keep(key, Kept(body=found.encoded))
            self._note(url, Kind.OCSP, Fetched.NEW)
        except _Refused as refusal:
            self._note(url, Kind.OCSP, refusal.result, refusal.detail)
        except EdsError as error:  # of the certificate asked about
            self._note(url, Kind.OCSP, Fetched.MALFORMED, error.code)

    def _nonce_wanted(self, found: OcspResponse, sent: bytes | None) -> bytes | None:
        try:
            silent = found.nonce is None
        except EdsError:
            silent = False  # no answer inside, or one that cannot be read: `check` says so
        return None if silent and self.rules.nonce is Nonce.SENT else sent

    def _certificates(self, url: str) -> None:
        if (url, b"") in self._done:
            return
        self._done[url, b""] = True
        try:
            wanted = self._require_allowed(url, chosen=True)
            reply = self.client.get(wanted, self.rules.certificate_octets, None)
            found = _read_certificates(reply.body)
            if not found:
                raise _Refused(Fetched.MALFORMED)
            self.found += Evidence(certificates=found)
            self._note(url, Kind.CERTIFICATES, Fetched.NEW)
        except _Refused as refusal:
            self._note(url, Kind.CERTIFICATES, refusal.result, refusal.detail)

    # -- what is worth keeping

    def _require_believed(
        self,
        certificate: Certificate,
        issuer: Certificate,
        fresh: CertificateList | OcspResponse,
        nonce: bytes | None = None,
    ) -> None:
        """Raises _Refused unless `check` believes what came, with all else that may prove it."""
        known = self.given + self.found
        if isinstance(fresh, CertificateList):
            known += Evidence(lists=(fresh,))
        else:
            known = replace(known, ocsp_responses=(fresh,))  # no other has this nonce
        result = self._check(certificate, issuer, known, nonce)
        if fresh not in result.believed:
            raise _Refused(Fetched.NOT_BELIEVED, _why_not(result, fresh))

    def _believe(self, url: str, evidence: Evidence, about: bytes = b"") -> None:
        self._done[url, about] = True
        self.found += evidence

    def _keep(self, key: bytes, kept: Kept) -> None:
        if self.cache is not None:
            self.cache.put(key, kept)


def _why_not(result: RevocationResult, fresh: CertificateList | OcspResponse) -> str:
    """The code of the finding about it, or of the first that is broken."""
    named = fresh.fingerprint.hex()
    own = (one.code for one in result.findings if named in one.facts.values())
    others = (one.code for one in result.findings if one.sub_indication is not None)
    return next(own, None) or next(others, "")


def _own_sources(certificate: Certificate) -> IssuerSources:
    """What a certificate on a proven path says of itself; empty where that cannot be read."""
    try:
        points = (*certificate.crl_distribution_points, *certificate.freshest_crl)
        return IssuerSources(
            ocsp=certificate.ocsp_urls, lists=tuple(url for point in points for url in point.uris)
        )
    except EdsError:
        return IssuerSources()


def _read_list(body: bytes) -> CertificateList | None:
    try:
        return CertificateList.load(body)
    except EdsError:
        return None


def _read_answer(body: bytes) -> OcspResponse | None:
    try:
        return OcspResponse(body)
    except EdsError:
        return None


def _read_certificates(body: bytes) -> tuple[Certificate, ...]:
    try:
        return Certificate.certificates(body)
    except EdsError:
        return ()


# --- HTTP -----------------------------------------------------------------------------------------


class _Client:
    """HTTP for one call of `collect`: so many requests, so many seconds, then no more."""

    def __init__(self, rules: FetchRules, resolve: Resolve | None) -> None:
        self._rules = rules
        self._resolve = resolve
        self._requests = rules.requests
        self._end = time.monotonic() + rules.total_seconds

    def get(self, wanted: Target, octets: int, kept: Kept | None) -> Reply:
        """Fetch, or ask whether what is kept still stands. Raises _Refused."""
        headers = {}
        if kept is not None and kept.etag:
            headers["If-None-Match"] = kept.etag
        if kept is not None and kept.last_modified:
            headers["If-Modified-Since"] = kept.last_modified
        return self._exchange(wanted, octets, "GET", None, headers)

    def post(self, wanted: Target, octets: int, body: bytes) -> Reply:
        """Ask an OCSP responder (RFC 6960 appendix A.1). Raises _Refused."""
        headers = {"Content-Type": "application/ocsp-request"}
        return self._exchange(wanted, octets, "POST", body, headers)

    def _exchange(
        self, wanted: Target, octets: int, method: str, body: bytes | None, headers: dict[str, str]
    ) -> Reply:
        left = self._end - time.monotonic()
        if self._requests <= 0 or left <= 0:
            raise _Refused(Fetched.BUDGET_SPENT)
        self._requests -= 1
        try:
            return exchange(
                wanted,
                method=method,
                seconds=min(left, self._rules.seconds),
                octets=octets,
                reaches=self._rules.reaches,
                body=body,
                headers=headers,
                resolve=self._resolve,
            )
        except ExchangeFailed as failed:
            raise _Refused(Fetched(failed.failure.value), failed.detail) from None
