"""`begin` and `finish`: one challenge out, one token in, a person or a refusal.

Nothing that a token says of itself is believed: the octets that must have been signed are
written anew from the challenge that was kept. A challenge is taken before anything is checked
against it, so that no answer is ever tried twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from ..errors import MalformedLoginToken, NaiveDatetime
from ..verify.evidence import NO_EVIDENCE, Evidence
from ..verify.findings import Finding, conclude
from ..verify.indications import SubIndication
from ..verify.path import PathResult
from ..verify.trust import TrustStore
from . import steps
from .challenges import (
    ChallengeStore,
    LoginChallenge,
    new_nonce,
    session_digest,
    whole_second,
)
from .examination import Asked, Examination, examine_statement, examine_web_eid
from .identification import identify
from .methods import Method
from .outcome import LoginOutcome, Refusal
from .rules import LoginRules
from .statement import SignedStatement, read_signed_statement
from .web_eid import WebEidToken, read_web_eid

EvidenceSource = Callable[[PathResult], Evidence]
"""Asked for the status of the certificates of a path, once that path is proven: the place for
`eds.verify.fetch.collect`."""

_CLOCKS: Final = timedelta(seconds=60)  # by which those of two nodes may differ
_FORMAT: Final = SubIndication.FORMAT_FAILURE
_REFUSED: Final = SubIndication.SIG_CONSTRAINTS_FAILURE


def begin(
    session_ref: str, *, rules: LoginRules, store: ChallengeStore, at: datetime
) -> LoginChallenge:
    """Make a challenge for the browser whose session before login is `session_ref`, and keep it.

    Its `nonce` is for Web eID software, `write_statement` gives what CMS software signs. One that
    waited for that session is replaced. Raises InvalidArgument for a session that can be guessed,
    NaiveDatetime, ChallengeStoreUnavailable.
    """
    _require_aware(at)
    issued = whole_second(at)
    challenge = LoginChallenge(
        session=session_digest(session_ref),
        nonce=new_nonce(),
        origin=rules.origin,
        audience=rules.audience,
        action=rules.action,
        issued_at=issued,
        expires_at=issued + rules.lifetime,
    )
    store.put(challenge)
    return challenge


def finish(
    session_ref: str,
    token: bytes | str,
    *,
    rules: LoginRules,
    store: ChallengeStore,
    trust: TrustStore,
    evidence: Evidence | EvidenceSource = NO_EVIDENCE,
    at: datetime,
) -> LoginOutcome:
    """Who answered the challenge that waits for that browser, as far as `token` proves it.

    `token` is what the user's software gave: Web eID's JSON, or a CMS (DER, base64, PEM).
    `trust` holds the issuers that are believed for Purpose.AUTHENTICATION (for SIGNATURE where
    the rules take signature keys); `evidence` what proves that nothing is revoked, without which
    nobody is let in. A token that cannot be read leaves the challenge where it is; any other
    uses it up.

    Nothing in the token raises: a refusal is a value. Raises InvalidArgument for a session that
    can be guessed, NaiveDatetime, ChallengeStoreUnavailable, MalformedLoginChallenge where
    another program wrote into the store, and what `evidence` raises.
    """
    _require_aware(at)
    session = session_digest(session_ref)
    try:
        read = _read(token)
    except MalformedLoginToken as error:
        return _refused(at, None, [steps.TOKEN.broken(_FORMAT, reason=error.reason)])
    method = Method.WEB_EID if isinstance(read, WebEidToken) else read.method
    findings = [steps.TOKEN.kept()]
    if method not in rules.methods:
        findings.append(steps.METHOD.broken(_REFUSED, method=method.value))
        return _refused(at, method, findings)
    findings.append(steps.METHOD.kept(method=method.value))
    challenge = store.take(session)
    if challenge is None:
        findings.append(steps.CHALLENGE.broken(_REFUSED))
        return _refused(at, method, findings)
    findings += _circumstances(challenge, session, rules, at)
    if any(one.sub_indication is not None for one in findings):
        return _refused(at, method, findings)
    asked = Asked(
        challenge=challenge,
        rules=rules,
        trust=trust,
        evidence=(lambda _: evidence) if isinstance(evidence, Evidence) else evidence,
        at=at,
    )
    found = (
        examine_web_eid(read, asked)
        if isinstance(read, WebEidToken)
        else examine_statement(read, asked)
    )
    findings += found.findings
    return _concluded(found, findings, method, asked)


def _read(token: bytes | str) -> WebEidToken | SignedStatement:
    """Told apart by the first character: an object of JSON, or anything that may be CMS."""
    if isinstance(token, str):
        if token.lstrip()[:1] == "{":
            return read_web_eid(token)
        return read_signed_statement(token.encode(errors="surrogatepass"))
    if token.lstrip()[:1] == b"{":
        try:
            return read_web_eid(token.decode())
        except UnicodeDecodeError as error:
            raise MalformedLoginToken(reason="not UTF-8") from error
    return read_signed_statement(token)


def _circumstances(
    challenge: LoginChallenge, session: bytes, rules: LoginRules, at: datetime
) -> list[Finding]:
    """Whether the challenge is this session's, fresh, and this portal's."""
    times = {"issued_at": challenge.issued_at, "expires_at": challenge.expires_at}
    fresh = challenge.issued_at - _CLOCKS <= at < challenge.expires_at
    ours = (challenge.origin, challenge.audience) == (rules.origin, rules.audience)
    return [
        steps.CHALLENGE.kept()
        if challenge.session == session
        else steps.CHALLENGE.broken(_REFUSED, session="another"),
        steps.LIFETIME.kept(**times) if fresh else steps.LIFETIME.broken(_REFUSED, **times),
        steps.RELYING_PARTY.kept(origin=challenge.origin)
        if ours
        else steps.RELYING_PARTY.broken(_REFUSED, found=challenge.origin, wanted=rules.origin),
    ]


def _concluded(
    found: Examination, findings: list[Finding], method: Method, asked: Asked
) -> LoginOutcome:
    """The person, where every rule is kept and every step was made."""
    certificate, role = found.certificate, found.role
    broken = any(one.sub_indication is not None for one in findings)
    if broken or certificate is None or role is None or not found.signed:
        return _refused(asked.at, method, findings)
    person, last = identify(
        certificate,
        role=role,
        method=method,
        rules=asked.rules,
        at=asked.at,
        status_at=found.status_at,
        before=tuple(findings),
        facts={
            "nonce": asked.challenge.nonce,
            "session": asked.challenge.session,
            "origin": asked.challenge.origin,
            "certificate": certificate.fingerprint,
            "trust": asked.trust.digest,
            "policy": f"{asked.rules.policy.name} {asked.rules.policy.version}",
        },
    )
    findings += last
    if person is None:
        return _refused(asked.at, method, findings)
    return LoginOutcome(
        at=asked.at, method=method, person=person, refusal=None, findings=_ordered(findings)
    )


def _refused(at: datetime, method: Method | None, findings: list[Finding]) -> LoginOutcome:
    ordered = _ordered(findings)
    verdict = conclude(ordered)
    first = next((one for one in ordered if one.sub_indication is not None), None)
    if first is None or verdict.sub_indication is None:  # a step is missing, and none says why
        first = steps.SIGNATURE.broken(_REFUSED)
        ordered = (*ordered, first)
        verdict = conclude(ordered)
    return LoginOutcome(
        at=at,
        method=method,
        person=None,
        refusal=Refusal(
            code=first.code,
            indication=verdict.indication,
            sub_indication=verdict.sub_indication or _REFUSED,
        ),
        findings=ordered,
    )


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """In the order of `steps`, whatever had to be found first."""
    return tuple(sorted(findings, key=lambda one: steps.ORDER[one.code]))


def _require_aware(at: datetime) -> None:
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
