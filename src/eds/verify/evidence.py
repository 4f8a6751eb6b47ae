"""Evidence: what is handed in beside the document, none of it trusted for being there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..ocsp import OcspResponse

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Certificates, lists and OCSP answers that may help to decide.

    Whether they come from the caller, from a cache or from the document itself makes no
    difference: each is judged like any other. What a signature or an archive proves about the
    time they existed is the validator's finding, never a field here.
    """

    certificates: tuple[Certificate, ...] = ()
    lists: tuple[CertificateList, ...] = ()
    ocsp_responses: tuple[OcspResponse, ...] = ()

    def __add__(self, other: Evidence) -> Evidence:
        if not other:
            return self
        if not self:
            return other
        return Evidence(
            certificates=_joined(self.certificates, other.certificates),
            lists=_joined(self.lists, other.lists),
            ocsp_responses=_joined(self.ocsp_responses, other.ocsp_responses),
        )

    def __bool__(self) -> bool:
        return bool(self.certificates or self.lists or self.ocsp_responses)


def _joined(first: Iterable[T], second: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


NO_EVIDENCE: Final = Evidence()
