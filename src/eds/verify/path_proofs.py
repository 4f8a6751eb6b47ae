"""What was proven of paths, and how it is kept.

A proof holds between two instants: those of every certificate, algorithm and anchor on it. What
is kept is only ever used for an instant between them, and for the very policy and purpose it
was proven for.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..algorithms import SignatureAlgorithm
from ..certificates import Certificate
from .findings import Finding
from .indications import SubIndication
from .memo import Memo
from .path_names import Limits
from .path_policies import PolicyLevel
from .policy import ValidationPolicy

if TYPE_CHECKING:
    from .trust import Purpose, TrustAnchor


class PathResult(NamedTuple):
    """What was found of the path of one certificate.

    `path` runs from the certificate to the anchor's, both included; empty where none was
    found. `sub_indication` None says that it is proven; `findings` say by which rules, or what
    is broken. Where a path stands but not at that time, `path` and `anchor` are it and a proof
    of existence at an earlier time may help. `policies` is the user-constrained policy set
    (RFC 5280 §6.1.5 (g)). The proof holds from `valid_from` to `valid_until`, both included;
    where there is none, the first is the later.
    """

    path: tuple[Certificate, ...]
    anchor: TrustAnchor | None
    sub_indication: SubIndication | None
    findings: tuple[Finding, ...]
    policies: frozenset[str]
    valid_from: datetime
    valid_until: datetime


class State(NamedTuple):
    """The state variables of RFC 5280 §6.1.2 below one authority: what binds the next one.

    The counters say how many more certificates may follow before the thing is so.
    """

    policies: PolicyLevel
    explicit_policy: int
    policy_mapping: int
    inhibit_any_policy: int
    path_length: int
    limits: tuple[Limits, ...] = ()


class Authority(NamedTuple):
    """An authority whose own path is proven but for the time: from it to the anchor.

    `algorithms` keeps what its key may be used with, by encoded AlgorithmIdentifier.
    """

    path: tuple[Certificate, ...]
    anchor: TrustAnchor
    state: State
    valid_from: datetime
    valid_until: datetime
    algorithms: dict[bytes, tuple[SignatureAlgorithm, date | None]]


class KindProofs:
    """What was proven under one policy for one purpose.

    `paths` by the certificate's octets, `authorities` by the encoded name of the issuer.
    `passed`: plain signatures that passed, by their signers (`cms_again`).
    """

    def __init__(self, policy: ValidationPolicy, purpose: Purpose) -> None:
        self.policy: Final = policy
        self.purpose: Final = purpose
        self.paths: Final[Memo[PathResult]] = Memo(entries=1024)
        self.authorities: Final[Memo[tuple[Authority, ...]]] = Memo(entries=256)
        self.passed: Final[Memo[Any]] = Memo(entries=1024)


class Proofs:
    """What was proven with one store, for the policies and purposes used last.

    Equal policies share; there are so few that looking through them is the quickest.
    `certificates` are those read before, by their octets, which says of nobody that they are
    trusted.
    """

    def __init__(self) -> None:
        self.certificates: Final[Memo[Certificate]] = Memo(entries=1024)
        self._used: tuple[KindProofs, ...] = ()

    def of(self, policy: ValidationPolicy, purpose: Purpose) -> KindProofs:
        """What was proven under that policy for that purpose."""
        used = self._used
        for proofs in used:
            if proofs.policy is policy and proofs.purpose is purpose:
                return proofs
        for proofs in used:
            if proofs.purpose is purpose and proofs.policy == policy:
                return proofs
        proofs = KindProofs(policy, purpose)
        # Two threads at once may lose one of the two: it is proven again.
        self._used = (proofs, *used[:15])
        return proofs
