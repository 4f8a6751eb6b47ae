"""What a login came to: a person or a refusal, and by which rules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from ..errors import LoginRefused
from ..verify.findings import Fact, Finding
from ..verify.indications import Indication, SubIndication
from . import canonical
from .methods import Method
from .person import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why nobody is let in: the code of the first rule that is broken, and how surely."""

    code: str
    indication: Indication
    sub_indication: SubIndication


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOutcome:
    """Exactly one of `person` and `refusal` is there.

    `findings` run in the order of the checks; a check that could not be made is not there.
    `method` is None where the token could not be read.
    """

    at: datetime
    method: Method | None
    person: Person | None
    refusal: Refusal | None
    findings: tuple[Finding, ...]

    def __bool__(self) -> NoReturn:
        raise TypeError("an outcome is neither yes nor no: look for its person")

    def require_person(self) -> Person:
        """For callers who only need the person. Raises LoginRefused."""
        if self.person is None:
            refusal = self.refusal
            raise LoginRefused(
                refusal="" if refusal is None else refusal.code,
                sub_indication=None if refusal is None else refusal.sub_indication.value,
            )
        return self.person


def digest_of(
    findings: tuple[Finding, ...], *, at: datetime, method: Method, facts: Mapping[str, Fact]
) -> bytes:
    """SHA-256 over all that a login rests on, in canonical JSON, for a log of acts."""
    said: dict[str, Any] = {
        "at": _shown(at),
        "method": method.value,
        "facts": _all(facts),
        "findings": [
            {"code": one.code, "outcome": one.outcome.value, "facts": _all(one.facts)}
            for one in findings
        ],
    }
    return hashlib.sha256(canonical.write(said)).digest()


def _all(facts: Mapping[str, Fact]) -> dict[str, Any]:
    return {name: _shown(value) for name, value in facts.items()}


def _shown(value: Fact) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value
