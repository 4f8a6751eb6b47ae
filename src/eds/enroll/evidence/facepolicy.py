"""Whether a face match is enough: the desk decides by the numbers, not the provider."""

from __future__ import annotations

from dataclasses import dataclass

from .assertions import Detection, FaceMatch, LivenessMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class FacePolicy:
    """What a face match must reach; a provider's own higher threshold counts too.

    The default level of presentation attack detection is what TS 119 461 asks of remote proofing;
    passive liveness and a stream that was not checked for injection never pass.
    """

    threshold: int = 800
    presentation_level: int = 2


def face_failures(match: FaceMatch, policy: FacePolicy) -> tuple[str, ...]:
    """Why the match is not enough, in words that stay; empty: it is."""
    conditions = (
        (match.score >= max(policy.threshold, match.threshold), "score"),
        (match.liveness is LivenessMethod.ACTIVE, "passive_liveness"),
        (match.presentation is Detection.CLEAN, "presentation"),
        (match.presentation_level >= policy.presentation_level, "presentation_level"),
        (match.injection is Detection.CLEAN, "injection"),
    )
    return tuple(reason for holds, reason in conditions if not holds)
