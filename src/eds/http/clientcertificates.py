"""The certificate that a client showed in the TLS handshake, as it comes through to a door.

Two ways lead here: the server's own TLS, which says so in the scope (ASGI extension `tls`), and a
proxy that ends TLS and passes the certificate on in Client-Cert (RFC 9440). That header is worth
what its sender is: it is read from the addresses of trusted proxies alone, who must remove what
their clients send under that name; from anywhere else it is an attack. There is none by default.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Final

from ..certificates import Certificate
from ..errors import InvalidArgument, MalformedHttpRequest, ProxyUntrusted
from .messages import Request, Scope

HEADER: Final = b"client-cert"
PEER: Final = "eds.peer"
"""Where the scope keeps who is at the other end of the connection, if `client` was replaced."""


class TrustedProxies:
    """Addresses and networks of proxies. Raises InvalidArgument for what is neither."""

    def __init__(self, places: Iterable[str] = ()) -> None:
        try:
            self._networks = tuple(ip_network(place) for place in places)
        except ValueError:
            raise InvalidArgument(argument="proxies", reason="not an address or network") from None

    def sent(self, scope: Scope) -> bool:
        """Whether the connection itself comes from one of them."""
        peer = scope[PEER] if PEER in scope else scope.get("client")
        try:
            address = ip_address(peer[0]) if peer else None
        except ValueError:
            return False
        return address is not None and any(address in network for network in self._networks)


def tell_of_peer(
    scope: Scope, *, peer: tuple[str, int] | None, connection: ssl.SSLObject | None
) -> None:
    """Put into the scope who is at the other end, and the certificate that it showed in TLS.

    For the server: uvicorn does neither.
    """
    scope[PEER] = peer
    encoded = None if connection is None else connection.getpeercert(binary_form=True)
    if encoded:
        chain = [ssl.DER_cert_to_PEM_cert(encoded)]
        scope["extensions"] = {
            **(scope.get("extensions") or {}),
            "tls": {"client_cert_chain": chain},
        }


def client_certificate(request: Request, proxies: TrustedProxies) -> Certificate | None:
    """The certificate whose key the client was heard to hold; None where it showed none.

    Nothing is said of the certificate itself. Raises ProxyUntrusted, MalformedHttpRequest,
    MalformedCertificate.
    """
    passed_on = [value for name, value in request.scope["headers"] if name == HEADER]
    if passed_on:
        if len(passed_on) > 1 or not proxies.sent(request.scope):
            raise ProxyUntrusted(header="Client-Cert")
        return Certificate(_byte_sequence(passed_on[0]))
    tls = (request.scope.get("extensions") or {}).get("tls") or {}
    chain = tls.get("client_cert_chain") or ()
    return Certificate.load(chain[0].encode()) if chain else None


def _byte_sequence(value: bytes) -> bytes:
    """A Byte Sequence of RFC 8941 §3.3.5."""
    value = value.strip()
    if len(value) < 2 or value[:1] != b":" or value[-1:] != b":":
        raise MalformedHttpRequest(reason="Client-Cert is not a byte sequence (RFC 9440)")
    try:
        return base64.b64decode(value[1:-1], validate=True)
    except (binascii.Error, ValueError):
        raise MalformedHttpRequest(reason="Client-Cert is not a byte sequence (RFC 9440)") from None
