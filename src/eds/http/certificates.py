"""The certificates of issuers, at the paths that certificates below them point to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from ..ca.issuers import RegisteredIssuer
from .caching import Representation, tag_of
from .messages import Request, Response
from .routing import Route

Clock = Callable[[], datetime]


class CertificateDoor:
    """One certificate, DER (RFC 5280 §4.2.2.1: application/pkix-cert)."""

    def __init__(self, issuer: RegisteredIssuer, *, clock: Clock) -> None:
        certificate = issuer.certificate
        self._representation = Representation(
            media_type=b"application/pkix-cert",
            body=certificate.encoded,
            tag=tag_of(certificate.encoded),
            modified=certificate.not_before,
        )
        self._clock = clock

    async def __call__(self, request: Request, /) -> Response:
        return self._representation.answer(request, at=self._clock())


def certificate_routes(issuers: Sequence[RegisteredIssuer], *, clock: Clock) -> Iterator[Route]:
    """`/certificates/LABEL.cer` for each issuer, and the paths of its own `ca_issuer_urls`."""
    taken: set[str] = set()
    for issuer in issuers:
        door = CertificateDoor(issuer, clock=clock)
        for path in (f"/certificates/{issuer.label}.cer", *_paths(issuer)):
            if path not in taken:
                taken.add(path)
                yield Route(method="GET", path=path, door=door, kind="certificates")


def _paths(issuer: RegisteredIssuer) -> Iterator[str]:
    """Where certificates *below* say that this one is."""
    for url in issuer.settings.ca_issuer_urls:
        path = urlsplit(url).path
        if path not in {"", "/"} and "{" not in path:
            yield path
