"""The key, the certificate, its acceptance: from CLEARED to ACTIVE.

The key is made on the applicant's side. Its possession is proved by the PKCS #10 and by a statement
over this application; the subject comes from the register's entry and never from the request.
What the applicant confirmed, field by field, is what is issued, on hold until it is accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from ..ca.authority import (
    Authority,
    IssueRequest,
    Policy,
    StatusRequest,
    change_status,
    give_up_request,
)
from ..ca.issuers import STATUS_RULES
from ..ca.lifecycle import Act, Change
from ..ca.lifecycle import State as Standing
from ..ca.profiles import CertificateProfile
from ..ca.register import Issued, Register
from ..ca.selection import MassPlan
from ..ca.subjects import ATTRIBUTES, build_subject
from ..certificates import Certificate
from ..errors import (
    AlgorithmError,
    DecodeError,
    EdsError,
    InvalidArgument,
    ProofOfPossessionFailed,
    RequestRefused,
    TransitionRefused,
)
from ..extensions import RevocationReason
from ..names import Name
from ..publickeys import PublicKey
from ..requests import CertificationRequest
from .application import Application
from .centre import contact_bound, deciders, decisions_hold
from .certified import living
from .desk import (
    Desk,
    Envelope,
    Move,
    advance,
    answered,
    arrived,
    attempt,
    by_system,
    is_intact,
    is_token,
    purposes_of,
    snapshot_of,
    try_code,
)
from .encoding import encode
from .existing import existing_eds_stands
from .failures import Code, Failure
from .guards import GUARDS, Findings, Request
from .kinds import EvidenceKind
from .organisations import entry_of, found_out
from .passphrases import PASSPHRASE_FILE, kept_passphrase
from .people import Snapshot
from .remote import lock_if_spent
from .statements import (
    ActivationStatement,
    ConfirmationStatement,
    PossessionStatement,
    signed_by,
)
from .states import State
from .store import Mark

_SECRET: Final = frozenset({Code.SECRET_WRONG})
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """What a desk issues with: the register, the profiles, what refuses weak keys by name."""

    register: Register
    profiles: Mapping[str, CertificateProfile]
    check_key: Callable[[PublicKey], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFields:
    """What the applicant sees before anything is signed, and confirms by the SHA-256 of it."""

    subject: Mapping[str, str] = field(repr=False)
    profile: str
    profile_hash: bytes
    key: bytes
    not_after: datetime
    services: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()  # how the holder was identified

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(encode(self)).digest()


def fields_of(
    desk: Desk, issuing: Issuing, application: Application, *, key: bytes, not_after: datetime
) -> CertificateFields | None:
    """The fields of the certificate as decided; None where the register's entry is gone."""
    snapshot = snapshot_of(desk, application)
    profile = issuing.profiles.get(application.profile)
    rule = desk.policy.profiles.get(application.profile)
    if snapshot is None or profile is None or rule is None:
        return None
    return CertificateFields(
        subject=dict(snapshot.subject),
        profile=f"{profile.name}/{profile.version}",
        profile_hash=profile.hash,
        key=key,
        not_after=not_after,
        services=tuple(sorted(rule.services)),
        purposes=purposes_of(desk, application),
    )


