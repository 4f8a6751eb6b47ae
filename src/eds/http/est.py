"""EST (RFC 7030, RFC 8951): CA certificates, and certificates for those whom the desk decided upon.

`simpleenroll` wants the credential of the application twice: by HTTP Basic, so that nobody else
asks, and in the request under the new key's signature, so that the key belongs to this application.
`simplereenroll` wants the certificate that is renewed in the handshake, living, and the credential
in the request. Neither decides anything: subject and profile come from the decision, and every
guard is asked as ever, at the signature too. 202 means that the applicant is yet to confirm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from ..ca.profiles import CertificateProfile
from ..certificates import Certificate
from ..enroll import linked
from ..enroll.application import Application
from ..errors import AuthenticationRequired, ClientCertificateRequired, PathNotFound
from ..extensions import KeyUsage
from ..requests import CertificationRequest
from .clientcertificates import TrustedProxies, client_certificate
from .deskservice import DeskService, repeated
from .estmessages import (
    CERTS_ONLY,
    CSR_ATTRIBUTES,
    PKCS10,
    armoured,
    certs_only,
    csr_attributes,
    read_basic,
    read_request,
)
from .messages import Door, Headers, Request, Response
from .operations import APPLICATION
from .routing import Route

_ROOT: Final = "/.well-known/est"
_BASIC: Final = 'Basic realm="EST", charset="UTF-8"'
_REQUEST_LIMIT: Final = 64 * 1024
_RETRY_SECONDS: Final = 10
_APPLICATION: Final = re.compile(APPLICATION)
_Find = Callable[[], Application]


def est_routes(service: DeskService, *, proxies: TrustedProxies) -> Iterator[Route]:
    """The routes of EST, plain and with the name of a profile as label."""
    doors: tuple[tuple[str, str, Door, int], ...] = (
        ("GET", "cacerts", _ca_certificates(service), 0),
        ("GET", "csrattrs", _csr_attributes(service), 0),
        ("POST", "simpleenroll", _enrol(service), _REQUEST_LIMIT),
        ("POST", "simplereenroll", _renew(service, proxies), _REQUEST_LIMIT),
    )
    for method, name, door, limit in doors:
        for path in (f"{_ROOT}/{name}", f"{_ROOT}/{{label}}/{name}"):
            yield Route(method=method, path=path, door=door, limit=limit, kind="est")


def _ca_certificates(service: DeskService) -> Door:
    answer = _encoded(certs_only(service.chain), ((b"content-type", b"application/pkcs7-mime"),))

    async def door(request: Request) -> Response:
        _label(service, request)
        return answer

    return door


def _csr_attributes(service: DeskService) -> Door:
    headers = ((b"content-type", CSR_ATTRIBUTES),)
    offered = _profiles(service)
    answers = {name: _encoded(csr_attributes([each]), headers) for name, each in offered.items()}
    answers[""] = _encoded(csr_attributes(offered.values()), headers)

    async def door(request: Request) -> Response:
        return answers[_label(service, request)]

    return door


def _enrol(service: DeskService) -> Door:
    async def door(request: Request) -> Response:
        label = _label(service, request)
        shown = read_basic(request.header(b"authorization"))
        if shown is None or not _APPLICATION.fullmatch(shown.application):
            raise AuthenticationRequired(scheme=_BASIC)
        asked = await _asked(request)

        def find() -> Application:
            found = service.desk.store.find(shown.application)
            # The same words for a wrong credential and for no application.
            if found is None or not linked.is_credential(service.desk, found, shown.credential):
                raise AuthenticationRequired(scheme=_BASIC)
            return found

        return await _answer(service, find, asked, label=label, secret=shown.secret)

    return door


def _renew(service: DeskService, proxies: TrustedProxies) -> Door:
    async def door(request: Request) -> Response:
        label = _label(service, request)
        certificate = client_certificate(request, proxies)
        if certificate is None or not _authenticates(certificate):
            raise ClientCertificateRequired
        asked = await _asked(request)
        at = service.clock()

        def find() -> Application:
            return linked.renewal_of(service.desk, service.issuing, certificate, at=at)

        return await _answer(service, find, asked, label=label, secret="")

    return door


async def _asked(request: Request) -> CertificationRequest:
    request.require_media_type(PKCS10)
    return read_request(await request.body())


async def _answer(
    service: DeskService, find: _Find, asked: CertificationRequest, *, label: str, secret: str
) -> Response:
    at = service.clock()

    def act() -> Certificate | None:
        found = find()
        if label not in ("", found.profile):
            raise PathNotFound
        with service.turn_of(found.application):
            return linked.enrol(
                service.desk,
                service.issuing,
                service.authority,
                found.application,
                request=asked,
                secret=secret,
                at=at,
            )

    made = await service.threads.run(lambda: repeated(act))
    if made is None:
        return Response(status=202, headers=((b"retry-after", b"%d" % _RETRY_SECONDS),))
    return _encoded(certs_only([made]), ((b"content-type", CERTS_ONLY),))


def _authenticates(certificate: Certificate) -> bool:
    """Whether its key is meant to authenticate: one for signatures proves nobody's presence."""
    usage = certificate.key_usage
    return usage is not None and KeyUsage.DIGITAL_SIGNATURE in usage


def _profiles(service: DeskService) -> dict[str, CertificateProfile]:
    known = service.issuing.profiles
    return {name: known[name] for name in sorted(service.desk.policy.profiles) if name in known}


def _label(service: DeskService, request: Request) -> str:
    """The label of the path, empty without one. Raises PathNotFound for one that is none."""
    label = request.parameters.get("label", "")
    if label and label not in _profiles(service):
        raise PathNotFound
    return label


def _encoded(octets: bytes, headers: Headers) -> Response:
    return Response(headers=headers, body=armoured(octets))
