"""Findings: what each step of a validation saw, by which rule, with the facts compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from .indications import Indication, SubIndication

Fact = str | int | bool | datetime | bytes | None | tuple[str, ...]
"""What was compared. Never a personal number: people are named in the report's signer alone."""

NO_FACTS: Final[Mapping[str, Fact]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is checked.

    `code` is stable (`path.signature`), `clause` the source that demands it, `says` one English
    sentence of what holds where the rule is kept. Rules stand as constants in the module that
    checks them.
    """

    code: str
    clause: str
    says: str

    def kept(self, **facts: Fact) -> Finding:
        """It holds."""
        return _new(Finding, (self, Outcome.KEPT, None, facts or NO_FACTS))

    def noted(self, **facts: Fact) -> Finding:
        """It does not stop the validation, and the reader should know (a warning, a tolerance)."""
        return _new(Finding, (self, Outcome.NOTED, None, facts or NO_FACTS))

    def broken(self, sub_indication: SubIndication, **facts: Fact) -> Finding:
        """It does not hold, or could not be established; `sub_indication` says which."""
        return _new(Finding, (self, Outcome.BROKEN, sub_indication, facts or NO_FACTS))


_new: Final = tuple.__new__  # half the cost of `Finding(…)`, as in `der`


class Outcome(Enum):
    """What a step came to."""

    KEPT = "kept"
    NOTED = "noted"
    BROKEN = "broken"


class Finding(NamedTuple):
    """One step of a validation. A tuple, since a verdict makes a dozen of them in microseconds."""

    rule: Rule
    outcome: Outcome
    sub_indication: SubIndication | None
    facts: Mapping[str, Fact]

    @property
    def code(self) -> str:
        """The stable code of the rule."""
        return self.rule.code

    @property
    def clause(self) -> str:
        """The source of the rule."""
        return self.rule.clause


class Conclusion(NamedTuple):
    """A verdict and what led to it."""

    indication: Indication
    sub_indication: SubIndication | None
    findings: tuple[Finding, ...]


def conclude(findings: Iterable[Finding]) -> Conclusion:
    """The verdict of `findings`: passed where none is broken, else as the first broken one says.

    The order of the steps is the order of EN 319 102-1, so the first broken one decides, but
    one that fails for good goes before any that is only undetermined.
    """
    kept = tuple(findings)
    first: SubIndication | None = None
    for finding in kept:
        sub = finding.sub_indication
        if sub is None:
            continue
        if sub.indication is Indication.TOTAL_FAILED:
            return Conclusion(Indication.TOTAL_FAILED, sub, kept)
        first = first or sub
    if first is None:
        return Conclusion(Indication.TOTAL_PASSED, None, kept)
    return Conclusion(Indication.INDETERMINATE, first, kept)