def bind_key(
    desk: Desk,
    issuing: Issuing,
    application: str,
    envelope: Envelope,
    *,
    request: bytes,
    possession: bytes,
    algorithm: str,
    secret: str = "",
) -> Application:
    """Bind the key of a PKCS #10 (DER) to the application.

    `possession` is the key's signature, by `algorithm` (a name of `eds.algorithms`), over the
    PossessionStatement of this application; `secret` the whole activation secret of those who came
    to the centre. Raises TransitionRefused, MalformedRequest.
    """
    said = desk.pseudonyms.code(application, "message", b"", secret)
    known, before, digest = arrived(
        desk, application, envelope, [request, possession, algorithm, said]
    )
    if known is not None:
        return known
    asked = CertificationRequest(request)
    statement = PossessionStatement(
        application=application,
        nonce=before.nonce,
        key=asked.public_key.fingerprint,
        request=asked.fingerprint,
        profile=before.profile,
    )
    proof = Proof(
        token_ok=is_token(before, envelope.token),
        for_this=signed_by(
            asked.public_key, statement.encoded, possession, algorithm=algorithm, at=envelope.at
        ),
        files={"possession": statement.encoded, "possession_signature": possession},
    )
    return bind_proven(
        desk, issuing, before, asked, proof, secret=secret, message=envelope.message,
        digest=digest, at=envelope.at,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Who asks, and whether the key itself was heard on this application; `files` show it."""

    token_ok: bool
    for_this: bool
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def bind_proven(
    desk: Desk,
    issuing: Issuing,
    before: Application,
    asked: CertificationRequest,
    proof: Proof,
    *,
    secret: str,
    message: str,
    digest: bytes,
    at: datetime,
) -> Application:
    """Bind the key of a request whose link to the application was looked at.

    Raises TransitionRefused.
    """
    application, key = before.application, asked.public_key
    refused = _refusal_of(issuing, before, key)
    if refused is not None:
        raise TransitionRefused(failures=(refused,))
    snapshot = snapshot_of(desk, before)
    not_after = _not_after(issuing, before, at=at)
    shown = fields_of(desk, issuing, before, key=key.fingerprint, not_after=not_after)
    asks = Request(act="bind_key", token_ok=proof.token_ok)
    tried = try_code(desk, application, "activation", secret, at=at)
    move = Move(
        request=asks,
        evidence=Findings(
            secret_correct=tried.fits,
            possession=_is_possessed(asked),
            possession_for_this=proof.for_this,
            key_known=_is_known(issuing.register, key.fingerprint),
            names_fit=snapshot is not None and _names_fit(asked.subject, snapshot),
        ),
        changes={
            "key": key.fingerprint,
            "request": asked.fingerprint,
            "fields_shown": b"" if shown is None else shown.digest,
            "not_after": not_after,
        },
        files={"request": asked.encoded, **proof.files},
        spent=("activation",),
    )
    miss = Move(
        request=replace(asks, act="miss_secret"),
        changes={"secret_misses": before.secret_misses + 1},
        codes=tried.kept,
    )
    try:
        return attempt(
            desk, before, move, miss, counted=_SECRET, message=message, digest=digest, at=at
        )
    except TransitionRefused:
        lock_if_spent(desk, application, at=at)
        raise


def fields_to_confirm(desk: Desk, issuing: Issuing, application: str) -> CertificateFields:
    """What the applicant must see. Raises TransitionRefused where nothing is to be confirmed."""
    found = desk.store.load(application)
    shown = None
    if found.not_after is not None:
        shown = fields_of(desk, issuing, found, key=found.key, not_after=found.not_after)
    if shown is None or shown.digest != found.fields_shown:
        raise TransitionRefused(failures=(Failure(code=Code.CERTIFICATE_DIFFERS),))
    return shown


def confirm(
    desk: Desk, application: str, envelope: Envelope, *, confirmation: bytes, algorithm: str
) -> Application:
    """The new key's signature over the ConfirmationStatement. Raises TransitionRefused."""
    known, before, digest = arrived(desk, application, envelope, [confirmation, algorithm])
    if known is not None:
        return known
    statement = ConfirmationStatement(
        application=application, nonce=before.nonce, fields=before.fields_shown
    )
    key = _key_of(desk, before)
    confirmed = key is not None and signed_by(
        key, statement.encoded, confirmation, algorithm=algorithm, at=envelope.at
    )
    move = Move(
        request=Request(act="confirm", token_ok=is_token(before, envelope.token)),
        evidence=Findings(confirmed=confirmed),
        changes={"confirmation": hashlib.sha256(statement.encoded).digest()},
        files={"confirmation": statement.encoded, "confirmation_signature": confirmation},
    )
    return advance(desk, before, move, message=envelope.message, digest=digest, at=envelope.at)


# --- issuing -------------------------------------------------------------------------------------


def request_name(application: str) -> str:
    """How the authority's register calls the request of an application: used once."""
    return f"enroll/{application}"


def issue(
    desk: Desk, issuing: Issuing, authority: Authority, application: str, *, at: datetime
) -> Certificate:
    """Issue what was decided and confirmed, once; run again, it finishes what was interrupted.

    All guards are asked again before, and by `DecidedOnly` at the moment of signing. Raises
    TransitionRefused, WrongState, and what the authority refuses.
    """
    before = desk.store.load(application)
    if before.state is State.CONFIRMED:
        findings = _findings(desk, issuing, before, at=at)
        move = Move(request=Request(act="begin_issue"), evidence=findings, actor="authority")
        before = by_system(desk, before, move, at=at)
    found = _issued(issuing.register, before)
    if before.state in (State.ISSUED, State.ACTIVE) and found is not None:
        return found.certificate
    if found is None:
        give_up_request(
            request_name(application), register=issuing.register, actor="authority", at=at
        )
        prepared = authority.prepare(_request(desk, issuing, before), at=at)
        authority.issue(prepared, at=at)
        found = _issued(issuing.register, before)
        if found is None:
            raise InvalidArgument(argument="authority", reason="of another register")
    if found.status.state is Standing.VALID:
        # On hold until it is accepted; nobody has seen it yet.
        change_status(
            StatusRequest(issued=found, change=Change(act=Act.HOLD, at=at), actor="authority"),
            register=issuing.register,
            policy=STATUS_RULES,
            at=at,
        )
    certificate = found.certificate
    move = Move(
        request=Request(act="issue"),
        evidence=Findings(certificate_fits=_fits(desk, issuing, before, certificate)),
        changes={
            "issuer": found.issuer,
            "serial": found.serial,
            "certificate": certificate.fingerprint,
            "challenge": desk.random(32),
        },
        files={"certificate": certificate.encoded},
        marks=(
            Mark(
                kind="certificate",
                name=certificate.fingerprint.hex(),
                reference=application,
                holder=before.subject,
            ),
        ),
        actor="authority",
    )
    by_system(desk, before, move, at=at)
    return certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedOnly:
    """The authority's `Policy`: what the desk has not decided, exactly so, is not signed.

    `inner` is what the issuer allows anyway. Asked by `prepare` and again at the signature.
    """

    desk: Desk
    issuing: Issuing
    inner: Policy

    def __call__(
        self, request: IssueRequest | StatusRequest | MassPlan, /, *, at: datetime
    ) -> None:
        """Raises TransitionRefused, and what `inner` does."""
        self.inner(request, at=at)
        if not isinstance(request, IssueRequest):
            return
        name = request.request.removeprefix("enroll/")
        application = self.desk.store.find(name)
        decided = (
            application is not None
            and request.request == request_name(name)
            and application.state is State.ISSUING
            and application.deadline is not None
            and application.last_at <= at < application.deadline
            and _request(self.desk, self.issuing, application) == request
            and not _objections(self.desk, self.issuing, application, at=at)
        )
        if not decided:
            raise TransitionRefused(failures=(Failure(code=Code.CERTIFICATE_DIFFERS),))


def activate(
    desk: Desk,
    issuing: Issuing,
    application: str,
    envelope: Envelope,
    *,
    acceptance: bytes,
    algorithm: str,
    passphrase: str,
) -> Application:
    """The certified key's signature over the ActivationStatement: the holder accepts it.

    `passphrase` (12 characters or more, chosen by the holder's software) will revoke it from
    anywhere. The notice goes out over the other channel first; then the hold is lifted.
    Raises TransitionRefused, ProviderUnavailable, InvalidArgument.
    """
    kept = kept_passphrase(desk, passphrase)
    known, before, digest = arrived(desk, application, envelope, [acceptance, algorithm])
    if known is not None:
        settle(desk, issuing, at=envelope.at, application=application)
        return known
    at = envelope.at
    statement = ActivationStatement(
        application=application, certificate=before.certificate, challenge=before.challenge
    )
    key = _key_of(desk, before)
    signed = key is not None and signed_by(
        key, statement.encoded, acceptance, algorithm=algorithm, at=at
    )
    token_ok = is_token(before, envelope.token)
    address = contact_bound(desk, before, at=at)
    sent = False
    if signed and token_ok and address and before.state is State.ISSUED:
        words = {"application": application, "serial": before.serial.hex()}
        desk.notifier.send(address, "certificate-accepted", words, at=at)
        sent = True
    move = Move(
        request=Request(act="activate", token_ok=token_ok),
        evidence=Findings(challenge_signed=signed, notice_sent=sent),
        files={
            "activation": statement.encoded,
            "activation_signature": acceptance,
            PASSPHRASE_FILE: kept,
        },
        effect="release",
    )
    after = advance(desk, before, move, message=envelope.message, digest=digest, at=at)
    settle(desk, issuing, at=at, application=application)
    return after


def repudiate(desk: Desk, issuing: Issuing, application: str, envelope: Envelope) -> Application:
    """The applicant does not want this certificate: it is revoked. Raises TransitionRefused."""
    known, digest = answered(desk, application, envelope, ["repudiate"])
    if known is None:
        before = desk.store.load(application)
        move = Move(
            request=Request(act="repudiate", token_ok=is_token(before, envelope.token)),
            effect="revoke",
        )
        known = advance(desk, before, move, message=envelope.message, digest=digest, at=envelope.at)
    settle(desk, issuing, at=envelope.at, application=application)
    return known


def settle(desk: Desk, issuing: Issuing, *, at: datetime, application: str | None = None) -> None:
    """Carry out what applications still want done to their certificates: release or revoke.

    What is done stays done, so this can be run again after a crash, and at any time.
    """
    for found, effect in desk.store.effects(application):
        issued = _issued(issuing.register, found) if found.key else None
        if effect == "revoke":
            give_up_request(
                request_name(found.application), register=issuing.register, actor="clock", at=at
            )
        change = None
        if issued is not None and issued.status.state is not Standing.REVOKED:
            if effect == "revoke":
                change = Change(act=Act.REVOKE, at=at, reason=RevocationReason.UNSPECIFIED)
            elif issued.status.state is Standing.ON_HOLD and issued.status.version == 1:
                change = Change(act=Act.RELEASE, at=at)  # our own hold, and no later one
        if issued is not None and change is not None:
            change_status(
                StatusRequest(issued=issued, change=change, actor="clock"),
                register=issuing.register,
                policy=STATUS_RULES,
                at=at,
            )
        desk.store.effect_done(found.application, effect)


def tick(desk: Desk, issuing: Issuing, *, at: datetime) -> tuple[Application, ...]:
    """Let the clock do its part: end what is over, settle, forget. Returns what has ended."""
    ended = []
    for before in desk.store.due(at=at):
        lapses = before.state in (State.ISSUING, State.ISSUED)
        move = Move(
            request=Request(act="lapse" if lapses else "expire"),
            effect="revoke" if lapses else None,
            actor="clock",
        )
        try:
            ended.append(by_system(desk, before, move, at=at))
        except EdsError:
            continue  # moved meanwhile, or the clock is behind: the next tick sees
    settle(desk, issuing, at=at)
    desk.store.forget_due(at=at)
    return tuple(ended)


# --- inside --------------------------------------------------------------------------------------


def _is_possessed(request: CertificationRequest) -> bool:
    try:
        request.verify_proof_of_possession()
    except (ProofOfPossessionFailed, AlgorithmError, DecodeError):
        return False
    return True


def _is_known(register: Register, key: bytes) -> bool:
    return bool(register.find_by(key_hash=key, limit=1))


def _names_fit(subject: Name, snapshot: Snapshot) -> bool:
    """An empty name, or attributes that the register's entry has with the same text."""
    allowed = {(ATTRIBUTES[name], text) for name, text in snapshot.subject.items()}
    return all((each.oid, each.text) in allowed for each in subject.attributes)


def _refusal_of(issuing: Issuing, application: Application, key: PublicKey) -> Failure | None:
    profile = issuing.profiles.get(application.profile)
    if profile is None:
        return Failure(code=Code.PROFILE_UNKNOWN)
    try:
        profile.check_key(key)
        issuing.check_key(key)
    except (RequestRefused, DecodeError, AlgorithmError) as error:
        return Failure(code=Code.KEY_REFUSED, fact=error.code)
    return None


def _not_after(issuing: Issuing, application: Application, *, at: datetime) -> datetime:
    profile = issuing.profiles[application.profile]
    # Whole seconds, and never later than evidence or permission to stay allow.
    end = at.replace(microsecond=0) + profile.validity
    if application.horizon is not None:
        end = min(end, application.horizon.replace(microsecond=0) - _SECOND)
    return end


def _key_of(desk: Desk, application: Application) -> PublicKey | None:
    kept = desk.store.file(application.application, "request")
    if kept is None or hashlib.sha256(kept).digest() != application.request:
        return None
    return CertificationRequest(kept).public_key


def _findings(desk: Desk, issuing: Issuing, application: Application, *, at: datetime) -> Findings:
    snapshot = snapshot_of(desk, application)
    subject = ""
    if snapshot is not None:
        subject = desk.pseudonyms.person(snapshot.personal_number)
        fresh = desk.population.look_up(snapshot.personal_number, at=at)
        snapshot = replace(snapshot, alive=fresh is not None and fresh.alive)
    mine = issuing.register.find_by(person=application.subject)
    profile = issuing.profiles[application.profile]
    active = [
        each
        for each in mine
        if each.status.state is not Standing.REVOKED
        and each.certificate.not_after > at
        and each.profile.partition("/")[0] == profile.name
        and each.certificate.public_key.fingerprint != application.key
        and each.certificate.fingerprint != application.renews
    ]
    fits = application.not_after is not None
    if application.not_after is not None:
        shown = fields_of(
            desk, issuing, application, key=application.key, not_after=application.not_after
        )
        fits = shown is not None and shown.digest == application.fields_shown
    findings = Findings(
        snapshot=snapshot,
        subject=subject,
        key_known=_is_known(issuing.register, application.key),
        active_certificates=len(active),
        evidence_intact=is_intact(desk, application),
        deciders=deciders(desk, application),
        decisions_verified=decisions_hold(desk, application, at=at) if application.record else None,
        certificate_fits=fits,
        living_key_valid=living(issuing.register, application.renews, at=at) is not None,
    )
    if EvidenceKind.EXISTING_EDS in application.kinds:
        stands = existing_eds_stands(desk, issuing.register, application, at=at)
        findings = replace(findings, existing_eds_valid=stands)
    if not application.organisation:
        return findings
    return found_out(desk, application, findings, entry_of(desk, application, at=at), at=at)


def _objections(
    desk: Desk, issuing: Issuing, application: Application, *, at: datetime
) -> tuple[Failure, ...]:
    """What speaks against it at the very moment of signing."""
    findings = _findings(desk, issuing, application, at=at)
    asked = Request(act="issue")
    return tuple(GUARDS["all_again"](application, findings, asked, desk.policy, at))


def _request(desk: Desk, issuing: Issuing, application: Application) -> IssueRequest:
    snapshot = snapshot_of(desk, application)
    key = _key_of(desk, application)
    if snapshot is None or key is None or key.fingerprint != application.key:
        raise TransitionRefused(failures=(Failure(code=Code.EVIDENCE_CHANGED),))
    profile = issuing.profiles[application.profile]
    return IssueRequest(
        request=request_name(application.application),
        profile=profile,
        subject=build_subject(profile, snapshot.subject),
        public_key=key,
        person=application.subject,
        authority=application.station or "remote",
        operator=f"official/{application.operator}" if application.operator else "system",
        evidence=hashlib.sha256(application.record_octets()).digest(),
        not_after=application.not_after,
        purposes=purposes_of(desk, application),
    )


def _issued(register: Register, application: Application) -> Issued | None:
    found: list[Issued] = [
        each
        for each in register.find_by(key_hash=application.key)
        if each.person == application.subject
    ]
    return found[0] if found else None


def _fits(desk: Desk, issuing: Issuing, application: Application, certificate: Certificate) -> bool:
    request: Any = _request(desk, issuing, application)
    return bool(
        certificate.subject == request.subject
        and certificate.public_key == request.public_key
        and certificate.not_after == request.not_after
    )
