"""A mass act as a value: which certificates, what is to happen to them, and how many they are.

What is approved is the plan: its hash covers the predicate, the act and the counts of the dry
run. `eds.ca.mass` carries it out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from ..errors import InvalidArgument, LimitExceeded, NaiveDatetime
from ..extensions import RevocationReason
from .lifecycle import REVOCATION_REASONS, Act, Change
from .profiles import canonical

NAMED: Final = 10_000  # in one statement, which every database takes

_SETS: Final = ("profiles", "key_kinds", "authorities", "operators", "persons")
_INSTANTS: Final = ("issued_from", "issued_before", "unexpired_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Certificates of one issuer for which everything said here holds; what is empty says nothing.

    `profiles` are names (every version) or names with a version (`natural-person/2`),
    `key_kinds` as people say them ("RSA 2048", "EC P-256"), `authorities` registration
    authorities, `keys` SHA-256 of SubjectPublicKeyInfo. Issued from `issued_from` on and before
    `issued_before`; not expired at `unexpired_at`. Raises NaiveDatetime, and LimitExceeded for
    more than 10,000 names and keys together.
    """

    issuer: str
    profiles: frozenset[str] = frozenset()
    key_kinds: frozenset[str] = frozenset()
    authorities: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    keys: frozenset[bytes] = frozenset()
    issued_from: datetime | None = None
    issued_before: datetime | None = None
    unexpired_at: datetime | None = None

    def __post_init__(self) -> None:
        _require_aware(self)
        named = len(self.keys) + sum(len(getattr(self, name)) for name in _SETS)
        if named > NAMED:
            raise LimitExceeded(limit="names and keys", allowed=NAMED, found=named)


@dataclass(frozen=True, slots=True, kw_only=True)
class MassAct:
    """A hold or a revocation of all that is selected. `name` names the decision, used once.

    There is no mass release: why each was held is known to who held it. Raises InvalidArgument,
    NaiveDatetime.
    """

    name: str
    selection: Selection
    act: Act
    actor: str
    reason: RevocationReason | None = None
    invalidity_date: datetime | None = None

    def __post_init__(self) -> None:
        _require_aware(self)
        if not self.name or not self.actor:
            raise InvalidArgument(argument="name, actor", reason="the record wants them")
        if self.act is Act.RELEASE:
            raise InvalidArgument(argument="act", reason="a hold or a revocation")
        if (self.act is Act.REVOKE) != (self.reason in REVOCATION_REASONS):
            raise InvalidArgument(argument="reason", reason="wanted by a revocation and no hold")

    def change(self, *, at: datetime) -> Change:
        """What happens to each certificate."""
        return Change(act=self.act, at=at, reason=self.reason, invalidity_date=self.invalidity_date)


class Outcome(Enum):
    """What a mass act does to a certificate."""

    CHANGES = "changes"
    STAYS = "stays"  # it is so already, or its profile does not allow it


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class MassCount:
    """So many certificates of one kind: profile with version, state, what happens to them."""

    profile: str
    state: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MassPlan:
    """What a dry run found at `at`. `entry_octets`: by so much the lists grow, roughly."""

    act: MassAct
    at: datetime
    counts: tuple[MassCount, ...]
    entry_octets: int

    @property
    def selected(self) -> int:
        """How many certificates are looked at."""
        return sum(each.count for each in self.counts)

    @property
    def changes(self) -> int:
        """How many change."""
        return sum(each.count for each in self.counts if each.outcome == Outcome.CHANGES.value)

    @property
    def encoded(self) -> bytes:
        """Canonical JSON, read back by `read_plan`."""
        return canonical(_as_data(self))

    @property
    def hash(self) -> bytes:
        """SHA-256 of `encoded`: what is approved and signed."""
        return hashlib.sha256(self.encoded).digest()


def read_plan(encoded: bytes) -> MassPlan:
    """The plan that `MassPlan.encoded` wrote. Raises InvalidArgument."""
    try:
        data = json.loads(encoded)
        act = data["act"]
        plan = MassPlan(
            act=MassAct(
                name=act["name"],
                selection=_selection(act["selection"]),
                act=Act(act["act"]),
                actor=act["actor"],
                reason=None if act["reason"] is None else RevocationReason(act["reason"]),
                invalidity_date=_instant(act["invalidity_date"]),
            ),
            at=datetime.fromisoformat(data["at"]),
            counts=tuple(MassCount(**each) for each in data["counts"]),
            entry_octets=data["entry_octets"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(argument="plan", reason=f"not one of ours: {error}") from None
    if plan.encoded != encoded:
        raise InvalidArgument(argument="plan", reason="not in its canonical form")
    return plan


def settled(act: MassAct, *, at: datetime) -> MassAct:
    """The act over what was issued until `at`: what comes later is not part of it."""
    before = act.selection.issued_before
    if before is not None and before <= at:
        return act
    return replace(act, selection=replace(act.selection, issued_before=at))


def _selection(data: Mapping[str, Any]) -> Selection:
    values: dict[str, Any] = {"issuer": data["issuer"]}
    for name in _SETS:
        values[name] = frozenset(data[name])
    values["keys"] = frozenset(map(bytes.fromhex, data["keys"]))
    for name in _INSTANTS:
        values[name] = _instant(data[name])
    return Selection(**values)


def _as_data(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case bytes():
            return value.hex()
        case frozenset():
            return sorted(map(_as_data, value))
        case tuple():
            return [_as_data(each) for each in value]
        case MassPlan() | MassAct() | Selection() | MassCount():
            return {each.name: _as_data(getattr(value, each.name)) for each in fields(value)}
    return value


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _require_aware(value: Selection | MassAct) -> None:
    for each in fields(value):
        found = getattr(value, each.name)
        if isinstance(found, datetime) and found.utcoffset() is None:
            raise NaiveDatetime(argument=each.name)
