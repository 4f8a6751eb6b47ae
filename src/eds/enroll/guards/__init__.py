"""The guards of the table: pure functions from what is known to what is wrong.

(application, evidence, request, policy, at) → failures. `evidence` is what the door found out
(`Findings`: answers of providers, counts of the store, what was verified), `request` what the
actor asks. A finding that is missing fails, it never passes.
"""

from __future__ import annotations

from .contract import GUARDS, SKEW, Findings, Guard, Request
from .judging import judge
from .officials import record_digest

__all__ = ["GUARDS", "SKEW", "Findings", "Guard", "Request", "judge", "record_digest"]
