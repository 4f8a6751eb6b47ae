"""What is wrong with an authority, or soon will be: looked at from outside, nothing opened.

Each check reads what the authority left (files, register, log, public halves of keys) and
yields findings. No PIN is asked for and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from ..audit.chain import LogVerifier
from ..audit.store import reading
from ..diagnosis import OTHERS_WRITE, Diagnosis, exposure
from ..errors import EdsError, KeyFileExposed, NaiveDatetime, RegisterNewer, RegisterOutdated
from ..keys.contract import KeyPurpose
from ..keys.uris import FileUri, parse_key_uri
from .deadlines import deadlines
from .folder import AUDIT_KEY_FILE, SETTINGS_FILE, AuthorityFolder
from .issuers import STATUS_RULES, RegisteredIssuer
from .lists import NEVER
from .mass import MassActs
from .received import open_requests
from .responders import find_responders


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on something is worth a word."""

    intent_age: timedelta = timedelta(hours=1)
    responder_left: timedelta = timedelta(days=14)
    issuer_left: timedelta = timedelta(days=180)
    # Of the time between thisUpdate and nextUpdate, how much may be left.
    list_left: float = 0.25
    checkpoint_age: timedelta = timedelta(days=1)
    revocation_left: timedelta = timedelta(hours=6)
    clock_slack: timedelta = timedelta(minutes=5)


Check = Callable[[AuthorityFolder, datetime, Limits], Iterator[Diagnosis]]


