"""What may be fetched, from where, and how much of it: the operator's decisions as data.

Nothing is fetched from an address because a certificate names it. An address counts where the
operator allowed its beginning, or set it for that issuer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from ..errors import InvalidArgument

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LONGEST_URL: Final = 2048
_PORTS: Final = MappingProxyType({"http": 80, "https": 443})
# Addresses of IPv4 inside those of IPv6: a way around any check of the outer one alone.
_TRANSLATED: Final = (ip_network("64:ff9b::/96"), ip_network("::/96"))


class Nonce(Enum):
    """Whether an OCSP request carries a nonce (RFC 9654), and what an answer without it is worth.

    An answer with another nonce than the one sent is never believed.
    """

    SENT = "sent"  # an answer without one counts by its age alone, as RFC 5019 responders give
    REQUIRED = "required"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSources:
    """Where the status of one issuer's certificates is had, instead of what they say themselves.

    `certificates` are those that sign its lists and answers, fetched where a status fails
    without them.
    """

    ocsp: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()


class Target(NamedTuple):
    """An address taken apart: what is connected to, and what is asked there."""

    scheme: str
    host: str
    port: int
    path: str  # with its query


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """What may be fetched.

    `allowed` are beginnings of URLs: scheme, host and port must be equal, and the path begins
    with theirs. `sources` sets addresses for an issuer by the fingerprint of its certificate;
    those are allowed by being there. `networks` are ranges that are reached although they are
    private, loopback or otherwise not of the Internet. Times are seconds, sizes octets.

    Raises InvalidArgument for an address or limit that cannot be meant.
    """

    allowed: tuple[str, ...] = ()
    sources: Mapping[bytes, IssuerSources] = field(default_factory=lambda: MappingProxyType({}))
    networks: tuple[Network, ...] = ()
    nonce: Nonce = Nonce.SENT
    seconds: float = 3.0  # for one request, from looking up the name to the last octet
    total_seconds: float = 8.0
    requests: int = 16
    list_octets: int = 16 * 1024 * 1024
    answer_octets: int = 64 * 1024
    certificate_octets: int = 256 * 1024

    def __post_init__(self) -> None:
        own = (
            url
            for source in self.sources.values()
            for url in (*source.ocsp, *source.lists, *source.certificates)
        )
        for url in (*self.allowed, *own):
            if target(url) is None:
                raise InvalidArgument(argument="allowed", reason=f"not an http(s) URL: {url!r}")
        limits = (
            self.seconds, self.total_seconds, self.requests,
            self.list_octets, self.answer_octets, self.certificate_octets,
        )  # fmt: skip
        if min(limits) <= 0:
            raise InvalidArgument(argument="limits", reason="above zero, all of them")

    def allows(self, url: str) -> bool:
        """Whether that address, as it stands, is on the list."""
        wanted = target(url)
        return wanted is not None and any(
            (wanted.scheme, wanted.host, wanted.port) == (one.scheme, one.host, one.port)
            and wanted.path.startswith(one.path)
            for one in map(target, self.allowed)
            if one is not None
        )

    def reaches(self, address: Address) -> bool:
        """Whether that address may be connected to."""
        if any(address in network for network in self.networks):
            return True
        return all(one.is_global and not one.is_multicast for one in _meant(address))


def target(url: str) -> Target | None:
    """The parts of an http(s) URL; None for anything that two readers could read differently."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable():
        return None
    if any(character in url for character in ' \\"<>^`{|}#'):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc:
        return None
    path = parts.path or "/"
    if {".", ".."} & set(unquote(path).split("/")):
        return None
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path + query)


def _meant(address: Address) -> tuple[Address, ...]:
    """The address and those of IPv4 hidden in it."""
    if isinstance(address, IPv4Address):
        return (address,)
    found: list[Address] = [address]
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    if any(address in network for network in _TRANSLATED):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)
