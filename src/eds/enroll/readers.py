"""Readers of evidence as the flows want them: the values of `eds.enroll.evidence`, said anew.

Nothing is decided here: what a provider left unchecked or below its own threshold arrives as such,
and the guards refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..errors import AssertionRefused
from .evidence.assertions import (
    Detection,
    FaceMatch,
    LivenessMethod,
    Topic,
    TrustedProvider,
    open_assertion,
)
from .kinds import EvidenceKind
from .providers import FaceAssertion


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFaces:
    """An `AssertionReader`: signed tokens (JWS) of one provider, whose key is pinned.

    The nonce that the provider is asked with is the application's challenge in hexadecimal.
    """

    provider: TrustedProvider
    audience: str

    @property
    def is_simulator(self) -> bool:
        """Whether the provider is one."""
        return self.provider.is_simulator

    def read(self, token: bytes, *, at: datetime) -> FaceAssertion:
        """Raises MalformedAssertion, AssertionRefused."""
        found = open_assertion(
            token, provider=self.provider, topic=Topic.FACE_MATCH, audience=self.audience, at=at
        )
        said = found.answer
        if not isinstance(said, FaceMatch):
            raise AssertionRefused(reason="topic")
        try:
            challenge = bytes.fromhex(found.nonce)
        except ValueError:
            challenge = b""  # no challenge of ours
        return FaceAssertion(
            issuer=found.provider,
            identifier=found.transaction,
            audience=self.audience,
            application=found.application,
            challenge=challenge,
            reference=EvidenceKind(said.reference.value),
            alive=said.presentation is Detection.CLEAN,
            active=said.liveness is LivenessMethod.ACTIVE,
            injection_checked=said.injection is Detection.CLEAN,
            # What the provider itself would not call a match is none, whatever our threshold.
            score=said.score if said.score >= said.threshold else None,
            captured_at=said.captured_at,
            octets=token,
        )