def examine(
    folder: AuthorityFolder, *, at: datetime, limits: Limits
) -> Iterator[tuple[str, tuple[Diagnosis, ...]]]:
    """(name of the check, what it found), one check after another.

    A check that cannot be carried out is a finding of its own. Raises NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    exposed = False
    for name, check in CHECKS.items():
        found: list[Diagnosis] = []
        try:
            found.extend(check(folder, at, limits))
        except KeyFileExposed as error:
            if not exposed:  # else it was found with its name
                found.append(_failed(name, f"{error} [{error.code}]"))
        except EdsError as error:
            found.append(_failed(name, f"{error} [{error.code}]"))
        except OSError as error:
            found.append(_failed(name, error.strerror or type(error).__name__))
        exposed |= any(one.code == "doctor.exposed" for one in found)
        yield name, tuple(found)
        if found and name == "database":
            return  # nothing below can be looked at


def _failed(name: str, detail: str) -> Diagnosis:
    return Diagnosis(code="doctor.check_failed", place=name, detail=detail)


# --- the checks -----------------------------------------------------------------------------------


def _permissions(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    del at, limits
    private = [folder.path, folder.path / SETTINGS_FILE, folder.path / "ceremonies"]
    database = folder.database_file
    if database is not None:
        private += [database, *database.parent.glob(f"{database.name}-*")]
    for place in (folder.settings.key_store, folder.settings.audit_store):
        where = parse_key_uri(place)
        if isinstance(where, FileUri):
            keys = folder.path / where.path
            private += [keys, *keys.glob("*.pem")]
    for path in dict.fromkeys(private):
        if (reason := exposure(path)) is not None:
            yield Diagnosis(code="doctor.exposed", place=_shown(folder, path), detail=reason)
    reason = exposure(folder.path / AUDIT_KEY_FILE, others=OTHERS_WRITE)
    if reason is not None:
        yield Diagnosis(code="doctor.exposed", place=AUDIT_KEY_FILE, detail=reason)
    # Whoever may write a profile says what is certified.
    profiles = folder.path / "profiles"
    for path in (profiles, *profiles.glob("*")):
        if (reason := exposure(path, others=OTHERS_WRITE)) is not None:
            yield Diagnosis(code="doctor.exposed", place=_shown(folder, path), detail=reason)


def _database(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    """It is there, one of ours, and at the revision of this program."""
    del at, limits
    file = folder.database_file
    place = folder.settings.database if file is None else file.name
    if file is not None and not file.exists():
        yield Diagnosis(code="doctor.missing", place=place, detail="is not there")
        return
    try:
        folder.register.issuers()
    except (RegisterOutdated, RegisterNewer) as error:
        yield Diagnosis(code="doctor.database_revision", place=place, detail=str(error))
    except EdsError as error:
        yield Diagnosis(
            code="doctor.database_unreachable", place=place, detail=f"{error} [{error.code}]"
        )


def _shown(folder: AuthorityFolder, path: Path) -> str:
    return str(path.relative_to(folder.path)) if path != folder.path else "."


def _clock(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    """The log and the lists were written before now, or the clock went back."""
    newest: datetime | None = None
    with reading(folder.database_url) as log:
        for head in log.heads():
            if head.sequence:
                written = log.record(head.writer, head.sequence).at
                newest = written if newest is None else max(newest, written)
    for issuer in folder.issuers:
        for this_update, _ in folder.register.list_states(issuer.identifier).values():
            if this_update is not None and (newest is None or this_update > newest):
                newest = this_update
    made = datetime.fromtimestamp((folder.path / SETTINGS_FILE).stat().st_mtime, tz=UTC)
    if newest is not None and at < newest - limits.clock_slack:
        yield Diagnosis(
            code="doctor.clock_behind",
            place="clock",
            detail=f"{at.isoformat()}, but the log goes up to {newest.isoformat()}",
        )
    elif at < made - limits.clock_slack:
        yield Diagnosis(
            code="doctor.clock_behind",
            place="clock",
            detail=f"{at.isoformat()}, before {SETTINGS_FILE} was written",
        )


def _issuers(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    if not folder.issuers:
        yield Diagnosis(
            code="doctor.no_issuer",
            place="register",
            detail="no ceremony was held yet",
            urgent=False,
        )
    for issuer in folder.issuers:
        certificate = issuer.certificate
        left = certificate.not_after - at
        if left < timedelta(0):
            yield Diagnosis(
                code="doctor.issuer_expired",
                place=issuer.label,
                detail=f"its certificate ended at {certificate.not_after.isoformat()}",
            )
        elif left < limits.issuer_left:
            yield Diagnosis(
                code="doctor.issuer_ends",
                place=issuer.label,
                detail=f"its certificate ends in {left.days} days",
                urgent=False,
            )


def _keys(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    """Each key is where it is said to be, and is kept for its purpose and no other."""
    del at, limits
    wanted = [
        (issuer.label, issuer.settings.key_store, issuer.settings.key, KeyPurpose.CERTIFICATION,
         issuer.certificate.public_key)
        for issuer in folder.issuers
    ]  # fmt: skip
    settings = folder.settings
    wanted.append(
        ("audit log", settings.audit_store, settings.audit_key, KeyPurpose.SIGNATURE,
         folder.audit_public_key)
    )  # fmt: skip
    for place, store, label, purpose, public_key in wanted:
        try:
            key = folder.key_store(store).find(label)
        except KeyFileExposed:
            raise
        except EdsError as error:
            # A root's token lies in a safe; that is as it should be.
            yield Diagnosis(
                code="doctor.key_out_of_reach",
                place=place,
                detail=f"{error} [{error.code}]",
                urgent=not store.startswith("pkcs11:"),
            )
            continue
        if key.public_key != public_key:
            yield Diagnosis(
                code="doctor.key_exchanged", place=place, detail="another key has its name"
            )
        if key.purpose != purpose:
            yield Diagnosis(
                code="doctor.key_purpose",
                place=place,
                detail=f"kept for {key.purpose.words}, not for {purpose.words} alone",
            )


def _lists(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    for issuer in folder.issuers:
        if not issuer.settings.crl_urls:
            continue
        states = folder.register.list_states(issuer.identifier)
        yield from _list_ages(issuer, states.get, at, limits)


def _list_ages(
    issuer: RegisteredIssuer,
    state_of: Callable[[int], tuple[datetime | None, datetime | None] | None],
    at: datetime,
    limits: Limits,
) -> Iterator[Diagnosis]:
    absent, late, near = [], [], []
    for shard in range(issuer.settings.shard_count):
        this_update, next_update = state_of(shard) or (None, None)
        if this_update is None or next_update is None:
            absent.append(shard)
        elif next_update <= at:
            late.append(shard)
        elif next_update != NEVER and (next_update - at) < limits.list_left * (
            next_update - this_update
        ):
            near.append(shard)
    for code, shards, detail, urgent in (
        ("doctor.list_absent", absent, "was never published", True),
        ("doctor.list_stale", late, "is past its nextUpdate", True),
        ("doctor.list_due", near, "is due for its successor", False),
    ):
        if shards:
            more = f" and {len(shards) - 8} more" if len(shards) > 8 else ""
            numbers = ", ".join(map(str, shards[:8]))
            yield Diagnosis(
                code=code,
                place=issuer.label,
                detail=f"list {numbers}{more} {detail}",
                urgent=urgent,
            )


def _responders(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    for issuer in folder.issuers:
        if not issuer.settings.ocsp_urls:
            continue
        ends = [
            one.certificate.not_after
            for one in find_responders(folder, issuer)
            if one.certificate.in_validity_period(at=at)
        ]
        if not ends:
            yield Diagnosis(
                code="doctor.responder_absent",
                place=issuer.label,
                detail="no OCSP responder is valid",
            )
        elif max(ends) - at < limits.responder_left:
            yield Diagnosis(
                code="doctor.responder_ends",
                place=issuer.label,
                detail=f"its last OCSP responder ends in {(max(ends) - at).days} days",
                urgent=False,
            )


def _intents(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    found = folder.register.open_intents(before=at - limits.intent_age)
    if found:
        yield Diagnosis(
            code="doctor.unfinished",
            place="register",
            detail=f"{len(found)} certificates were begun and never finished; see recover",
        )


def _deadlines(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    """Requests to revoke are carried out or refused within 24 hours (EN 319 411-1)."""
    found = deadlines(open_requests(folder.register), at=at, warning=limits.revocation_left)
    for request in found.overdue:
        yield Diagnosis(
            code="doctor.revocation_overdue",
            place=request.request,
            detail=f"was due at {request.due_at.isoformat(timespec='seconds')}",
        )
    for request in found.due:
        yield Diagnosis(
            code="doctor.revocation_due",
            place=request.request,
            detail=f"is due by {request.due_at.isoformat(timespec='seconds')}",
        )


def _mass(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    del at, limits
    for name in MassActs(folder.register, policy=STATUS_RULES).unfinished():
        yield Diagnosis(
            code="doctor.mass_unfinished",
            place=name,
            detail="a mass act that runs or was cut off; see mass resume",
            urgent=False,
        )


def _audit(folder: AuthorityFolder, at: datetime, limits: Limits) -> Iterator[Diagnosis]:
    verifier = LogVerifier(keys=(folder.audit_public_key,), held=())
    with reading(folder.database_url) as log:
        for finding in verifier.verify(log.items()):
            yield Diagnosis(code=finding.code, place=finding.place, detail=finding.detail)
    newest = verifier.newest
    if verifier.uncovered and (newest is None or at - newest.at > limits.checkpoint_age):
        yield Diagnosis(
            code="doctor.checkpoint_due",
            place="audit log",
            detail=f"{verifier.uncovered} records stand under no checkpoint",
            urgent=False,
        )


CHECKS: Final[dict[str, Check]] = {
    "permissions": _permissions,
    "database": _database,
    "clock": _clock,
    "issuers": _issuers,
    "keys": _keys,
    "lists": _lists,
    "responders": _responders,
    "unfinished": _intents,
    "revocations": _deadlines,
    "mass acts": _mass,
    "audit log": _audit,
}
