"""What is wrong with a desk, or soon will be. Each check yields findings; nothing is changed.

No key is opened but those of the desk itself, which the folder holds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ..ca.profiles import CertificateKind
from ..diagnosis import Diagnosis
from ..errors import EdsError, KeyFileExposed, NaiveDatetime, SimulatorRefused
from ..names import Name
from ..verify.trust import Environment
from ..verify.trustfolder import load_trust_store
from .desksettings import SETTINGS_FILE, Setting
from .folder import PSEUDONYM_KEY_FILE, SIMULATORS, VAULT_KEY_FILE, DeskFolder
from .officials import Role
from .providers import require_real

_LEAST_PASSPHRASE_COST: Final = 2**14
_MONTH: Final = timedelta(days=30)
_FEW_CASES: Final = 20  # below them a share says nothing
_LIST_LEFT: Final = timedelta(hours=2)
# Below these a desk is open to one person's haste or mistake.
_LEAST: Final = {
    "face_threshold": 800,
    "minimum_age": 14,
    "deciding_people": 2,
    "passphrase_cost": _LEAST_PASSPHRASE_COST,
}
_MOST: Final = {"face_checks": 10, "code_tries": 5, "secret_tries": 10, "evidence_tries": 5}

Check = Callable[[DeskFolder, datetime], Iterator[Diagnosis]]


def examine(folder: DeskFolder, *, at: datetime) -> Iterator[tuple[str, tuple[Diagnosis, ...]]]:
    """(name of the check, what it found), one check after another.

    A check that cannot be carried out is a finding of its own. Raises NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    exposed = False
    for name, check in CHECKS.items():
        found: list[Diagnosis] = []
        try:
            found.extend(check(folder, at))
        except KeyFileExposed as error:
            if not exposed:  # else it was found with its name
                found.append(_failed(name, f"{error} [{error.code}]"))
        except EdsError as error:
            found.append(_failed(name, f"{error} [{error.code}]"))
        except OSError as error:
            found.append(_failed(name, error.strerror or type(error).__name__))
        exposed |= any(one.code == "doctor.exposed" for one in found)
        yield name, tuple(found)


def _failed(name: str, detail: str) -> Diagnosis:
    return Diagnosis(code="doctor.check_failed", place=name, detail=detail)


# --- the checks ----------------------------------------------------------------------------------


