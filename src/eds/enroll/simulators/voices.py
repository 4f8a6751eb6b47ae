"""Providers that sign what they are told to say, with keys that prove nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ...algorithms import ED25519, SignatureAlgorithm
from ...errors import InvalidArgument
from ...publickeys import PublicKey
from ..evidence.assertions import (
    Answer,
    Detection,
    Expectation,
    FaceMatch,
    FaceReference,
    LivenessMethod,
    Topic,
    TrustedProvider,
    write_assertion,
)
from ..evidence.jws import TokenSigner
from ..kinds import EvidenceKind
from ..providers import FaceAssertion
from ..readers import JwsAssertionReader

_DEFAULT_THRESHOLD: Final = 700


class Simulator:
    """What all of them are."""

    is_simulator: Final = True


class SimulatedKey:
    """A key made from a seed, which everybody who has the seed has: it proves nothing."""

    algorithm: SignatureAlgorithm = ED25519

    def __init__(self, seed: str) -> None:
        grain = hashlib.sha256(f"eds simulator\0{seed}".encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(grain)
        self.public_key = PublicKey.of(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class Voice(Simulator):
    """A provider that is none and signs what it is told to say: a topic, a name and a key."""

    def __init__(
        self, topic: Topic, signer: TokenSigner, *, issuer: str, key_id: str = "simulator"
    ) -> None:
        self.topic = topic
        self.issuer = issuer
        self._signer = signer
        self._key_id = key_id
        self.trusted = TrustedProvider(
            issuer=issuer,
            public_key=signer.public_key,
            algorithm=signer.algorithm,
            key_id=key_id,
            topics=frozenset({topic}),
            is_simulator=True,
        )
        """What a desk configures to rely on it; it says that it is a simulator."""

    def say(
        self, answer: Answer, *, expected: Expectation, at: datetime, transaction: str
    ) -> bytes:
        """The signed answer (a compact JWS). Raises InvalidArgument for another topic."""
        if expected.topic is not self.topic:
            raise InvalidArgument(argument="expected", reason="of another topic")
        return write_assertion(
            answer,
            expected=expected,
            issuer=self.issuer,
            transaction=transaction,
            at=at,
            signer=self._signer,
            key_id=self._key_id,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.issuer}>"


class SimulatedFaces(Simulator):
    """A provider of liveness and face match that scores as it is told, and the desk's reader of it.

    `signer` is its key (`SimulatedKey` of a seed where nothing else is at hand), `audience` the
    desk that its assertions are for.
    """

    def __init__(
        self, signer: TokenSigner, *, audience: str, issuer: str = "simulated-faces"
    ) -> None:
        self.voice = Voice(Topic.FACE_MATCH, signer, issuer=issuer)
        self.audience = audience
        self._reader = JwsAssertionReader(self.voice.trusted, audience=audience)

    @property
    def trusted(self) -> TrustedProvider:
        """What a desk configures to rely on it."""
        return self.voice.trusted

    def assertion(
        self,
        *,
        identifier: str,
        application: str,
        challenge: bytes,
        at: datetime,
        audience: str | None = None,
        reference: EvidenceKind = EvidenceKind.REGISTER_PHOTO,
        score: int = 980,
        threshold: int = _DEFAULT_THRESHOLD,
        liveness: LivenessMethod = LivenessMethod.ACTIVE,
        presentation: Detection = Detection.CLEAN,
        injection: Detection = Detection.CLEAN,
        captured_at: datetime | None = None,
        capture: bytes = b"",
    ) -> bytes:
        """A signed assertion of that score; `identifier` is the transaction, used once."""
        return self.voice.say(
            FaceMatch(
                reference=FaceReference(reference.value),
                score=score,
                threshold=threshold,
                liveness=liveness,
                presentation=presentation,
                presentation_level=2,
                injection=injection,
                captured_at=captured_at or at,
                capture_digest=hashlib.sha256(capture).digest(),
            ),
            expected=Expectation(
                topic=Topic.FACE_MATCH,
                audience=self.audience if audience is None else audience,
                application=application,
                nonce=challenge.hex(),
            ),
            at=at,
            transaction=identifier,
        )

    def read(self, token: bytes, *, at: datetime) -> FaceAssertion:
        """Raises MalformedAssertion, AssertionRefused."""
        return self._reader.read(token, at=at)
