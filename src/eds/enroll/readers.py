"""Verified evidence in the values that the flows take: between `eds.enroll.evidence` and the desk.

A reader says what was proved and leaves every decision to the guards.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time
from typing import Final

from ..errors import AssertionRefused, EvidenceUnverified
from .encoding import encode
from .evidence.assertions import (
    Detection,
    FaceMatch,
    LivenessMethod,
    Topic,
    TrustedProvider,
    open_assertion,
)
from .evidence.assurance import Proof
from .evidence.chips import Check, ChipRead, ChipReport, Outcome
from .evidence.facepolicy import FacePolicy, face_failures
from .evidence.states import ALPHA_2
from .kinds import EvidenceKind
from .people import Pseudonyms, Snapshot
from .providers import CheckedEvidence, FaceAssertion

_CHALLENGE_OCTETS: Final = 8


def chip_challenge(challenge: bytes) -> bytes:
    """The eight octets that a chip signs for an application's challenge (Doc 9303-11 §6.1)."""
    return hashlib.sha256(b"eds active authentication\0" + challenge).digest()[:_CHALLENGE_OCTETS]


def proofs_of_chip(report: ChipReport) -> frozenset[Proof]:
    """What the report of a chip proves; nothing where it did not pass."""
    if not report.is_genuine:
        return frozenset()
    if report.outcome_of(Check.ACTIVE_AUTHENTICATION) is Outcome.PASSED:
        return frozenset({Proof.CHIP_GENUINE, Proof.CHIP_NOT_CLONED})
    return frozenset({Proof.CHIP_GENUINE})


def checked_chip(
    report: ChipReport,
    chip: ChipRead,
    *,
    kind: EvidenceKind,
    challenge: bytes,
    holder: str,
) -> CheckedEvidence:
    """A chip that passed, as evidence. `challenge` is the application's, of which the chip was
    given `chip_challenge`; it counts only where the chip answered it.

    Raises EvidenceUnverified where the report did not pass.
    """
    mrz = report.mrz
    if not report.is_genuine or mrz is None:
        raise EvidenceUnverified(reason="the chip did not pass passive authentication")
    octets = encode(
        {
            "security_object": chip.security_object,
            "data_groups": {
                str(number): octets
                for number, octets in chip.data_groups.items()
                if number in (1, 14, 15)  # no biometrics: their digests are in the object
            },
            "challenge": challenge,
            "response": chip.response,
        }
    )
    return CheckedEvidence(
        kind=kind,
        octets=octets,
        holder=holder,
        challenge=challenge if report.is_not_cloned else None,
        valid_until=datetime.combine(mrz.expiry, time.max, tzinfo=UTC),
        # One spelling of a document, wherever it is shown: a lock on it holds everywhere.
        document=(ALPHA_2.get(mrz.issuing_state, mrz.issuing_state), mrz.number),
        proves=proofs_of_chip(report),
    )


def holder_of(report: ChipReport, person: Snapshot, pseudonyms: Pseudonyms) -> str:
    """The pseudonym of a person whom the register knows, if the chip is theirs.

    The personal number must stand in the zone, and the birth be the same: equal names are no
    proof. Raises EvidenceUnverified.
    """
    mrz = report.mrz
    if (
        mrz is None
        or person.personal_number not in (mrz.optional_data, mrz.more_optional_data)
        or mrz.birth.complete != person.born
    ):
        raise EvidenceUnverified(reason="the document does not name this person")
    return pseudonyms.person(person.personal_number)


class JwsAssertionReader:
    """Reads face assertions of one provider by its pinned key, for this desk (`audience`).

    Raises MalformedAssertion, AssertionRefused.
    """

    def __init__(
        self,
        provider: TrustedProvider,
        *,
        audience: str,
        policy: FacePolicy = FacePolicy(),  # noqa: B008 - frozen
    ) -> None:
        self._provider = provider
        self._audience = audience
        self._policy = policy

    @property
    def is_simulator(self) -> bool:
        """Whether the provider is none."""
        return self._provider.is_simulator

    def read(self, token: bytes, *, at: datetime) -> FaceAssertion:
        found = open_assertion(
            token,
            provider=self._provider,
            topic=Topic.FACE_MATCH,
            audience=self._audience,
            at=at,
        )
        match = found.answer
        try:
            challenge = bytes.fromhex(found.nonce)
        except ValueError:
            challenge = b""
        if not isinstance(match, FaceMatch) or found.nonce != challenge.hex():
            raise AssertionRefused(reason="nonce")
        failures = face_failures(match, self._policy)
        return FaceAssertion(
            issuer=found.provider,
            identifier=found.transaction,
            audience=self._audience,
            application=found.application,
            challenge=challenge,
            reference=EvidenceKind(match.reference.value),
            alive=not {"presentation", "presentation_level"} & set(failures),
            active=match.liveness is LivenessMethod.ACTIVE,
            injection_checked=match.injection is Detection.CLEAN,
            # Below the provider's own threshold a score says nothing at all.
            score=match.score if match.score >= match.threshold else 0,
            captured_at=match.captured_at,
            octets=token,
        )