def _permissions(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    del at
    path, settings = folder.path, folder.settings
    private = [path, path / SETTINGS_FILE, path / PSEUDONYM_KEY_FILE, path / VAULT_KEY_FILE]
    if settings.issuer_password:
        private.append(path / settings.issuer_password)
    if settings.database and "://" not in settings.database:
        private += [path / settings.database, *path.glob(f"{settings.database}-*")]
    for one in private:
        yield from _exposed(folder, one, others=stat.S_IRWXG | stat.S_IRWXO)
    # Whoever may write these says who is an official, and what they agree to.
    for one in (path / settings.trust, path / settings.terms):
        yield from _exposed(folder, one, others=stat.S_IWGRP | stat.S_IWOTH)


def _exposed(folder: DeskFolder, path: Path, *, others: int) -> Iterator[Diagnosis]:
    place = os.path.relpath(path, folder.path)
    try:
        status = path.lstat()
    except FileNotFoundError:
        yield Diagnosis(code="doctor.missing", place=place, detail="is not there")
        return
    if status.st_uid not in (0, os.geteuid()):
        yield Diagnosis(code="doctor.exposed", place=place, detail="belongs to another user")
    elif stat.S_IMODE(status.st_mode) & others:
        mode = stat.S_IMODE(status.st_mode)
        yield Diagnosis(
            code="doctor.exposed", place=place, detail=f"open to others (mode {mode:04o})"
        )


def _providers(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    """Simulators decide about nobody real."""
    del at
    production = folder.settings.setting is Setting.PRODUCTION
    for each in folder.unguarded.providers:
        try:
            require_real([each])
        except SimulatorRefused as refused:
            yield Diagnosis(
                code="doctor.simulator",
                place="providers",
                detail=str(refused) if production else f"{refused.provider} is a simulator",
                urgent=production,
            )
    if not production:
        yield Diagnosis(
            code="doctor.demonstration",
            place=SETTINGS_FILE,
            detail="the setting is a demonstration; nobody real may apply here",
            urgent=False,
        )
    elif (folder.path / SIMULATORS).exists():
        yield Diagnosis(
            code="doctor.simulator",
            place=SIMULATORS,
            detail="what is left of a demonstration",
            urgent=False,
        )


def _policy(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    del at
    if folder.settings.setting is not Setting.PRODUCTION:
        return
    policy = folder.policy
    for name, least in _LEAST.items():
        if getattr(policy, name) < least:
            yield Diagnosis(
                code="doctor.limit_weak", place=name, detail=f"below {least} in production"
            )
    for name, most in _MOST.items():
        if getattr(policy, name) > most:
            yield Diagnosis(
                code="doctor.limit_weak", place=name, detail=f"above {most} in production"
            )
    if policy.least_thought < timedelta(seconds=10):
        yield Diagnosis(
            code="doctor.limit_weak",
            place="least_thought",
            detail="a decision in less than ten seconds is none",
        )


def _authority(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    issuer = folder.issuer
    if issuer.facts.kind is CertificateKind.ROOT:
        yield Diagnosis(
            code="doctor.issuer_unfit", place=issuer.label, detail="a root issues to nobody"
        )
    for name in folder.policy.profiles:
        if name not in folder.authority.profiles:
            yield Diagnosis(
                code="doctor.profile_missing",
                place=name,
                detail="the authority has no such profile",
            )
        elif issuer.settings.profiles and name not in issuer.settings.profiles:
            yield Diagnosis(
                code="doctor.profile_missing",
                place=name,
                detail=f"{issuer.label} does not issue it",
                urgent=False,
            )
    left = issuer.certificate.not_after - at
    if left < timedelta(days=180):
        yield Diagnosis(
            code="doctor.issuer_ends",
            place=issuer.label,
            detail=f"its certificate ends in {left.days} days",
            urgent=left < timedelta(0),
        )


def _officials(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    """A desk needs two security officers to appoint, and one of each that decide."""
    del at
    roles: dict[Role, int] = dict.fromkeys(Role, 0)
    for official in folder.store.officials():
        for role in official.roles:
            roles[role] += 1
    for role, least in ((Role.SECURITY_OFFICER, 2), (Role.OPERATOR, 1), (Role.CHECKER, 1)):
        if roles[role] < least:
            yield Diagnosis(
                code="doctor.officials_missing",
                place=role.value,
                detail=f"{roles[role]} in office, {least} are needed",
            )
    trust = load_trust_store(folder.path / folder.settings.trust)
    if not trust.anchors:
        yield Diagnosis(
            code="doctor.trust_empty", place=folder.settings.trust, detail="nobody is believed"
        )
    production = folder.settings.setting is Setting.PRODUCTION
    if production and trust.environment is not Environment.PRODUCTION:
        yield Diagnosis(
            code="doctor.trust_of_tests",
            place=folder.settings.trust,
            detail="anchors of a test set believe test officials",
        )


def _evidence(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    """Without fresh lists no act of an official passes."""
    found = folder.evidence(at)
    if not found.lists and not found.ocsp_responses:
        yield Diagnosis(
            code="doctor.list_absent",
            place="evidence",
            detail="no revocation list for officials' certificates: no act of theirs will pass",
        )
    newest: dict[tuple[Name, str], datetime] = {}
    for one in found.lists:
        name = (one.issuer, repr(one.issuing_distribution_point))
        if one.next_update is not None:
            newest[name] = max(newest.get(name, one.next_update), one.next_update)
    for name, until in newest.items():
        if until - at < _LIST_LEFT:
            late = until <= at
            yield Diagnosis(
                code="doctor.list_stale" if late else "doctor.list_due",
                place=name[0].rfc4514,
                detail=f"nextUpdate {'was' if late else 'is'} {until.isoformat()}",
                urgent=late,
            )


def _due(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    """What the clock or the authority should have done; see `eds centre run`."""
    overdue = folder.store.due(at=at)
    if overdue:
        yield Diagnosis(
            code="doctor.applications_overdue",
            place="applications",
            detail=f"{len(overdue)} are over and not ended yet",
            urgent=False,
        )
    effects = folder.store.effects()
    if effects:
        yield Diagnosis(
            code="doctor.effects_open",
            place="applications",
            detail=f"{len(effects)} certificates wait to be released or revoked",
        )


def _pairs(folder: DeskFolder, at: datetime) -> Iterator[Diagnosis]:
    """Two who always decide together are two in name."""
    pairs = folder.store.pairs(since=at - _MONTH)
    cases, most = pairs.total(), folder.policy.pair_percent
    if cases < _FEW_CASES:
        return
    for (operator, checker), count in pairs.most_common():
        if count * 100 > most * cases:
            yield Diagnosis(
                code="doctor.pair_common",
                place=f"{operator[:20]} {checker[:20]}",
                detail=f"{count} of {cases} cases of a month were between these two",
                urgent=False,
            )


CHECKS: Final[dict[str, Check]] = {
    "permissions": _permissions,
    "providers": _providers,
    "policy": _policy,
    "authority": _authority,
    "officials": _officials,
    "pairs": _pairs,
    "evidence": _evidence,
    "due": _due,
}
