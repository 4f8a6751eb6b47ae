"""How risky a remote application looks: signs and their weights, summed up to 100.

A sign is something that happened in this application and that honest people seldom do. From
`EnrolmentPolicy.risk_review` on, two officials decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .application import Application
from .kinds import EvidenceKind

MOST: Final = 100

# What is counted, and what each of it weighs.
SIGNS: Final[tuple[tuple[str, int, Callable[[Application], int]], ...]] = (
    ("wrong codes", 10, lambda a: a.code_misses),
    ("evidence of somebody else, or not ours", 15, lambda a: a.evidence_misses),
    ("faces that did not match", 10, lambda a: a.face_checks),
    ("codes sent again", 5, lambda a: max(a.sends - 1, 0)),
    ("no chip answered", 5, lambda a: EvidenceKind.REGISTER_PHOTO in a.kinds),
)


def risk_of(application: Application) -> int:
    """Of 100, by what happened in the application so far."""
    return min(sum(weight * count(application) for _, weight, count in SIGNS), MOST)
